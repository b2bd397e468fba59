import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { Flow, FlowStatus, ReplicationEngine } from "#domain/ports.ts";
import { EngineName } from "#domain/settings.ts";
import { at, type OffsetTable } from "#domain/topology.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { refuseTaken } from "./beside-run.ts";

/**
 * Changing the engine before cutover: each wave's mirror is stopped on the engine before, its copied offsets become
 * those of a stopped mirror on the new one, and only then is it removed there. At every moment one of the two knows how
 * far the copy is, and never both run: nothing is lost and nothing is copied twice. Each step may be repeated.
 */

type Former = { readonly name: EngineName; readonly engine: ReplicationEngine };

const Started = z.object({
  engine: EngineName,
  /** Left for another one, not by every mirror yet. */
  leaving: z.array(EngineName).default([]),
});

/** The engine on which the mirrors of this migration were last started, all of them. */
function startedKey(migration: string): string {
  return `engine:${migration}`;
}

/**
 * Engines that may still hold mirrors of this migration: none while it runs on the one that it was last started on.
 * `E_SETTINGS` when that one has lost its section, `E_PHASE` when a cutover has begun there, `E_REPLICATOR` when records
 * were copied there and the new engine cannot go on after them. No mirror is changed yet.
 */
export async function formerEngines(plan: Pick<Plan, "waves">, work: Work): Promise<readonly Former[]> {
  const { replication } = work.migration.settings;
  const last = await lastStarted(work);
  const holding = EngineName.options.filter(
    (name) => name !== replication.engine && (last?.engine === name || last?.leaving.includes(name) === true),
  );
  if (last !== undefined && holding.length === 0) return [];
  const lost = holding.find((name) => replication[name] === undefined);
  if (lost !== undefined) {
    const text = `replication.${lost}: not set; the mirrors run on ${lost} and cannot be taken over without it.`;
    throw new FerryError("E_SETTINGS", text);
  }
  const names = EngineName.options.filter((name) => name !== replication.engine && replication[name]);
  const formers = await Promise.all(
    names.map(async (name): Promise<Former> => ({ name, engine: await work.world.engine(name) })),
  );
  for (const former of formers) await refuseLate(former, plan, work);
  if (!isSeedable(work)) for (const former of formers) await refuseCopied(former, plan, work);
  // Before the first mirror changes: given up halfway, they are on both.
  if (last !== undefined) await remember({ engine: replication.engine, leaving: holding }, work);
  return formers;
}

/** Every mirror is on the engine of the settings. */
export async function rememberEngine(work: Work): Promise<void> {
  await remember({ engine: work.migration.settings.replication.engine, leaving: [] }, work);
}

async function remember(started: z.infer<typeof Started>, { store, migration }: Work): Promise<void> {
  await store.write(startedKey(migration.name), started);
}

/**
 * `E_PHASE`: the mirrors run on another engine than the settings name, where nobody would look for them; or a change of
 * engine was broken off, and one of `waves` still has its mirror on the engine before. None need be asked for waves whose
 * cutover has begun, which the change leaves alone: the way back does not wait for an engine that is of no use any more.
 */
export async function refuseOtherEngine(waves: readonly string[], work: Work): Promise<void> {
  const { replication } = work.migration.settings;
  const { engine: wanted } = replication;
  const last = await lastStarted(work);
  if (last === undefined) return;
  if (last.engine !== wanted) {
    throw new FerryError(
      "E_PHASE",
      `The mirrors run on ${last.engine}; set replication.engine from ${wanted} back to it.`,
    );
  }
  for (const name of last.leaving) await refuseLeftBehind(name, waves, work);
}

