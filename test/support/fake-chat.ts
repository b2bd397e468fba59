import { FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Chat, Clock, MessageRef, Person, Reply } from "#domain/ports.ts";
import { type ChatFaults, createChatFaults } from "./chat-faults.ts";
import { realClock } from "./real-clock.ts";

/** A message in memory: what is seen now, and everything that was seen before. */
type FakePost = {
  readonly ref: MessageRef;
  readonly key: string;
  readonly thread: string | undefined;
  message: Message;
  readonly history: Message[];
};

type FakeFile = {
  readonly id: string;
  readonly channel: string;
  readonly thread: string | undefined;
  readonly name: string;
  readonly title: string;
  readonly content: Buffer;
};

/** Chat in memory. Tests react and delete as anybody and read what was said. People not set are members. */
export type FakeChat = {
  readonly chat: Chat;
  readonly people: Map<string, Person>;
  readonly groups: Map<string, readonly string[]>;
  readonly posts: FakePost[];
  readonly whispers: Array<{ readonly channel: string; readonly user: string; readonly message: Message }>;
  readonly files: FakeFile[];
  /** Channels with people of other workspaces in them. */
  readonly sharedChannels: Set<string>;
  /** The Home tab of each person. */
  readonly homes: Map<string, Message>;
  /** The bot's own reactions on a message. */
  seeded(ref: MessageRef): readonly string[];
  react(ref: MessageRef, user: string, name: string): void;
  unreact(ref: MessageRef, user: string, name: string): void;
  reply(ref: MessageRef, user: string, text: string): void;
  remove(ref: MessageRef): void;
  /** The next call of this name fails with that error. */
  failNext(call: keyof Chat, error: FerryError): void;
  /** Tells of reactions, deletions and reconnects from now on, unless a fault is in between. */
  listen(listener: FakeListener): void;
  /** Ends a `disconnect`, and says so. */
  reconnect(): void;
  readonly faults: Pick<ChatFaults, "inject" | "clear">;
};

/** What a bot hears; the same as the adapter's handlers. */
type FakeListener = {
  onReaction(seen: {
    readonly ref: MessageRef;
    readonly user: string;
    readonly name: string;
    readonly added: boolean;
  }): void;
  onMessageDeleted(ref: MessageRef): void;
  onReconnect(): void;
};

type State = Pick<
  FakeChat,
  "people" | "groups" | "posts" | "whispers" | "files" | "sharedChannels" | "homes"
> & {
  /** By message: reaction name to users, in the order in which they reacted. */
  readonly reactions: Map<string, Map<string, Set<string>>>;
  readonly seeds: Map<string, Set<string>>;
  readonly replies: Map<string, Reply[]>;
  stamp: number;
};

export function createFakeChat(clock: Clock = realClock): FakeChat {
  const state: State = {
    people: new Map(),
    groups: new Map(),
    posts: [],
    whispers: [],
    files: [],
    sharedChannels: new Set(),
    homes: new Map(),
    reactions: new Map(),
    seeds: new Map(),
    replies: new Map(),
    stamp: 1_795_362_883_000_000,
  };
  const faults = createChatFaults(clock);
  const listeners: FakeListener[] = [];
  const tell = (what: (listener: FakeListener) => void) => faults.deliver(() => listeners.forEach(what));
  return {
    ...state,
    faults,
    chat: faults.around(chatOn(state)),
    listen: (listener) => void listeners.push(listener),
    reconnect() {
      faults.reconnect();
      for (const listener of listeners) listener.onReconnect();
    },
    seeded: (ref) => [...(state.seeds.get(idOf(ref)) ?? [])],
    react(ref, user, name) {
      postAt(state, ref);
      usersOf(state, ref, name).add(user);
      tell((listener) => listener.onReaction({ ref, user, name, added: true }));
    },
    unreact(ref, user, name) {
      usersOf(state, ref, name).delete(user);
      tell((listener) => listener.onReaction({ ref, user, name, added: false }));
    },
    reply: (ref, user, text) =>
      void state.replies.set(idOf(ref), [...(state.replies.get(idOf(ref)) ?? []), { user, text }]),
    remove(ref) {
      state.posts.splice(state.posts.indexOf(postAt(state, ref)), 1);
      tell((listener) => listener.onMessageDeleted(ref));
    },
    failNext: (call, error) => faults.inject({ call, kind: "error", error }),
  };
}

