import { describe, expect, test } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { createHandClock } from "#support/hand-clock.ts";
import { chatContract } from "../contract/chat.ts";

chatContract("in memory", async () => {
  const fake = createFakeChat();
  const kinds = ["guest", "bot", "deactivated", "stranger"] as const;
  for (const kind of kinds) fake.people.set(`U0${kind}`, { id: `U0${kind}`, name: kind, kind });
  fake.sharedChannels.add("C0SHARED");
  fake.groups.set("S0OWNERS", ["U0BEN", "U0CLEO"]);
  return {
    chat: fake.chat,
    channel: "C0MIGRATION",
    sharedChannel: "C0SHARED",
    homeOf: async (user) => fake.homes.get(user)?.subject,
    people: {
      member: "U0ANA",
      otherMember: "U0BEN",
      guest: "U0guest",
      bot: "U0bot",
      deactivated: "U0deactivated",
      stranger: "U0stranger",
    },
    group: { id: "S0OWNERS", users: ["U0BEN", "U0CLEO"] },
    react: async (ref, user, name) => fake.react(ref, user, name),
    unreact: async (ref, user, name) => fake.unreact(ref, user, name),
    reply: async (ref, user, text) => fake.reply(ref, user, text),
    remove: async (ref) => fake.remove(ref),
    subjects: async () => fake.posts.map(({ message }) => message.subject),
    whispered: async (user) =>
      fake.whispers.filter((each) => each.user === user).map((each) => each.message.subject),
    close: async () => {},
  };
});

test("a planned failure happens once", async () => {
  const fake = createFakeChat();
  const { chat } = fake;
  fake.failNext("post", new FerryError("E_SLACK", "planned"));
  const message = { subject: "x", tone: "info", parts: [] } as const;
  await expect(chat.post("C0", message, { key: "k" })).rejects.toMatchObject({ message: "planned" });
  await expect(chat.post("C0", message, { key: "k" })).resolves.toMatchObject({ channel: "C0" });
});

describe("faults of the chat in memory", () => {
  const message = { subject: "x", tone: "info", parts: [] } as const;

  test("a lost answer was carried out: the post is found by its key", async () => {
    const fake = createFakeChat();
    fake.faults.inject({ call: "post", kind: "lost" });
    await expect(fake.chat.post("C0", message, { key: "k" })).rejects.toMatchObject({ code: "E_SLACK" });
    expect(await fake.chat.find("C0", "k")).toEqual(fake.posts[0]?.ref);
  });

  test.each(["5xx", "missing"] as const)("%s does nothing, as often as it was asked", async (kind) => {
    const fake = createFakeChat();
    fake.faults.inject({ call: "any", kind, times: 2 });
    for (const key of ["a", "b"])
      await expect(fake.chat.post("C0", message, { key })).rejects.toMatchObject({ code: "E_SLACK" });
    await fake.chat.post("C0", message, { key: "c" });
    expect(fake.posts.map(({ key }) => key)).toEqual(["c"]);
  });

  test("a limited call is late, and done", async () => {
    const clock = createHandClock();
    const fake = createFakeChat(clock);
    fake.faults.inject({ call: "post", kind: "limited", ms: 1000 });
    const posted = fake.chat.post("C0", message, { key: "k" });
    expect(fake.posts).toEqual([]);
    await clock.advance(1000);
    await posted;
    expect(fake.posts).toHaveLength(1);
  });

  test("events are dropped, doubled, swapped, and lost while disconnected", async () => {
    const fake = createFakeChat();
    const heard: string[] = [];
    fake.listen({
      onReaction: ({ user, added }) => heard.push(`${added ? "+" : "-"}${user}`),
      onMessageDeleted: () => heard.push("deleted"),
      onReconnect: () => heard.push("reconnect"),
    });
    const ref = await fake.chat.post("C0", message, { key: "k" });
    const react = (user: string) => fake.react(ref, user, "x");
    fake.faults.inject({ event: "drop" });
    react("A");
    fake.faults.inject({ event: "duplicate" });
    react("B");
    fake.faults.inject({ event: "reorder" });
    react("C");
    fake.unreact(ref, "C", "x");
    fake.faults.inject({ event: "disconnect" });
    react("D");
    react("E");
    fake.reconnect();
    fake.remove(ref);
    expect(heard).toEqual(["+B", "+B", "-C", "+C", "reconnect", "deleted"]);
  });
});
