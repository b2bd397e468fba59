import { describe, expect, test } from "vitest";
import { render } from "#commands/blocks.ts";
import type { Answer } from "#commands/command.ts";
import { createCommands, usages } from "#commands/index.ts";
import { FerryError } from "#domain/errors.ts";
import type { Job, JobQueue } from "#domain/job.ts";
import type { Person } from "#domain/ports.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const settings = MigrationSettings.parse({
  channel: "C0MIGRATION",
  approvers: { users: ["U0BEN"], usergroup: "S0OWNERS" },
  source: { bootstrap: ["kafka-1:9092"] },
  target: { cluster: "m", region: "eu-west-1", auth: "iam", subnets: ["a", "b"], securityGroups: ["sg"] },
  replication: { connect: { url: "http://connect:8083" } },
});

function setup(kind: Person["kind"] = "member") {
  const jobs: Job[] = [];
  const queue: JobQueue = {
    add: async (job) => `${jobs.push(job)}`,
    schedule: async () => ({ next: undefined }),
    every: async () => {},
    unschedule: async () => {},
  };
  const people = {
    person: async (id: string): Promise<Person> => ({ id, name: "ana", kind }),
    shared: async (id: string) => id === "C0SHARED",
  };
  const migrations = [{ name: "orders", settings }];
  const log = createQuietLog();
  const handle = createCommands({ migrations, queue, people, log });
  const say = (text: string, channel = "C0MIGRATION") => handle({ channel, user: "U0ANA", text });
  return { jobs, queue, people, migrations, log, say };
}

function textOf(answer: Answer): string {
  return render(answer.message).text.replaceAll("\u2060", "");
}

const from = { migration: "orders", by: "U0ANA" };

describe("what is typed becomes a job", () => {
  test.each<[string, Job]>([
    ["", { name: "status", ...from }],
    ["  Status ", { name: "status", ...from }],
    ["assess", { name: "assess", ...from }],
    ["assess diff", { name: "assess-diff", ...from }],
    ["plan", { name: "plan", ...from }],
    ["plan iam", { name: "plan", ...from, part: "iam" }],
    ["plan export terraform", { name: "plan", ...from, part: "terraform" }],
    ["provision", { name: "provision", ...from }],
    ["provision adopt 3f9a2b1c", { name: "provision", ...from, adopt: "3f9a2b1c" }],
    ["network", { name: "network", ...from }],
    ["replicate START", { name: "replicate", ...from, action: "start" }],
    [
      "replicate throttle 20MB/s",
      { name: "replicate", ...from, action: "throttle", bytesPerSecond: 20_000_000 },
    ],
    ["replicate throttle 0.5", { name: "replicate", ...from, action: "throttle", bytesPerSecond: 500_000 }],
    ["replicate throttle OFF", { name: "replicate", ...from, action: "throttle" }],
    ["lag", { name: "lag", ...from }],
    ["lag `Orders_v2.dlq`", { name: "lag", ...from, subject: "Orders_v2.dlq" }],
    ["verify billing", { name: "verify", ...from, wave: "billing" }],
    ["cutover consumers", { name: "cutover", ...from, side: "consumers", dryRun: false }],
    [
      "cutover producers billing",
      { name: "cutover", ...from, side: "producers", wave: "billing", dryRun: false },
    ],
    [
      "cutover --dry-run consumers billing",
      { name: "cutover", ...from, side: "consumers", wave: "billing", dryRun: true },
    ],
    ["cutover consumers —dry-run", { name: "cutover", ...from, side: "consumers", dryRun: true }],
    [
      "cutover consumers --at 22:30 billing",
      { name: "cutover", ...from, side: "consumers", wave: "billing", dryRun: false, at: "22:30" },
    ],
    ["rollback --at=2026-11-24T22:30", { name: "rollback", ...from, dryRun: false, at: "2026-11-24T22:30" }],
    [
      "cutover consumers billing --expires 15m",
      { name: "cutover", ...from, side: "consumers", wave: "billing", dryRun: false, expires: 900_000 },
    ],
    ["rollback --expires=30s", { name: "rollback", ...from, dryRun: false, expires: 30_000 }],
    ["rollback", { name: "rollback", ...from, dryRun: false }],
    ["rollback billing --dry-run", { name: "rollback", ...from, wave: "billing", dryRun: true }],
    ["cleanup billing", { name: "cleanup", ...from, wave: "billing" }],
    ["cleanup billing --dry-run", { name: "cleanup", ...from, wave: "billing", dryRun: true }],
    [
      "features monitoring=DEFAULT --dry-run",
      { name: "features", ...from, choice: "monitoring=DEFAULT", dryRun: true },
    ],
    ["features tiered-storage", { name: "features", ...from, choice: "tiered-storage" }],
    ["digest now", { name: "digest", ...from }],
    ["digest off", { name: "schedule-digest", ...from }],
    ["digest on 0 * * * *", { name: "schedule-digest", ...from, cron: "0 * * * *", timezone: "UTC" }],
    [
      "digest on “*/15 8-18 * * mon-fri” europe/paris",
      { name: "schedule-digest", ...from, cron: "*/15 8-18 * * mon-fri", timezone: "Europe/Paris" },
    ],
    ["audit", { name: "audit", ...from, export: false }],
    ["audit billing", { name: "audit", ...from, wave: "billing", export: false }],
    ["audit Export", { name: "audit", ...from, export: true }],
    ["audit export", { name: "audit", ...from, export: true }],
    ["cancel 7K3Q", { name: "cancel", ...from, request: "7K3Q" }],
  ])("/ferry %s", async (text, job) => {
    const { say, jobs } = setup();
    const answer = await say(text);
    expect(jobs).toEqual([job]);
    expect(answer.seenBy).toBe("person");
    expect(textOf(answer)).toMatch(/queued · job 1\n\S/);
  });
});

