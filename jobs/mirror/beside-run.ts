import { isOfTarget } from "#domain/action.ts";
import { FerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";

/** `E_LEASE`: a run turns mirrors around, and nobody else may start, stop or change one meanwhile. */
export async function refuseBesideRun(work: Work): Promise<void> {
  const rival = (await listRequests(work.store, work.migration.name)).find(
    ({ state, action }) => state === "executing" && action !== "cleanup" && !isOfTarget(action),
  );
  if (rival === undefined) return;
  throw new FerryError("E_LEASE", `Request ${rival.id} (${rival.proposal.title}) is still running.`);
}

/** The wave's producers are on the source: its forward mirror is not the business of cutover and rollback. */
export async function isForward(wave: Wave, work: Work): Promise<boolean> {
  const { phase } = await readWaveState(work, wave.name);
  return phase === "before-cutover" || phase === "consumers-moved";
}

/**
 * Asked before each single change of a forward mirror, since each may take minutes: a run may have begun meanwhile
 * (`E_LEASE`), and may even be over and have moved the wave's producers (`E_PHASE`).
 */
export async function refuseTaken(wave: Wave, work: Work): Promise<void> {
  await refuseBesideRun(work);
  if (await isForward(wave, work)) return;
  throw new FerryError(
    "E_PHASE",
    `The producers of wave ${wave.name} have moved meanwhile: its mirror belongs to cutover and rollback.`,
  );
}
