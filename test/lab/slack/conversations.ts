import { z } from "zod";
import { messageJson, repliesTo } from "./messages.ts";
import { count, flag, type Method, method, pageOf } from "./method.ts";
import {
  type Channel,
  channelForApp,
  channelOf,
  directChannel,
  messagesOf,
  Refusal,
  type World,
} from "./world.ts";

function channelJson(world: World, channel: Channel): Record<string, unknown> {
  const member = channel.members.has(world.app.botUser);
  if (channel.kind === "im") {
    const user = [...channel.members].find((id) => id !== world.app.botUser);
    return { id: channel.id, created: channel.created, is_im: true, is_archived: false, user };
  }
  return {
    id: channel.id,
    name: channel.name,
    name_normalized: channel.name,
    created: channel.created,
    is_channel: channel.kind === "public",
    is_group: channel.kind === "private",
    is_private: channel.kind === "private",
    is_im: false,
    is_mpim: false,
    is_archived: channel.is_archived,
    is_general: channel.name === "general",
    is_member: member,
    is_shared: channel.is_ext_shared,
    is_ext_shared: channel.is_ext_shared,
    topic: { value: channel.topic, creator: "", last_set: 0 },
    num_members: channel.members.size,
  };
}

function visible(world: World, id: string): Channel {
  const channel = channelOf(world, id);
  return channel.kind === "public" ? channel : channelForApp(world, id);
}

const range = {
  channel: z.string(),
  latest: z.string().optional(),
  oldest: z.string().optional(),
  inclusive: flag.default(false),
  limit: count.default(100),
  cursor: z.string().optional(),
  include_all_metadata: flag.default(false),
};

type Range = { latest?: string | undefined; oldest?: string | undefined; inclusive: boolean };

/** Timestamps compare as numbers of microseconds; a float would lose the last digits. */
function micros(ts: string): bigint {
  const [seconds = "0", part = ""] = ts.split(".");
  if (!/^\d+$/.test(seconds) || !/^\d*$/.test(part)) throw new Refusal("invalid_ts");
  return BigInt(seconds) * 1_000_000n + BigInt(part.slice(0, 6).padEnd(6, "0"));
}

function inRange(range: Range): (message: { ts: string }) => boolean {
  const from = range.oldest && range.oldest !== "0" ? micros(range.oldest) : null;
  const to = range.latest ? micros(range.latest) : null;
  return ({ ts }) => {
    const at = micros(ts);
    if (range.inclusive && (at === from || at === to)) return true;
    return (from === null || at > from) && (to === null || at < to);
  };
}

export const conversationMethods: Record<string, Method> = {
  "conversations.info": method("channels:read", z.object({ channel: z.string() }), (world, args) => ({
    channel: channelJson(world, visible(world, args.channel)),
  })),

  "conversations.list": method(
    "channels:read",
    z.object({
      types: z.string().default("public_channel"),
      exclude_archived: flag.default(false),
      limit: count.default(100),
      cursor: z.string().optional(),
    }),
    (world, args) => {
      const kinds = args.types.split(",").map((type) => type.trim().replace("_channel", ""));
      const all = [...world.channels.values()].filter(
        (channel) =>
          kinds.includes(channel.kind) &&
          (channel.kind === "public" || channel.members.has(world.app.botUser)) &&
          !(args.exclude_archived && channel.is_archived),
      );
      const { page, next } = pageOf(all, args.cursor, args.limit);
      const channels = page.map((channel) => channelJson(world, channel));
      return { channels, response_metadata: { next_cursor: next } };
    },
  ),

  "conversations.members": method(
    "channels:read",
    z.object({ channel: z.string(), limit: count.default(100), cursor: z.string().optional() }),
    (world, args) => {
      const { page, next } = pageOf([...visible(world, args.channel).members], args.cursor, args.limit);
      return { members: page, response_metadata: { next_cursor: next } };
    },
  ),

  "conversations.history": method("channels:history", z.object(range), (world, args) => {
    const { id } = channelForApp(world, args.channel);
    const matching = messagesOf(world, id)
      .filter((m) => m.ephemeral_to === null && m.thread_ts === null)
      .filter(inRange(args))
      .toReversed();
    const { page, next } = pageOf(matching, args.cursor, args.limit);
    return {
      messages: page.map((m) => messageJson(world, m, args.include_all_metadata)),
      has_more: next !== "",
      response_metadata: { next_cursor: next },
    };
  }),

  "conversations.replies": method(
    "channels:history",
    z.object({ ...range, ts: z.string() }),
    (world, args) => {
      const { id } = channelForApp(world, args.channel);
      const named = messagesOf(world, id).find((m) => m.ts === args.ts && m.ephemeral_to === null);
      const root = messagesOf(world, id).find((m) => m.ts === (named?.thread_ts ?? args.ts));
      if (!root) throw new Refusal("thread_not_found");
      const { page, next } = pageOf(repliesTo(world, root).filter(inRange(args)), args.cursor, args.limit);
      return {
        messages: [root, ...page].map((m) => messageJson(world, m, args.include_all_metadata)),
        has_more: next !== "",
        response_metadata: { next_cursor: next },
      };
    },
  ),

  "conversations.open": method(
    "im:write",
    z.object({ users: z.string().optional(), channel: z.string().optional() }),
    (world, args) => {
      if (args.channel) return { channel: { id: channelForApp(world, args.channel).id } };
      const user = args.users ?? "";
      if (user.includes(","))
        throw new Refusal("not_enough_users", ["group conversations are not reproduced"]);
      return { channel: { id: directChannel(world, user).id } };
    },
  ),
};
