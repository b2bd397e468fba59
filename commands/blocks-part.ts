import type { KnownBlock, RichTextBlock } from "@slack/types";
import type { Check, Part } from "#domain/message.ts";
import { asMarkdown, asRichText, cut, escaped } from "./blocks-inline.ts";
import { fitted, tableText } from "./blocks-table.ts";
import { spell } from "./spell.ts";

/** Characters of one block, as Slack allows for a section. */
const blockMax = 3000;
const altMax = 2000;

const signs: Record<Check["state"], string> = { pass: "✓", fail: "✗", warn: "!", unknown: "?" };

/** Lines of text as one block. Empty text makes none: Slack refuses it. */
export function textBlock(text: string): KnownBlock[] {
  const elements = asRichText(cut(text, blockMax));
  if (elements.length === 0) return [];
  return [{ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }];
}

function monospace(text: string): KnownBlock[] {
  if (text === "") return [];
  const block: RichTextBlock = {
    type: "rich_text",
    elements: [{ type: "rich_text_preformatted", elements: [{ type: "text", text }] }],
  };
  return [block];
}

/** Small and grey. */
export function noteBlock(text: string): KnownBlock[] {
  const marked = asMarkdown(text, blockMax);
  return marked === "" ? [] : [{ type: "context", elements: [{ type: "mrkdwn", text: marked }] }];
}

type Fact = Extract<Part, { kind: "facts" }>["rows"][number];

const field = { perSection: 10, label: 200, value: 1600, wide: 48 } as const;

function fieldText({ label, value }: Fact): string {
  return `*${escaped(cut(label, field.label)).replaceAll("*", "∗") || "–"}*\n${asMarkdown(value, field.value) || "–"}`;
}

/** Short facts stand in two columns; sentences get the full width. */
function factBlocks(rows: readonly Fact[]): KnownBlock[] {
  if (rows.length === 0) return [];
  if (rows.some(({ value }) => value.length > field.wide || value.includes("\n"))) return factLines(rows);
  const blocks: KnownBlock[] = [];
  for (let at = 0; at < rows.length; at += field.perSection) {
    const fields = rows
      .slice(at, at + field.perSection)
      .map((row) => ({ type: "mrkdwn" as const, text: fieldText(row) }));
    blocks.push({ type: "section", fields });
  }
  return blocks;
}

function factLines(rows: readonly Fact[]): KnownBlock[] {
  const lines = rows.map(({ label, value }) => `*${label.replaceAll("*", "∗")}*  ${value}`);
  return textBlock(fitted(lines, 0, blockMax));
}

function checkLines(part: Extract<Part, { kind: "checks" }>): string {
  const lines = part.items.map(({ state, text }) => `${signs[state]}  ${text}`);
  return fitted(part.title === undefined ? lines : [`*${part.title}*`, ...lines], 0, blockMax);
}

const barWidth = 20;

/** "copy topics ▓▓▓▓░░ 3 of 12 · about 40 s left". Without a known total there is no bar. */
function progressText(part: Extract<Part, { kind: "progress" }>): string {
  const left = part.leftMs === undefined ? "" : ` · about ${spell(part.leftMs)} left`;
  const counted = `${part.done.toLocaleString("en")} of ${part.of.toLocaleString("en")}${left}`;
  const share = part.done / part.of;
  if (!(share >= 0 && share <= 1)) return `${part.step}  ${counted}`;
  const filled = Math.floor(share * barWidth);
  return `${part.step}  ${"▓".repeat(filled)}${"░".repeat(barWidth - filled)}  ${counted}`;
}

/** The blocks of one part; none when it has nothing to show. */
export function partBlocks(part: Part): KnownBlock[] {
  switch (part.kind) {
    case "text":
      return textBlock(part.text);
    case "facts":
      return factBlocks(part.rows);
    case "checks":
      return textBlock(checkLines(part));
    case "table":
      return monospace(part.columns.length === 0 ? "" : tableText(part.columns, part.rows));
    case "progress":
      return textBlock(progressText(part));
    case "code":
      return monospace(fitted(part.text.split("\n"), 0, blockMax));
    case "image":
      return [{ type: "image", slack_file: { id: part.fileId }, alt_text: cut(part.alt, altMax) || "image" }];
    case "note":
      return noteBlock(part.text);
  }
}

/** The same part for notifications and search. Tables, code and images stay in the blocks. */
export function partText(part: Part): string {
  switch (part.kind) {
    case "text":
    case "note":
      return part.text;
    case "facts":
      return part.rows.map(({ label, value }) => `${label}: ${value}`).join("\n");
    case "checks":
      return checkLines(part);
    case "progress":
      return progressText(part);
    case "image":
      return part.alt;
    case "table":
    case "code":
      return "";
  }
}
