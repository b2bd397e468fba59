import { FerryError } from "#domain/errors.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { FlowState, ReplicationEngine } from "#domain/ports.ts";
import { misplacedOffsets } from "#domain/switch/readiness.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { startGuarded } from "./loop-guard.ts";
import { forgetRestarts } from "./restart-failed.ts";

/**
 * The waves whose mirror back keeps a rollback possible: their producers have moved. None while a cleanup runs: it has
 * stopped them, and starts them again when it is cancelled.
 */
export async function reverseWaves(plan: Plan, work: Work): Promise<readonly Wave[]> {
  const requests = await listRequests(work.store, work.migration.name);
  if (requests.some(({ state, action }) => state === "executing" && action === "cleanup")) return [];
  const waves: Wave[] = [];
  for (const wave of plan.waves) {
    if ((await readWaveState(work, wave.name)).phase === "producers-moved") waves.push(wave);
  }
  return waves;
}

/**
 * Lets a mirror back that failed, was paused or stopped go on where it was. Refused where its offsets lie before the
 * boundary or are gone (`E_SEED_BOUNDS`): it would copy again what the source has; and beside a forward mirror (`E_LOOP`).
 */
export async function resumeReverse(wave: Wave, engine: ReplicationEngine, work: Work): Promise<FlowState> {
  const name = flowName(work.migration.name, wave.name, "reverse");
  const { state } = await engine.status(name);
  if (state === "running" || state === "absent") return state;
  const { boundary } = await readWaveState(work, wave.name);
  const [wrong] =
    boundary === undefined
      ? ["the boundary is not recorded"]
      : misplacedOffsets(boundary.target, await engine.copied(name));
  if (wrong !== undefined) {
    throw new FerryError("E_SEED_BOUNDS", `${name} would copy again what the source has: ${wrong}.`);
  }
  await startGuarded(name, wave, engine);
  await forgetRestarts(work, name);
  const change = { subject: name, before: state, after: "running", reason: "asked" };
  await work.audit({ what: "mirror.running", wave: wave.name, ...change, detail: { flow: name } });
  return (await engine.status(name)).state;
}
