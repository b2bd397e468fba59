import type { Part } from "#domain/message.ts";

/** What to do about an alarm, with the exact change and how to take it back. */
export type RemedySaid = {
  readonly title: string;
  readonly command: string;
  readonly undo?: string | undefined;
};

/** In a line of code; escaped, as a whole it must stay below what Slack takes of a block's text (3,000). */
const lineMost = 500;

export function remedyParts(remedies: readonly RemedySaid[]): readonly Part[] {
  return remedies.flatMap(({ title, command, undo }): readonly Part[] => [
    { kind: "text", text: `Do: ${title}` },
    { kind: "code", text: command },
    ...(undo === undefined ? [] : undoParts(undo)),
  ]);
}

/** As code: in plain text a URL of a command becomes a link. */
function undoParts(undo: string): readonly Part[] {
  if (undo.length <= lineMost && !/[`\n]/.test(undo)) return [{ kind: "note", text: `Undo: \`${undo}\`` }];
  return [
    { kind: "text", text: "Undo:" },
    { kind: "code", text: undo },
  ];
}
