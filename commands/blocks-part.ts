import type { KnownBlock, RichTextBlock } from "@slack/types";
import type { Check, Part } from "#domain/message.ts";
import { asMarkdown, asRichText, cut, escaped } from "./blocks-inline.ts";
import { fitted, tableIsCut, tableTexts } from "./blocks-table.ts";
import { spell } from "./spell.ts";

/** Characters of one block, as Slack allows for a section. */
const blockMax = 3000;
const altMax = 2000;

/** "!" and "?" are narrower than the others: a space of half an em (U+2002), or a quarter (U+2005), evens them out. */
const signs: Record<Check["state"], string> = { pass: "✓", fail: "✗", warn: "!\u2002", unknown: "?\u2005" };

/** Lines of text, as many blocks as they need, four at most. Empty text makes none: Slack refuses it. */
export function textBlocks(text: string): KnownBlock[] {
  return pieces(text).flatMap((piece): KnownBlock[] => {
    const elements = asRichText(piece);
    if (elements.length === 0) return [];
    return [{ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }];
  });
}

/** Of one text; more is cut, and the message becomes a file as well. */
const textPieces = 4;

/** Pieces that fit a block each, parted between lines where that is possible. */
function pieces(text: string): readonly string[] {
  const found: string[] = [];
  let rest = text;
  while (rest.length > blockMax && found.length < textPieces - 1) {
    const line = rest.lastIndexOf("\n", blockMax);
    const end = line > 0 ? line : cut(rest, blockMax).length - 1;
    found.push(rest.slice(0, end));
    rest = rest.slice(line > 0 ? end + 1 : end);
  }
  return [...found, cut(rest, blockMax)];
}

/** True when a part is shown shortened. */
export function isCut(part: Part): boolean {
  switch (part.kind) {
    case "text":
      return pieces(part.text).at(-1)?.length === blockMax && part.text.length > blockMax;
    case "note":
      return part.text.length > blockMax / 2;
    case "code":
      return part.text.length > blockMax - 24;
    case "table":
      return tableIsCut(part.columns, part.rows);
    case "checks":
      return checkText(part).length > blockMax - 24;
    case "facts":
      return (
        part.rows.some(({ value }) => value.length > field.value) || factText(part.rows).length > blockMax * 3
      );
    case "progress":
    case "image":
      return false;
  }
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
  if (rows.some(({ value }) => value.length > field.wide || value.includes("\n")))
    return textBlocks(factText(rows));
  const blocks: KnownBlock[] = [];
  for (let at = 0; at < rows.length; at += field.perSection) {
    const fields = rows
      .slice(at, at + field.perSection)
      .map((row) => ({ type: "mrkdwn" as const, text: fieldText(row) }));
    blocks.push({ type: "section", fields });
  }
  return blocks;
}

function factText(rows: readonly Fact[]): string {
  return rows.map(({ label, value }) => `*${label.replaceAll("*", "∗")}*  ${value}`).join("\n");
}

function checkText(part: Extract<Part, { kind: "checks" }>): string {
  const lines = part.items.map(({ state, text }) => `${signs[state]}  ${text}`);
  return (part.title === undefined ? lines : [`*${part.title}*`, ...lines]).join("\n");
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
      return textBlocks(part.text);
    case "facts":
      return factBlocks(part.rows);
    case "checks":
      return textBlocks(checkText(part));
    case "table":
      if (part.columns.length === 0) return [];
      return tableTexts(part.columns, part.rows).flatMap(monospace);
    case "progress":
      return textBlocks(progressText(part));
    case "code":
      return monospace(fitted(part.text.split("\n"), blockMax));
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
      return checkText(part);
    case "progress":
      return progressText(part);
    case "image":
      return part.alt;
    case "table":
    case "code":
      return "";
  }
}
