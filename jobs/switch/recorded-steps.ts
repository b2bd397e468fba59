import type { Request } from "#domain/approval/approval.ts";
import type { Wave } from "#domain/plan.ts";
import type { Phase } from "#domain/switch/wave-state.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { readJournal } from "#jobs/run/journal.ts";
import { runIdOf } from "#jobs/run/run.ts";
import type { Work } from "#jobs/work.ts";

/** What the steps of this migration's own runs took, from their journals. */

/**
 * What a way back has no counterpart for. The others have one: fence and fence, prove-silence and drain-reverse,
 * record-ends and stop-reverse, release-fence and lift-fences, stop-forward and start-forward.
 */
const forwardOnly = new Set([
  "stop-checkpoints",
  "prove-offsets",
  "watch-consumers",
  "arm-reverse",
  "last-look",
  "see-writes",
]);

/**
 * How long the steps of a rollback take, ms, without what has to be copied: as the last rollback from this phase did,
 * or else as the cutovers that it takes back did. Unknown when no such run is recorded.
 */
export async function recordedSteps(
  wave: Wave,
  phase: Phase,
  work: Pick<Work, "store" | "migration">,
): Promise<Known<number>> {
  const all = await listRequests(work.store, work.migration.name);
  const ended = all
    .filter(({ state, proposal }) => state === "done" && proposal.wave === wave.name)
    .toSorted((a, b) => (b.decidedAt ?? 0) - (a.decidedAt ?? 0));
  const back = ended.find((request) => request.action === "rollback" && phaseOf(request) === phase);
  if (back !== undefined) {
    const took = await tookOf(back, work);
    if (took.known) return took;
  }
  const consumers = await tookOf(
    ended.find(({ action }) => action === "cutover-consumers"),
    work,
  );
  if (phase === "consumers-moved" || !consumers.known) return consumers;
  const producers = await tookOf(
    ended.find(({ action }) => action === "cutover-producers"),
    work,
  );
  return producers.known ? known(consumers.value + producers.value) : producers;
}

function phaseOf({ proposal: { plan } }: Request): unknown {
  return typeof plan === "object" && plan !== null && "phase" in plan ? plan["phase"] : undefined;
}

async function tookOf(request: Request | undefined, { store }: Pick<Work, "store">): Promise<Known<number>> {
  const journal = request && (await readJournal(store, runIdOf(request)));
  if (journal === undefined) return unknown("no run of this wave was measured");
  let sum = 0;
  for (const { step, outcome, intentAt, endedAt } of journal.entries) {
    if (outcome !== "done" || forwardOnly.has(step)) continue;
    if (endedAt === undefined) return unknown(`the end of ${step} was not recorded`);
    sum += endedAt - intentAt;
  }
  return known(sum);
}
