import { z } from "zod";
import type { Proposal } from "#domain/approval/approval.ts";
import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import { Plan, planKey, Wave } from "#domain/plan.ts";
import { Client } from "#domain/settings.ts";
import { type Phase, WaveState, waveKey } from "#domain/switch/wave-state.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";

/** The migration's current plan, or `E_NO_PLAN`. */
export async function loadPlan(work: Pick<Work, "store" | "migration">): Promise<Plan> {
  const stored = await work.store.read(planKey(work.migration.name));
  if (stored === undefined)
    throw new FerryError("E_NO_PLAN", `There is no plan for ${work.migration.name} yet.`);
  return Plan.parse(stored.value);
}

/** The wave's state; one that was never written is before its cutover. */
export async function readWaveState(
  work: Pick<Work, "store" | "migration">,
  wave: string,
): Promise<WaveState> {
  const stored = await work.store.read(waveKey(work.migration.name, wave));
  if (stored === undefined) return { phase: "before-cutover", changedAt: new Date(0).toISOString() };
  return WaveState.parse(stored.value);
}

/**
 * Moves a wave to a phase, fenced by the run's lease. Killed before its entry is in the audit trail, the run's next
 * attempt appends it: see `recordPhase`.
 */
export async function writeWaveState(
  work: Work,
  wave: string,
  run: Run,
  state: Omit<WaveState, "changedAt" | "unrecorded">,
): Promise<void> {
  await recordPhase(work, wave, run);
  const changedAt = new Date(work.clock.now()).toISOString();
  const { phase: before } = await readWaveState(work, wave);
  const key = `${run.id}:phase:${wave}:${state.phase}:${changedAt}`;
  const unrecorded = state.phase === before ? undefined : { before, key };
  await write(work, wave, run, { ...state, changedAt, unrecorded });
  await recordPhase(work, wave, run);
}

/** Appends the entry of a change of phase that the trail does not have yet; every attempt of a run begins with it. */
export async function recordPhase(work: Work, wave: string, run: Run): Promise<void> {
  const { unrecorded, ...state } = await readWaveState(work, wave);
  if (unrecorded === undefined) return;
  const { before, key } = unrecorded;
  const { phase } = state;
  const change = { subject: wave, before, after: phase, reason: "run" };
  await work.audit({ what: "wave.phase", key, wave, ...change, detail: { phase } });
  await write(work, wave, run, state);
}

async function write(work: Work, wave: string, { lease }: Run, state: WaveState): Promise<void> {
  await work.store.write(waveKey(work.migration.name, wave), state, { lease });
}

/** The wave of this name, or `E_UNKNOWN_WAVE` with the nearest one. */
export function waveNamed(plan: Plan, name: string): Wave {
  const found = plan.waves.find((wave) => wave.name === name);
  if (found !== undefined) return found;
  const names = plan.waves.map((wave) => wave.name);
  throw new FerryError(
    "E_UNKNOWN_WAVE",
    `There is no wave "${name}"; did you mean ${closestName(name, names) ?? "another"}? Known: ${names.join(", ")}.`,
  );
}

/** The wave that was named, or the first one that stands at this phase: `E_PHASE` when none does. */
export async function waveAt(
  work: Work,
  plan: Plan,
  name: string | undefined,
  phases: readonly Phase[],
): Promise<Wave> {
  if (name !== undefined) {
    const wave = waveNamed(plan, name);
    const { phase } = await readWaveState(work, name);
    if (phases.includes(phase)) return wave;
    throw new FerryError(
      "E_PHASE",
      `Wave ${name} stands at "${phase}"; this needs "${phases.join('" or "')}".`,
    );
  }
  for (const wave of plan.waves) {
    if (phases.includes((await readWaveState(work, wave.name)).phase)) return wave;
  }
  throw new FerryError("E_PHASE", `No wave stands at "${phases.join('" or "')}".`);
}

/** Applications whose groups this wave moves. */
export function consumersOf(
  work: Pick<Work, "migration">,
  wave: Wave,
): ReadonlyArray<Client & { role: "consumer" }> {
  return work.migration.settings.clients
    .filter((client) => client.role === "consumer")
    .filter((client) => wave.groups.includes(client.group));
}

/** Applications that write to a topic of this wave. */
export function producersOf(
  work: Pick<Work, "migration">,
  wave: Wave,
): ReadonlyArray<Client & { role: "producer" }> {
  return work.migration.settings.clients
    .filter((client) => client.role === "producer")
    .filter((client) => client.topics.some((topic) => wave.topics.includes(topic)));
}

const Guided = z.object({ plan: z.string(), clients: z.array(z.string()) });

/**
 * The wave that was approved, for every attempt of its run: the plan must still be the approved one when the run
 * begins (`E_PLAN_STALE`), and its applications must then be those of ferry.yaml. A later plan changes nothing; nor does
 * a later ferry.yaml, see `withClientsOfRun`.
 */
export async function waveOfRun(proposal: Proposal, work: Work, run: Run): Promise<Wave> {
  const { plan: hash, clients } = Guided.parse(proposal.plan);
  const wave = Wave.safeParse(await run.recall("wave")).data ?? (await approvedWave(hash, proposal, work));
  const known = clientsOf(work, wave);
  const missing = clients.filter((name) => !known.some((client) => client.name === name));
  if (missing.length > 0) {
    throw new FerryError("E_PLAN_STALE", `ferry.yaml no longer has the approved ${missing.join(", ")}.`);
  }
  await run.remember("wave", wave);
  await recordPhase(work, wave.name, run);
  if ((await run.recall("clients")) === undefined) {
    const approved = known.filter(({ name }) => clients.includes(name));
    await run.remember("clients", approved.map(written));
  }
  return wave;
}

function clientsOf(work: Pick<Work, "migration">, wave: Wave): readonly Client[] {
  return [...consumersOf(work, wave), ...producersOf(work, wave)];
}

/** As ferry.yaml would have it: durations are text there. */
function written(client: Client) {
  const entries = Object.entries(client.switch).map(([key, value]) =>
    (key === "timeout" || key === "poll") && typeof value === "number" ? [key, `${value}ms`] : [key, value],
  );
  return { ...client, switch: Object.fromEntries(entries) };
}

/**
 * The same work for a run that has begun: applications of its wave that were taken out of ferry.yaml since, or belong to
 * the wave no longer, are those that the run began with. What ferry.yaml still has is as ferry.yaml has it now.
 */
export async function withClientsOfRun<W extends Pick<Work, "store" | "migration">>(
  work: W,
  run: string,
): Promise<W> {
  const [wave, clients] = await Promise.all(
    ["wave", "clients"].map(async (key) => (await work.store.read(`run:${run}:${key}`))?.value),
  );
  const approved = z.array(Client).safeParse(clients).data ?? [];
  const begunWave = Wave.safeParse(wave).data;
  if (begunWave === undefined) return work;
  const known = new Set(clientsOf(work, begunWave).map(({ name }) => name));
  const lost = approved.filter(({ name }) => !known.has(name));
  if (lost.length === 0) return work;
  const { settings } = work.migration;
  const others = settings.clients.filter(({ name }) => lost.every((client) => client.name !== name));
  return {
    ...work,
    migration: { ...work.migration, settings: { ...settings, clients: [...others, ...lost] } },
  };
}

async function approvedWave(hash: string, proposal: Proposal, work: Work): Promise<Wave> {
  const plan = await loadPlan(work);
  if (plan.hash === hash) return waveNamed(plan, proposal.wave ?? "");
  throw new FerryError("E_PLAN_STALE", "The plan was made anew after this was approved.");
}
