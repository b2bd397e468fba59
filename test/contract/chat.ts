import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Message } from "#domain/message.ts";
import type { Chat, MessageRef, Person } from "#domain/ports.ts";
import { unique } from "#support/unique.ts";

/** One channel with people, and a way to act as them. */
export type ChatWorld = {
  readonly chat: Chat;
  readonly channel: string;
  /** One with people of other workspaces in it. */
  readonly sharedChannel: string;
  /** Somebody of each kind; two members. */
  readonly people: Readonly<Record<Person["kind"], string>> & { readonly otherMember: string };
  readonly group: { readonly id: string; readonly users: readonly string[] };
  react(ref: MessageRef, user: string, name: string): Promise<void>;
  unreact(ref: MessageRef, user: string, name: string): Promise<void>;
  reply(ref: MessageRef, user: string, text: string): Promise<void>;
  remove(ref: MessageRef): Promise<void>;
  /** The subjects that everybody can read now, threads too, oldest first. */
  subjects(): Promise<readonly string[]>;
  /** The subjects that only this person can read. */
  whispered(user: string): Promise<readonly string[]>;
  /** The subject of this person's Home tab. */
  homeOf(user: string): Promise<string | undefined>;
  close(): Promise<void>;
};

function about(subject: string): Message {
  return { subject, tone: "info", parts: [{ kind: "text", text: "of no further interest" }] };
}

