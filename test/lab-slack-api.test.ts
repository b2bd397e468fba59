import { LogLevel } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import { afterEach, describe, expect, test } from "vitest";
import { act, channel, clientOf, secrets, shown, stopAll, workspaceFor } from "#lab/slack/plain-bot.ts";

afterEach(stopAll);

describe("the Web API", () => {
  test("keeps reactions and metadata over an edit, and gives metadata when asked", async () => {
    const workspace = await workspaceFor();
    const client = clientOf(workspace);
    const { postMessage: say } = client.chat;
    const metadata = { event_type: "request", event_payload: { id: "7K3Q" } };
    const posted = await say({ channel, text: "one", metadata });
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
    const { postMessage: say } = client.chat;
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
    expect(await say({ channel, text: "chart", blocks: [image] })).toMatchObject({
      ok: true,
    });
    const missing = { ...image, slack_file: { id: "F0NONE" } };
    await expect(say({ channel, text: "chart", blocks: [missing] })).rejects.toThrow("invalid_blocks");
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
    const { postMessage: say } = clientOf(workspace).chat;
    const failure = say({ channel, text: "x", blocks });
    await expect(failure).rejects.toMatchObject({
      data: { error: "invalid_blocks", response_metadata: { messages: [expect.stringContaining(words)] } },
    });
    expect(await shown(workspace)).toEqual([]);
  });

  test("refuses as Slack does", async () => {
    const scopes = ["channels:read", "chat:write"];
    const workspace = await workspaceFor({ app: { ...secrets, scopes } });
    const client = clientOf(workspace);
    const { postMessage: say } = client.chat;
    await expect(client.users.info({ user: "U0ANA" })).rejects.toThrow("missing_scope");
    await expect(client.apiCall("no.such")).rejects.toThrow("unknown_method");
    await expect(say({ channel: "C0GENERAL", text: "x" })).rejects.toThrow("not_in_channel");
    await expect(say({ channel: "C0NONE", text: "x" })).rejects.toThrow("channel_not_found");
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
    const { postMessage: say } = strict.chat;
    await expect(say({ channel, text: "x" })).rejects.toMatchObject({ retryAfter: 7 });
    await act(workspace, "fault", { drop: true, method: "chat.postMessage" });
    await expect(say({ channel, text: "lost" })).rejects.toMatchObject({
      code: "slack_webapi_request_error",
    });
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
