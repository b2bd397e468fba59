import { approval } from "./approval.ts";
import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";
import { spell } from "./spell.ts";

export const cleanup = command({
  name: "cleanup",
  usage: "cleanup [wave]",
  summary: "Ends the mirror and removes what the bot made, after approval.",
  who: "members",
  parse: (line) => line.optionalWord(),
  run: (wave, context) =>
    enqueue(
      context,
      { name: "cleanup", ...from(context), ...(wave !== undefined && { wave }) },
      {
        subject: "cleanup",
        will: `Asks for approval. Then ${wave === undefined ? "every wave" : `wave ${quote(wave)}`} loses its mirror and its way back, the source is watched for ${spell(context.migration.settings.cleanup.watch)} of silence, and what the bot made is removed. Records stay on both clusters.`,
        more: approval(context),
      },
    ),
});