async function refuseLeftBehind(name: EngineName, waves: readonly string[], work: Work): Promise<void> {
  if (waves.length === 0) return;
  const { replication } = work.migration.settings;
  const text = `The change of engine from ${name} to ${replication.engine} is not complete`;
  if (replication[name] === undefined) {
    const lost = `replication.${name}: not set; without it nobody can tell which mirrors run on ${name} still.`;
    throw new FerryError("E_SETTINGS", `${lost} ${text}: start replication again.`);
  }
  const engine = await work.world.engine(name);
  for (const wave of waves) {
    const flow = flowName(work.migration.name, wave, "forward");
    const { state } = await engine.status(flow);
    if (state === "absent") continue;
    throw new FerryError(
      "E_PHASE",
      `${text}: ${flow} is ${state} on ${name}. Start replication again first.`,
    );
  }
}

/**
 * Binds a run to the engine that it began on, at every attempt: on another one its mirrors look absent, so that they
 * would run on while a second direction starts. `E_SETTINGS` before any step or undo when the settings name another.
 */
export async function keepEngine(work: Work, run: Pick<Run, "recall" | "remember">): Promise<void> {
  const { engine: wanted } = work.migration.settings.replication;
  const kept = EngineName.optional().parse(await run.recall(engineOfRun));
  const begun = kept ?? (await lastStarted(work))?.engine ?? wanted;
  if (begun !== wanted) {
    const text = `replication.engine: is ${wanted}, and this run has its mirrors on ${begun}. Set it back to ${begun} and start the bot again.`;
    throw new FerryError("E_SETTINGS", text);
  }
  if (kept === undefined) await run.remember(engineOfRun, wanted);
}

const engineOfRun = "engine";

async function lastStarted({ store, migration }: Pick<Work, "store" | "migration">) {
  const started = (await store.read(startedKey(migration.name)))?.value;
  return started === undefined ? undefined : Started.parse(started);
}

/** From the first step of a cutover on, the boundaries and the mirror back belong to the engine they were made on. */
async function refuseLate({ name, engine }: Former, plan: Pick<Plan, "waves">, work: Work): Promise<void> {
  for (const wave of plan.waves) {
    const { phase } = await readWaveState(work, wave.name);
    if (phase === "before-cutover") continue;
    const kinds = ["forward", "reverse"] as const;
    const states = await Promise.all(
      kinds.map((kind) => engine.status(flowName(work.migration.name, wave.name, kind))),
    );
    const [there] = states.filter(({ state }) => state !== "absent");
    if (there === undefined) continue;
    const wanted = work.migration.settings.replication.engine;
    throw new FerryError(
      "E_PHASE",
      `Wave ${wave.name} has begun its cutover on ${name} (${there.name}); set replication.engine from ${wanted} back to ${name}.`,
    );
  }
}

/** A Replicator begins at EARLIEST or LATEST, and at no offset of another mirror's. */
function isSeedable({ migration }: Pick<Work, "migration">): boolean {
  return migration.settings.replication.engine !== "replicator";
}

/** Refused before any mirror is stopped: the one that copied could only be started again by hand. */
async function refuseCopied({ name, engine }: Former, plan: Pick<Plan, "waves">, work: Work): Promise<void> {
  for (const wave of plan.waves) {
    const flow = flowName(work.migration.name, wave.name, "forward");
    const { state, topics } = await engine.status(flow);
    if (state === "absent") continue;
    const copied = await engine.copied(flow);
    const onTarget = await written(topics, work);
    const full = topics.filter((topic) => onTarget.has(topic) || hasCopied(copied.get(topic)));
    if (full.length === 0) continue;
    const named = full.slice(0, 3).join(", ");
    throw new FerryError(
      "E_REPLICATOR",
      `${flow}: records of ${full.length} of its topics (${named}) were copied on ${name}, and a Replicator cannot begin after them. Nothing was changed; set replication.engine back to ${name}.`,
    );
  }
}

