import { FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Chat, MessageRef, Person, Reaction } from "#domain/ports.ts";

export type Post = {
  readonly ref: MessageRef;
  readonly key: string;
  readonly thread: string | undefined;
  message: Message;
  readonly history: Message[];
};

/** A channel in memory: tests read what was said, react as anybody, delete. The bot is `UBOT`. */
export type SmallChat = Chat & {
  readonly posts: Post[];
  readonly whispers: Array<{ readonly user: string; readonly message: Message }>;
  readonly uploads: Array<{
    readonly name: string;
    readonly content: Buffer;
    readonly thread: string | undefined;
  }>;
  react(ref: MessageRef, user: string, emoji: string): void;
  unreact(ref: MessageRef, user: string, emoji: string): void;
  delete(ref: MessageRef): void;
  post1(key: string): Post | undefined;
};

export function createSmallChat(world: {
  readonly people?: ReadonlyMap<string, Person["kind"]>;
  readonly groups?: ReadonlyMap<string, readonly string[]>;
}): SmallChat {
  const posts: Post[] = [];
  const whispers: SmallChat["whispers"] = [];
  const uploads: SmallChat["uploads"] = [];
  const reactions = new Map<string, Map<string, Set<string>>>();

  function at(ref: MessageRef): Post {
    const found = posts.find((post) => post.ref.ts === ref.ts && post.ref.channel === ref.channel);
    if (found === undefined) throw new FerryError("E_MESSAGE_GONE", `no message ${ref.ts}`);
    return found;
  }

  function usersOf(ref: MessageRef, emoji: string): Set<string> {
    const byName = reactions.get(ref.ts) ?? new Map<string, Set<string>>();
    reactions.set(ref.ts, byName);
    const users = byName.get(emoji) ?? new Set<string>();
    byName.set(emoji, users);
    return users;
  }

  let counter = 0;
  return {
    posts,
    whispers,
    uploads,
    post1: (key) => posts.find((post) => post.key === key),
    react: (ref, user, emoji) => void usersOf(ref, emoji).add(user),
    unreact: (ref, user, emoji) => void usersOf(ref, emoji).delete(user),
    delete: (ref) => void posts.splice(posts.indexOf(at(ref)), 1),
    post: async (channel, message, { key, thread }) => {
      counter += 1;
      const ref = { channel, ts: `1700000000.${String(counter).padStart(6, "0")}` };
      posts.push({ ref, key, thread, message, history: [message] });
      return ref;
    },
    find: async (channel, key, thread) =>
      posts.find((post) => post.ref.channel === channel && post.key === key && post.thread === thread)?.ref,
    update: async (ref, message) => {
      const post = at(ref);
      post.message = message;
      post.history.push(message);
    },
    whisper: async (_channel, user, message) => void whispers.push({ user, message }),
    upload: async (where, file) => {
      uploads.push({ name: file.name, content: file.content, thread: where.thread });
      return `F${uploads.length}`;
    },
    seed: async (ref, emoji) => {
      at(ref);
      for (const name of emoji) usersOf(ref, name).add("UBOT");
    },
    reactions: async (ref): Promise<readonly Reaction[]> => {
      at(ref);
      return [...(reactions.get(ref.ts) ?? [])]
        .map(([name, users]) => ({ name, users: [...users] }))
        .filter((reaction) => reaction.users.length > 0);
    },
    person: async (id) => ({
      id,
      name: id.toLowerCase(),
      kind: id === "UBOT" ? "bot" : (world.people?.get(id) ?? "member"),
    }),
    members: async (group) => world.groups?.get(group) ?? [],
    permalink: async (ref) => `https://chat.test/${ref.channel}/${ref.ts}`,
  };
}
