import { z } from "zod";
import { type Block, checkBlocks } from "./block-rules.ts";
import { edit, messageJson, permalink, post, remove } from "./messages.ts";
import { count, json, type Method, method } from "./method.ts";
import {
  type Channel,
  channelForApp,
  channelOf,
  directChannel,
  freshId,
  type Message,
  type Metadata,
  messageOf,
  Refusal,
  type World,
} from "./world.ts";

const anyRecord = z.record(z.string(), z.unknown());
const metadataRules = z.object({ event_type: z.string().min(1), event_payload: anyRecord });

const content = {
  channel: z.string(),
  text: z.string().optional(),
  blocks: z.unknown().optional(),
  attachments: json(z.array(anyRecord).max(100)).optional(),
  metadata: z.unknown().optional(),
};

/** Blocks as sent (JSON text or value), checked; undefined when not sent. */
export function blocksFrom(world: World, raw: unknown): Block[] | undefined {
  if (raw === undefined) return undefined;
  const value = json(z.unknown()).safeParse(raw);
  if (!value.success) throw new Refusal("invalid_blocks_format");
  return checkBlocks(value.data, (id) => world.files.get(id)?.complete ?? false);
}

function metadataFrom(raw: unknown): Metadata | null | undefined {
  if (raw === undefined) return undefined;
  const parsed = json(z.union([metadataRules, z.strictObject({}).transform(() => null)])).safeParse(raw);
  if (!parsed.success) throw new Refusal("invalid_metadata_format");
  return parsed.data;
}

type Sent = {
  text?: string | undefined;
  blocks?: unknown;
  attachments?: Record<string, unknown>[] | undefined;
};

function draftFrom(world: World, sent: Sent & { metadata?: unknown }) {
  const blocks = blocksFrom(world, sent.blocks);
  const metadata = metadataFrom(sent.metadata);
  const empty = !sent.text && !blocks?.length && !sent.attachments?.length;
  if (empty) throw new Refusal("no_text");
  return {
    user: world.app.botUser,
    ...(sent.text !== undefined && { text: sent.text }),
    ...(blocks && { blocks }),
    ...(sent.attachments && { attachments: sent.attachments }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** A channel id, or a person's id for the direct conversation with them. */
function placeFor(world: World, id: string): Channel {
  return world.people.has(id) ? directChannel(world, id) : channelForApp(world, id);
}

function ownMessage(world: World, channel: string, ts: string, error: string): Message {
  const message = messageOf(world, channelForApp(world, channel).id, ts);
  if (message.user !== world.app.botUser) throw new Refusal(error);
  return message;
}

export const chatMethods: Record<string, Method> = {
  "chat.postMessage": method(
    "chat:write",
    z.object({ ...content, thread_ts: z.string().optional() }),
    (world, args) => {
      const { id } = placeFor(world, args.channel);
      const draft = draftFrom(world, args);
      const message = post(world, id, { text: "", ...draft, thread_ts: args.thread_ts ?? null });
      return { channel: id, ts: message.ts, message: messageJson(world, message, true) };
    },
  ),

  "chat.update": method("chat:write", z.object({ ...content, ts: z.string() }), (world, args) => {
    const message = ownMessage(world, args.channel, args.ts, "cant_update_message");
    edit(world, message, draftFrom(world, args));
    return {
      channel: args.channel,
      ts: message.ts,
      text: message.text,
      message: messageJson(world, message, true),
    };
  }),

  "chat.delete": method("chat:write", z.object({ channel: z.string(), ts: z.string() }), (world, args) => {
    remove(world, ownMessage(world, args.channel, args.ts, "cant_delete_message"));
    return { channel: args.channel, ts: args.ts };
  }),

  "chat.postEphemeral": method(
    "chat:write",
    z.object({ ...content, user: z.string(), thread_ts: z.string().optional() }),
    (world, args) => {
      const channel = channelForApp(world, args.channel);
      if (!channel.members.has(args.user)) throw new Refusal("user_not_in_channel");
      const draft = { text: "", ...draftFrom(world, args), ephemeral_to: args.user };
      const message = post(world, channel.id, { ...draft, thread_ts: args.thread_ts ?? null });
      return { message_ts: message.ts };
    },
  ),

  "chat.getPermalink": method(
    null,
    z.object({ channel: z.string(), message_ts: z.string() }),
    (world, { channel, message_ts: ts }) => {
      const message = messageOf(world, channelOf(world, channel).id, ts);
      return { channel, permalink: permalink(world, message) };
    },
  ),

  "chat.scheduleMessage": method(
    "chat:write",
    z.object({ ...content, post_at: count, thread_ts: z.string().optional() }),
    (world, args) => {
      const { id } = placeFor(world, args.channel);
      const draft = { text: "", ...draftFrom(world, args), thread_ts: args.thread_ts ?? null };
      const wait = args.post_at * 1000 - world.now();
      if (wait <= 0) throw new Refusal("time_in_past");
      const timer = setTimeout(() => {
        world.timers.delete(timer);
        post(world, id, draft);
      }, wait).unref();
      world.timers.add(timer);
      return { channel: id, scheduled_message_id: freshId("Q"), post_at: args.post_at };
    },
  ),
};
