import type { Lab } from "../environment.ts";
import { countEverything, residueOf, versionsOf } from "./final-check.ts";
import { cutOver, finish, mirror, prepare } from "./migration.ts";
import { failuresOf, type Report, tableOf } from "./report.ts";
import { openStage } from "./stage.ts";

export type TourOptions = {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Adds requests that expire, are denied, withdrawn, void or on hold. */
  readonly full: boolean;
};

/**
 * Plays a whole migration in the workspace and checks it. `failures` is empty exactly when the report is ok. Throws
 * when a scene cannot be played: then there is nothing to count.
 */
export async function playTour(
  lab: Lab,
  { say, signal, full }: TourOptions,
): Promise<{ readonly report: Report; readonly failures: readonly string[] }> {
  const stage = openStage(lab, say, signal);
  await prepare(stage);
  await mirror(stage);
  const rollback = await cutOver(stage, { full });
  const evidence = await finish(stage);
  const residue = await residueOf(lab);
  say("stopping the producers, letting every group read to the end, counting");
  const count = await countEverything(lab, { ahead: "target" });
  const { steps, approvals, endings, refusals } = stage;
  const facts = {
    ...count,
    rollback,
    approvals,
    endings,
    refusals: [...refusals],
    evidence,
    steps,
    residue: [...residue],
    versions: versionsOf(lab),
  };
  const failures = failuresOf({ ...facts, groups: [...count.groups], topics: [...count.topics] });
  const report: Report = {
    ok: failures.length === 0,
    ...facts,
    groups: [...count.groups],
    topics: [...count.topics],
  };
  process.stdout.write(`\n${tableOf(report)}\n\n`);
  return { report, failures };
}
