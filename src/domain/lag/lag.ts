import {
  at,
  type Missing,
  type OffsetTable,
  type PartitionTable,
  type TopicPartition,
} from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";

/** Exact replication lag: end offset − (last copied source offset + 1), per partition. Pure. Rules: design §8. */

/** Offsets of one moment. `copied` must have been read before `ends`, so that lag is never under-reported. */
export type LagReading = {
  /** Milliseconds since the epoch, when the ends were read. */
  readonly at: number;
  /** Partitions that every topic has; what is missing from the tables below is then known to be missing. */
  readonly partitions: ReadonlyMap<string, number>;
  /** Offset of the last copied record in the origin. */
  readonly copied: OffsetTable;
  readonly starts: OffsetTable;
  readonly ends: OffsetTable;
  /**
   * Up to these offsets (exclusive) a reader, now or earlier, found nothing but control records after the last copied
   * one. Kept, because retention takes the evidence away and not the offsets.
   */
  readonly quietUntil?: OffsetTable;
  /** Data records from the next one to copy up to the end, where they were counted. */
  readonly counted?: PartitionTable<number>;
  /** Last stable offsets, where a transaction is open before the end. */
  readonly openFrom?: OffsetTable;
  /** What did not come, and why. */
  readonly missing?: readonly Missing[];
  /** Topics that are not on the origin any more. */
  readonly gone?: ReadonlySet<string>;
  /** Topics that were created anew while they were mirrored, and how that is known. */
  readonly recreated?: ReadonlyMap<string, string>;
};

type LagState =
  | "in-step"
  | "behind"
  /** Nothing was copied of it yet, and there is something. */
  | "never-copied"
  /** The origin's log starts after the next record to copy: `lost` offsets expired before they were copied. */
  | "truncated"
  /** Copied beyond the end: the topic was created anew or lost its tail. Lag has no meaning. */
  | "ahead"
  /** Deleted on the origin and created again under this name: copied offsets are those of the deleted one. */
  | "recreated"
  /** Deleted on the origin. */
  | "gone"
  /** An offset is missing. */
  | "incomplete";

export type PartitionLag = {
  readonly topic: string;
  readonly partition: number;
  readonly state: LagState;
  /**
   * Records still to be copied; `null`: not known. Where they were not counted it is the distance in offsets, which
   * markers of transactions and what compaction removed make larger, never smaller.
   */
  readonly records: number | null;
  readonly counted?: true;
  /** Offsets that expired before they were copied. */
  readonly lost: number;
  /** For people, where `state` alone does not say enough. */
  readonly why?: string;
};

export type LagSum = {
  /** `null` when that of any partition is unknown. */
  readonly records: number | null;
  /** Sum over those that are known: "at least". */
  readonly atLeast: number;
  readonly partitions: number;
  readonly unknown: number;
  /** Everything that is neither in step nor simply behind. */
  readonly findings: readonly PartitionLag[];
  /** Most behind first; those in step are left out. */
  readonly worst: readonly PartitionLag[];
};

/** Lag of every partition, by topic and number. */
export function partitionLags(reading: LagReading): readonly PartitionLag[] {
  return [...reading.partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => partitionLag(reading, topic, partition)),
  );
}

function partitionLag(reading: LagReading, topic: string, partition: number): PartitionLag {
  const where = { topic, partition };
  const broken = brokenTopic(reading, where);
  if (broken !== undefined) return broken;
  const start = at(reading.starts, topic, partition);
  const end = at(reading.ends, topic, partition);
  if (start === undefined || end === undefined) {
    return { ...where, state: "incomplete", records: null, lost: 0, why: whyMissing(reading, where, end) };
  }
  const copied = at(reading.copied, topic, partition);
  const quiet = at(reading.quietUntil ?? new Map(), topic, partition);
  const bounds = {
    start,
    // A start that was read after the end, of a log that is emptied all the time.
    end: Math.max(start, end),
    // Beyond the end it was seen in a log that is no more.
    quiet: quiet !== undefined && quiet <= end ? quiet : 0,
  };
  const lag = copied === undefined ? neverCopied(where, bounds) : copiedTo(where, copied, bounds);
  return withTail(lag, reading, end);
}

function whyMissing({ missing = [] }: LagReading, where: TopicPartition, end: number | undefined): string {
  const found = missing.find(
    ({ topic, partition }) =>
      topic === where.topic && (partition === undefined || partition === where.partition),
  );
  const text = `its ${end === undefined ? "end" : "start"} offset did not come`;
  return found === undefined ? text : `${text}: ${found.why}`;
}

function brokenTopic({ gone, recreated }: LagReading, where: TopicPartition): PartitionLag | undefined {
  const common = { ...where, records: null, lost: 0 };
  if (gone?.has(where.topic) === true) {
    return { ...common, state: "gone", why: "the topic was deleted under the mirror" };
  }
  const how = recreated?.get(where.topic);
  return how === undefined ? undefined : { ...common, state: "recreated", why: how };
}

