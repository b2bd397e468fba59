import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { createSlack, type Slack, type SlackHandlers } from "#adapters/slack/slack.ts";
import { render } from "#commands/blocks.ts";
import type { Message } from "#domain/message.ts";
import type { MessageRef } from "#domain/ports.ts";
import { defaultChannels, defaultPeople } from "#lab/slack/default-world.ts";
import { startWorkspace, type Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { unique } from "#support/unique.ts";
import { chatContract } from "../contract/chat.ts";

const channel = "C0MIGRATION";
const tokens = { botToken: "xoxb-test", appToken: "xapp-test", signingSecret: "secret-of-the-test" };
const pace = { everyMs: 1, burst: 50 };

const Manifest = z.object({
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }) }),
});
const manifest = Manifest.parse(
  JSON.parse(readFileSync(new URL("../../manifest.json", import.meta.url), "utf8")),
);

const Reply = z.object({ text: z.string(), response_type: z.string() });
const Messages = z.object({
  messages: z.array(
    z.object({
      ts: z.string(),
      user: z.string(),
      text: z.string(),
      blocks: z.array(z.unknown()),
      thread_ts: z.string().nullable(),
      ephemeral_to: z.string().nullable(),
    }),
  ),
});

/** The workspace with only what the manifest asks for, so that a missing scope or event is seen here. */
function openWorkspace(): Promise<Workspace> {
  return startWorkspace({
    app: {
      ...tokens,
      scopes: manifest.oauth_config.scopes.bot,
      events: manifest.settings.event_subscriptions.bot_events,
    },
    people: [
      ...defaultPeople.map((each) => ({ ...each, is_admin: each.id === "U0ANA" })),
      { id: "U0GONE", name: "gone", deleted: true },
    ],
    channels: defaultChannels,
    retryDelaysMs: [0, 20, 20],
  });
}

