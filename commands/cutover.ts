import { approval } from "./approval.ts";
import { type Context, command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

function ofWave(wave: string | undefined): string {
  return wave === undefined ? "the next wave" : `wave ${quote(wave)}`;
}

function will(args: { side: string; wave: string | undefined; dryRun: boolean }, context: Context): string {
  const what = `cutting over the ${args.side.toUpperCase()} of ${ofWave(args.wave)}`;
  if (args.dryRun) return `Shows what ${what} would do now, with the gate. Asks nobody, switches nothing.`;
  const { quorum } = context.migration.settings.approvals;
  return `Reads the gate for ${what} and asks ${quorum} people for approval. Nothing is switched before.`;
}

export const cutover = command({
  name: "cutover",
  usage: "cutover consumers|producers [wave] [--dry-run]",
  summary: "Moves a wave to MSK, after approval.",
  who: "members",
  parse: (line) => ({
    dryRun: line.flag("--dry-run"),
    side: line.choice("a side of a cutover", ["consumers", "producers"]),
    wave: line.optionalWord(),
  }),
  run(args, context) {
    const { side, wave, dryRun } = args;
    return enqueue(
      context,
      { name: "cutover", ...from(context), side, ...(wave !== undefined && { wave }), dryRun },
      {
        subject: `cutover ${side}${dryRun ? ", dry run" : ""}`,
        will: will(args, context),
        more: dryRun ? [] : approval(context),
      },
    );
  },
});