/** What was counted, and what holds the rest up. */
function withTail(lag: PartitionLag, reading: LagReading, end: number): PartitionLag {
  const { topic, partition, records } = lag;
  if (records === null || records === 0) return lag;
  const counted = at(reading.counted ?? new Map(), topic, partition);
  if (counted !== undefined) return { ...lag, records: counted, counted: true };
  const open = at(reading.openFrom ?? new Map(), topic, partition);
  if (open === undefined || open >= end || lag.why !== undefined) return lag;
  return { ...lag, why: `a transaction is open since offset ${open}: what follows is not decided` };
}

/** `quiet`: everything before it that was not copied is no data. */
type Bounds = { readonly start: number; readonly end: number; readonly quiet: number };

/** A log without data records has nothing to copy. */
function neverCopied(where: TopicPartition, { start, end, quiet }: Bounds): PartitionLag {
  const records = end - Math.max(start, quiet);
  if (records === 0) return { ...where, state: "in-step", records: 0, lost: 0 };
  return { ...where, state: "never-copied", records, lost: 0, why: "no record of it was copied yet" };
}

function copiedTo(where: TopicPartition, copied: number, { start, end, quiet }: Bounds): PartitionLag {
  if (copied + 1 > end) {
    const why = `copied up to ${copied}, but the log ends at ${end}: it was created anew or cut`;
    return { ...where, state: "ahead", records: null, lost: 0, why };
  }
  const next = Math.max(copied + 1, quiet);
  if (start > next) {
    const why = `offsets ${next} to ${start - 1} expired before they were copied`;
    return { ...where, state: "truncated", records: end - start, lost: start - next, why };
  }
  return { ...where, state: end === next ? "in-step" : "behind", records: end - next, lost: 0 };
}

/** The next offset to copy: what lies before it was copied, is no data, or has expired; `undefined`: not known. */
export function nextToCopy(reading: LagReading, { topic, partition }: TopicPartition): number | undefined {
  const start = at(reading.starts, topic, partition);
  const end = at(reading.ends, topic, partition);
  if (start === undefined || end === undefined) return undefined;
  const copied = at(reading.copied, topic, partition);
  const quiet = at(reading.quietUntil ?? new Map(), topic, partition) ?? 0;
  return Math.max(copied === undefined ? start : copied + 1, start, quiet <= end ? quiet : 0);
}

/** Sum over partitions: of a topic, of a wave, of everything. */
export function sumLags(lags: readonly PartitionLag[]): LagSum {
  const unknown = lags.filter(({ records }) => records === null).length;
  const atLeast = lags.reduce((sum, { records }) => sum + (records ?? 0), 0);
  return {
    records: unknown === 0 ? atLeast : null,
    atLeast,
    partitions: lags.length,
    unknown,
    findings: lags.filter(({ state }) => state !== "in-step" && state !== "behind"),
    worst: lags
      .filter(({ records }) => (records ?? 0) > 0)
      .sort((a, b) => (b.records ?? 0) - (a.records ?? 0)),
  };
}

/** How far a mirror and its origin have come, all partitions together; `null`: not known for all of them. */
export type Progress = {
  readonly at: number;
  readonly partitions: number;
  readonly arrived: number | null;
  readonly copied: number | null;
};

export function progress(reading: LagReading): Progress {
  const cells = [...reading.partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({
      end: at(reading.ends, topic, partition),
      copied: at(reading.copied, topic, partition),
      start: at(reading.starts, topic, partition),
    })),
  );
  return {
    at: reading.at,
    partitions: cells.length,
    arrived: sumOf(cells.map(({ end }) => end)),
    // Where nothing was copied yet, it would begin at the start of the log.
    copied: sumOf(cells.map(({ copied, start }) => (copied === undefined ? start : copied + 1))),
  };
}

/** Records per second. */
export type Rates = { readonly arriving: number | null; readonly copying: number | null };

/** `null` where a side is not known, the partitions are not the same, or offsets went backwards. */
export function rates(before: Progress, after: Progress): Rates {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0 || before.partitions !== after.partitions) return { arriving: null, copying: null };
  return {
    arriving: perSecond(before.arrived, after.arrived, seconds),
    copying: perSecond(before.copied, after.copied, seconds),
  };
}

function perSecond(before: number | null, after: number | null, seconds: number): number | null {
  return before === null || after === null || after < before ? null : (after - before) / seconds;
}

/** `null` when one of them is missing. */
export function sumOf(values: ReadonlyArray<number | null | undefined>): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null || value === undefined) return null;
    sum += value;
  }
  return sum;
}

/** "18,400", or "at least 18,400" when a part is not known, or "unknown". */
export function behind({ records, atLeast, unknown, partitions }: LagSum): string {
  if (records !== null) return figure(records);
  return unknown === partitions ? "unknown" : `at least ${figure(atLeast)}`;
}
