import type { Column } from "#domain/message.ts";
import { cut } from "./blocks-inline.ts";

/** What people still read in a channel; the whole table becomes a file in the thread. */
const limits = { rows: 100, cell: 48, columns: 12, characters: 2900, blocks: 4 } as const;

const gap = "  ";

function width(text: string): number {
  return Array.from(text).length;
}

/** One line, no marks: inside a preformatted block they would be shown as typed. */
function clean(cell: string): string {
  const text = cell
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/@group\{(\S*?)\}|@\{(\S*?)\}/gu, "$1$2")
    .replaceAll("`", "")
    .trim();
  return middle(text, limits.cell);
}

/** Names differ at their ends, so the middle goes. */
function middle(text: string, max: number): string {
  const letters = Array.from(text);
  if (letters.length <= max) return text;
  const half = Math.floor((max - 1) / 2);
  return `${letters.slice(0, max - 1 - half).join("")}…${letters.slice(-half).join("")}`;
}

function pad(cell: string, to: number, align: Column["align"]): string {
  const blank = " ".repeat(to - width(cell));
  return align === "right" ? blank + cell : cell + blank;
}

/**
 * Aligned monospace lines, split where one block ends; each piece has the titles again. What does not fit is counted:
 * "… 12 more".
 */
export function tableTexts(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const [titles = "", ...lines] = tableLines(columns, rows.slice(0, limits.rows));
  const pieces: string[][] = [[]];
  let used = titles.length;
  let shown = 0;
  for (const line of lines) {
    used += line.length + 1;
    // Room for "… 412 more" below.
    if (used > limits.characters - 24) {
      if (pieces.length === limits.blocks) break;
      pieces.push([]);
      used = titles.length + line.length + 1;
    }
    pieces.at(-1)?.push(line);
    shown += 1;
  }
  const more = rows.length - shown;
  if (more > 0) pieces.at(-1)?.push(`… ${more} more`);
  return pieces.map((piece) => [titles, ...piece].join("\n"));
}

/** True when `tableTexts` leaves something out. */
export function tableIsCut(columns: readonly Column[], rows: readonly (readonly string[])[]): boolean {
  if (columns.length > limits.columns || rows.length > limits.rows) return true;
  return tableTexts(columns, rows).at(-1)?.endsWith(" more") ?? false;
}

function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const shown = columns.slice(0, limits.columns);
  const cells = rows.map((row) => shown.map((_, index) => clean(row[index] ?? "")));
  const titles = shown.map(({ title }) => clean(title));
  const widths = titles.map((title, index) =>
    Math.max(...[title, ...cells.map((row) => row[index] ?? "")].map(width)),
  );
  return [titles, ...cells].map((row) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, shown[index]?.align ?? "left"))
      .join(gap)
      .trimEnd(),
  );
}

/** The leading lines that fit `max` characters, and how many were left off: "… 12 more". */
export function fitted(lines: readonly string[], max: number): string {
  const kept: string[] = [];
  let used = 24;
  for (const line of lines) {
    used += line.length + 1;
    if (used > max) break;
    kept.push(line);
  }
  if (kept.length === 0 && lines[0] !== undefined) kept.push(cut(lines[0], max - 24));
  const more = lines.length - kept.length;
  return more > 0 ? [...kept, `… ${more} more`].join("\n") : kept.join("\n");
}
