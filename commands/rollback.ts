import { approval } from "./approval.ts";
import { command, enqueue, from } from "./command.ts";
import { readExpiry, refuseLonger } from "./expires-in.ts";
import { quote } from "./grammar.ts";
import { readStart, startText } from "./start-at.ts";

type Args = {
  readonly wave: string | undefined;
  readonly dryRun: boolean;
  readonly at: string | undefined;
  readonly expires: number | undefined;
};

function will({ wave, dryRun, at }: Args): string {
  const which = wave === undefined ? "the wave that moved last" : `wave ${quote(wave)}`;
  const what = `what undoing the last switch of ${which} costs now`;
  return dryRun
    ? `Shows ${what}, with the gate. Asks nobody, switches nothing.`
    : `Reads ${what} and asks for approval. Nothing is switched before.${startText(at)}`;
}

export const rollback = command({
  name: "rollback",
  usage: "rollback [wave] [--at time] [--expires duration] [--dry-run]",
  summary: "Undoes the last switch without loss, after approval.",
  who: "members",
  parse: (line) => ({
    dryRun: line.flag("--dry-run"),
    at: readStart(line),
    expires: readExpiry(line),
    wave: line.optionalWord(),
  }),
  run(args, context) {
    const { wave, dryRun, at, expires } = args;
    refuseLonger(expires, context);
    return enqueue(
      context,
      {
        name: "rollback",
        ...from(context),
        ...(wave !== undefined && { wave }),
        dryRun,
        ...(at !== undefined && { at }),
        ...(expires !== undefined && { expires }),
      },
      {
        subject: `rollback${dryRun ? ", dry run" : ""}`,
        will: will(args),
        more: dryRun ? [] : approval(context),
      },
    );
  },
});
