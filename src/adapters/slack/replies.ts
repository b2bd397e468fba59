import { z } from "zod";
import type { MessageRef, Reply } from "#domain/ports.ts";
import { type ChatNeed, orGone } from "./sending.ts";

const Page = z.object({
  messages: z.array(z.object({ ts: z.string(), user: z.string().optional(), text: z.string().default("") })),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

const pageSize = 200;
const pages = 5;

/** What was written in a thread, its first message and the bot's own posts left out; at most the first 1,000. */
export async function readReplies(need: ChatNeed, ref: MessageRef): Promise<readonly Reply[]> {
  const { user: bot } = await need.identity();
  const replies: Reply[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const args = { channel: ref.channel, ts: ref.ts, limit: pageSize, ...(cursor && { cursor }) };
    const answer = await need.calls
      .repeatable("conversations.replies", args, Page)
      .catch((error: unknown) => orGone(error, ref));
    for (const { ts, user, text } of answer.messages) {
      if (ts !== ref.ts && user !== undefined && user !== bot) replies.push({ user, text: plain(text) });
    }
    cursor = answer.response_metadata?.next_cursor;
    if (!cursor) break;
  }
  return replies;
}

/** Slack escapes three characters of what people write, and names people by id. */
function plain(text: string): string {
  return text
    .replaceAll(/<@([UW][A-Z0-9]+)(?:\|[^>]*)?>/g, "@{$1}")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