function idOf({ channel, ts }: MessageRef): string {
  return `${channel}:${ts}`;
}

function postAt({ posts }: State, ref: MessageRef): FakePost {
  const found = posts.find((post) => idOf(post.ref) === idOf(ref));
  if (found) return found;
  throw new FerryError("E_MESSAGE_GONE", `message ${ref.ts} in ${ref.channel} does not exist`);
}

function usersOf(state: State, ref: MessageRef, name: string): Set<string> {
  const names = state.reactions.get(idOf(ref)) ?? new Map<string, Set<string>>();
  state.reactions.set(idOf(ref), names);
  const users = names.get(name) ?? new Set<string>();
  names.set(name, users);
  return users;
}

/** A timestamp in Slack's form, later than all before. */
function nextTs(state: State): string {
  state.stamp += 1;
  return `${Math.floor(state.stamp / 1e6)}.${String(state.stamp % 1e6).padStart(6, "0")}`;
}

function chatOn(state: State): Chat {
  return { ...messagesOn(state), ...peopleOn(state) };
}

function messagesOn(
  state: State,
): Pick<Chat, "post" | "find" | "update" | "whisper" | "upload" | "permalink"> {
  return {
    async post(channel, message, { key, thread }) {
      if (thread !== undefined) postAt(state, { channel, ts: thread });
      const ref = { channel, ts: nextTs(state) };
      state.posts.push({ ref, key, thread, message, history: [message] });
      return ref;
    },
    async find(channel, key, thread) {
      return state.posts.find(
        (post) => post.ref.channel === channel && post.key === key && post.thread === thread,
      )?.ref;
    },
    async update(ref, message) {
      const post = postAt(state, ref);
      post.message = message;
      post.history.push(message);
    },
    async whisper(channel, user, message) {
      state.whispers.push({ channel, user, message });
    },
    async upload({ channel, thread }, file, claim) {
      if (thread !== undefined) postAt(state, { channel, ts: thread });
      if (state.files.some(({ id }) => id === claim?.earlier)) return claim?.earlier ?? "";
      const id = `F0FAKE${state.files.length + 1}`;
      await claim?.take(id);
      state.files.push({ id, channel, thread, ...file });
      return id;
    },
    async permalink(ref) {
      postAt(state, ref);
      return `https://chat.invalid/archives/${ref.channel}/p${ref.ts.replace(".", "")}`;
    },
  };
}

function peopleOn(
  state: State,
): Pick<Chat, "seed" | "reactions" | "replies" | "person" | "members" | "shared" | "home"> {
  return {
    async seed(ref, emoji) {
      postAt(state, ref);
      const seeds = state.seeds.get(idOf(ref)) ?? new Set<string>();
      state.seeds.set(idOf(ref), seeds);
      for (const name of emoji) seeds.add(name);
    },
    async reactions(ref) {
      postAt(state, ref);
      return [...(state.reactions.get(idOf(ref)) ?? [])]
        .map(([name, users]) => ({ name, users: [...users] }))
        .filter(({ users }) => users.length > 0);
    },
    async replies(ref) {
      postAt(state, ref);
      return state.replies.get(idOf(ref)) ?? [];
    },
    async person(user) {
      return state.people.get(user) ?? { id: user, name: user.toLowerCase(), kind: "member" };
    },
    async shared(channel) {
      return state.sharedChannels.has(channel);
    },
    async home(user, message) {
      state.homes.set(user, message);
    },
    async members(usergroup) {
      const found = state.groups.get(usergroup);
      if (found) return found;
      throw new FerryError("E_SLACK", `usergroups.users.list: no_such_subteam (${usergroup})`);
    },
  };
}
