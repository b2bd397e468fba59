import type { Wave } from "#domain/plan.ts";
import { flowName } from "#domain/plan.ts";
import type { Flow, FlowStatus } from "#domain/ports.ts";

/** How a wave becomes flows. */

/**
 * What MirrorMaker 2 calls the two clusters in the names of its own topics and in the keys of copied offsets. Ours alone:
 * a team's own MirrorMaker between the same clusters has other names, and its topics stay when ours are cleaned up.
 */
export const aliases = { source: "ferry-source", target: "ferry-target" } as const;

/** A task holds its records and its producer in the worker's memory; AWS's MM2 sample advises 5-10 partitions a task. */
const partitionsPerTask = 10;
const maxTasks = 32;

/**
 * Tasks for so many partitions: as many as are set for the wave, though never more than partitions; else at least one, at
 * most 32, so that one wave does not fill the Connect cluster.
 */
function tasksFor(partitions: number, wanted: number | undefined): number {
  if (wanted !== undefined) return Math.max(1, Math.min(wanted, partitions));
  return Math.min(maxTasks, Math.max(1, Math.ceil(partitions / partitionsPerTask)));
}

/** By wave: `replication.tasks`. */
type Tasks = Readonly<Record<string, number>>;

export function forwardFlow(migration: string, wave: Wave, partitions: number, tasks: Tasks = {}): Flow {
  return {
    name: flowName(migration, wave.name, "forward"),
    kind: "forward",
    topics: [...wave.topics].sort(),
    groups: [],
    tasks: tasksFor(partitions, tasks[wave.name]),
  };
}

/** `undefined` for a wave without groups: MirrorMaker 2 starts no task for it. */
export function checkpointFlow(migration: string, wave: Wave): Flow | undefined {
  if (wave.groups.length === 0) return undefined;
  return {
    name: flowName(migration, wave.name, "checkpoint"),
    kind: "checkpoint",
    topics: [...wave.topics].sort(),
    groups: [...wave.groups].sort(),
    tasks: 1,
  };
}

export function reverseFlow(migration: string, wave: Wave, partitions: number, tasks: Tasks = {}): Flow {
  return {
    ...forwardFlow(migration, wave, partitions, tasks),
    name: flowName(migration, wave.name, "reverse"),
    kind: "reverse",
  };
}

/**
 * Beginning of the names of the topics that hold a flow's copied offsets on the cluster it writes to, when that is not
 * the cluster of the Connect workers and copying is exactly-once (KIP-618: offsets and records are one transaction, so
 * one cluster). Each life of the flow has its own; removing the flow leaves the topic to whoever cleans up.
 */
export function offsetsTopicPrefix(flow: string): string {
  return `${flow}-offsets-`;
}

/** What a mirror's task holds in memory at the most, and how long one transaction of it may take (exactly-once). */
export const mirrorBufferBytes = 64 * 1024 * 1024;
export const mirrorTransactionMs = 180_000;

/**
 * Bytes per second below which so many tasks cannot send what they hold in one transaction: its time would run out and
 * the task fail.
 */
export function slowestRate(tasks: number): number {
  return Math.ceil((tasks * mirrorBufferBytes) / (mirrorTransactionMs / 1000));
}

/** What brokers know the producers of a migration's forward mirrors by; a client quota of this id throttles them. */
export function mirrorClientId(migration: string): string {
  return `ferry-${migration}-mirror`;
}

/** First line of the first trace, for a message; the whole of it stays in the status. */
export function firstTrace(status: FlowStatus): string {
  const failed = status.tasks.find(({ trace }) => trace !== undefined);
  return failed?.trace?.split("\n", 1)[0] ?? "no trace was given";
}
