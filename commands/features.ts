import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const features = command({
  name: "features",
  usage: "features [feature] [--dry-run]",
  summary: "MSK features worth enabling; applies one, after approval.",
  who: "members",
  parse: (line) => ({ dryRun: line.flag("--dry-run"), choice: line.optionalWord() }),
  run: ({ choice, dryRun }, context) =>
    enqueue(
      context,
      {
        name: "features",
        ...from(context),
        ...(choice !== undefined && { choice }),
        ...(dryRun && { dryRun }),
      },
      { subject: `features${dryRun ? ", dry run" : ""}`, will: will(choice, dryRun) },
    ),
});

function will(choice: string | undefined, dryRun: boolean): string {
  if (choice === undefined) {
    return "Lists the MSK features that are worth enabling now, each with the exact change. Changes nothing.";
  }
  const shows = `Shows the exact change for ${quote(choice)}`;
  return dryRun
    ? `${shows}. Asks nobody, changes nothing.`
    : `${shows} and asks for approval. Nothing is changed before.`;
}
