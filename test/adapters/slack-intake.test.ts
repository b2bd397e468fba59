import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createEventReader } from "#adapters/slack/events.ts";
import { createIntake } from "#adapters/slack/intake.ts";
import { createRefusals } from "#adapters/slack/refusals.ts";
import { createCommands } from "#commands/index.ts";
import type { Person } from "#domain/ports.ts";
import { signatureOf } from "#lab/slack/delivery-http.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { channel, connect, info, openWorkspace, tokens } from "#support/slack-workspace.ts";
import { createSmallQueue, createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

type Connected = Awaited<ReturnType<typeof connect>>;

function form(change: Record<string, string> = {}): string {
  return new URLSearchParams({
    command: "/ferry",
    text: "cutover producers",
    channel_id: channel,
    user_id: "U0EVE",
    team_id: "T0FERRY",
    trigger_id: unique("trigger"),
    response_url: "http://127.0.0.1:9/",
    ...change,
  }).toString();
}

const people = {
  person: async (id: string): Promise<Person> => ({ id, name: id, kind: "member" }),
  shared: async () => false,
};

describe("over http", () => {
  let workspace: Workspace;
  let bot: Connected;
  let said: string[];

  beforeEach(async () => {
    said = [];
    workspace = await openWorkspace();
    bot = await connect(workspace, "http", {
      async onCommand({ text }) {
        said.push(text);
        return { message: info("done"), seenBy: "person" };
      },
    });
  });
  afterEach(async () => {
    await bot.slack.stop();
    await workspace.stop();
  });

  /** Signed with `secret`, `ageS` seconds old; its own headers last. */
  async function send(
    body: string,
    {
      secret = tokens.signingSecret,
      ageS = 0,
      headers = {},
    }: { secret?: string; ageS?: number; headers?: object } = {},
    port = bot.port,
  ): Promise<Response> {
    const timestamp = String(Math.floor(Date.now() / 1000) - ageS);
    return await fetch(`http://127.0.0.1:${port}/slack/events`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signatureOf(secret, timestamp, body),
        ...headers,
      },
    });
  }

  test.each([
    ["forged", { secret: "guessed" }],
    ["stale", { ageS: 301 }],
    ["stale", { ageS: -310 }],
    ["unsigned", { headers: { "x-slack-signature": "" } }],
    ["unsigned", { headers: { "x-slack-request-timestamp": "soon" } }],
  ] as const)("a %s request is refused and counted: %o", async (reason, how) => {
    expect((await send(form(), how)).status).toBe(401);
    expect(said).toEqual([]);
    expect(bot.slack.refused()).toEqual({ [reason]: 1 });
    expect(bot.log.lines.find(({ message }) => message === "request refused")?.fields).toMatchObject({
      reason,
      count: 1,
    });
  });

  test("a clock that is a little off is no reason to refuse", async () => {
    expect((await send(form(), { ageS: 280 })).status).toBe(200);
    expect((await send(form(), { ageS: -280 })).status).toBe(200);
    expect(bot.slack.refused()).toEqual({});
  });

  test("a command that was captured and sent again is refused, and so is a newly signed copy", async () => {
    const body = form({ text: "replicate stop" });
    const first = await send(body);
    expect(first.status).toBe(200);
    expect((await send(body)).status).toBe(401);
    await send(body, { ageS: 2 });
    expect(said).toEqual(["replicate stop"]);
    expect(bot.slack.refused()).toEqual({ replayed: 2 });
  });

  test("a command that is replayed to another process queues nothing there", async () => {
    const queue = createSmallQueue();
    const { migration } = createSmallWork();
    const settings = { ...migration.settings, channel };
    const shared = { migrations: [{ ...migration, settings }], queue, log: createQuietLog() };
    const bots = await Promise.all(
      [1, 2].map(() => connect(workspace, "http", { onCommand: createCommands({ ...shared, people }) })),
    );
    const body = form({ text: "replicate stop" });
    const answers = await Promise.all(
      bots.map(async ({ port }) => await (await send(body, {}, port)).text()),
    );
    expect(answers[0]).toContain("queued");
    expect(answers[1]).toBe(answers[0]);
    expect(queue.jobs.map(({ job }) => job.name)).toEqual(["replicate"]);
    await Promise.all(bots.map(({ slack }) => slack.stop()));
  });

  test("a body beyond all measure is refused unread", async () => {
    const answer = await send(form({ text: "x".repeat(5_000_000) })).catch(() => undefined);
    expect(answer?.status ?? 413).toBe(413);
    expect(said).toEqual([]);
    expect(bot.slack.refused()).toEqual({ malformed: 1 });
  });

  test("what no one can read is counted, and other addresses are not there", async () => {
    expect((await send("{", { headers: { "content-type": "application/json" } })).status).toBe(400);
    expect(bot.slack.refused()).toEqual({ malformed: 1 });
    const other = await fetch(`http://127.0.0.1:${bot.port}/elsewhere`, { method: "POST" });
    expect([401, 404]).toContain(other.status);
    expect((await fetch(`http://127.0.0.1:${bot.port}/slack/events`)).status).toBe(404);
  });

  test("a command of another workspace is refused with a sentence", async () => {
    const answer = await send(form({ team_id: "T0ELSEWHERE" }));
    expect(await answer.text()).toContain("its own workspace only");
    expect(said).toEqual([]);
    expect(bot.slack.refused()).toEqual({ "other-workspace": 1 });
  });
});

test("a flood is counted in full and logged seldom", () => {
  const log = createQuietLog();
  const refusals = createRefusals(log);
  for (let index = 0; index < 1000; index += 1) refusals.note("forged", {});
  expect(refusals.counts()).toEqual({ forged: 1000 });
  expect(log.lines).toHaveLength(10);
});

test("events of another workspace are not read, those of a shared channel that are for us are", () => {
  const refusals = createRefusals(createQuietLog());
  const read = createEventReader(createIntake(() => "T0FERRY", refusals));
  const event = { type: "message", subtype: "message_deleted", channel: "C0", deleted_ts: "1.2" };
  expect(read({ event_id: "Ev1", event, team_id: "T0ELSEWHERE" })).toBeUndefined();
  expect(refusals.counts()).toEqual({ "other-workspace": 1 });
  const authorizations = [{ team_id: "T0FERRY" }];
  expect(read({ event_id: "Ev2", event, team_id: "T0ELSEWHERE", authorizations })).toBeDefined();
});

test("a command or click counts once, by Slack's id of it", () => {
  const refusals = createRefusals(createQuietLog());
  const intake = createIntake(() => "T0FERRY", refusals);
  expect(["t1", "t2", "t1"].map((id) => intake.isNew(id))).toEqual([true, true, false]);
  expect(refusals.counts()).toEqual({ replayed: 1 });
});
