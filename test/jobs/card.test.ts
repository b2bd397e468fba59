import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Chat, Store } from "#domain/ports.ts";
import { createCard, type OwnCard } from "#jobs/card.ts";
import { createFakeChat, type FakeChat } from "#support/fake-chat.ts";
import { createHandClock, type HandClock } from "#support/hand-clock.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { createQuietLog } from "#support/quiet-log.ts";

function say(text: string): Message {
  return { subject: "orders · assess", tone: "working", parts: [{ kind: "text", text }] };
}

type Bench = {
  readonly fake: FakeChat;
  readonly clock: HandClock;
  readonly store: Store;
  /** A process that works on the job: it knows nothing of the one before. */
  readonly open: (chat?: Chat) => OwnCard;
  readonly texts: () => readonly string[];
};

function bench(): Bench {
  const fake = createFakeChat();
  const clock = createHandClock();
  const store = createMemoryStore(clock);
  return {
    fake,
    clock,
    store,
    open: (chat = fake.chat) =>
      createCard({ jobId: "assess-1", channel: "C1", chat, store, clock, log: createQuietLog() }),
    texts: () =>
      (fake.posts[0]?.history ?? []).flatMap(({ parts }) =>
        parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])),
      ),
  };
}

describe("the card", () => {
  it("is posted once and shows at most one update in 2 s, the last one", async () => {
    const { open, fake, clock, texts } = bench();
    const card = open();
    for (const text of ["1", "2", "3"]) await card.update(say(text));
    expect(texts()).toEqual(["1"]);
    await clock.advance(2000);
    expect(texts()).toEqual(["1", "3"]);
    await card.update(say("4"));
    await clock.advance(1999);
    expect(texts()).toEqual(["1", "3"]);
    await clock.advance(1);
    expect(texts()).toEqual(["1", "3", "4"]);
    expect(fake.posts).toHaveLength(1);
  });

  it("always shows the end, at once, and nothing after it", async () => {
    const { open, clock, texts } = bench();
    const card = open();
    await card.update(say("1"));
    await card.update(say("2"));
    await card.finish(say("end"));
    expect(texts()).toEqual(["1", "end"]);
    await clock.advance(10_000);
    expect(texts()).toEqual(["1", "end"]);
  });

  it("is found again by the next process, also when the first died right after posting", async () => {
    const { open, fake, store } = bench();
    const dying: Chat = {
      ...fake.chat,
      post: async (...given) => {
        await fake.chat.post(...given);
        throw new FerryError("E_SLACK", "killed");
      },
    };
    await open(dying).update(say("1"));
    expect((await store.read("card:assess-1"))?.value).toEqual({ channel: "C1" });
    await open().update(say("2"));
    await open().finish(say("end"));
    expect(fake.posts).toHaveLength(1);
    expect(fake.posts[0]?.message).toEqual(say("end"));
  });

  it("does not fail the job when progress cannot be shown, but does when the end cannot", async () => {
    const { open, fake } = bench();
    const card = open();
    await card.update(say("1"));
    fake.failNext("update", new FerryError("E_SLACK", "rate limited"));
    await expect(open().update(say("2"))).resolves.toBeUndefined();
    fake.failNext("update", new FerryError("E_SLACK", "down"));
    await expect(card.finish(say("end"))).rejects.toMatchObject({ code: "E_SLACK" });
    await card.finish(say("end"));
    expect(fake.posts[0]?.message).toEqual(say("end"));
  });

  it("stays away when somebody deleted it, until the end", async () => {
    const { open, fake, clock } = bench();
    const card = open();
    await card.update(say("1"));
    const ref = fake.posts[0]?.ref ?? { channel: "", ts: "" };
    fake.remove(ref);
    await clock.advance(2000);
    await card.update(say("2"));
    await clock.advance(2000);
    await card.update(say("3"));
    expect(fake.posts).toEqual([]);
    await card.finish(say("end"));
    expect(fake.posts.map(({ message }) => message)).toEqual([say("end")]);
  });

  it("adds an entry or a file to its thread once, however often that is asked", async () => {
    const { open, fake } = bench();
    await open().finish(say("end"));
    const file = { name: "report.md", title: "Report", content: Buffer.from("# Report") };
    for (const card of [open(), open()]) {
      await card.thread("findings", say("12 findings"));
      expect(await card.file(file)).toBe(fake.files[0]?.id);
    }
    const [main, ...entries] = fake.posts;
    expect(entries.map(({ thread }) => thread)).toEqual([main?.ref.ts]);
    expect(fake.files).toHaveLength(1);
    expect(fake.files[0]?.thread).toBe(main?.ref.ts);
  });

  it("adds a file once, also when the process died right after it was shared", async () => {
    const { open, fake } = bench();
    await open().finish(say("end"));
    const file = { name: "report.md", title: "Report", content: Buffer.from("# Report") };
    const dying: Chat = {
      ...fake.chat,
      upload: async (...given) => {
        await fake.chat.upload(...given);
        throw new FerryError("E_SLACK", "killed");
      },
    };
    await expect(open(dying).file(file)).rejects.toMatchObject({ message: "killed" });
    expect(await open().file(file)).toBe(fake.files[0]?.id);
    expect(fake.files).toHaveLength(1);
    await open().file({ ...file, content: Buffer.from("# Another") });
    expect(fake.files).toHaveLength(2);
  });

  it("holds up no job that knows its message while Slack does not answer", async () => {
    const { open, fake, texts } = bench();
    await open().update(say("1"));
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const slow: Chat = {
      ...fake.chat,
      update: async (...given) => {
        await answered;
        await fake.chat.update(...given);
      },
    };
    const card = open(slow);
    await card.update(say("2"));
    expect(texts()).toEqual(["1"]);
    answer();
    await card.finish(say("end"));
    expect(texts()).toEqual(["1", "2", "end"]);
  });

  it("says before its end what Slack did not take for its thread", async () => {
    const { open, fake } = bench();
    const card = open();
    await card.update(say("1"));
    fake.failNext("find", new FerryError("E_SLACK", "down"));
    await expect(card.thread("findings", say("12 findings"))).rejects.toMatchObject({ code: "E_SLACK" });
    await card.finish(say("end"));
    expect(fake.posts.map(({ message }) => message)).toEqual([say("end"), say("12 findings")]);
  });

  it("amends what an earlier attempt said, and says nothing of its own where nothing was said", async () => {
    const { open, fake, texts } = bench();
    await open().amend(say("went on"));
    expect(fake.posts).toEqual([]);
    await open().update(say("waits"));
    await open().amend(say("went on"));
    const card = open();
    await card.update(say("1"));
    await card.amend(say("went on again"));
    expect(texts()).toEqual(["waits", "went on", "1"]);
  });
});
