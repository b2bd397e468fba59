import { FerryError } from "#domain/errors.ts";
import { mention } from "#domain/message.ts";
import type { Chat, ClientDriver, Clock } from "#domain/ports.ts";
import type { Client, SwitchDriver } from "#domain/settings.ts";
import { unknown } from "#domain/topology.ts";

type ManualSettings = Extract<SwitchDriver, { driver: "manual" }>;

const everyMs = 3000;

/**
 * Tells the owner in the channel what to do and waits for their ✅. Only the owner counts where one is named; otherwise
 * any member but the bot. A ❌ or the deadline fails with `E_CLIENT_DRIVER`. It cannot know where the application
 * runs: Kafka is asked for that.
 */
export function createManualDriver(
  client: Client,
  settings: ManualSettings,
  chat: Chat,
  channel: string,
  clock: Clock,
): ClientDriver {
  async function ask(what: string, request: string): Promise<void> {
    const who = settings.owner === undefined ? "The owner" : mention(settings.owner);
    const message = {
      subject: `${client.name} · by hand`,
      tone: "waiting",
      note: `request ${request}`,
      parts: [
        { kind: "text", text: `${who}: please ${what}, then react with ✅ here. ❌ if it cannot be done.` },
      ],
    } as const;
    const key = `manual:${client.name}:${request}`;
    // After a crash the question is still there, perhaps with its answer.
    const ref = (await chat.find(channel, key)) ?? (await chat.post(channel, message, { key }));
    await chat.seed(ref, ["white_check_mark", "x"]);
    const deadline = clock.now() + settings.timeout;
    for (;;) {
      const answer = await readAnswer(chat, ref, settings.owner);
      if (answer === "done") {
        await chat.update(ref, {
          ...message,
          tone: "done",
          parts: [{ kind: "text", text: `Done: ${what}.` }],
        });
        return;
      }
      if (answer === "refused") {
        throw new FerryError("E_CLIENT_DRIVER", `${client.name}: the owner answered ❌ to "${what}".`);
      }
      if (clock.now() >= deadline) {
        throw new FerryError("E_CLIENT_DRIVER", `${client.name}: nobody answered "${what}" in time.`);
      }
      await clock.sleep(everyMs);
    }
  }

  return {
    stop: (request) => ask(`stop ${client.name} (${describe(client)})`, request),
    start: (place, access, request) =>
      ask(
        `start ${client.name} on the ${place}, bootstrap ${access.bootstrap.join(",")}, ${access.protocol}`,
        request,
      ),
    status: async () => unknown("switched by hand"),
  };
}

function describe(client: Client): string {
  return client.role === "consumer" ? `group ${client.group}` : `writes ${client.topics.join(", ")}`;
}

async function readAnswer(
  chat: Chat,
  ref: { readonly channel: string; readonly ts: string },
  owner: string | undefined,
): Promise<"done" | "refused" | "none"> {
  const reactions = await chat.reactions(ref);
  for (const { name, answer } of [
    { name: "x", answer: "refused" },
    { name: "white_check_mark", answer: "done" },
  ] as const) {
    const users = reactions.find((reaction) => reaction.name === name)?.users ?? [];
    for (const user of users) {
      if (owner !== undefined ? user === owner : (await chat.person(user)).kind === "member") return answer;
    }
  }
  return "none";
}