describe("a mistake is quoted, with the nearest valid word, and queues nothing", () => {
  test.each([
    ["asess", "`asess` is not a command. Nearest: `assess`."],
    ["cutover consumer", "`consumer` is not a side of a cutover. Nearest: `consumers`."],
    ["cutover", "ends where a side of a cutover is needed: `consumers` or `producers`"],
    ["cutover consumers --dry", "`--dry` is not an option of this command. Nearest: `--dry-run`."],
    ["cutover consumers billing now", "`now` is one word too many."],
    ["assess --fast", "`--fast` is not known here: this command takes no options."],
    ["replicate resum", "Nearest: `resume`."],
    ["replicate throttle", "ends where a rate in MB/s, or `off`, is needed"],
    ["replicate throttle fast", "`fast` is not a rate in MB/s, such as `20` or `0.5`, and not `off`."],
    ["replicate throttle 0", "`0` is not a rate in MB/s"],
    ["cancel", "The line ends where the id of a request"],
    ["digest on 0 * * *", "The schedule ends before its weekday"],
    ["digest on 60 * * * *", "`60` is not a minute: 0 to 59"],
    ["digest on 0 * * * * Europe/Pariss", "Nearest: `Europe/Paris`."],
    ["digest on 0 * * * * UTC UTC", "`UTC` is one word too many."],
    ["help lagg", "Nearest: `lag`."],
  ])("/ferry %s", async (text, expected) => {
    const { say, jobs } = setup();
    const answer = await say(text);
    expect(textOf(answer)).toContain(expected);
    expect(textOf(answer)).toContain("E_USAGE");
    expect(answer.seenBy).toBe("person");
    expect(jobs).toEqual([]);
  });
});

