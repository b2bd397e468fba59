import type { Button, KnownBlock } from "@slack/types";
import type { Action, Message, Tone } from "#domain/message.ts";
import { asMarkdown, cut } from "./blocks-inline.ts";
import { isCut, noteBlock, partBlocks, partText, textBlocks } from "./blocks-part.ts";
import { wholeText } from "./blocks-whole.ts";

/** What Slack is given. `text` is what notifications, search and screen readers use. */
export type Rendered = {
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
  /** Everything, when the blocks show only a part of it and will stay so: for a file. */
  readonly whole?: string;
};

/** Slack: 50 blocks a message; all their text together well below what `msg_blocks_too_long` refuses. */
const limits = {
  blocks: 50,
  characters: 12_000,
  subject: 150,
  note: 300,
  fallback: 2000,
  next: 10,
  actions: 5,
  label: 75,
  question: 300,
} as const;

/** Sign and word tell the tones apart at a glance, in any font and when read aloud. */
const tones: Readonly<Record<Tone, { readonly sign: string; readonly word?: string }>> = {
  working: { sign: "⏳", word: "working" },
  done: { sign: "✓", word: "done" },
  waiting: { sign: "⛴", word: "waiting" },
  info: { sign: "⛴" },
  stopped: { sign: "■", word: "stopped" },
  failed: { sign: "✗", word: "failed" },
  alarm: { sign: "⚠", word: "alarm" },
};

/** One message as Slack blocks. Pure and total: whatever does not fit is counted, never sent broken. */
export function render(message: Message): Rendered {
  const footer = [...nextBlocks(message.next), ...actionBlocks(message.actions)];
  const room = limits.blocks - footer.length - 3;
  const blocks: KnownBlock[] = textBlocks(headline(message));
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
  if (missing > 0) blocks.push(...noteBlock(`… ${missing} more`));
  const isShortened = missing > 0 || message.parts.some(isCut);
  const text = fallback(message);
  if (!isShortened || message.tone === "working" || message.tone === "waiting")
    return { text, blocks: [...blocks, ...footer] };
  const note = noteBlock("Shown in part; the file in the thread has all of it.");
  return { text, blocks: [...blocks, ...note, ...footer], whole: wholeText(message) };
}

function headline({ subject, tone, note = "" }: Message): string {
  const title = cut(oneLine(subject).replaceAll("*", "∗"), limits.subject) || "MSK Ferry";
  const { sign, word } = tones[tone];
  const said = cut(oneLine(note), limits.note);
  const words = word === undefined || saysSo(said, word) ? [said] : [word, said];
  const right = words.filter((each) => each !== "").join(" · ");
  return `${sign} *${title}*${right === "" ? "" : `   ${right}`}`;
}

/** "done in 41 s" needs no other word; of what failed, "stopped at 14:07" says it as well. */
function saysSo(note: string, word: string): boolean {
  return note.includes(word) || /^(?:done|waiting|stopped|failed|queued|dry run)\b/.test(note);
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

function actionBlocks(actions: readonly Action[] = []): KnownBlock[] {
  if (actions.length === 0) return [];
  return [{ type: "actions", elements: actions.slice(0, limits.actions).map(button) }];
}

function button({ label, command, confirm }: Action, index: number): Button {
  const plain = (text: string, max: number) => ({
    type: "plain_text" as const,
    text: cut(oneLine(text), max) || "…",
  });
  return {
    type: "button",
    // Who answers clicks knows it by this name; the number keeps it unique in its block.
    action_id: `ferry-command-${index}`,
    text: plain(label, limits.label),
    value: cut(oneLine(command), 200),
    ...(confirm !== undefined && {
      style: "danger",
      confirm: {
        title: plain(label, 100),
        text: plain(confirm, limits.question),
        confirm: plain(label, 30),
        deny: plain("Back", 30),
      },
    }),
  };
}

function fallback(message: Message): string {
  const lines = [headline(message), ...message.parts.map(partText)].filter((line) => line !== "");
  return asMarkdown(lines.join("\n"), limits.fallback);
}
