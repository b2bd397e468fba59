import { createHash } from "node:crypto";
import { sameRecord } from "#domain/offsets/log-view.ts";
import { at, type KafkaRecord } from "#domain/topology.ts";
import type { CaughtUpReading, Verdict } from "./caught-up.ts";
import { partitionLags } from "./lag.ts";

/** What the verdict "caught up" was decided from, partition by partition, for people and for machines. Pure. */

/** A record as evidence: no content, but what proves equal content. */
type RecordEvidence = {
  readonly offset: number;
  /** ISO 8601. */
  readonly timestamp: string;
  /** SHA-256 over key, value and headers in order. */
  readonly sha256: string;
};

export type PartitionEvidence = {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the last copied record, as the engine has committed it. */
  readonly copied: number | null;
  readonly start: number | null;
  /** First read of the end, second read, and the last stable offset. */
  readonly endBefore: number | null;
  readonly end: number | null;
  readonly stable: number | null;
  /** Up to here only markers of transactions and aborted records follow what was copied. */
  readonly quietUntil: number | null;
  readonly state: string;
  readonly records: number | null;
  readonly originLast: RecordEvidence | null | "not compared";
  readonly destinationLast: RecordEvidence | null | "not compared";
  readonly equal: boolean | null;
};

export type CaughtUpEvidence = {
  readonly flow: string;
  /** ISO 8601: of the second read of the ends. */
  readonly readAt: string;
  readonly apartMs: number;
  readonly caughtUp: boolean;
  readonly proofs: Verdict["proofs"];
  readonly tasks: ReadonlyArray<{ readonly id: number; readonly state: string; readonly worker: string }>;
  readonly partitions: readonly PartitionEvidence[];
};

export function evidenceOf(reading: CaughtUpReading, verdict: Verdict): CaughtUpEvidence {
  const { lag, flow, apartMs } = reading;
  return {
    flow: flow.name,
    readAt: new Date(lag.at).toISOString(),
    apartMs,
    caughtUp: verdict.caughtUp,
    proofs: verdict.proofs,
    tasks: flow.tasks.map(({ id, state, worker }) => ({ id, state, worker })),
    partitions: partitionLags(lag).map(({ topic, partition, state, records }) => {
      const last = at(reading.last, topic, partition);
      return {
        topic,
        partition,
        copied: at(lag.copied, topic, partition) ?? null,
        start: at(lag.starts, topic, partition) ?? null,
        endBefore: at(reading.endsBefore, topic, partition) ?? null,
        end: at(lag.ends, topic, partition) ?? null,
        stable: at(reading.stable, topic, partition) ?? null,
        quietUntil: at(lag.quietUntil ?? new Map(), topic, partition) ?? null,
        state,
        records,
        originLast: last === undefined ? "not compared" : recordEvidence(last.origin),
        destinationLast: last === undefined ? "not compared" : recordEvidence(last.destination),
        equal: last === undefined ? null : isEqual(last.origin, last.destination),
      };
    }),
  };
}

/** An origin whose records have all expired has nothing to compare. */
function isEqual(origin: KafkaRecord | null, destination: KafkaRecord | null): boolean {
  return origin === null || (destination !== null && sameRecord(origin, destination));
}

function recordEvidence(record: KafkaRecord | null): RecordEvidence | null {
  if (record === null) return null;
  const hash = createHash("sha256");
  for (const part of [
    record.key,
    record.value,
    ...record.headers.flatMap(([name, value]) => [Buffer.from(name), value]),
  ]) {
    // The length sets parts apart; -1 is null.
    hash.update(`${part?.length ?? -1}:`);
    if (part !== null) hash.update(part);
  }
  return {
    offset: record.offset,
    timestamp: new Date(record.timestamp).toISOString(),
    sha256: hash.digest("hex"),
  };
}
