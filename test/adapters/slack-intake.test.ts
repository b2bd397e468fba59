import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createEventReader } from "#adapters/slack/events.ts";
import { createIntake } from "#adapters/slack/intake.ts";
import { createRefusals } from "#adapters/slack/refusals.ts";
import { signatureOf } from "#lab/slack/delivery-http.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import {
  act,
  channel,
  connect,
  info,
  type Mode,
  messages,
  openWorkspace,
  tokens,
} from "#support/slack-workspace.ts";
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
  ): Promise<Response> {
    const timestamp = String(Math.floor(Date.now() / 1000) - ageS);
    return await fetch(`http://127.0.0.1:${bot.port}/slack/events`, {
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

describe.each<Mode>(["socket", "http"])("buttons over %s", (mode) => {
  let workspace: Workspace;
  let bot: Connected;
  let said: object[];

  beforeEach(async () => {
    said = [];
    workspace = await openWorkspace();
    bot = await connect(workspace, mode, {
      async onCommand(each) {
        said.push(each);
        return { message: info(`heard ${each.text}`), seenBy: "person" };
      },
    });
  });
  afterEach(async () => {
    await bot.slack.stop();
    await workspace.stop();
  });

  function press(messageTs: string, action_id: string): Promise<unknown> {
    return act(workspace, "interact", {
      channel,
      messageTs,
      user: "U0BEN",
      action: { type: "button", action_id },
    });
  }

  async function whispered(text: string): Promise<string> {
    const found = await eventually(text, async () =>
      (await messages(workspace, "U0BEN")).find(
        (each) => each.ephemeral_to === "U0BEN" && each.text.includes(text),
      ),
    );
    return found.text;
  }

  test("type their command for whoever presses, and leave their message alone", async () => {
    const message = {
      ...info("request"),
      actions: [{ label: "Cancel", command: "cancel 7K3Q", confirm: "Sure?" }],
    };
    const { ts } = await bot.slack.chat.post(channel, message, { key: unique("key") });
    await press(ts, "ferry-command-0");
    await whispered("heard cancel 7K3Q");
    expect(said).toEqual([{ channel, user: "U0BEN", text: "cancel 7K3Q" }]);
    expect((await messages(workspace)).find((each) => each.ts === ts)?.text).toContain("request");
  });

  test("that nobody knows are answered", async () => {
    const response = await fetch(`${workspace.apiUrl}chat.postMessage`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokens.botToken}`, "content-type": "application/json" },
      body: JSON.stringify({
        channel,
        text: "old",
        blocks: [
          {
            type: "actions",
            elements: [
              {
                type: "button",
                action_id: "approve",
                value: "7K3Q",
                text: { type: "plain_text", text: "Approve" },
              },
            ],
          },
        ],
      }),
    });
    const { ts } = Object(await response.json());
    await press(String(ts), "approve");
    await whispered("not known any more");
    expect(said).toEqual([]);
  });
});

describe.each<Mode>(["socket", "http"])("over %s", (mode) => {
  test("somebody who opens the Home tab is told of once", async () => {
    const workspace = await openWorkspace();
    const opened: string[] = [];
    const { slack } = await connect(workspace, mode, {
      onHomeOpened: async (user) => void opened.push(user),
    });
    await act(workspace, "fault", { event: "app_home_opened", duplicate: true });
    await act(workspace, "open-home", { user: "U0BEN" });
    await act(workspace, "open-home", { user: "U0CLEO" });
    await eventually("the second", () => (opened.includes("U0CLEO") ? true : undefined));
    expect(opened.toSorted()).toEqual(["U0BEN", "U0CLEO"]);
    await slack.stop();
    await workspace.stop();
  });

  test("lost and reordered events do no harm: reactions are read back", async () => {
    const workspace = await openWorkspace();
    const { slack } = await connect(workspace, mode);
    const ref = await slack.chat.post(channel, info("vote"), { key: unique("key") });
    const vote = { ...ref, user: "U0BEN", name: "white_check_mark" };
    await act(workspace, "fault", { event: "reaction_added", drop: true });
    await act(workspace, "reaction", vote);
    expect(await slack.chat.reactions(ref)).toEqual([{ name: "white_check_mark", users: ["U0BEN"] }]);
    await slack.stop();
    await workspace.stop();
  });

  test("where reactions.get is missing, history tells; where neither answers, it fails with why", async () => {
    const workspace = await openWorkspace();
    const { slack } = await connect(workspace, mode);
    const ref = await slack.chat.post(channel, info("vote"), { key: unique("key") });
    await act(workspace, "reaction", { ...ref, user: "U0BEN", name: "x" });
    await act(workspace, "fault", { method: "reactions.get", error: "unknown_method", times: 2 });
    expect(await slack.chat.reactions(ref)).toEqual([{ name: "x", users: ["U0BEN"] }]);
    await act(workspace, "fault", { method: "conversations.history", error: "missing_scope", times: 1 });
    await expect(slack.chat.reactions(ref)).rejects.toMatchObject({
      code: "E_SLACK",
      message: expect.stringMatching(/reactions\.get: unknown_method.*conversations\.history: missing_scope/),
    });
    await slack.stop();
    await workspace.stop();
  });
});

test.each(["warning", "refresh_requested", "link_disabled", "too_many_websockets", "kill"] as const)(
  "the socket comes back after %s and hears again",
  async (disconnect) => {
    const workspace = await openWorkspace();
    const heard: string[] = [];
    let connects = 0;
    const { slack } = await connect(workspace, "socket", {
      onReconnect: async () => void (connects += 1),
      onReaction: async ({ user }) => void heard.push(user),
    });
    const ref = await slack.chat.post(channel, info("vote"), { key: unique("key") });
    await act(workspace, "fault", { disconnect });
    await eventually("the second connect", () => connects === 2 || undefined, 15_000);
    await act(workspace, "reaction", { ...ref, user: "U0BEN", name: "x" });
    await eventually("the reaction", () => heard[0], 5000);
    expect(heard).toEqual(["U0BEN"]);
    await slack.stop();
    await workspace.stop();
  },
);

test("a limited channel does not hold another, and its edits become one", async () => {
  const workspace = await openWorkspace();
  const { slack } = await connect(workspace, "socket");
  const ref = await slack.chat.post(channel, info("progress 0"), { key: unique("key") });
  await act(workspace, "fault", { method: "chat.update", status429: 1, times: 1 });
  const begin = Date.now();
  const edits = ["1", "2", "3", "4"].map((each) => slack.chat.update(ref, info(`progress ${each}`)));
  const other = await slack.chat.post("C0SHARED", info("elsewhere"), { key: unique("key") });
  expect(Date.now() - begin).toBeLessThan(900);
  expect(other.channel).toBe("C0SHARED");
  await Promise.all(edits);
  expect(Date.now() - begin).toBeGreaterThanOrEqual(950);
  expect((await messages(workspace))[0]?.text).toContain("progress 4");
  await slack.stop();
  await workspace.stop();
});

test("too long a text hangs below its message as a file, once, whatever is repeated", async () => {
  const workspace = await openWorkspace();
  const { slack } = await connect(workspace, "socket");
  const text = Array.from({ length: 1000 }, (_, index) => `finding ${index}: ${"x".repeat(80)}`).join("\n");
  const long = info("findings", text);
  const ref = await slack.chat.post(channel, long, { key: unique("key") });
  await slack.chat.update(ref, long);
  const files = await eventually("the file", async () => {
    const all = (await messages(workspace)).filter((each) => each.thread_ts === ref.ts);
    return all.length > 0 ? all : undefined;
  });
  expect(files).toHaveLength(1);
  await slack.stop();
  await workspace.stop();
});
