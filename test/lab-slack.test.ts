import { App, type AppOptions, LogLevel } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { signatureOf } from "#lab/slack/delivery-http.ts";
import { startWorkspace, type Workspace, type WorkspaceSetup } from "#lab/slack/workspace.ts";

const secrets = { botToken: "xoxb-test", appToken: "xapp-test", signingSecret: "signing-test" };
const channel = "C0MIGRATION";
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function workspaceFor(setup: Partial<WorkspaceSetup> = {}): Promise<Workspace> {
  const workspace = await startWorkspace({ app: secrets, ...setup });
  closers.push(() => workspace.stop());
  return workspace;
}

function clientOf(workspace: Workspace, options = {}): WebClient {
  return new WebClient(secrets.botToken, {
    slackApiUrl: workspace.apiUrl,
    logLevel: LogLevel.ERROR,
    retryConfig: { retries: 0 },
    ...options,
  });
}

const outcome = z.looseObject({ ok: z.boolean(), error: z.string().optional(), ts: z.string().nullish() });

async function act(workspace: Workspace, name: string, body: object) {
  const response = await fetch(`${workspace.url}/_control/${name}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return outcome.parse(await response.json());
}

const shownMessages = z.object({
  messages: z.array(
    z.looseObject({
      ts: z.string(),
      user: z.string(),
      text: z.string(),
      ephemeral_to: z.string().nullable(),
      thread_ts: z.string().nullable(),
      reactions: z.array(z.object({ name: z.string(), users: z.array(z.string()), count: z.number() })),
      files: z.array(z.looseObject({ id: z.string(), mimetype: z.string() })),
    }),
  ),
});

async function shown(workspace: Workspace, user?: string) {
  const query = user ? `?user=${user}` : "";
  const response = await fetch(`${workspace.url}/_control/messages/${channel}${query}`);
  return shownMessages.parse(await response.json()).messages;
}

function waitFor<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 5_000, interval: 10 });
}

type Seen = { reactions: string[]; eventIds: string[]; clicks: string[]; submitted: string[] };

/** The plainest bot: one command, reactions, one button which opens a modal. Bolt is not modified. */
async function startBot(workspace: Workspace, mode: "socket" | "http"): Promise<Seen> {
  const seen: Seen = { reactions: [], eventIds: [], clicks: [], submitted: [] };
  const common: AppOptions = {
    token: secrets.botToken,
    clientOptions: { slackApiUrl: workspace.apiUrl },
    logLevel: LogLevel.ERROR,
  };
  const transport: AppOptions =
    mode === "socket"
      ? { appToken: secrets.appToken, socketMode: true }
      : { signingSecret: secrets.signingSecret, port: 0 };
  const app = new App({ ...common, ...transport });
  app.command("/ferry", async ({ command, ack, respond }) => {
    await ack(`heard ${command.text}`);
    if (command.text === "later") await respond({ text: "and later", response_type: "in_channel" });
  });
  app.event("reaction_added", async ({ event, body }) => {
    seen.reactions.push(`+${event.user} ${event.reaction} ${event.item.ts}`);
    seen.eventIds.push(body.event_id);
  });
  app.event("reaction_removed", async ({ event }) => {
    seen.reactions.push(`-${event.user} ${event.reaction} ${event.item.ts}`);
  });
  app.action("go", async ({ ack, body, client }) => {
    await ack();
    if (body.type !== "block_actions") return;
    const action = body.actions[0];
    seen.clicks.push(`${body.user.id} ${action?.type === "button" ? action.value : ""}`);
    await client.views.open({
      trigger_id: body.trigger_id,
      view: {
        type: "modal",
        callback_id: "why",
        title: { type: "plain_text", text: "Reason" },
        submit: { type: "plain_text", text: "Send" },
        blocks: [
          {
            type: "input",
            block_id: "reason",
            label: { type: "plain_text", text: "Why" },
            element: { type: "plain_text_input", action_id: "text" },
          },
        ],
      },
    });
  });
  app.view("why", async ({ ack, view, body }) => {
    await ack();
    seen.submitted.push(`${body.user.id} ${view.state.values["reason"]?.["text"]?.value}`);
  });
  const server = await app.start();
  closers.push(() => app.stop());
  if (mode === "http" && server && "address" in server) {
    const address = server.address();
    if (typeof address === "object" && address)
      workspace.setRequestUrl(`http://127.0.0.1:${address.port}/slack/events`);
  }
  return seen;
}

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
    const posted = await clientOf(workspace).chat.postMessage({ channel, text: "go?", blocks: question });
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

