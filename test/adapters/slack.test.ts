import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Slack } from "#adapters/slack/slack.ts";
import type { MessageRef } from "#domain/ports.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { realClock } from "#support/real-clock.ts";
import { act, channel, connect, info, type Mode, messages, openWorkspace } from "#support/slack-workspace.ts";
import { unique } from "#support/unique.ts";
import { chatContract } from "../contract/chat.ts";

const Reply = z.object({ text: z.string(), response_type: z.string() });

const State = z.object({ homes: z.record(z.string(), z.object({ blocks: z.array(z.unknown()) })) });

async function homeOf(workspace: Workspace, user: string): Promise<string | undefined> {
  const state = State.parse(await (await fetch(`${workspace.url}/_control/state`)).json());
  const text = JSON.stringify(state.homes[user]?.blocks[0]);
  return /"text":"(?<subject>home[^"]*)"/.exec(text)?.groups?.["subject"];
}

function subjectOf(text: string): string {
  return /\*(?<subject>[^*]+)\*/.exec(text)?.groups?.["subject"] ?? text;
}

describe.each<Mode>(["socket", "http"])("over %s", (mode) => {
  chatContract(mode, async () => {
    const workspace = await openWorkspace();
    const { slack } = await connect(workspace, mode);
    return {
      chat: slack.chat,
      channel,
      sharedChannel: "C0SHARED",
      homeOf: (user) => homeOf(workspace, user),
      people: {
        member: "U0ANA",
        otherMember: "U0BEN",
        guest: "U0GUS",
        bot: "U0FERRY",
        deactivated: "U0GONE",
        stranger: "W0STRANGER",
      },
      group: { id: "S0OWNERS", users: ["U0BEN", "U0CLEO", "U0DAN"] },
      react: async (ref, user, name) => void (await act(workspace, "reaction", { ...ref, user, name })),
      unreact: async (ref, user, name) =>
        void (await act(workspace, "reaction", { ...ref, user, name, present: false })),
      reply: async ({ channel: at, ts }, user, text) =>
        void (await act(workspace, "message", { channel: at, thread_ts: ts, user, text })),
      remove: async (ref) => void (await act(workspace, "delete-message", { ...ref, user: "U0ANA" })),
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
      expect(said).toContainEqual({
        channel,
        user: "U0ANA",
        text: "lag a<b & c",
        trigger: expect.any(String),
      });
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
