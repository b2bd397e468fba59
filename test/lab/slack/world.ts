import { randomBytes } from "node:crypto";
import type { Block, View } from "./block-rules.ts";

/** A member as Slack's `users.info` flags them; the names are Slack's. */
export type Person = {
  id: string;
  name: string;
  real_name: string;
  team_id: string;
  email: string | null;
  deleted: boolean;
  is_bot: boolean;
  is_app_user: boolean;
  is_admin: boolean;
  is_restricted: boolean;
  is_ultra_restricted: boolean;
  is_stranger: boolean;
  is_invited_user: boolean;
};

export type Channel = {
  id: string;
  name: string;
  kind: "public" | "private" | "im";
  topic: string;
  created: number;
  is_archived: boolean;
  is_ext_shared: boolean;
  members: Set<string>;
};

export type UserGroup = { id: string; handle: string; name: string; users: string[]; disabled: boolean };

/** Users in the order in which they reacted. */
export type Reaction = { name: string; users: string[] };

export type Metadata = { event_type: string; event_payload: Record<string, unknown> };

export type Message = {
  channel: string;
  ts: string;
  user: string;
  text: string;
  blocks: Block[];
  attachments: Record<string, unknown>[];
  reactions: Reaction[];
  files: string[];
  thread_ts: string | null;
  metadata: Metadata | null;
  edited: { user: string; ts: string } | null;
  /** The only person who sees it; null for a normal message. */
  ephemeral_to: string | null;
};

export type StoredFile = {
  id: string;
  name: string;
  title: string;
  alt_text: string;
  mimetype: string;
  size: number;
  created: number;
  user: string;
  bytes: Buffer | null;
  /** False until `files.completeUploadExternal`. */
  complete: boolean;
  shares: { channel: string; ts: string; thread_ts: string | null }[];
};

export type SlackEvent = { type: string } & Record<string, unknown>;

export type AppSetup = {
  id: string;
  name: string;
  botId: string;
  botUser: string;
  botToken: string;
  appToken: string;
  signingSecret: string;
  /** Set: events go there over signed HTTP. Null: Socket Mode. */
  requestUrl: string | null;
  scopes: Set<string>;
  /** Subscribed events; messages by kind: `message.channels`, `message.groups`, `message.im`. */
  events: Set<string>;
  commands: Set<string>;
};

/** One workspace, whole. All of the state is here, so `reset` is a refill. */
export type World = {
  team: { id: string; name: string; domain: string };
  app: AppSetup;
  people: Map<string, Person>;
  channels: Map<string, Channel>;
  groups: Map<string, UserGroup>;
  messages: Map<string, Message[]>;
  files: Map<string, StoredFile>;
  homes: Map<string, View>;
  /** Open modals by person, the one in front last. */
  modals: Map<string, View[]>;
  triggers: Map<string, { user: string; expires: number }>;
  hooks: Map<string, ResponseHook>;
  /** Last timestamp given out per channel, in microseconds. */
  stamps: Map<string, number>;
  timers: Set<NodeJS.Timeout>;
  /** Set when the server listens, without a slash at the end. */
  url: string;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Tells the app, if it is subscribed and in the channel. */
  publish: (event: SlackEvent, subscription?: string) => void;
  /** Tells the open pages that something of this channel, or of this person, changed. */
  changed: (what: { channel?: string; user?: string | null }) => void;
};

/** A `response_url`: five uses in thirty minutes. */
type ResponseHook = {
  channel: string;
  user: string;
  original: string | null;
  uses: number;
  expires: number;
};

/** A refusal in Slack's form: HTTP 200 with `ok: false`, this error and, for invalid input, messages. */
export class Refusal extends Error {
  readonly messages: string[];
  readonly extra: Record<string, unknown>;
  constructor(error: string, messages: string[] = [], extra: Record<string, unknown> = {}) {
    super(error);
    this.name = "Refusal";
    this.messages = messages;
    this.extra = extra;
  }
}

/** An id that never repeats, also over restarts of the workspace: the bot's own store may outlive it. */
export function freshId(prefix: string): string {
  return `${prefix}0${randomBytes(5).toString("hex").toUpperCase()}`;
}

/** A message timestamp, `seconds.microseconds`: unique in its channel and later than all before. */
export function nextStamp(world: World, channel: string): string {
  const micros = Math.max(Math.floor(world.now() * 1000), (world.stamps.get(channel) ?? 0) + 1);
  world.stamps.set(channel, micros);
  return stampOf(micros);
}

/** `seconds.microseconds` of a point in time given in microseconds. */
export function stampOf(micros: number): string {
  return `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, "0")}`;
}

export function personOf(world: World, id: string): Person {
  const person = world.people.get(id);
  if (!person) throw new Refusal("user_not_found");
  return person;
}

export function channelOf(world: World, id: string): Channel {
  const channel = world.channels.get(id);
  if (!channel) throw new Refusal("channel_not_found");
  return channel;
}

/** The channel, if the bot may read and write there. A private channel it is not in does not exist for it. */
export function channelForApp(world: World, id: string): Channel {
  const channel = channelOf(world, id);
  if (channel.members.has(world.app.botUser)) return channel;
  throw new Refusal(channel.kind === "public" ? "not_in_channel" : "channel_not_found");
}

/** The channel, if this active person is in it. */
export function channelForPerson(world: World, id: string, user: string): Channel {
  const channel = channelOf(world, id);
  if (personOf(world, user).deleted) throw new Refusal("account_inactive");
  if (!channel.members.has(user)) throw new Refusal("not_in_channel");
  return channel;
}

export function messagesOf(world: World, channel: string): Message[] {
  const known = world.messages.get(channel);
  if (known) return known;
  const fresh: Message[] = [];
  world.messages.set(channel, fresh);
  return fresh;
}

/** A message that everybody in the channel sees; ephemerals cannot be found by the Web API. */
export function messageOf(world: World, channel: string, ts: string): Message {
  const message = messagesOf(world, channel).find((m) => m.ts === ts && m.ephemeral_to === null);
  if (!message) throw new Refusal("message_not_found");
  return message;
}

/** The conversation between a person and the bot, made when first needed. */
export function directChannel(world: World, user: string): Channel {
  personOf(world, user);
  const id = `D0${user.slice(1)}`;
  const known = world.channels.get(id);
  if (known) return known;
  const channel: Channel = {
    id,
    name: `dm-${user}`,
    kind: "im",
    topic: "",
    created: Math.floor(world.now() / 1000),
    is_archived: false,
    is_ext_shared: false,
    members: new Set([user, world.app.botUser]),
  };
  world.channels.set(id, channel);
  return channel;
}

/** A `trigger_id`: good for three seconds, once. */
export function newTrigger(world: World, user: string): string {
  const id = `${freshId("Tr")}.${world.team.id}`;
  world.triggers.set(id, { user, expires: world.now() + 3_000 });
  return id;
}

/** A `response_url` for a command, or for a click on `original`. */
export function newHook(world: World, channel: string, user: string, original: string | null): string {
  const id = freshId("Rh");
  world.hooks.set(id, { channel, user, original, uses: 0, expires: world.now() + 30 * 60_000 });
  return `${world.url}/_hooks/${id}`;
}