/** What every implementation of the chat port does. */
export function chatContract(name: string, open: () => Promise<ChatWorld>): void {
  describe(`chat port: ${name}`, () => {
    let world: ChatWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => {
      await world.close();
    });

    async function posted(thread?: string): Promise<{ ref: MessageRef; key: string }> {
      const key = unique("key");
      const options = thread === undefined ? { key } : { key, thread };
      return { key, ref: await world.chat.post(world.channel, about(key), options) };
    }

    test("finds a post by its key, and none by another", async () => {
      const { ref, key } = await posted();
      expect(await world.chat.find(world.channel, key)).toEqual(ref);
      expect(await world.chat.find(world.channel, unique("key"))).toBeUndefined();
    });

    test("keeps a thread's posts apart from the channel's", async () => {
      const root = await posted();
      const reply = await posted(root.ref.ts);
      expect(await world.chat.find(world.channel, reply.key, root.ref.ts)).toEqual(reply.ref);
      expect(await world.chat.find(world.channel, reply.key)).toBeUndefined();
    });

    test("an update replaces what is read and keeps key and reactions", async () => {
      const { ref, key } = await posted();
      await world.react(ref, world.people.member, "white_check_mark");
      const subject = unique("updated");
      await world.chat.update(ref, about(subject));
      const subjects = await world.subjects();
      expect(subjects).toContain(subject);
      expect(subjects).not.toContain(key);
      expect(await world.chat.find(world.channel, key)).toEqual(ref);
      expect(await world.chat.reactions(ref)).toEqual([
        { name: "white_check_mark", users: [world.people.member] },
      ]);
    });

    test("of many updates at once the last one stays", async () => {
      const { ref } = await posted();
      const names = Array.from({ length: 12 }, () => unique("update"));
      await Promise.all(names.map((each) => world.chat.update(ref, about(each))));
      const subjects = await world.subjects();
      expect(subjects).toContain(names.at(-1));
      expect(subjects).not.toContain(names[0]);
    });

    test("a whisper is read by one person only", async () => {
      const subject = unique("whisper");
      await world.chat.whisper(world.channel, world.people.member, about(subject));
      expect(await world.whispered(world.people.member)).toContain(subject);
      expect(await world.whispered(world.people.otherMember)).not.toContain(subject);
      expect(await world.subjects()).not.toContain(subject);
    });

    test("reads back who reacts, every user of each, without the bot's own seeds", async () => {
      const { ref } = await posted();
      const { member, otherMember, guest } = world.people;
      await world.chat.seed(ref, ["white_check_mark", "x"]);
      await world.chat.seed(ref, ["white_check_mark", "x"]);
      expect(await world.chat.reactions(ref)).toEqual([]);
      for (const user of [member, otherMember, guest]) await world.react(ref, user, "white_check_mark");
      await world.unreact(ref, otherMember, "white_check_mark");
      await world.react(ref, otherMember, "x");
      const found = await world.chat.reactions(ref);
      expect(found.find((each) => each.name === "white_check_mark")?.users).toEqual([member, guest]);
      expect(found.find((each) => each.name === "x")?.users).toEqual([otherMember]);
    });

    test("reads what people wrote in a thread, without its first message and the bot's own posts", async () => {
      const { ref } = await posted();
      const { member, otherMember } = world.people;
      expect(await world.chat.replies(ref)).toEqual([]);
      await world.reply(ref, member, "the billing run is on");
      await posted(ref.ts);
      await world.reply(ref, otherMember, "until six");
      expect(await world.chat.replies(ref)).toEqual([
        { user: member, text: "the billing run is on" },
        { user: otherMember, text: "until six" },
      ]);
    });

    test("a deleted message is gone for every call", async () => {
      const { ref, key } = await posted();
      await world.remove(ref);
      const gone = { code: "E_MESSAGE_GONE" };
      expect(await world.chat.find(world.channel, key)).toBeUndefined();
      await expect(world.chat.update(ref, about("late"))).rejects.toMatchObject(gone);
      await expect(world.chat.reactions(ref)).rejects.toMatchObject(gone);
      await expect(world.chat.replies(ref)).rejects.toMatchObject(gone);
      await expect(world.chat.seed(ref, ["x"])).rejects.toMatchObject(gone);
      await expect(world.chat.permalink(ref)).rejects.toMatchObject(gone);
      await expect(posted(ref.ts)).rejects.toMatchObject(gone);
    });

    test("an uploaded file has an id that a message can show", async () => {
      const { ref } = await posted();
      const file = { name: "lag.png", title: "Lag", content: png };
      const fileId = await world.chat.upload({ channel: world.channel, thread: ref.ts }, file);
      const subject = unique("image");
      const parts = [{ kind: "image", fileId, alt: "lag over time" }] as const;
      await world.chat.post(world.channel, { ...about(subject), parts }, { key: subject });
      expect(await world.subjects()).toContain(subject);
    });

    test("an upload that was shared before a crash is found, another one is made", async () => {
      const { ref } = await posted();
      const where = { channel: world.channel, thread: ref.ts };
      const file = { name: "lag.png", title: "Lag", content: png };
      const taken: string[] = [];
      const take = async (id: string) => void taken.push(id);
      const first = await world.chat.upload(where, file, { take });
      expect(taken).toEqual([first]);
      expect(await world.chat.upload(where, file, { earlier: first, take })).toBe(first);
      expect(taken).toEqual([first]);
      expect(await world.chat.upload(where, file, { earlier: "F0NEVER", take })).not.toBe(first);
    });

    test("what is published for a person replaces their Home tab only", async () => {
      const [mine, other] = [unique("home"), unique("home")];
      await world.chat.home(world.people.member, about(unique("home")));
      await world.chat.home(world.people.member, about(mine));
      await world.chat.home(world.people.otherMember, about(other));
      expect(await world.homeOf(world.people.member)).toBe(mine);
      expect(await world.homeOf(world.people.otherMember)).toBe(other);
    });

    test("tells a channel that is shared with other workspaces", async () => {
      expect(await world.chat.shared(world.channel)).toBe(false);
      expect(await world.chat.shared(world.sharedChannel)).toBe(true);
    });

    test.each(["member", "guest", "bot", "deactivated", "stranger"] as const)("knows a %s", async (kind) => {
      const id = world.people[kind];
      expect(await world.chat.person(id)).toMatchObject({ id, kind });
    });

    test("names the members of a group and refuses an unknown one", async () => {
      expect(await world.chat.members(world.group.id)).toEqual(world.group.users);
      await expect(world.chat.members("S0NOBODY")).rejects.toMatchObject({ code: "E_SLACK" });
    });

    test("links to a message", async () => {
      const { ref } = await posted();
      expect(await world.chat.permalink(ref)).toContain(ref.ts.replace(".", ""));
    });
  });
}

/** One grey pixel. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);
