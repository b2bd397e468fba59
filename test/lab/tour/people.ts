import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { channel } from "../demo/ferry-file.ts";
import { eventually } from "../process.ts";

/** A hand in the workspace: types as people do, reacts as people do, and reads what they can read. */

const SeenMessage = z.object({
  ts: z.string(),
  user: z.string(),
  text: z.string(),
  blocks: z.array(z.unknown()),
  thread_ts: z.string().nullable(),
  ephemeral_to: z.string().nullable(),
  reactions: z.array(z.object({ name: z.string(), users: z.array(z.string()) })),
  files: z.array(z.looseObject({ id: z.string(), name: z.string() })),
  metadata: z.object({ event_payload: z.looseObject({ key: z.string().optional() }) }).nullable(),
});
export type SeenMessage = z.infer<typeof SeenMessage>;

const Messages = z.object({ messages: z.array(SeenMessage) });
const Typed = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  ts: z.string().nullish(),
  reply: z.object({ response_type: z.string().optional(), text: z.string().default("") }).nullish(),
});
const Done = z.object({ ok: z.boolean(), error: z.string().optional() });

/** What the app answered to a command: the job it queued, and when. */
export type Queued = { readonly job: string; readonly ts: string; readonly at: number };

export type Workspace = {
  readonly messages: () => Promise<readonly SeenMessage[]>;
  /** Types `/ferry TEXT`. Throws with the app's words when nothing was queued. */
  readonly type: (user: string, text: string) => Promise<Queued>;
  readonly react: (user: string, ts: string, name: string, present?: boolean) => Promise<void>;
  /** Writes into a message's thread. */
  readonly reply: (user: string, ts: string, text: string) => Promise<void>;
  /** Waits for a message; throws with `what` and the channel's last words at the deadline. */
  readonly await: (
    what: string,
    fits: (message: SeenMessage) => boolean,
    deadlineMs?: number,
  ) => Promise<SeenMessage>;
  /** Makes sure that a message stays as it is for `ms`. */
  readonly remains: (
    what: string,
    ts: string,
    ms: number,
    holds: (m: SeenMessage) => boolean,
  ) => Promise<void>;
  readonly fileText: (id: string) => Promise<string>;
};

const patienceMs = 120_000;

export function enterWorkspace(url: string, signal: AbortSignal): Workspace {
  return { ...hand(url, signal), ...eyes(url, signal) };
}

function hand(url: string, signal: AbortSignal): Pick<Workspace, "type" | "react" | "reply"> {
  async function act(name: string, body: object): Promise<unknown> {
    const response = await fetch(`${url}/_control/${name}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
    });
    return await response.json();
  }

  return {
    async type(user, text) {
      const answer = Typed.parse(await act("command", { channel, user, command: "/ferry", text }));
      const words = answer.reply?.text ?? answer.error ?? "no answer";
      const job = /queued · job (\S+)/u.exec(words)?.[1];
      if (job === undefined || typeof answer.ts !== "string") throw new Error(`/ferry ${text}: ${words}`);
      return { job, ts: answer.ts, at: Date.now() };
    },
    async react(user, ts, name, present = true) {
      const { ok, error } = Done.parse(await act("reaction", { channel, user, ts, name, present }));
      if (!ok) throw new Error(`:${name}: of ${user}: ${error ?? "refused"}`);
    },
    async reply(user, ts, text) {
      const { ok, error } = Done.parse(await act("message", { channel, user, text, thread_ts: ts }));
      if (!ok) throw new Error(`"${text}" of ${user}: ${error ?? "refused"}`);
    },
  };
}

function eyes(url: string, signal: AbortSignal): Omit<Workspace, "type" | "react" | "reply"> {
  async function messages(): Promise<readonly SeenMessage[]> {
    const response = await fetch(`${url}/_control/messages/${channel}`, { signal });
    return Messages.parse(await response.json()).messages;
  }

  async function lastWords(): Promise<string> {
    const said = (await messages()).filter(({ thread_ts }) => thread_ts === null).slice(-2);
    return said.map(({ text }) => `  | ${text.replaceAll("\n", "\n  | ")}`).join("\n");
  }

  return {
    messages,
    async await(what, fits, deadlineMs = patienceMs) {
      const patience = { what, deadlineMs, everyMs: 200, signal };
      try {
        return await eventually(async () => (await messages()).find(fits), patience);
      } catch (cause) {
        if (signal.aborted) throw cause;
        const problem = `${what} did not come within ${deadlineMs / 1000} s`;
        throw new Error(`${problem}. Last in the channel:\n${await lastWords()}`, { cause });
      }
    },
    async remains(what, ts, ms, holds) {
      for (const end = Date.now() + ms; Date.now() < end; await delay(100, undefined, { signal })) {
        const message = (await messages()).find((one) => one.ts === ts && one.ephemeral_to === null);
        if (message === undefined || !holds(message))
          throw new Error(`${what}: ${message?.text ?? "it is gone"}`);
      }
    },
    async fileText(id) {
      const response = await fetch(`${url}/_page/${id}`, { signal });
      if (!response.ok) throw new Error(`file ${id}: ${response.status}`);
      return await response.text();
    },
  };
}

/** The key by which the bot finds its own message again. */
export function keyOf({ metadata }: SeenMessage): string {
  return metadata?.event_payload.key ?? "";
}

/** A card that is still being worked on shows a bar, only its headline, or that it waits. */
export function isUnderWay({ text, blocks }: SeenMessage): boolean {
  return /[▓░]|waiting since/u.test(text) || blocks.length < 2;
}

/** A table is in the blocks only: its lines. */
export function tableOf({ blocks }: SeenMessage): readonly string[] {
  const found = blocks.flatMap((block) => {
    const table = Preformatted.safeParse(block);
    return table.success ? table.data.elements : [];
  });
  return found.flatMap(({ elements }) => elements.flatMap(({ text }) => text.split("\n")));
}

const Preformatted = z.object({
  type: z.literal("rich_text"),
  elements: z.array(
    z.object({
      type: z.literal("rich_text_preformatted"),
      elements: z.array(z.object({ text: z.string() })),
    }),
  ),
});

/** A card that names the next commands, or a failure, has said its last word. */
export function isLastWord(message: SeenMessage): boolean {
  const last = JSON.stringify(message.blocks.at(-1) ?? {});
  return last.includes("next: ") || failureOf(message) !== undefined;
}

/** What went wrong, as the card says it: "E_NO_PLAN There is no plan yet." */
export function failureOf({ text }: SeenMessage): string | undefined {
  if (!/^✗|\*Failed/u.test(text)) return undefined;
  return plain(text).split("\n").slice(0, 6).join(" / ");
}

/** The words of a message without Slack's marks. */
export function plain(text: string): string {
  return text
    .replaceAll("\u2060", "")
    .replaceAll(/<@(\w+)>/gu, (_, id: string) => `@${nameOf(id)}`)
    .replaceAll(/<!subteam\^\w+>/gu, "@kafka-owners")
    .replaceAll("&gt;", ">")
    .replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&")
    .replaceAll(/[*`]/gu, "");
}

/** The lab's people are called like their ids. */
export function nameOf(id: string): string {
  return id.replace(/^[UW]0/, "").toLowerCase();
}
