import { afterEach, describe, expect, test } from "vitest";
import { signatureOf } from "#lab/slack/delivery-http.ts";
import {
  act,
  channel,
  clientOf,
  secrets,
  shown,
  startBot,
  stopAll,
  waitFor,
  workspaceFor,
} from "#lab/slack/plain-bot.ts";

afterEach(stopAll);

const question = [
  { type: "section", text: { type: "mrkdwn", text: "*Go?*" } },
  {
    type: "actions",
    elements: [{ type: "button", action_id: "go", value: "now", text: { type: "plain_text", text: "Go" } }],
  },
];

describe.each(["socket", "http"] as const)("an unmodified Bolt app over %s", (mode) => {
  test("answers a command, to its person only, and later to all by response_url", async () => {
    const workspace = await workspaceFor();
    await startBot(workspace, mode);
    const reply = await act(workspace, "command", {
      channel,
      user: "U0ANA",
      command: "/ferry",
      text: "later",
    });
    expect(reply).toMatchObject({ ok: true, acknowledged: true, reply: { text: "heard later" } });
    const all = await waitFor(async () => {
      const messages = await shown(workspace);
      expect(messages.map((m) => m.text)).toEqual(["heard later", "and later"]);
      return messages;
    });
    expect(all.map((m) => m.ephemeral_to)).toEqual(["U0ANA", null]);
    expect((await shown(workspace, "U0BEN")).map((m) => m.text)).toEqual(["and later"]);
  });

  test("hears reactions come and go, and a button with its modal", async () => {
    const workspace = await workspaceFor();
    const seen = await startBot(workspace, mode);
    const { postMessage: say } = clientOf(workspace).chat;
    const posted = await say({ channel, text: "go?", blocks: question });
    const ts = posted.ts ?? "";
    const vote = { channel, ts, user: "U0BEN", name: "white_check_mark" };
    expect(await act(workspace, "reaction", { ...vote, present: true })).toEqual({ ok: true });
    await waitFor(() => expect(seen.reactions).toEqual([`+U0BEN white_check_mark ${ts}`]));
    expect(await act(workspace, "reaction", { ...vote, present: true })).toMatchObject({
      error: "already_reacted",
    });
    await act(workspace, "reaction", { ...vote, present: false });
    await waitFor(() => expect(seen.reactions.at(-1)).toBe(`-U0BEN white_check_mark ${ts}`));

    const action = { type: "button", action_id: "go" };
    expect(await act(workspace, "interact", { channel, messageTs: ts, user: "U0CLEO", action })).toEqual({
      ok: true,
    });
    await waitFor(() => expect(seen.clicks).toEqual(["U0CLEO now"]));
    const sent = await waitFor(async () => {
      const result = await act(workspace, "view", {
        user: "U0CLEO",
        values: { reason: { text: "rehearsed" } },
      });
      expect(result).toMatchObject({ ok: true, closed: true });
      return result;
    });
    expect(sent.ok).toBe(true);
    expect(seen.submitted).toEqual(["U0CLEO rehearsed"]);
  });

  test("gets a duplicate with the same event_id, and never a dropped event", async () => {
    const workspace = await workspaceFor();
    const seen = await startBot(workspace, mode);
    const { ts } = await act(workspace, "message", { channel, user: "U0ANA", text: "hello" });
    await act(workspace, "fault", { event: "reaction_added", duplicate: true });
    await act(workspace, "reaction", { channel, ts, user: "U0BEN", name: "x", present: true });
    await waitFor(() => expect(seen.eventIds).toHaveLength(2));
    expect(new Set(seen.eventIds).size).toBe(1);
    await act(workspace, "fault", { event: "reaction_added", drop: true });
    await act(workspace, "reaction", { channel, ts, user: "U0CLEO", name: "x", present: true });
    await act(workspace, "reaction", { channel, ts, user: "U0DAN", name: "x", present: true });
    await waitFor(() => expect(seen.reactions.at(-1)).toBe(`+U0DAN x ${ts}`));
    expect(seen.reactions.filter((line) => line.startsWith("+U0CLEO"))).toEqual([]);
    const found = await clientOf(workspace).reactions.get({ channel, timestamp: ts ?? "", full: true });
    const users = found.type === "message" ? found.message?.reactions?.[0]?.users : [];
    expect(users).toEqual(["U0BEN", "U0CLEO", "U0DAN"]);
  });
});

test("events swapped by fault arrive in the other order", async () => {
  const workspace = await workspaceFor();
  const seen = await startBot(workspace, "socket");
  const { ts } = await act(workspace, "message", { channel, user: "U0ANA", text: "hello" });
  await act(workspace, "fault", { event: "reaction_added", reorder: true });
  const vote = { channel, ts, user: "U0BEN", name: "x" };
  await act(workspace, "reaction", { ...vote, present: true });
  await act(workspace, "reaction", { ...vote, present: false });
  await waitFor(() => expect(seen.reactions).toEqual([`-U0BEN x ${ts}`, `+U0BEN x ${ts}`]));
});

test("Bolt refuses a forged and a stale signature", async () => {
  const workspace = await workspaceFor();
  let requestUrl = "";
  const seen = await startBot(
    { ...workspace, setRequestUrl: (url) => void (requestUrl = url ?? "") },
    "http",
  );
  const body = JSON.stringify({ type: "event_callback", event: { type: "reaction_added" } });
  async function send(secret: string, ageSeconds: number): Promise<number> {
    const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds);
    const headers = {
      "content-type": "application/json",
      "x-slack-request-timestamp": timestamp,
      "x-slack-signature": signatureOf(secret, timestamp, body),
    };
    return (await fetch(requestUrl, { method: "POST", headers, body })).status;
  }
  expect(await send("some other secret", 0)).toBe(401);
  expect(await send(secrets.signingSecret, 600)).toBe(401);
  expect(seen.eventIds).toEqual([]);
});

describe("without an app", () => {
  test("a command fails as in Slack", async () => {
    const workspace = await workspaceFor();
    const command = { channel, user: "U0ANA", command: "/ferry", text: "status" };
    expect(await act(workspace, "command", command)).toMatchObject({ ok: false, error: "dispatch_failed" });
    workspace.setRequestUrl("http://127.0.0.1:9/slack/events");
    expect(await act(workspace, "command", command)).toMatchObject({ ok: false, error: "dispatch_failed" });
  });
});
