import { FerryError } from "#domain/errors.ts";
import {
  compareLast,
  compareRuns,
  type Difference,
  keepLast,
  type LastPerKey,
  placeOfRun,
} from "#domain/offsets/compare.ts";
import type { PartitionProgress } from "#domain/offsets/verification.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type KafkaRecord, type TopicPartition } from "#domain/topology.ts";

/** Comparing one partition, a chunk at a time, from wherever its progress says. */

export type Pair = { readonly source: KafkaCluster; readonly target: KafkaCluster };

/** Bytes of each log that are held at a time, about, and the bounds of a batch. */
const batchBytes = 4_194_304;
const largestBatch = 2_000;
/** Records of a search: read and dropped. */
const searched = 200;
/** Records that must match together for a place to be the right one. */
const run = 8;

/** The next chunk. The progress that comes back is open, equal or different. */
export async function compareNext(progress: PartitionProgress, pair: Pair): Promise<PartitionProgress> {
  try {
    if (progress.compacted) return await compareCompacted(progress, pair);
    return progress.aligned ? await compareChunk(progress, pair) : await align(progress, pair);
  } catch (thrown) {
    const moved = await afterRetention(progress, pair, thrown);
    if (moved !== undefined) return moved;
    throw thrown;
  }
}

async function compareChunk(progress: PartitionProgress, pair: Pair): Promise<PartitionProgress> {
  const [source, target] = await Promise.all([
    readSource(progress, pair, progress.source, progress.batch),
    readTarget(progress, pair, progress.target, progress.batch),
  ]);
  const { equal, difference } = compareRuns(source, target);
  if (difference !== undefined) return differentAt(progress, difference);
  const next: PartitionProgress = {
    ...progress,
    equal: progress.equal + equal,
    source: nextOffset(source, equal, progress.source),
    target: nextOffset(target, equal, progress.target),
    batch: batchFor(source, progress.batch),
  };
  if (source.length > 0 && target.length > 0) return next;
  return atEnd(next, source[0], target[0]);
}

function nextOffset(records: readonly KafkaRecord[], equal: number, from: number): number {
  const last = records[equal - 1];
  return last === undefined ? from : last.offset + 1;
}