describe("the Web API", () => {
  test("keeps reactions and metadata over an edit, and gives metadata when asked", async () => {
    const workspace = await workspaceFor();
    const client = clientOf(workspace);
    const metadata = { event_type: "request", event_payload: { id: "7K3Q" } };
    const posted = await client.chat.postMessage({ channel, text: "one", metadata });
    const ts = posted.ts ?? "";
    await act(workspace, "reaction", { channel, ts, user: "U0BEN", name: "white_check_mark", present: true });
    await act(workspace, "reaction", {
      channel,
      ts,
      user: "U0CLEO",
      name: "white_check_mark",
      present: true,
    });
    await client.chat.update({ channel, ts, text: "two" });
    const [message] = await shown(workspace);
    expect(message).toMatchObject({ text: "two", reactions: [{ users: ["U0BEN", "U0CLEO"], count: 2 }] });
    const history = await client.conversations.history({ channel, include_all_metadata: true });
    expect(history.messages?.[0]?.metadata).toEqual(metadata);
    const bare = await client.conversations.history({ channel });
    expect(bare.messages?.[0]?.metadata).toBeUndefined();
    const short = await client.reactions.get({ channel, timestamp: ts });
    const named = short.type === "message" ? short.message?.reactions?.[0] : undefined;
    expect(named).toMatchObject({ users: ["U0BEN"], count: 2 });
  });

  test("takes files by files.uploadV2, serves them, and shows them by slack_file", async () => {
    const workspace = await workspaceFor();
    const client = clientOf(workspace);
    const bytes = Buffer.from("89504e470d0a1a0a00", "hex");
    await client.files.uploadV2({
      channel_id: channel,
      filename: "lag.png",
      file: bytes,
      initial_comment: "lag",
    });
    const [message] = await shown(workspace);
    expect(message).toMatchObject({ text: "lag", files: [{ mimetype: "image/png", size: bytes.length }] });
    const id = message?.files[0]?.id ?? "";
    const info = await client.files.info({ file: id });
    const authorization = `Bearer ${secrets.botToken}`;
    const served = await fetch(info.file?.url_private ?? "", { headers: { authorization } });
    expect(Buffer.from(await served.arrayBuffer())).toEqual(bytes);
    expect((await fetch(info.file?.url_private ?? "")).status).toBe(401);
    const image = { type: "image", slack_file: { id }, alt_text: "lag" };
    expect(await client.chat.postMessage({ channel, text: "chart", blocks: [image] })).toMatchObject({
      ok: true,
    });
    const missing = { ...image, slack_file: { id: "F0NONE" } };
    await expect(client.chat.postMessage({ channel, text: "chart", blocks: [missing] })).rejects.toThrow(
      "invalid_blocks",
    );
  });

  const paragraph = { type: "section", text: { type: "mrkdwn", text: "x" } };
  test.each([
    ["51 blocks", Array.from({ length: 51 }, () => paragraph), "no more than 50 items"],
    [
      "a section of 3,001",
      [{ ...paragraph, text: { type: "mrkdwn", text: "x".repeat(3001) } }],
      "less than 3001",
    ],
    [
      "eleven fields",
      [{ type: "section", fields: Array.from({ length: 11 }, () => paragraph.text) }],
      "10 items",
    ],
    [
      "a header of 151",
      [{ type: "header", text: { type: "plain_text", text: "x".repeat(151) } }],
      "less than 151",
    ],
    [
      "eleven in a context",
      [{ type: "context", elements: Array.from({ length: 11 }, () => paragraph.text) }],
      "10 items",
    ],
    ["a type Slack lacks", [{ type: "sparkline" }], "unsupported type"],
    ["two equal block_id", [1, 2].map(() => ({ ...paragraph, block_id: "same" })), "already exists"],
  ])("refuses %s with a pointer to it", async (_what, blocks, words) => {
    const workspace = await workspaceFor();
    const failure = clientOf(workspace).chat.postMessage({ channel, text: "x", blocks });
    await expect(failure).rejects.toMatchObject({
      data: { error: "invalid_blocks", response_metadata: { messages: [expect.stringContaining(words)] } },
    });
    expect(await shown(workspace)).toEqual([]);
  });

  test("refuses as Slack does", async () => {
    const scopes = ["channels:read", "chat:write"];
    const workspace = await workspaceFor({ app: { ...secrets, scopes } });
    const client = clientOf(workspace);
    await expect(client.users.info({ user: "U0ANA" })).rejects.toThrow("missing_scope");
    await expect(client.apiCall("no.such")).rejects.toThrow("unknown_method");
    await expect(client.chat.postMessage({ channel: "C0GENERAL", text: "x" })).rejects.toThrow(
      "not_in_channel",
    );
    await expect(client.chat.postMessage({ channel: "C0NONE", text: "x" })).rejects.toThrow(
      "channel_not_found",
    );
    const { ts } = await act(workspace, "message", { channel, user: "U0ANA", text: "mine" });
    await expect(client.chat.update({ channel, ts: ts ?? "", text: "x" })).rejects.toThrow(
      "cant_update_message",
    );
    const wrong = new WebClient("xoxb-wrong", { slackApiUrl: workspace.apiUrl, logLevel: LogLevel.ERROR });
    await expect(wrong.auth.test()).rejects.toThrow("invalid_auth");
  });

  test("limits the rate by fault, and loses an answer after the message was posted", async () => {
    const workspace = await workspaceFor();
    await act(workspace, "fault", { status429: 7, method: "chat.postMessage" });
    const strict = clientOf(workspace, { rejectRateLimitedCalls: true });
    await expect(strict.chat.postMessage({ channel, text: "x" })).rejects.toMatchObject({ retryAfter: 7 });
    await act(workspace, "fault", { drop: true, method: "chat.postMessage" });
    await expect(strict.chat.postMessage({ channel, text: "lost" })).rejects.toThrow();
    expect((await shown(workspace)).map((m) => m.text)).toEqual(["lost"]);
  });

  test("tells guests, strangers, groups and members apart, and follows changes", async () => {
    const workspace = await workspaceFor();
    const client = clientOf(workspace);
    expect((await client.users.info({ user: "U0GUS" })).user).toMatchObject({ is_restricted: true });
    const stranger = await client.users.info({ user: "W0STRANGER" });
    expect(stranger.user).toMatchObject({ is_stranger: true, team_id: "T0ELSEWHERE" });
    await act(workspace, "user", { id: "U0BEN", deleted: true });
    expect((await client.users.info({ user: "U0BEN" })).user).toMatchObject({ deleted: true });
    const group = { usergroup: "S0OWNERS" };
    expect((await client.usergroups.users.list(group)).users).toEqual(["U0BEN", "U0CLEO", "U0DAN"]);
    await act(workspace, "usergroup", { id: "S0OWNERS", users: ["U0DAN"] });
    expect((await client.usergroups.users.list(group)).users).toEqual(["U0DAN"]);
    const members = await client.conversations.members({ channel });
    expect(members.members).toContain("W0STRANGER");
    expect(members.members).toHaveLength(8);
  });

  test("shows an ephemeral only to its person, and hides it from the API", async () => {
    const workspace = await workspaceFor();
    const client = clientOf(workspace);
    await client.chat.postEphemeral({ channel, user: "U0EVE", text: "not counted" });
    expect((await shown(workspace, "U0EVE")).map((m) => m.text)).toEqual(["not counted"]);
    expect(await shown(workspace, "U0ANA")).toEqual([]);
    expect((await client.conversations.history({ channel })).messages).toEqual([]);
    const [hidden] = await shown(workspace);
    const reaction = { channel, ts: hidden?.ts, user: "U0EVE", name: "x", present: true };
    expect(await act(workspace, "reaction", reaction)).toMatchObject({ error: "message_not_found" });
  });

  test("gives ordered, unique timestamps though the clock stands still", async () => {
    const workspace = await workspaceFor({ now: () => 1_795_362_883_000 });
    for (let n = 0; n < 20; n += 1)
      await act(workspace, "message", { channel, user: "U0ANA", text: `m${n}` });
    const stamps = (await shown(workspace)).map((m) => m.ts);
    expect(new Set(stamps).size).toBe(20);
    expect(stamps).toEqual([...stamps].sort());
    const client = clientOf(workspace);
    const newer = await client.conversations.history({ channel, oldest: stamps[16] ?? "", limit: 2 });
    expect(newer.messages?.map((m) => m.text)).toEqual(["m19", "m18"]);
    expect(newer.has_more).toBe(true);
  });
});
