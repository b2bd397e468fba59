import { describe, expect, test } from "vitest";
import { render } from "#commands/blocks.ts";
import { createCommands } from "#commands/index.ts";
import type { Job } from "#domain/job.ts";
import type { Person } from "#domain/ports.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { createSmallWork } from "#support/small-work.ts";

function setup(kind: Person["kind"] = "member") {
  const jobs: Job[] = [];
  const { migration } = createSmallWork();
  const handle = createCommands({
    migrations: [migration],
    queue: {
      add: async (job) => `${jobs.push(job)}`,
      schedule: async () => ({ next: undefined }),
      every: async () => undefined,
      unschedule: async () => undefined,
    },
    people: { person: async (id) => ({ id, name: "ana", kind }), shared: async () => false },
    log: createQuietLog(),
  });
  const say = async (text: string) => {
    const answer = await handle({ channel: migration.settings.channel, user: "U0ANA", text });
    return render(answer.message).text.replaceAll("\u2060", "");
  };
  return { jobs, say };
}

const from = { name: "answers", migration: "orders", by: "U0ANA" };

describe("answers in text", () => {
  test.each([
    ["plan answers", from],
    ["plan answer Owners billing: @ana", { ...from, given: { owners: "billing: @ana" } }],
    ["plan answer window sat,sun 22:00-02:00", { ...from, given: { window: "sat,sun 22:00-02:00" } }],
    ["plan answer compliance OPEN", { ...from, given: { compliance: "OPEN" } }],
  ])("/ferry %s", async (text, job) => {
    const { say, jobs } = setup();
    expect(await say(text)).toContain("queued · job 1");
    expect(jobs).toEqual([job]);
  });

  test.each([
    ["plan answr", "`answr` is not a part of the plan. Nearest: `answer`."],
    ["plan answer owner ana", "`owner` is not a question of the plan. Nearest: `owners`."],
    ["plan answer window", "The line ends where the answer to `window` is needed."],
    ["plan answer window at night", "`at night` is no answer to `window`."],
    ["plan answer read-twice 3", "At most 0: cutover.maxReadAgain"],
  ])("/ferry %s is a mistake, and queues nothing", async (text, says) => {
    const { say, jobs } = setup();
    expect(await say(text)).toContain(says);
    expect(jobs).toEqual([]);
  });

  test("without a form each question's command is told, with what it takes", async () => {
    const { say, jobs } = setup();
    const said = await say("plan answer");
    expect(said).toContain("/ferry plan answer compliance …");
    expect(said).toContain("aws-key, own-key, not-cleared, open");
    expect(jobs).toEqual([]);
  });

  test("are for members; looking is for everybody", async () => {
    const { say, jobs } = setup("guest");
    expect(await say("plan answer owners gus")).toContain("is for members of this workspace");
    expect(await say("plan answer")).toContain("is for members of this workspace");
    expect(jobs).toEqual([]);
    await say("plan answers");
    expect(jobs).toHaveLength(1);
  });
});
