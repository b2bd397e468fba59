import { z } from "zod";
import type { Chat, MessageRef } from "#domain/ports.ts";
import { attachWhole, upload } from "./files.ts";
import { createHomes } from "./home.ts";
import { personFrom, SlackUser } from "./people.ts";
import { readReactions, seedReactions } from "./reactions.ts";
import { readReplies } from "./replies.ts";
import { type ChatNeed, checked, findPost, isGone, orGone, post, update } from "./sending.ts";
import { createSharing } from "./sharing.ts";

const Nothing = z.object({});
const Found = z.object({ user: SlackUser });
const Members = z.object({ users: z.array(z.string()) });
const Permalink = z.object({ permalink: z.string() });

/** The chat port on Slack's Web API. */
export function createChat(need: ChatNeed): Chat {
  const { calls } = need;
  return {
    ...messages(need),
    upload: (where, file, claim) =>
      upload(need, where, file, claim).catch((error: unknown) =>
        orGone(error, { channel: where.channel, ts: where.thread ?? "" }),
      ),
    seed: (ref, emoji) => seedReactions(need, ref, emoji),
    reactions: (ref) => readReactions(need, ref),
    replies: (ref) => readReplies(need, ref),
    async person(user) {
      const found = await calls.repeatable("users.info", { user }, Found);
      return personFrom(found.user, (await need.identity()).team);
    },
    async members(usergroup) {
      return (await calls.repeatable("usergroups.users.list", { usergroup }, Members)).users;
    },
    shared: createSharing(need),
    home: createHomes(need),
  };
}

function messages(need: ChatNeed): Pick<Chat, "post" | "find" | "update" | "whisper" | "permalink"> {
  const { calls, pacer } = need;

  /** The last content wins, so only what was really sent is attached. */
  async function updateNow(ref: MessageRef, message: Parameters<Chat["update"]>[1]): Promise<void> {
    const whole = await update(need, ref, message);
    if (whole !== undefined) void attachWhole(need, { channel: ref.channel, thread: ref.ts }, whole);
  }

  return {
    async post(channel, message, { key, thread }) {
      const { ref, whole } = await pacer
        .send(channel, () => post(need, { channel, thread }, message, key))
        .catch((error: unknown) => orGone(error, { channel, ts: thread ?? "" }));
      if (whole !== undefined) await attachWhole(need, { channel, thread: thread ?? ref.ts }, whole);
      return ref;
    },
    find: (channel, key, thread) =>
      findPost(need, { channel, thread }, key).catch((error: unknown) => {
        if (isGone(error)) return undefined;
        throw error;
      }),
    update: (ref, message) =>
      pacer
        .latest(ref.channel, `${ref.channel}:${ref.ts}`, () => updateNow(ref, message))
        .catch((error: unknown) => orGone(error, ref)),
    async whisper(channel, user, message) {
      const { text, blocks } = checked(need, message);
      // Twice is better than never: after a lost answer nobody can look for the first one.
      await calls.repeatable("chat.postEphemeral", { channel, user, text, blocks }, Nothing);
    },
    permalink: (ref) =>
      calls.repeatable("chat.getPermalink", { channel: ref.channel, message_ts: ref.ts }, Permalink).then(
        ({ permalink }) => permalink,
        (error: unknown) => orGone(error, ref),
      ),
  };
}
