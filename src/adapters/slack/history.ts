import { z } from "zod";
import type { Log, MessageRef } from "#domain/ports.ts";
import type { Calls } from "./calls.ts";

/** `users` may be shorter than `count`. */
export const ReactionCount = z.object({ name: z.string(), users: z.array(z.string()), count: z.int() });
export type ReactionCount = z.infer<typeof ReactionCount>;

const SlackMessage = z.object({
  ts: z.string(),
  user: z.string().optional(),
  files: z.array(z.object({ id: z.string(), name: z.string().nullish() })).optional(),
  metadata: z.object({ event_type: z.string(), event_payload: z.record(z.string(), z.unknown()) }).optional(),
  reactions: z.array(ReactionCount).optional(),
});
export type SlackMessage = z.infer<typeof SlackMessage>;

const Page = z.object({
  messages: z.array(SlackMessage),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

export type Place = { readonly channel: string; readonly thread?: string | undefined };

/** Slack advises 200 a page; 20 pages go back about as far as anybody scrolls. */
const pageSize = 200;
const pages = 20;

/** The first message of a channel or a thread that fits. Channels are read newest first, threads oldest first. */
export async function findMessage(
  calls: Calls,
  log: Log,
  place: Place,
  fits: (message: SlackMessage) => boolean,
): Promise<SlackMessage | undefined> {
  const { channel, thread } = place;
  const where = thread === undefined ? { channel } : { channel, ts: thread };
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const answer = await calls.repeatable(
      thread === undefined ? "conversations.history" : "conversations.replies",
      {
        ...where,
        limit: pageSize,
        include_all_metadata: true,
        ...(cursor && { cursor }),
      },
      Page,
    );
    const found = answer.messages.find(fits);
    if (found) return found;
    cursor = answer.response_metadata?.next_cursor;
    if (!cursor) return undefined;
  }
  log.warn(
    { channel, thread, pages, pageSize },
    "message not found in the part of the history that was read",
  );
  return undefined;
}

/** One message of a channel, as history shows it; replies in threads are not in there. */
export async function messageAt(
  calls: Calls,
  { channel, ts }: MessageRef,
): Promise<SlackMessage | undefined> {
  const range = { channel, latest: ts, oldest: ts, inclusive: true, limit: 1 };
  const { messages } = await calls.repeatable("conversations.history", range, Page);
  return messages.find((message) => message.ts === ts);
}