function batchFor(records: readonly KafkaRecord[], before: number): number {
  if (records.length === 0) return before;
  const bytes = records.reduce(
    (sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + 100,
    0,
  );
  return Math.max(1, Math.min(largestBatch, Math.floor(batchBytes / (bytes / records.length))));
}

/** One log has no more: what is left on the other must be allowed to be there alone. */
function atEnd(
  progress: PartitionProgress,
  source: KafkaRecord | undefined,
  target: KafkaRecord | undefined,
): PartitionProgress {
  if (source !== undefined && source.offset < progress.required) {
    const what = "the mirror says it copied this record, and MSK does not hold it";
    return differentAt(progress, { kind: "missing-on-target", source: source.offset, what });
  }
  if (target !== undefined) {
    const what = "MSK holds a record here that the source does not";
    return differentAt(progress, { kind: "only-on-target", target: target.offset, what });
  }
  return { ...progress, state: "equal" };
}

function differentAt(progress: PartitionProgress, difference: Difference): PartitionProgress {
  const { topic, partition } = progress;
  return { ...progress, state: "different", difference: { topic, partition, ...difference } };
}

/**
 * Brings both positions to the same record. Retention works on each cluster by itself, so the first record that one
 * holds may lie somewhere inside the other; with both logs complete, both begin with the same record.
 */
async function align(progress: PartitionProgress, pair: Pair): Promise<PartitionProgress> {
  const { source: from, target: to } = progress;
  const aligned: PartitionProgress = { ...progress, aligned: true };
  if (from === 0 && to === 0) return aligned;
  const [source, target] = await Promise.all([
    readSource(progress, pair, from, run),
    readTarget(progress, pair, to, run),
  ]);
  const [first] = source;
  // One side holds nothing any more: what the other holds has expired there.
  if (first === undefined) return moved(aligned, "target", from === 0 ? to : progress.targetUntil);
  if (target.length === 0)
    return moved(aligned, "source", to === 0 ? from : Math.max(from, progress.required));
  if (compareRuns(source, target).difference === undefined) return aligned;
  return (await meet(aligned, source, target, pair)) ?? nowhere(aligned, first);
}

/** One side's first record somewhere inside the other log. */
async function meet(
  progress: PartitionProgress,
  source: readonly KafkaRecord[],
  target: readonly KafkaRecord[],
  pair: Pair,
): Promise<PartitionProgress | undefined> {
  const inTarget = progress.source === 0 ? undefined : await search(source, progress, pair, "target");
  if (inTarget !== undefined) return moved(progress, "target", inTarget);
  const inSource = progress.target === 0 ? undefined : await search(target, progress, pair, "source");
  return inSource === undefined ? undefined : moved(progress, "source", inSource);
}

/** Fine only where nothing of what the source still holds was copied yet. */
function nowhere(progress: PartitionProgress, first: KafkaRecord): PartitionProgress {
  if (first.offset >= progress.required) return moved(progress, "target", progress.targetUntil);
  const what = "MSK does not hold the first record that the source still has";
  return differentAt(progress, { kind: "missing-on-target", source: first.offset, what });
}

function moved(progress: PartitionProgress, side: "source" | "target", to: number): PartitionProgress {
  return { ...progress, [side]: to, expired: progress.expired + (to - progress[side]) };
}

/** A copy keeps its timestamp, so it cannot lie before the first record of that time. */
async function search(
  wanted: readonly KafkaRecord[],
  progress: PartitionProgress,
  pair: Pair,
  side: "source" | "target",
): Promise<number | undefined> {
  const [first] = wanted;
  const lower = first && (await pair[side].offsetAt(progress, first.timestamp));
  if (lower === undefined) return undefined;
  const read = side === "source" ? readSource : readTarget;
  for (let from = Math.max(lower, progress[side]); ; ) {
    const records = await read(progress, pair, from, searched);
    const last = records.at(-1);
    if (last === undefined) return undefined;
    const place = placeOfRun(wanted, records);
    from = (place ?? last.offset) + 1;
    if (place === undefined) continue;
    // It may reach beyond what was read: only the whole run is proof.
    const whole = await read(progress, pair, place, wanted.length);
    if (compareRuns(wanted, whole).difference === undefined) return place;
  }
}

/** In one go: what is left of each key is only known at the end. */
async function compareCompacted(progress: PartitionProgress, pair: Pair): Promise<PartitionProgress> {
  const source = await readLast(progress.source, progress.required, (from) =>
    readSource(progress, pair, from, progress.batch),
  );
  const target = await readLast(progress.target, progress.mirroredUntil, (from) =>
    readTarget(progress, pair, from, progress.batch),
  );
  const beyond = { source: source.later, target: target.later, expires: progress.expires };
  const [difference] = compareLast(source.last, target.last, beyond);
  if (difference !== undefined) return differentAt(progress, difference);
  return { ...progress, source: progress.sourceUntil, equal: source.last.size, state: "equal" };
}

/** The last record of each key below `bound`, and all from there on. */
async function readLast(
  start: number,
  bound: number,
  read: (from: number) => Promise<readonly KafkaRecord[]>,
): Promise<{ readonly last: LastPerKey; readonly later: readonly KafkaRecord[] }> {
  const last: LastPerKey = new Map();
  const later: KafkaRecord[] = [];
  for (let from = start; ; ) {
    const records = await read(from);
    const end = records.at(-1);
    if (end === undefined) return { last, later };
    keepLast(
      last,
      records.filter(({ offset }) => offset < bound),
    );
    later.push(...records.filter(({ offset }) => offset >= bound));
    from = end.offset + 1;
  }
}

/** Records that expired while they were compared: goes on with what is still there. */
async function afterRetention(
  progress: PartitionProgress,
  { source, target }: Pair,
  thrown: unknown,
): Promise<PartitionProgress | undefined> {
  if (!(thrown instanceof FerryError) || thrown.code !== "E_KAFKA") return undefined;
  const { topic, partition } = progress;
  const [left, right] = await Promise.all([
    source.offsets([topic], "start"),
    target.offsets([topic], "start"),
  ]);
  const [first, second] = [at(left, topic, partition), at(right, topic, partition)];
  if (first === undefined || second === undefined) return undefined;
  if (first <= progress.source && second <= progress.target) return undefined;
  return {
    ...progress,
    source: Math.max(first, progress.source),
    target: Math.max(second, progress.target),
    sourceUntil: Math.max(first, progress.sourceUntil),
    targetUntil: Math.max(second, progress.targetUntil),
    aligned: false,
  };
}

function readSource(progress: PartitionProgress, { source }: Pair, from: number, max: number) {
  return readUntil(source, progress, from, progress.sourceUntil, max);
}

function readTarget(progress: PartitionProgress, { target }: Pair, from: number, max: number) {
  return readUntil(target, progress, from, progress.targetUntil, max);
}

async function readUntil(
  cluster: KafkaCluster,
  { topic, partition }: TopicPartition,
  from: number,
  until: number,
  max: number,
): Promise<readonly KafkaRecord[]> {
  if (from >= until) return [];
  return await cluster.read({ topic, partition }, from, { max, until, isolation: "read-committed" });
}
