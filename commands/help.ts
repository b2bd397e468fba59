import type { Part } from "#domain/message.ts";
import type { Answer, Usage } from "./command.ts";

export const help: Usage = {
  name: "help",
  usage: "help [command]",
  summary: "This table.",
  who: "anyone",
};

const audiences = {
  anyone: "everybody in the channel",
  members: "members of this workspace, no guests",
} as const;

/** The whole table, or one command of it. */
export function helpAnswer(rows: readonly Usage[], only?: Usage): Answer {
  const parts: readonly Part[] =
    only === undefined
      ? [
          {
            kind: "text",
            text: rows.map(({ usage, summary }) => `\`/ferry ${usage}\`  ${summary}`).join("\n"),
          },
        ]
      : [
          { kind: "text", text: only.summary },
          {
            kind: "facts",
            rows: [
              { label: "Usage", value: `\`/ferry ${only.usage}\`` },
              { label: "Who", value: audiences[only.who] },
            ],
          },
        ];
  const subject = only === undefined ? "help" : `help ${only.name}`;
  return { seenBy: "person", message: { subject, tone: "info", parts } };
}
