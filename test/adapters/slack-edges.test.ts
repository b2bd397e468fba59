import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
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
    expect(said).toEqual([{ channel, user: "U0BEN", text: "cancel 7K3Q", trigger: expect.any(String) }]);
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
