import { approval } from "./approval.ts";
import { type Context, command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";
import { spell } from "./spell.ts";

export const cleanup = command({
  name: "cleanup",
  usage: "cleanup [wave] [--dry-run]",
  summary: "Ends the mirror and removes what the bot made, after approval.",
  who: "members",
  parse: (line) => ({ dryRun: line.flag("--dry-run"), wave: line.optionalWord() }),
  run: ({ wave, dryRun }, context) =>
    enqueue(
      context,
      {
        name: "cleanup",
        ...from(context),
        ...(wave !== undefined && { wave }),
        ...(dryRun && { dryRun }),
      },
      {
        subject: `cleanup${dryRun ? ", dry run" : ""}`,
        will: will(wave, dryRun, context),
        more: dryRun ? [] : approval(context),
      },
    ),
});

function will(wave: string | undefined, dryRun: boolean, context: Context): string {
  const which = wave === undefined ? "every wave" : `wave ${quote(wave)}`;
  if (dryRun)
    return `Shows what cleaning up ${which} would do now, with the gate. Asks nobody, removes nothing.`;
  const watch = spell(context.migration.settings.cleanup.watch);
  return `Asks for approval. Then ${which} loses its mirror and its way back, the source is watched for ${watch} of silence, and what the bot made is removed. Records stay on both clusters.`;
}
