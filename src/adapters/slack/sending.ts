import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Clock, Log, MessageRef } from "#domain/ports.ts";
import { withinLimits } from "./block-limits.ts";
import { type Calls, refusalOf } from "./calls.ts";
import { findMessage, type Place, type SlackMessage } from "./history.ts";
import type { Pacer } from "./pacing.ts";

/** Slack's form of a message; `whole` is all of it, when the blocks show only a part. */
export type Rendered = {
  readonly text: string;
  readonly blocks: readonly object[];
  readonly whole?: string | undefined;
};
export type Render = (message: Message) => Rendered;

/** Who the bot is in its workspace. */
export type Identity = { readonly user: string; readonly team: string };

export type ChatNeed = {
  readonly calls: Calls;
  readonly pacer: Pacer;
  readonly render: Render;
  readonly identity: () => Promise<Identity>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** Names the metadata by which a post of ours is found again. */
const eventType = "msk_ferry_message";

const Nothing = z.object({});
const Posted = z.object({ ts: z.string() });

const gone = new Set(["message_not_found", "thread_not_found"]);

/** True when Slack says that the message, or the thread's first one, does not exist. */
export function isGone(error: unknown): boolean {
  const refusal = refusalOf(error);
  return refusal !== undefined && gone.has(refusal);
}

/** `E_MESSAGE_GONE` in place of Slack's own words for it. */
export function orGone(error: unknown, ref: MessageRef): never {
  if (!isGone(error)) throw error;
  throw new FerryError("E_MESSAGE_GONE", `message ${ref.ts} in ${ref.channel} does not exist`, {
    cause: error,
  });
}

/** A post, and all of its content when the post shows only a part. */
export type Sent = { readonly ref: MessageRef; readonly whole: string | undefined };

/** The post with this key, by its metadata and by its author: anybody may copy metadata. */
export async function findPost(need: ChatNeed, place: Place, key: string): Promise<MessageRef | undefined> {
  const { user } = await need.identity();
  const fits = (message: SlackMessage) =>
    message.user === user &&
    message.metadata?.event_type === eventType &&
    message.metadata.event_payload["key"] === key;
  const found = await findMessage(need.calls, need.log, place, fits);
  return found && { channel: place.channel, ts: found.ts };
}

/**
 * Posts once: when an answer is lost, looks for the post before trying again. Not by its time: Slack's clock and ours
 * may differ.
 */
export async function post(need: ChatNeed, place: Place, message: Message, key: string): Promise<Sent> {
  const { channel, thread } = place;
  const args = {
    channel,
    ...(thread !== undefined && { thread_ts: thread }),
    metadata: { event_type: eventType, event_payload: { key } },
    unfurl_links: false,
  };
  const found = () => findPost(need, place, key);
  const { answer, whole } = await drawn(need, message, (content) =>
    need.calls.once("chat.postMessage", { ...args, ...content }, Posted, found),
  );
  return { ref: { channel, ts: answer.ts }, whole };
}

/** Replaces the content of a message; its metadata and reactions stay. Returns what did not fit. */
export async function update(need: ChatNeed, ref: MessageRef, message: Message): Promise<string | undefined> {
  const { whole } = await drawn(need, message, (content) =>
    need.calls.repeatable("chat.update", { ...ref, ...content }, Nothing),
  );
  return whole;
}

/** What Slack is sent for a message: every block within its limits. */
export function checked(need: ChatNeed, message: Message): Rendered {
  const { problems, ...content } = withinLimits(need.render(message));
  if (problems.length > 0)
    need.log.warn({ subject: message.subject, problems }, "blocks over slack's limits were left out");
  return content;
}

/** How often a fresh image is tried: Slack takes a moment to know a file it was just given. */
const imageTries = 5;

/**
 * Sends with blocks. While an uploaded image is not known to Slack yet, tries again; blocks that Slack refuses for
 * good are left off: the words arrive in any case.
 */
async function drawn<T>(
  need: ChatNeed,
  message: Message,
  send: (content: Pick<Rendered, "text" | "blocks">) => Promise<T>,
): Promise<{ readonly answer: T; readonly whole: string | undefined }> {
  const { whole, ...content } = checked(need, message);
  const tries = message.parts.some(({ kind }) => kind === "image") ? imageTries : 1;
  for (let left = tries - 1; left >= 0; left -= 1) {
    try {
      return { answer: await send(content), whole };
    } catch (error) {
      if (refusalOf(error) !== "invalid_blocks") throw error;
      need.log.warn({ subject: message.subject, left, error }, "slack refused the blocks of a message");
      if (left > 0) await need.clock.sleep(1000, need.signal);
    }
  }
  return { answer: await send({ text: content.text, blocks: [] }), whole };
}
