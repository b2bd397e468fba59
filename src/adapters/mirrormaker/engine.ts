import { FerryError } from "#domain/errors.ts";
import { createCheckpoints } from "#domain/mirror/checkpoints.ts";
import { checkShape, firstDifference, toPatch } from "#domain/mirror/copied-offsets.ts";
import { firstTrace, mirrorTransactionMs } from "#domain/mirror/flow.ts";
import type {
  Clock,
  EngineCheck,
  Flow,
  FlowState,
  FlowStatus,
  Log,
  ReplicationEngine,
} from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { readStatus, type StatusNeed } from "./flow-status.ts";
import { ends } from "./names.ts";
import { flowConfig, type MirrorSite } from "./properties.ts";
import { type Ordered, type Records, reordered } from "./records.ts";
import { type Runner, waitsWord } from "./runner.ts";
import { discard, isSettled, prepare, type Side, type StateReader, writeOffsets } from "./state-topics.ts";

export type MirrorMakerOptions = {
  readonly records: Records;
  readonly runner: Runner;
  readonly reader: StateReader;
  readonly source: Side;
  readonly target: Side;
  readonly site: MirrorSite;
  readonly check: () => Promise<EngineCheck>;
  /** Says what a person has to do for this mirror, and `undefined` once it is done. Never fails. */
  readonly tell?: ((flow: string, order: number, what: string | undefined) => Promise<void>) | undefined;
  /** How long a process may take to reach a state, ms. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly log: Log;
};

const pollMs = 200;

/**
 * MirrorMaker 2 in processes of its own, one for each flow. It has no REST: state is read from its topics, copied offsets
 * are set by writing them there while no process runs, and a changed definition is another process. Facts: Kafka 3.9.2.
 */
export function createMirrorMakerEngine(options: MirrorMakerOptions): ReplicationEngine {
  const desk = { ...options, side: (ordered: Ordered) => sideOf(ordered.flow, options) };
  const checkpoints = createCheckpoints();
  return {
    check: options.check,
    list: (prefix) => list(desk, prefix),
    status: (name) => readStatus(name, desk),
    define: (flow, state) => define(desk, flow, state),
    start: (name) => order(desk, name, "running"),
    pause: (name) => order(desk, name, "paused"),
    stop: (name) => order(desk, name, "stopped"),
    restartFailed: (name) => restart(desk, name),
    copied: async (name) => await copied(desk, await known(desk, name)),
    seed: (name, wanted) => seed(desk, name, wanted),
    ownSync: async (name, target) => {
      const ordered = await desk.records.ordered(name);
      return await checkpoints(ordered && flowConfig(ordered.flow, desk.site), target);
    },
    remove: (name) => remove(desk, name),
  };
}

type Desk = MirrorMakerOptions & StatusNeed;

async function list(desk: Desk, prefix: string): Promise<readonly FlowStatus[]> {
  const own = (await desk.records.flows(prefix)).map((flow) => ({ flow, records: desk.records }));
  const all = [...own, ...(await ofOthers(desk, prefix))].sort((a, b) => (a.flow < b.flow ? -1 : 1));
  return await Promise.all(all.map(({ flow, records }) => readStatus(flow, { ...desk, records })));
}

/** Between the same clusters no two mirrors may carry the same topics, whoever's they are. */
async function ofOthers(desk: Desk, prefix: string) {
  const between = betweenOf(desk);
  const asked = await desk.records.others(prefix);
  const near = await Promise.all(
    asked.map(async ({ flow, records }) => {
      const ordered = await records.ordered(flow);
      return ordered !== undefined && (ordered.between ?? between) === between;
    }),
  );
  return asked.filter((_, index) => near[index]);
}

function betweenOf({ site: { source, target } }: Pick<Desk, "site">): string {
  return [source, target].map(({ bootstrap }) => [...bootstrap].sort().join(",")).join(" ");
}

/** A flow keeps its state on the cluster that it writes to, where exactly-once needs it. */
export function sideOf(
  { kind }: Pick<Flow, "kind">,
  { source, target }: Pick<MirrorMakerOptions, "source" | "target">,
) {
  return kind === "reverse" ? source : target;
}

async function known({ records }: Desk, name: string): Promise<Ordered> {
  const ordered = await records.ordered(name);
  if (ordered === undefined || ordered.removing === true) {
    throw new FerryError("E_CONNECT", `There is no mirror ${name}.`);
  }
  return ordered;
}

async function define(desk: Desk, flow: Flow, state: "stopped" | "running"): Promise<void> {
  if ((await desk.records.ordered(flow.name))?.removing === true) await remove(desk, flow.name);
  await prepare(flow, sideOf(flow, desk));
  const now = desk.clock.now();
  const between = betweenOf(desk);
  const ordered = await desk.records.order(flow.name, (before) => ({
    ...reordered(before, flow, state, now),
    between,
  }));
  desk.log.info(
    { flow: flow.name, state, topics: flow.topics.length, order: ordered.order },
    "defined a mirror",
  );
  await reach(desk, flow.name, state);
  if (state === "running" && flow.kind !== "checkpoint") await reachTopics(desk, ordered);
  if (state === "stopped") await settle(desk, ordered);
}

async function order(desk: Desk, name: string, state: Ordered["state"]): Promise<void> {
  const { flow } = await known(desk, name);
  const now = desk.clock.now();
  const ordered = await desk.records.order(name, (before) =>
    reordered(before, before?.flow ?? flow, state, now),
  );
  await reach(desk, name, state);
  if (state !== "running") await settle(desk, ordered);
}

/**
 * MirrorMaker starts no task again by itself: another process does. One that was stopped or paused stays so, as Connect
 * leaves it: whoever saw it fail may ask after a run has stopped it.
 */
async function restart(desk: Desk, name: string): Promise<void> {
  await desk.records.order(name, (before) => {
    if (before?.state === "running") return { ...before, order: before.order + 1 };
    throw new FerryError(
      "E_CONNECT",
      `${name} is ${before?.state ?? "absent"}: nothing of it can have failed.`,
    );
  });
  await reach(desk, name, "running");
}

async function reach(desk: Desk, name: string, wanted: FlowState): Promise<void> {
  const { clock, runner, patienceMs } = desk;
  const began = clock.now();
  let told: string | undefined;
  for (;;) {
    const isMine = await runner.turn(name);
    const now = await readStatus(name, desk);
    const what = now.tasks.find(({ state }) => state.startsWith(waitsWord))?.state;
    if (what !== told) await tell(desk, name, what);
    told = what;
    // Another bot that is at it may still start one, by an older order.
    if (now.state === wanted && (isMine || wanted === "running")) return;
    if (now.state === "failed" && wanted === "running") {
      throw new FerryError("E_TASK_FAILED", `${name}: ${firstTrace(now)}`);
    }
    const waited = clock.now() - began;
    if (waited > patienceMs) {
      const doing = now.tasks.map(({ state, trace }) => trace?.split("\n", 1)[0] ?? state).join(", ");
      const text = `${name} is ${now.state} and not ${wanted} after ${Math.round(waited / 1000)} s`;
      throw new FerryError("E_CONNECT", doing === "" ? `${text}.` : `${text}: ${doing}`);
    }
    await clock.sleep(pollMs);
  }
}

async function tell(desk: Desk, name: string, what: string | undefined): Promise<void> {
  const { order } = await known(desk, name);
  await desk.tell?.(name, order, what);
}

/** Waits until the tasks have taken up all of its topics; a running mirror may silently have left some out. */
async function reachTopics(desk: Desk, ordered: Ordered): Promise<void> {
  const { flow, life } = ordered;
  const began = desk.clock.now();
  for (;;) {
    const { topics } = await desk.reader.tasks(flow, desk.side(ordered), life);
    const missing = flow.topics.filter((topic) => !topics.has(topic));
    if (missing.length === 0) return;
    if (desk.clock.now() - began > desk.patienceMs) {
      const left = missing.slice(0, 5).join(", ");
      throw new FerryError(
        "E_CONNECT",
        `${flow.name} runs without ${missing.length} of its topics: ${left}.`,
      );
    }
    await desk.clock.sleep(pollMs);
  }
}

/** A process that was killed leaves a transaction open until its coordinator ends it, which looks every ten seconds. */
async function settle(desk: Desk, ordered: Ordered): Promise<void> {
  const began = desk.clock.now();
  const patienceMs = Math.max(desk.patienceMs, mirrorTransactionMs + 30_000);
  while (!(await isSettled(ordered.flow.name, desk.side(ordered)))) {
    if (desk.clock.now() - began > patienceMs) {
      throw new FerryError("E_CONNECT", `${ordered.flow.name} has ended with a transaction that stays open.`);
    }
    await desk.clock.sleep(pollMs);
  }
}

async function copied(desk: Desk, ordered: Ordered) {
  return await desk.reader.copied(ordered.flow, desk.side(ordered), ordered.life);
}

async function seed(desk: Desk, name: string, wanted: OffsetTable): Promise<void> {
  const ordered = await known(desk, name);
  checkShape(name, wanted, ordered.flow.topics);
  const { state } = await readStatus(name, desk);
  if (state !== "stopped") {
    throw new FerryError(
      "E_CONNECT",
      `${name} is ${state}; its offsets can be set only while it is stopped.`,
    );
  }
  const { offsets } = toPatch(ends(ordered.flow).from, wanted, await copied(desk, ordered));
  if (offsets.length === 0) return;
  desk.log.info({ flow: name, partitions: offsets.length }, "seeding copied offsets");
  await writeOffsets(ordered.flow, desk.side(ordered), offsets);
  const difference = firstDifference(wanted, await copied(desk, ordered));
  if (difference === undefined) return;
  throw new FerryError("E_CONNECT", `${name}: offsets were set and read back differently: ${difference}.`);
}

/** Its topics go as a whole, with them its offsets: a new mirror of this name starts afresh. */
async function remove(desk: Desk, name: string): Promise<void> {
  const ordered = await desk.records.ordered(name);
  if (ordered === undefined) return;
  desk.log.info({ flow: name }, "removing a mirror");
  const now = desk.clock.now();
  if (ordered.removing !== true) {
    const stopped = (before: Ordered | undefined) =>
      reordered(before, before?.flow ?? ordered.flow, "stopped", now);
    await desk.records.order(name, stopped);
    await reach(desk, name, "stopped");
    // Killed from here on, its state may be gone: nobody reads it any more.
    await desk.records.order(name, (before) => ({ ...stopped(before), removing: true }));
  }
  await discard(name, desk.side(ordered));
  await desk.runner.tidy(name);
  await desk.records.forget(name);
  desk.reader.forget(name);
}