async function act(workspace: Workspace, name: string, body: object): Promise<unknown> {
  const response = await fetch(`${workspace.url}/_control/${name}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  return z.looseObject({ ok: z.literal(true) }).parse(answer);
}

async function messages(workspace: Workspace, user?: string) {
  const query = user === undefined ? "" : `?user=${user}`;
  const response = await fetch(`${workspace.url}/_control/messages/${channel}${query}`);
  return Messages.parse(await response.json()).messages;
}

type Mode = "socket" | "http";

const deaf: SlackHandlers = {
  onCommand: async () => ({ message: info("deaf"), seenBy: "person" }),
  onReaction: async () => {},
  onMessageDeleted: async () => {},
  onReconnect: async () => {},
};

function info(subject: string, text = "nothing"): Message {
  return { subject, tone: "info", parts: [{ kind: "text", text }] };
}

async function connect(
  workspace: Workspace,
  mode: Mode,
  handlers: Partial<SlackHandlers> = {},
  timeoutMs = 5000,
) {
  const log = createQuietLog();
  const slack = createSlack({
    botToken: tokens.botToken,
    ...(mode === "socket" ? { appToken: tokens.appToken } : { signingSecret: tokens.signingSecret }),
    apiUrl: workspace.apiUrl,
    port: 0,
    host: "127.0.0.1",
    render,
    log,
    clock: realClock,
    pace,
    timeoutMs,
  });
  const { port } = await slack.start({ ...deaf, ...handlers });
  workspace.setRequestUrl(port === undefined ? null : `http://127.0.0.1:${port}/slack/events`);
  return { slack, log, port };
}

function subjectOf(text: string): string {
  return /\*(?<subject>[^*]+)\*/.exec(text)?.groups?.["subject"] ?? text;
}

describe.each<Mode>(["socket", "http"])("over %s", (mode) => {
  chatContract(mode, async () => {
    const workspace = await openWorkspace();
    const { slack } = await connect(workspace, mode);
    const target = (ref: MessageRef) => ({ channel: ref.channel, ts: ref.ts });
    return {
      chat: slack.chat,
      channel,
      people: {
        member: "U0ANA",
        otherMember: "U0BEN",
        guest: "U0GUS",
        bot: "U0FERRY",
        deactivated: "U0GONE",
        stranger: "W0STRANGER",
      },
      group: { id: "S0OWNERS", users: ["U0BEN", "U0CLEO", "U0DAN"] },
      react: async (ref, user, name) =>
        void (await act(workspace, "reaction", { ...target(ref), user, name })),
      unreact: async (ref, user, name) =>
        void (await act(workspace, "reaction", { ...target(ref), user, name, present: false })),
      remove: async (ref) => void (await act(workspace, "delete-message", { ...target(ref), user: "U0ANA" })),
      subjects: async () =>
        (await messages(workspace))
          .filter((each) => each.ephemeral_to === null)
          .map(({ text }) => subjectOf(text)),
      whispered: async (user) =>
        (await messages(workspace, user))
          .filter((each) => each.ephemeral_to === user)
          .map(({ text }) => subjectOf(text)),
      async close() {
        await slack.stop();
        await workspace.stop();
      },
    };
  });

  describe("commands and events", () => {
    let workspace: Workspace;
    let slack: Slack;
    const said: object[] = [];
    const seen: object[] = [];
    const deleted: MessageRef[] = [];
    let connects = 0;
    let delayMs = 0;
    let fail = false;

    beforeAll(async () => {
      workspace = await openWorkspace();
      ({ slack } = await connect(workspace, mode, {
        async onCommand(each) {
          said.push(each);
          if (fail) throw new Error("broken inside");
          if (delayMs > 0) await realClock.sleep(delayMs);
          return {
            message: info("orders · lag", each.text),
            seenBy: each.text === "private" ? "person" : "channel",
          };
        },
        onReaction: async (each) => void seen.push(each),
        onMessageDeleted: async (ref) => void deleted.push(ref),
        onReconnect: async () => void (connects += 1),
      }));
    });
    afterAll(async () => {
      await slack.stop();
      await workspace.stop();
    });
    afterEach(() => {
      delayMs = 0;
      fail = false;
    });

    async function command(text: string) {
      const answer = await act(workspace, "command", { channel, user: "U0ANA", command: "/ferry", text });
      return z.looseObject({ reply: Reply.nullable() }).parse(answer).reply;
    }

    test("a command is answered in its acknowledgement, with blocks, to the channel", async () => {
      const reply = await command("lag a<b & c");
      expect(said).toContainEqual({ channel, user: "U0ANA", text: "lag a<b & c" });
      expect(reply?.response_type).toBe("in_channel");
      expect(reply?.text).toContain("lag a&lt;b &amp; c");
      const shown = (await messages(workspace)).find(({ text }) => text === reply?.text);
      expect(shown?.blocks).toHaveLength(2);
    });

    test("a mistake is answered to its person only", async () => {
      expect((await command("private"))?.response_type).toBe("ephemeral");
    });

    test("an answer that takes too long comes after the acknowledgement", async () => {
      delayMs = 2700;
      const text = unique("late");
      expect(await command(text)).toBeNull();
      const shown = await eventually("the late answer", async () =>
        (await messages(workspace)).find((each) => each.text.includes(text)),
      );
      expect(shown.ephemeral_to).toBeNull();
    });

    test("a handler that throws is told to the person with a code", async () => {
      fail = true;
      const reply = await command("anything");
      expect(reply?.response_type).toBe("ephemeral");
      expect(reply?.text).toContain("E_INTERNAL");
    });

    test("reactions are told once, others' only", async () => {
      const ref = await slack.chat.post(channel, info("react"), { key: unique("key") });
      await act(workspace, "fault", { duplicate: true, event: "reaction_added", times: 1 });
      await act(workspace, "reaction", { ...ref, user: "U0BEN", name: "white_check_mark" });
      await slack.chat.seed(ref, ["x"]);
      await act(workspace, "reaction", { ...ref, user: "U0BEN", name: "white_check_mark", present: false });
      const removal = { ref, user: "U0BEN", name: "white_check_mark", added: false };
      await eventually("the removal", () =>
        seen.find((each) => JSON.stringify(each) === JSON.stringify(removal)),
      );
      expect(seen).toEqual([{ ...removal, added: true }, removal]);
    });

    test("a deletion is told, an update is not", async () => {
      const ref = await slack.chat.post(channel, info("delete"), { key: unique("key") });
      await slack.chat.update(ref, info("updated"));
      await act(workspace, "delete-message", { ...ref, user: "U0ANA" });
      await eventually("the deletion", () => deleted.find(({ ts }) => ts === ref.ts));
      expect(deleted).toEqual([ref]);
    });

    test("a start is a reason to catch up", async () => {
      expect(await eventually("a connect", () => connects || undefined)).toBeGreaterThan(0);
    });
  });

  describe("faults", () => {
    let workspace: Workspace;
    let slack: Slack;

    beforeEach(async () => {
      workspace = await openWorkspace();
      ({ slack } = await connect(workspace, mode, {}, 1000));
    });
    afterEach(async () => {
      await slack.stop();
      await workspace.stop();
    });

    test("a post whose answer is lost is found, not posted twice", async () => {
      await act(workspace, "fault", { method: "chat.postMessage", drop: true, times: 1 });
      const subject = unique("lost");
      const ref = await slack.chat.post(channel, info(subject), { key: subject });
      const shown = (await messages(workspace)).filter(({ text }) => text.includes(subject));
      expect(shown.map(({ ts }) => ts)).toEqual([ref.ts]);
    });

    test("Slack's own failure is tried again", async () => {
      await act(workspace, "fault", { method: "chat.postMessage", error: "internal_error", times: 1 });
      const subject = unique("failed");
      await slack.chat.post(channel, info(subject), { key: subject });
      expect((await messages(workspace)).filter(({ text }) => text.includes(subject))).toHaveLength(1);
    });

    test("a limited call waits as long as Slack asks", async () => {
      await act(workspace, "fault", { method: "chat.update", status429: 1, times: 1 });
      const ref = await slack.chat.post(channel, info("first"), { key: unique("key") });
      const begin = Date.now();
      await slack.chat.update(ref, info("second"));
      expect(Date.now() - begin).toBeGreaterThanOrEqual(950);
      expect((await messages(workspace))[0]?.text).toContain("second");
    });

    test("refused blocks are left off, the words arrive", async () => {
      const parts = [{ kind: "image", fileId: "F0NOSUCH", alt: "a chart that is missing" }] as const;
      await slack.chat.post(channel, { subject: "image", tone: "info", parts }, { key: unique("key") });
      const [shown] = await messages(workspace);
      expect(shown?.text).toContain("a chart that is missing");
      expect(shown?.blocks).toEqual([]);
    });

    test("what Slack refuses is E_SLACK with Slack's word for it", async () => {
      const failed = slack.chat.post("C0NOWHERE", info("x"), { key: unique("key") });
      await expect(failed).rejects.toMatchObject({
        code: "E_SLACK",
        message: "chat.postMessage: channel_not_found",
      });
    });
  });
});

test("a wrong token stops the start with Slack's word for it", async () => {
  const workspace = await openWorkspace();
  const slack = createSlack({
    botToken: "xoxb-other",
    appToken: tokens.appToken,
    apiUrl: workspace.apiUrl,
    render,
    log: createQuietLog(),
    clock: realClock,
  });
  await expect(slack.start(deaf)).rejects.toMatchObject({
    code: "E_SLACK",
    message: expect.stringMatching("invalid_auth"),
  });
  await slack.stop();
  await workspace.stop();
});

test("a forged request is refused", async () => {
  const workspace = await openWorkspace();
  const said: object[] = [];
  const { slack, port } = await connect(workspace, "http", {
    async onCommand(each) {
      said.push(each);
      return { message: info("x"), seenBy: "channel" };
    },
  });
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "x-slack-request-timestamp": String(Math.floor(Date.now() / 1000)),
    "x-slack-signature": `v0=${"0".repeat(64)}`,
  };
  const body = new URLSearchParams({
    command: "/ferry",
    text: "cutover producers",
    channel_id: channel,
    user_id: "U0EVE",
  });
  const response = await fetch(`http://127.0.0.1:${port}/slack/events`, { method: "POST", headers, body });
  expect(response.status).toBe(401);
  expect(said).toEqual([]);
  await slack.stop();
  await workspace.stop();
});

test("the socket comes back by itself and says so", async () => {
  const workspace = await openWorkspace();
  let connects = 0;
  const { slack } = await connect(workspace, "socket", { onReconnect: async () => void (connects += 1) });
  await eventually("the first connect", () => connects === 1 || undefined);
  await act(workspace, "fault", { disconnect: "refresh_requested" });
  await eventually("the second connect", () => connects === 2 || undefined, 15_000);
  expect(connects).toBe(2);
  await slack.stop();
  await workspace.stop();
});
