import type { Block } from "./block-rules.ts";
import { fileJson } from "./file-store.ts";
import {
  channelOf,
  freshId,
  type Message,
  type Metadata,
  messagesOf,
  nextStamp,
  type Reaction,
  Refusal,
  type World,
} from "./world.ts";

export type Draft = {
  user: string;
  text: string;
  blocks?: Block[];
  attachments?: Record<string, unknown>[];
  files?: string[];
  thread_ts?: string | null;
  metadata?: Metadata | null;
  ephemeral_to?: string | null;
};

function nothingElse() {
  return {
    blocks: [],
    attachments: [],
    reactions: [],
    files: [],
    metadata: null,
    edited: null,
    ephemeral_to: null,
  };
}

/** Puts a message into a channel, and tells the app unless only one person sees it. */
export function post(world: World, channel: string, draft: Draft): Message {
  const thread = draft.thread_ts ?? null;
  const root = thread ? messagesOf(world, channel).find((m) => m.ts === thread) : undefined;
  if (thread && !root && draft.ephemeral_to === undefined) throw new Refusal("thread_not_found");
  const message: Message = {
    ...nothingElse(),
    ...draft,
    channel,
    ts: nextStamp(world, channel),
    // Slack cuts a longer text off.
    text: draft.text.slice(0, 40_000),
    thread_ts: root?.thread_ts ?? thread,
  };
  messagesOf(world, channel).push(message);
  world.changed({ channel, user: message.ephemeral_to });
  if (message.ephemeral_to === null) announce(world, message, { ...messageJson(world, message, false) });
  return message;
}

/** Replaces what is given and keeps the rest; reactions stay. */
export function edit(world: World, message: Message, change: Partial<Draft>): void {
  const before = messageJson(world, message, false);
  if (change.text !== undefined) message.text = change.text.slice(0, 40_000);
  if (change.blocks) message.blocks = change.blocks;
  if (change.attachments) message.attachments = change.attachments;
  if (change.metadata !== undefined) message.metadata = change.metadata;
  if (change.files) message.files = change.files;
  message.edited = { user: change.user ?? message.user, ts: nextStamp(world, message.channel) };
  world.changed({ channel: message.channel, user: message.ephemeral_to });
  if (message.ephemeral_to !== null) return;
  const now = messageJson(world, message, false);
  announce(world, message, {
    subtype: "message_changed",
    message: now,
    previous_message: before,
    hidden: true,
  });
}

/** Takes a message away; a thread under it stays, as in Slack. */
export function remove(world: World, message: Message): void {
  const all = messagesOf(world, message.channel);
  all.splice(all.indexOf(message), 1);
  world.changed({ channel: message.channel, user: message.ephemeral_to });
  if (message.ephemeral_to !== null) return;
  const before = messageJson(world, message, false);
  announce(world, message, {
    subtype: "message_deleted",
    deleted_ts: message.ts,
    previous_message: before,
    hidden: true,
  });
}

/** The message as history, events and button clicks carry it. */
export function messageJson(world: World, message: Message, withMetadata: boolean): Record<string, unknown> {
  const byApp = message.user === world.app.botUser;
  return {
    type: "message",
    ...(message.files.length > 0 && { subtype: "file_share", files: filesOf(world, message) }),
    user: message.user,
    team: world.people.get(message.user)?.team_id ?? world.team.id,
    ts: message.ts,
    text: message.text,
    ...(byApp && { bot_id: world.app.botId, app_id: world.app.id }),
    ...(message.blocks.length > 0 && { blocks: message.blocks }),
    ...(message.attachments.length > 0 && { attachments: message.attachments }),
    ...(message.edited && { edited: message.edited }),
    ...(message.reactions.length > 0 && { reactions: shortReactions(message.reactions) }),
    ...(message.metadata && withMetadata && { metadata: message.metadata }),
    ...threadJson(world, message),
  };
}

function filesOf(world: World, message: Message): Record<string, unknown>[] {
  return message.files.flatMap((id) => {
    const file = world.files.get(id);
    return file ? [fileJson(world, file)] : [];
  });
}

function threadJson(world: World, message: Message): Record<string, unknown> {
  if (message.thread_ts !== null)
    return { thread_ts: message.thread_ts, parent_user_id: rootUser(world, message) };
  const replies = repliesTo(world, message);
  if (replies.length === 0) return {};
  const users = [...new Set(replies.map((reply) => reply.user))];
  return {
    thread_ts: message.ts,
    reply_count: replies.length,
    reply_users: users,
    reply_users_count: users.length,
    latest_reply: replies.at(-1)?.ts,
  };
}

function rootUser(world: World, message: Message): string | undefined {
  return messagesOf(world, message.channel).find((m) => m.ts === message.thread_ts)?.user;
}

/** Replies which everybody sees, oldest first. */
export function repliesTo(world: World, root: Message): Message[] {
  return messagesOf(world, root.channel).filter((m) => m.thread_ts === root.ts && m.ephemeral_to === null);
}

function announce(world: World, message: Message, content: Record<string, unknown>): void {
  const { kind } = channelOf(world, message.channel);
  const stamp = { event_ts: message.edited?.ts ?? message.ts, client_msg_id: freshId("M") };
  const [channelType, subscription] = {
    public: ["channel", "message.channels"] as const,
    private: ["group", "message.groups"] as const,
    im: ["im", "message.im"] as const,
  }[kind];
  const event = {
    ts: message.ts,
    ...content,
    type: "message",
    channel: message.channel,
    channel_type: channelType,
  };
  world.publish({ ...event, ...stamp }, subscription);
}

/** How many users `reactions.get` names without `full`, and history always. Slack promises none; the count is right. */
const namedUsers = 1;

/** Reactions with the list of users cut short. */
export function shortReactions(reactions: readonly Reaction[]): Record<string, unknown>[] {
  return reactions.map(({ name, users }) => ({
    name,
    users: users.slice(0, namedUsers),
    count: users.length,
  }));
}

/** The link under which the page shows this message. */
export function permalink(world: World, message: Message): string {
  return `${world.url}/archives/${message.channel}/p${message.ts.replace(".", "")}`;
}
