import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Clock, Log, MessageRef } from "#domain/ports.ts";
import { type Calls, refusalOf } from "./calls.ts";
import { findMessage, type Place, type SlackMessage } from "./history.ts";
import type { Pacer } from "./pacing.ts";

/** Slack's form of a message. */
type Rendered = { readonly text: string; readonly blocks: readonly object[] };
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
const Upload = z.object({ file_id: z.string(), upload_url: z.string() });

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

/** The post with this key, by its metadata and by its author: anybody may copy metadata. */
export async function findPost(
  need: ChatNeed,
  place: Place,
  key: string,
  oldest?: string,
): Promise<MessageRef | undefined> {
  const { user } = await need.identity();
  const fits = (message: SlackMessage) =>
    message.user === user &&
    message.metadata?.event_type === eventType &&
    message.metadata.event_payload["key"] === key;
  const found = await findMessage(need.calls, need.log, place, fits, oldest);
  return found && { channel: place.channel, ts: found.ts };
}

/** Slack's clock and ours may differ by this much, in seconds. */
const clockSkew = 60;

/** Posts once: when an answer is lost, looks for the post before trying again. */
export async function post(need: ChatNeed, place: Place, message: Message, key: string): Promise<MessageRef> {
  const { channel, thread } = place;
  const args = {
    channel,
    ...(thread !== undefined && { thread_ts: thread }),
    metadata: { event_type: eventType, event_payload: { key } },
    unfurl_links: false,
  };
  const oldest = String(Math.floor(need.clock.now() / 1000) - clockSkew);
  const found = () => findPost(need, place, key, oldest);
  const posted = await drawn(need, message, (content) =>
    need.calls.once("chat.postMessage", { ...args, ...content }, Posted, found),
  );
  return { channel, ts: posted.ts };
}

/** Replaces the content of a message; its metadata and reactions stay. */
export async function update(need: ChatNeed, ref: MessageRef, message: Message): Promise<void> {
  await drawn(need, message, (content) =>
    need.calls.repeatable("chat.update", { ...ref, ...content }, Nothing),
  );
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
  send: (content: Rendered) => Promise<T>,
): Promise<T> {
  const content = need.render(message);
  const tries = message.parts.some(({ kind }) => kind === "image") ? imageTries : 1;
  for (let left = tries - 1; left >= 0; left -= 1) {
    try {
      return await send(content);
    } catch (error) {
      if (refusalOf(error) !== "invalid_blocks") throw error;
      need.log.warn({ subject: message.subject, left, error }, "slack refused the blocks of a message");
      if (left > 0) await need.clock.sleep(1000, need.signal);
    }
  }
  return send({ text: content.text, blocks: [] });
}

export type NewFile = { readonly name: string; readonly title: string; readonly content: Buffer };

/** Uploads and shares a file once. Returns its id. Slack takes no empty file. */
export async function upload({ calls, log }: ChatNeed, where: Place, file: NewFile): Promise<string> {
  const size = { filename: file.name, length: file.content.length };
  const { file_id: id, upload_url: url } = await calls.repeatable("files.getUploadURLExternal", size, Upload);
  await calls.send(url, file.content);
  const args = {
    files: JSON.stringify([{ id, title: file.title }]),
    channel_id: where.channel,
    ...(where.thread !== undefined && { thread_ts: where.thread }),
  };
  const shared = (message: SlackMessage) => message.files?.some((each) => each.id === id) ?? false;
  const found = async () => (await findMessage(calls, log, where, shared)) && {};
  await calls.once("files.completeUploadExternal", args, Nothing, found);
  return id;
}