/** Topics with records on the target: of the last ones copied the offsets may not be committed yet. */
async function written(topics: readonly string[], work: Work): Promise<ReadonlySet<string>> {
  const target = await work.world.target();
  const there = new Set((await target.listTopics()).map((topic) => topic.name));
  const ends = await target.offsets(
    topics.filter((topic) => there.has(topic)),
    "end",
  );
  return new Set([...ends].flatMap(([topic, row]) => (row.some((end) => end !== 0) ? [topic] : [])));
}

function hasCopied(row: ReadonlyArray<number | undefined> = []): boolean {
  return row.some((offset) => offset !== undefined);
}

/** The flow whose offsets the new engine has: what is left of it on the engine before is only to be removed. */
const Taken = z.object({ from: EngineName, to: EngineName });

function takenKey(flow: string): string {
  return `taken-over:${flow}`;
}

/**
 * Takes a wave's mirror over from the engine before. The new one is left stopped, with its offsets. Killed in the middle
 * of a removal, what is left may have no offsets any more, or look absent: it is removed, and its offsets are not asked.
 */
export async function takeOver(
  wave: Wave,
  formers: readonly Former[],
  engine: ReplicationEngine,
  work: Work,
): Promise<void> {
  const name = flowName(work.migration.name, wave.name, "forward");
  const checkpoint = flowName(work.migration.name, wave.name, "checkpoint");
  for (const former of formers) {
    const before = await former.engine.status(name);
    const isOver = before.state === "absent" || (await isTaken(name, former, work));
    if (!isOver) await takeForward(name, before, wave, former, engine, work);
    await refuseTaken(wave, work);
    await former.engine.remove(name);
    await former.engine.remove(checkpoint);
  }
  await work.store.remove(takenKey(name));
}

async function isTaken(flow: string, { name }: Former, { store, migration }: Work): Promise<boolean> {
  const taken = Taken.safeParse((await store.read(takenKey(flow)))?.value).data;
  return taken?.from === name && taken.to === migration.settings.replication.engine;
}

async function takeForward(
  name: string,
  before: FlowStatus,
  wave: Wave,
  former: Former,
  engine: ReplicationEngine,
  work: Work,
): Promise<void> {
  await refuseTaken(wave, work);
  await former.engine.stop(name);
  const copied = await former.engine.copied(name);
  await refuseOutside(name, copied, work);
  await refuseTaken(wave, work);
  await engine.define(flowLike(before), "stopped");
  // A topic that was taken off the list has offsets still: they are nothing to the new mirror.
  const carried = new Map([...copied].filter(([topic]) => before.topics.includes(topic)));
  if (isSeedable(work) || [...carried.values()].some(hasCopied)) await engine.seed(name, carried);
  const to = work.migration.settings.replication.engine;
  await work.audit({
    what: "mirror.taken-over",
    wave: wave.name,
    subject: name,
    before: former.name,
    after: to,
    reason: "asked",
    detail: { flow: name, copied: Object.fromEntries(carried) },
  });
  await work.store.write(takenKey(name), { from: former.name, to });
  work.log.info({ flow: name, from: former.name, to }, "took a mirror over");
}

/** One task each is enough while it is stopped: the start defines it anew. */
function flowLike({ name, topics }: FlowStatus): Flow {
  return { name, kind: "forward", topics, groups: [], tasks: 1 };
}

/** Beyond the end a mirror would silently copy the whole partition again. */
async function refuseOutside(name: string, copied: OffsetTable, work: Work): Promise<void> {
  const { source } = work.world;
  const there = new Set((await source.listTopics()).map((topic) => topic.name));
  const ends = await source.offsets(
    [...copied.keys()].filter((topic) => there.has(topic)),
    "end",
  );
  for (const [topic, row] of copied) {
    for (const [partition, offset] of row.entries()) {
      const end = at(ends, topic, partition);
      if (offset === undefined || end === undefined || offset < end) continue;
      const text = `${name}: ${topic}-${partition} was copied up to ${offset}, and the source ends at ${end}.`;
      throw new FerryError("E_SEED_BOUNDS", text);
    }
  }
}
