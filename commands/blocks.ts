import type { KnownBlock } from "@slack/types";
import type { Message, Tone } from "#domain/message.ts";
import { asMarkdown, cut } from "./blocks-inline.ts";
import { noteBlock, partBlocks, partText, textBlock } from "./blocks-part.ts";

/** What Slack is given. `text` is what notifications, search and screen readers use. */
export type Rendered = { readonly text: string; readonly blocks: readonly KnownBlock[] };

/** Slack: 50 blocks a message; all their text together well below what `msg_blocks_too_long` refuses. */
const limits = { blocks: 50, characters: 12_000, subject: 150, note: 300, fallback: 2000, next: 10 } as const;

const signs: Record<Tone, string> = {
  working: "⛴",
  done: "⛴",
  waiting: "⛴",
  info: "⛴",
  stopped: "■",
  failed: "✗",
  alarm: "⚠",
};

/** One message as Slack blocks. Pure and total: whatever does not fit is counted, never sent broken. */
export function render(message: Message): Rendered {
  const footer = nextBlocks(message.next);
  const room = limits.blocks - footer.length - 2;
  const blocks: KnownBlock[] = textBlock(headline(message));
  let left: number = limits.characters;
  let shown = 0;
  for (const part of message.parts) {
    const more = partBlocks(part);
    left -= JSON.stringify(more).length - more.length * 60;
    if (left < 0 || blocks.length + more.length > room) break;
    blocks.push(...more);
    shown += 1;
  }
  const missing = message.parts.length - shown;
  if (missing > 0) blocks.push(...noteBlock(`… ${missing} more, see the thread`));
  return { text: fallback(message), blocks: [...blocks, ...footer] };
}

function headline({ subject, tone, note }: Message): string {
  const title = cut(oneLine(subject).replaceAll("*", "∗"), limits.subject) || "MSK Ferry";
  return `${signs[tone]} *${title}*${note ? `   ${cut(oneLine(note), limits.note)}` : ""}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/gu, " ").trim();
}

function nextBlocks(next: Message["next"]): KnownBlock[] {
  if (next === undefined || next.length === 0) return [];
  const commands = next
    .slice(0, limits.next)
    .map((command) => `\`/ferry ${cut(oneLine(command).replaceAll("`", ""), 100)}\``);
  return noteBlock(`next: ${commands.join(" · ")}`);
}

function fallback(message: Message): string {
  const lines = [headline(message), ...message.parts.map(partText)].filter((line) => line !== "");
  return asMarkdown(lines.join("\n"), limits.fallback);
}
