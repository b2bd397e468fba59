import { z } from "zod";
import type { Chat } from "#domain/ports.ts";
import { personFrom, SlackUser } from "./people.ts";
import { readReactions, seedReactions } from "./reactions.ts";
import { readReplies } from "./replies.ts";
import { type ChatNeed, findPost, isGone, orGone, post, update, upload } from "./sending.ts";

const Nothing = z.object({});
const Found = z.object({ user: SlackUser });
const Members = z.object({ users: z.array(z.string()) });
const Permalink = z.object({ permalink: z.string() });

/** The chat port on Slack's Web API. */
export function createChat(need: ChatNeed): Chat {
  const { calls, pacer } = need;
  return {
    post: (channel, message, { key, thread }) =>
      pacer
        .send(channel, () => post(need, { channel, thread }, message, key))
        .catch((error: unknown) => orGone(error, { channel, ts: thread ?? "" })),
    find: (channel, key, thread) =>
      findPost(need, { channel, thread }, key).catch((error: unknown) => {
        if (isGone(error)) return undefined;
        throw error;
      }),
    update: (ref, message) =>
      pacer
        .latest(ref.channel, `${ref.channel}:${ref.ts}`, () => update(need, ref, message))
        .catch((error: unknown) => orGone(error, ref)),
    async whisper(channel, user, message) {
      const content = { channel, user, ...need.render(message) };
      // Twice is better than never: after a lost answer nobody can look for the first one.
      await calls.repeatable("chat.postEphemeral", content, Nothing);
    },
    upload: (where, file) =>
      upload(need, where, file).catch((error: unknown) =>
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
    permalink: (ref) =>
      calls.repeatable("chat.getPermalink", { channel: ref.channel, message_ts: ref.ts }, Permalink).then(
        ({ permalink }) => permalink,
        (error: unknown) => orGone(error, ref),
      ),
  };
}
