import { approval } from "./approval.ts";
import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const rollback = command({
  name: "rollback",
  usage: "rollback [wave]",
  summary: "Undoes the last switch without loss, after approval.",
  who: "members",
  parse: (line) => line.optionalWord(),
  run: (wave, context) =>
    enqueue(
      context,
      { name: "rollback", ...from(context), ...(wave !== undefined && { wave }) },
      {
        subject: "rollback",
        will: `Reads what undoing the last switch of ${wave === undefined ? "the last moved wave" : `wave ${quote(wave)}`} costs now and asks for approval. Nothing is switched before.`,
        more: approval(context),
      },
    ),
});
