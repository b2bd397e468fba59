import { approval } from "./approval.ts";
import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

function will({ wave, dryRun }: { wave: string | undefined; dryRun: boolean }): string {
  const which = wave === undefined ? "the wave that moved last" : `wave ${quote(wave)}`;
  const what = `what undoing the last switch of ${which} costs now`;
  return dryRun
    ? `Shows ${what}, with the gate. Asks nobody, switches nothing.`
    : `Reads ${what} and asks for approval. Nothing is switched before.`;
}

export const rollback = command({
  name: "rollback",
  usage: "rollback [wave] [--dry-run]",
  summary: "Undoes the last switch without loss, after approval.",
  who: "members",
  parse: (line) => ({ dryRun: line.flag("--dry-run"), wave: line.optionalWord() }),
  run(args, context) {
    const { wave, dryRun } = args;
    return enqueue(
      context,
      { name: "rollback", ...from(context), ...(wave !== undefined && { wave }), dryRun },
      {
        subject: `rollback${dryRun ? ", dry run" : ""}`,
        will: will(args),
        more: dryRun ? [] : approval(context),
      },
    );
  },
});
