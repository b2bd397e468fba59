import type { TopicPartition } from "#domain/topology.ts";
import { about, count } from "#domain/wording.ts";

/** Lag in time: how old the next record to copy is, by its own timestamp. Pure. */

/** Who set the timestamp: the broker at its append, or the producer (`message.timestamp.type`). */
export type RecordClock = "LogAppendTime" | "CreateTime" | "unknown";

/** The next record to copy of a partition. */
export type WaitingRecord = TopicPartition & {
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly clock: RecordClock;
};

export type TimeLag = WaitingRecord & {
  /** Age of that record when the lag was read, ms. Below zero where a producer's clock is ahead. */
  readonly ms: number;
};

export type TimeLags = {
  /** The oldest of those that were read; `null`: none was. */
  readonly worst: TimeLag | null;
  readonly known: readonly TimeLag[];
  /** Partitions that are behind and whose next record was not read or has no timestamp. */
  readonly unread: number;
};

/** Ages of the records that wait, `behind` partitions in all. A record without a timestamp (-1) has no age. */
export function timeLags(waiting: readonly WaitingRecord[], behind: number, now: number): TimeLags {
  const known = waiting
    .filter(({ timestamp }) => timestamp >= 0)
    .map((record) => ({ ...record, ms: now - record.timestamp }))
    .sort((a, b) => b.ms - a.ms);
  return { worst: known[0] ?? null, known, unread: behind - known.length };
}

/** "oldest waiting record 21 s (CreateTime) on parcels-17", with how many were not read; empty when nothing waits. */
export function timeLagText({ worst, unread }: TimeLags): string {
  const rest = unread === 0 ? "" : `; not known on ${count(unread, "partition")}`;
  if (worst === null)
    return unread === 0 ? "" : `age of what waits is not known on ${count(unread, "partition")}`;
  const { topic, partition, ms, clock } = worst;
  const age = ms < 0 ? `in the future by ${about(-ms)}` : `${about(ms)} old`;
  const by = clock === "unknown" ? "clock not known" : clock;
  return `oldest waiting record is ${age} (${by}), on ${topic}-${partition}${rest}`;
}