describe("who and where", () => {
  test("a command in another channel is refused and names the right one", async () => {
    const { say, jobs } = setup();
    const answer = await say("assess", "C0GENERAL");
    expect(textOf(answer)).toContain("`C0GENERAL`");
    expect(textOf(answer)).toContain("<#C0MIGRATION>");
    expect(textOf(answer)).toContain("ferry.yaml");
    expect(answer.seenBy).toBe("person");
    expect(jobs).toEqual([]);
  });

  test.each(["guest", "stranger", "bot", "deactivated"] as const)(
    "a %s may look, not change",
    async (kind) => {
      const { say, jobs } = setup(kind);
      expect(textOf(await say("cutover consumers"))).toContain("for members of this workspace");
      expect(textOf(await say("lag acknowledge orders"))).toContain("for members of this workspace");
      expect(jobs).toEqual([]);
      expect(textOf(await say("status"))).toContain("queued · job");
    },
  );

  test("direct messages are refused and name the channel", async () => {
    const { say, jobs } = setup();
    const answer = await say("status", "D0ANA");
    expect(textOf(answer)).toContain("Not in direct messages");
    expect(textOf(answer)).toContain("<#C0MIGRATION>");
    expect(jobs).toEqual([]);
  });

  test.each(["", "status", "assess"])("a channel shared with others refuses /ferry %s", async (text) => {
    const { queue, people, jobs, log } = setup();
    const migrations = [{ name: "orders", settings: { ...settings, channel: "C0SHARED" } }];
    const handle = createCommands({ migrations, queue, people, log });
    const answer = await handle({ channel: "C0SHARED", user: "U0ANA", text });
    expect(textOf(answer)).toContain("shared with another workspace");
    expect(answer.seenBy).toBe("person");
    expect(jobs).toEqual([]);
  });

  test("nothing but /ferry tells the person where one stands, and queues nothing", async () => {
    const { queue, people, jobs, migrations, log } = setup();
    const message = { subject: "orders · where it stands", tone: "info" as const, parts: [] };
    const handle = createCommands({ migrations, queue, people, overview: async () => message, log });
    const answer = await handle({ channel: "C0MIGRATION", user: "U0ANA", text: " " });
    expect(answer).toMatchObject({ seenBy: "person", message: { subject: "orders · where it stands" } });
    expect(jobs).toEqual([]);
  });

  test("when Slack does not tell who it is, nothing is queued", async () => {
    const { queue, migrations, jobs } = setup();
    const people = {
      person: () => Promise.reject(new FerryError("E_SLACK", "users.info: timeout")),
      shared: async () => false,
    };
    const log = createQuietLog();
    const handle = createCommands({ migrations, queue, people, log });
    const answer = await handle({ channel: "C0MIGRATION", user: "U0ANA", text: "provision" });
    expect(textOf(answer)).toContain("users.info: timeout");
    expect(jobs).toEqual([]);
  });

  test("a failing queue is told to the person: nothing was queued", async () => {
    const { migrations, people, queue } = setup();
    const deadlines: unknown[] = [];
    const failing: JobQueue = {
      ...queue,
      add(_, options) {
        deadlines.push(options?.deadlineMs);
        return Promise.reject(new FerryError("E_QUEUE", "Redis did not answer within 2 s"));
      },
    };
    const handle = createCommands({ migrations, queue: failing, people, log: createQuietLog() });
    const answer = await handle({ channel: "C0MIGRATION", user: "U0ANA", text: "assess" });
    expect(deadlines).toEqual([2000]);
    expect(answer.seenBy).toBe("person");
    expect(textOf(answer)).toContain("nothing was queued");
    expect(textOf(answer)).toContain("Redis did not answer within 2 s");
  });

  test("break-glass is refused where it is off, and needs a reason and a name where it is on", async () => {
    const off = setup();
    expect(textOf(await off.say("break-glass 7K3Q payments are down"))).toContain(
      "There is no break-glass here",
    );
    expect(textOf(await off.say("break-glass 7K3Q"))).toContain("a reason is needed");
    expect(off.jobs).toEqual([]);
  });

  test("a start at what is no time is refused at once", async () => {
    const { say, jobs } = setup();
    expect(textOf(await say("cutover consumers --at noon"))).toContain("`noon` is not a time");
    expect(textOf(await say("cutover consumers --at"))).toContain("The line ends where a time");
    expect(textOf(await say("cutover consumers --expires soon"))).toContain("`soon` is not a duration");
    expect(textOf(await say("rollback --expires 9s"))).toContain("`9s` is not a duration of at least 10 s");
    expect(textOf(await say("rollback --expires 61m"))).toContain(
      "61 min is longer than requests wait here: `approvals.expires` is 60 min",
    );
    expect(jobs).toEqual([]);
  });

  test("a cutover says at once that nobody may approve it", async () => {
    const { queue, people } = setup();
    const migrations = [{ name: "orders", settings: { ...settings, approvers: { users: [] } } }];
    const log = createQuietLog();
    const handle = createCommands({ migrations, queue, people, log });
    const answer = await handle({ channel: "C0MIGRATION", user: "U0ANA", text: "cutover consumers" });
    expect(textOf(answer)).toContain("Nobody may approve");
  });
});

describe("help", () => {
  test("prints every row of the table, in any channel", async () => {
    const { say, jobs } = setup();
    const text = JSON.stringify(render((await say("help", "C0GENERAL")).message).blocks);
    for (const { usage, summary } of usages) {
      expect(text).toContain(`/ferry ${usage}`);
      expect(text).toContain(summary.split("`")[0]);
    }
    expect(jobs).toEqual([]);
  });

  test("of one command tells its usage and who may", async () => {
    const { say } = setup();
    const text = textOf(await say("help cutover"));
    expect(text).toContain(
      "/ferry cutover consumers|producers [wave] [--at time] [--expires duration] [--dry-run]",
    );
    expect(text).toContain("no guests");
  });

  test("each usage begins with its name and names are unique", () => {
    expect(usages.every(({ name, usage }) => usage.split(" ")[0] === name)).toBe(true);
    expect(new Set(usages.map(({ name }) => name)).size).toBe(usages.length);
  });
});

describe("what is refused is logged with its code, message and remedy", () => {
  test("a mistake in typing at info", async () => {
    const { say, log } = setup();
    await say("asess");
    expect(log.lines).toEqual([
      {
        level: "info",
        message: "command refused",
        fields: {
          channel: "C0MIGRATION",
          user: "U0ANA",
          code: "E_USAGE",
          error: expect.stringContaining("asess"),
          remedy: "Check the command with `/ferry help`.",
        },
      },
    ]);
  });

  test("a queue that is away as a warning, while the person is told E_QUEUE", async () => {
    const { say, log, queue } = setup();
    const error = "Redis did not take the job: no answer within 2000 ms";
    queue.add = () => Promise.reject(new FerryError("E_QUEUE", error));
    const answer = await say("lag");
    expect(textOf(answer)).toContain(`\`E_QUEUE\` ${error}`);
    expect(log.lines).toEqual([
      {
        level: "warn",
        message: "command not carried out",
        fields: expect.objectContaining({
          code: "E_QUEUE",
          error,
          remedy: "Check Redis (REDIS_URL), then repeat the command. Nothing was queued.",
        }),
      },
    ]);
  });
});
