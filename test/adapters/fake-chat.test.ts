import { expect, test } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createFakeChat } from "#support/fake-chat.ts";
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
