/** Markdown as reports have it. */

/** A table, or "none" where there is no row. Cells keep to their line and cannot break out of it. */
export function markdownTable(
  columns: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): readonly string[] {
  if (rows.length === 0) return ["none"];
  return [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
}

/** The first rows, and in the last one how many more there are and where. */
export function cappedTable(
  columns: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  most: number,
): readonly string[] {
  const more = rows.length - most;
  if (more <= 0) return markdownTable(columns, rows);
  return [
    ...markdownTable(columns, rows.slice(0, most)),
    "",
    `${more.toLocaleString("en-US")} more rows are in the JSON.`,
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(inCell).join(" | ")} |`;
}

function inCell(text: string): string {
  const parts = text
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\n\s*/g, " ")
    .split("`");
  // Every other part stands between two backticks, where nothing is markup.
  return parts.map((part, at) => (at % 2 === 0 ? part.replaceAll(/<(?=[a-z/!])/gi, "&lt;") : part)).join("`");
}

/** A name as it is, whatever is in it. */
export function mono(name: string): string {
  return name === "" ? "(empty)" : `\`${name.replaceAll("`", "'")}\``;
}

/** "a, b, c and 12 more" */
export function some(names: readonly string[], most = 3): string {
  const more = names.length - most;
  const first = names.slice(0, most).join(", ");
  return more > 0 ? `${first} and ${more.toLocaleString("en-US")} more` : first;
}
