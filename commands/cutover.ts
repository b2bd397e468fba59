import { approval } from "./approval.ts";
import { type Context, command, enqueue, from } from "./command.ts";
import { readExpiry, refuseLonger } from "./expires-in.ts";
import { quote } from "./grammar.ts";
import { readStart, startText } from "./start-at.ts";

function ofWave(wave: string | undefined): string {
  return wave === undefined ? "the next wave" : `wave ${quote(wave)}`;
}

type Args = {
  readonly side: string;
  readonly wave: string | undefined;
  readonly dryRun: boolean;
  readonly at: string | undefined;
  readonly expires: number | undefined;
};

function will(args: Args, context: Context): string {
  const what = `cutting over the ${args.side.toUpperCase()} of ${ofWave(args.wave)}`;
  if (args.dryRun) return `Shows what ${what} would do now, with the gate. Asks nobody, switches nothing.`;
  const { quorum } = context.migration.settings.approvals;
  return `Reads the gate for ${what} and asks ${quorum} people for approval. Nothing is switched before.${startText(args.at)}`;
}

export const cutover = command({
  name: "cutover",
  usage: "cutover consumers|producers [wave] [--at time] [--expires duration] [--dry-run]",
  summary: "Moves a wave to MSK, after approval.",
  who: "members",
  parse: (line) => ({
    dryRun: line.flag("--dry-run"),
    at: readStart(line),
    expires: readExpiry(line),
    side: line.choice("a side of a cutover", ["consumers", "producers"]),
    wave: line.optionalWord(),
  }),
  run(args, context) {
    const { side, wave, dryRun, at, expires } = args;
    refuseLonger(expires, context);
    return enqueue(
      context,
      {
        name: "cutover",
        ...from(context),
        side,
        ...(wave !== undefined && { wave }),
        dryRun,
        ...(at !== undefined && { at }),
        ...(expires !== undefined && { expires }),
      },
      {
        subject: `cutover ${side}${dryRun ? ", dry run" : ""}`,
        will: will(args, context),
        more: dryRun ? [] : approval(context),
      },
    );
  },
});
