import type { Message, Part } from "#domain/message.ts";

/** A message with nothing cut, as Markdown: the file that people open when the channel shows only a part of it. */
export function wholeText({ subject, note, parts }: Message): string {
  const title = note === undefined ? subject : `${subject}: ${note}`;
  return `# ${title}\n\n${parts.map(partWhole).filter(Boolean).join("\n\n")}\n`;
}

function partWhole(part: Part): string {
  switch (part.kind) {
    case "text":
    case "note":
      return part.text;
    case "code":
      return `\`\`\`\n${part.text}\n\`\`\``;
    case "facts":
      return part.rows.map(({ label, value }) => `- ${label}: ${value}`).join("\n");
    case "checks":
      return [part.title ?? "", ...part.items.map(({ state, text }) => `- ${state}: ${text}`)]
        .join("\n")
        .trim();
    case "table":
      return [
        row(part.columns.map(({ title }) => title)),
        row(part.columns.map(({ align }) => (align === "right" ? "--:" : ":--"))),
        ...part.rows.map(row),
      ].join("\n");
    case "image":
      return part.alt;
    case "progress":
      return `${part.step}: ${part.done} of ${part.of}`;
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll(/\s+/gu, " ").replaceAll("|", "\\|")).join(" | ")} |`;
}
