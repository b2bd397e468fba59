import type { Replicator, ReplicatorApi } from "#domain/mirror/replicator.ts";
import type { ReplicatorMetrics } from "#domain/mirror/replicator-reading.ts";
import { replicatorProblems } from "#domain/mirror/replicator-rules.ts";
import type { MskCluster } from "#domain/msk.ts";
import type {
  Clock,
  EngineCheck,
  Flow,
  FlowStatus,
  KafkaCluster,
  Log,
  ReplicationEngine,
  Store,
} from "#domain/ports.ts";
import type { ReplicatorSettings } from "#domain/replicator-settings.ts";
import type { Security } from "#domain/settings.ts";
import { type OffsetTable, unknown } from "#domain/topology.ts";
import { createLedger, rowsOf, tableOf } from "./ledger.ts";
import { type Desk, find, isOurs, lookUp, remove, restart, run, stop } from "./life.ts";
import { createNotes } from "./notes.ts";
import { createProgress, type Progress } from "./progress.ts";
import { absentStatus, cannot, statusOf, unknownFlow, vanishedStatus } from "./status.ts";

export type ReplicatorOptions = {
  readonly migration: string;
  readonly api: ReplicatorApi;
  /** CloudWatch. */
  readonly metrics: ReplicatorMetrics;
  readonly settings: ReplicatorSettings;
  readonly source: KafkaCluster;
  /** How the bot reaches the source; the Replicator too, unless the settings name another listener. */
  readonly security: Security;
  readonly target: KafkaCluster;
  /** The target as MSK describes it. */
  readonly cluster: () => Promise<MskCluster>;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly store: Store;
  readonly log: Log;
  readonly clock: Clock;
  /** How long a Replicator may take to reach a state; default 90 min: AWS takes about 30. */
  readonly patienceMs?: number;
  /** Default 10 s. */
  readonly pollMs?: number;
};

/**
 * MSK Replicator, one for each forward flow. It cannot be paused, started at an offset, or go on where another one ended:
 * what the port promises of that is refused with the reason, and the way to another engine stays open (`stop`, then
 * `copied`). Its own group sync is off: a checkpoint flow has nothing to run here.
 */
export function createReplicatorEngine(options: ReplicatorOptions): ReplicationEngine {
  const desk: Desk = {
    ...options,
    ledger: createLedger(options.store),
    patienceMs: options.patienceMs ?? 90 * 60_000,
    pollMs: options.pollMs ?? 10_000,
    note: createNotes(options.metrics, options.clock),
  };
  const progress = createProgress(options.source, options.target);
  return {
    check: () => check(desk),
    list: (prefix) => list(desk, prefix),
    status: (name) => status(desk, name),
    define: (flow, state) => define(desk, flow, state),
    start: (name) => start(desk, name),
    pause: (name) => pause(desk, name),
    stop: (name) => stop(desk, name),
    restartFailed: (name) => restart(desk, name),
    copied: (name) => copied(desk, progress, name),
    seed: (name) => seed(desk, name),
    ownSync: async () =>
      unknown("the Replicator's own group sync is off: it commits nothing, and tells nothing"),
    remove: (name) => remove(desk, name),
  };
}

async function check(desk: Desk): Promise<EngineCheck> {
  const [{ version }, target] = await Promise.all([desk.source.describe(), desk.cluster()]);
  const { settings, security } = desk;
  const problems = replicatorProblems({ version, security, settings, target });
  return { version: "MSK Replicator", exactlyOnce: false, problems };
}

async function list(desk: Desk, prefix: string): Promise<readonly FlowStatus[]> {
  const [listed, remembered] = await Promise.all([desk.api.list(prefix), desk.ledger.flows(prefix)]);
  const names = [...new Set([...listed.map(({ name }) => name), ...remembered])].sort();
  const all: FlowStatus[] = [];
  for (const name of names) all.push(await seen(desk, name));
  return all.filter(({ state }) => state !== "absent");
}

/** One of another migration is looked at, since two must not carry the same topics, and never touched. */
async function seen(desk: Desk, name: string): Promise<FlowStatus> {
  const found = await lookUp(desk, name);
  if (found === undefined || isOurs(desk, found)) return await statusFrom(desk, name, found);
  return statusOf(found);
}

async function status(desk: Desk, name: string): Promise<FlowStatus> {
  return await statusFrom(desk, name, await find(desk, name));
}

async function statusFrom(desk: Desk, name: string, found: Replicator | undefined): Promise<FlowStatus> {
  const entry = await desk.ledger.read(name);
  if (found !== undefined) return { ...statusOf(found), ...(await desk.note(name)) };
  if (entry === undefined) return absentStatus(name);
  if (entry.ordered === "stopped") {
    return { name, state: "stopped", kind: "forward", topics: entry.topics, tasks: [] };
  }
  return vanishedStatus(name, entry.topics);
}

async function define(desk: Desk, flow: Flow, state: "stopped" | "running"): Promise<void> {
  const { name, kind, topics } = flow;
  if (kind === "checkpoint") {
    desk.log.debug({ flow: name }, "a replicator's own group sync stays off");
    return;
  }
  if (kind === "reverse") {
    throw cannot(
      name,
      "a mirror back needs the exact offset to begin at, and a Replicator begins at EARLIEST or LATEST: records would be copied back twice or be missing",
    );
  }
  if (state === "running") return await run(desk, name, topics);
  if ((await find(desk, name)) !== undefined) await stop(desk, name);
  const before = await desk.ledger.read(name);
  await desk.ledger.write(name, { topics: [...topics], ordered: "stopped", arn: before?.arn });
}

/** A stopped one may begin only where nothing was copied: it would copy all again. `run` sees to that. */
async function start(desk: Desk, name: string): Promise<void> {
  const now = await status(desk, name);
  if (now.state === "absent") throw unknownFlow(name);
  await run(desk, name, now.topics);
}

async function pause(desk: Desk, name: string): Promise<never> {
  if ((await status(desk, name)).state === "absent") throw unknownFlow(name);
  throw cannot(name, "AWS has no pause for a Replicator; `stop` deletes it, and it cannot go on afterwards");
}

async function seed(desk: Desk, name: string): Promise<never> {
  if ((await status(desk, name)).state === "absent") throw unknownFlow(name);
  throw cannot(
    name,
    "a Replicator begins at EARLIEST or LATEST and at no other offset; a mirror of the engine before keeps its own: set replication.engine back to it",
  );
}

async function copied(desk: Desk, progress: Progress, name: string): Promise<OffsetTable> {
  const now = await status(desk, name);
  if (now.state === "absent") throw unknownFlow(name);
  const entry = await desk.ledger.read(name);
  const isStopped = now.state === "stopped" && entry !== undefined;
  if (isStopped && entry.copied !== undefined) return tableOf(entry.copied);
  const table = await progress.read(now.topics);
  // What others write to the target later on does not change how far it came.
  if (isStopped) await desk.ledger.write(name, { ...entry, copied: rowsOf(table) });
  return table;
}
