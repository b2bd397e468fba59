/** Markdown as reports have it. */

/** A table, or "none" where there is no row. Cells keep to their line and cannot break out of it. */
export function markdownTable(
  columns: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): readonly string[] {
  if (rows.length === 0) return ["none"];
  return [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(inCell).join(" | ")} |`;
}

function inCell(text: string): string {
  return text
    .replaceAll("\\", "\\\\")
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\n\s*/g, " ");
}
