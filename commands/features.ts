import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const features = command({
  name: "features",
  usage: "features [feature]",
  summary: "MSK features worth enabling; applies one, after approval.",
  who: "members",
  parse: (line) => line.optionalWord(),
  run: (choice, context) =>
    enqueue(
      context,
      { name: "features", ...from(context), ...(choice !== undefined && { choice }) },
      {
        subject: "features",
        will:
          choice === undefined
            ? "Lists the MSK features that are worth enabling now, each with the exact change. Changes nothing."
            : `Shows the exact change for ${quote(choice)} and asks for approval. Nothing is changed before.`,
      },
    ),
});
