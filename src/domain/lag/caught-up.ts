import { sameRecord } from "#domain/offsets/log-view.ts";
import type { FlowStatus } from "#domain/ports.ts";
import type { KafkaRecord, OffsetTable, PartitionTable } from "#domain/topology.ts";
import { type LagReading, partitionLags, sumLags } from "./lag.ts";

/**
 * Whether a mirror has everything: five proofs, each necessary (design §8). Only together do they exclude a late
 * producer, an open transaction, a dead task with frozen offsets, and a copy that is not one.
 */

/**
 * Last data record of each side; `null`: it has none. Where others have written to the destination too, the newest one
 * there that is equal to the origin's, if there is one.
 */
export type LastRecords = { readonly origin: KafkaRecord | null; readonly destination: KafkaRecord | null };

export type CaughtUpReading = {
  /** `lag.ends` is the second of the two reads. */
  readonly lag: LagReading;
  readonly endsBefore: OffsetTable;
  /** How far the two reads of the ends were apart, and how far they had to be, in ms. */
  readonly apartMs: number;
  readonly flatForMs: number;
  /** Last stable offsets of the origin. */
  readonly stable: OffsetTable;
  readonly flow: FlowStatus;
  readonly last: PartitionTable<LastRecords>;
};

type Proof = {
  readonly name: "flat-ends" | "no-open-transaction" | "copied" | "running" | "same-last-record";
  readonly state: "pass" | "fail" | "unknown";
  readonly text: string;
};

export type Verdict = {
  readonly caughtUp: boolean;
  readonly proofs: readonly Proof[];
  /** What does not hold, for people; empty when all holds. */
  readonly why: string;
};

export function decideCaughtUp(reading: CaughtUpReading): Verdict {
  const proofs = [
    flatEnds(reading),
    noOpenTransaction(reading),
    copied(reading),
    running(reading),
    sameLast(reading),
  ];
  const missing = proofs.filter(({ state }) => state !== "pass");
  // Last records are compared only when nothing else is missing: that they were not is no news then.
  const telling =
    missing.length > 1
      ? missing.filter(({ state, name }) => state === "fail" || name !== "same-last-record")
      : missing;
  return { caughtUp: missing.length === 0, proofs, why: telling.map(({ text }) => text).join("; ") };
}

type Cell = { readonly topic: string; readonly partition: number };

function cells({ lag }: CaughtUpReading): readonly Cell[] {
  return [...lag.partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  );
}

function flatEnds(reading: CaughtUpReading): Proof {
  const name = "flat-ends";
  const { lag, endsBefore, apartMs, flatForMs } = reading;
  if (apartMs < flatForMs) {
    return {
      name,
      state: "unknown",
      text: `end offsets were read ${apartMs} ms apart, ${flatForMs} ms are needed`,
    };
  }
  const moved = cells(reading).filter(
    ({ topic, partition }) => endsBefore.get(topic)?.[partition] !== lag.ends.get(topic)?.[partition],
  );
  if (moved.length > 0) return { name, state: "fail", text: `${some(moved)} still grows` };
  return { name, state: "pass", text: `end offsets stood still for ${apartMs} ms` };
}

function noOpenTransaction(reading: CaughtUpReading): Proof {
  const name = "no-open-transaction";
  const unread = cells(reading).filter(
    ({ topic, partition }) => reading.stable.get(topic)?.[partition] === undefined,
  );
  if (unread.length > 0)
    return { name, state: "unknown", text: `last stable offset of ${some(unread)} did not come` };
  const open = cells(reading).filter(
    ({ topic, partition }) =>
      reading.stable.get(topic)?.[partition] !== reading.lag.ends.get(topic)?.[partition],
  );
  if (open.length > 0) return { name, state: "fail", text: `a transaction is open on ${some(open)}` };
  return { name, state: "pass", text: "no transaction is open" };
}

function copied({ lag }: CaughtUpReading): Proof {
  const name = "copied";
  const sum = sumLags(partitionLags(lag));
  const [finding] = sum.findings;
  if (finding !== undefined) {
    const text = `${finding.topic}-${finding.partition}: ${finding.why ?? finding.state}`;
    return { name, state: finding.records === null ? "unknown" : "fail", text };
  }
  if (sum.atLeast > 0)
    return { name, state: "fail", text: `${sum.atLeast} records behind on ${some(sum.worst)}` };
  return { name, state: "pass", text: `lag 0 of ${sum.partitions} partitions` };
}

function running({ flow }: CaughtUpReading): Proof {
  const name = "running";
  const up = flow.tasks.filter(({ state }) => state === "RUNNING").length;
  if (flow.state === "running" && up === flow.tasks.length)
    return { name, state: "pass", text: `tasks running ${up} of ${flow.tasks.length}` };
  return {
    name,
    state: "fail",
    text: `${flow.name} is ${flow.state}, tasks running ${up} of ${flow.tasks.length}`,
  };
}

function sameLast(reading: CaughtUpReading): Proof {
  const name = "same-last-record";
  const unread = cells(reading).filter(
    ({ topic, partition }) => reading.last.get(topic)?.[partition] === undefined,
  );
  if (unread.length > 0)
    return { name, state: "unknown", text: `last record of ${some(unread)} was not compared` };
  const different = cells(reading).filter(({ topic, partition }) => {
    const last = reading.last.get(topic)?.[partition];
    return last === undefined || !sameOrNone(last);
  });
  if (different.length > 0) return { name, state: "fail", text: `last records of ${some(different)} differ` };
  return { name, state: "pass", text: "last records are equal on both sides" };
}

/** An origin whose records have all expired proves nothing and needs nothing. */
function sameOrNone({ origin, destination }: LastRecords): boolean {
  if (origin === null) return true;
  return destination !== null && sameRecord(origin, destination);
}

function some(cells: readonly Cell[]): string {
  const shown = cells.slice(0, 3).map(({ topic, partition }) => `${topic}-${partition}`);
  return cells.length > 3 ? `${shown.join(", ")} and ${cells.length - 3} more` : shown.join(", ");
}
