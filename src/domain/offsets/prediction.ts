import type { Column } from "#domain/message.ts";
import { at, type Known, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import { count, figure } from "#domain/wording.ts";

/** What a group reads twice, or never, when it goes on at an offset that is not the right one. */

/** Data records between two offsets of one log; where they were not counted, offsets: never fewer than records. */
export type Amount = { readonly records: number; readonly exact: boolean };

export type Misplacement = { readonly again: Amount; readonly skipped: Amount };

/**
 * One committed offset: where it belongs on the target, and what either way of carrying it over would cost. All of that
 * is unknown where the mirror has not copied it yet.
 */
export type Prediction = TopicPartition & {
  readonly group: string;
  readonly committed: number;
  /** Ours, proved by content. */
  readonly offset: Known<number>;
  readonly ours: Known<Misplacement>;
  /** MirrorMaker's own group sync at this moment; unknown where it would commit nothing. */
  readonly own: Known<Misplacement>;
};

export const nothing: Amount = { records: 0, exact: true };

/** The offset that MirrorMaker's sync would commit for a cell, or why there is none. */
export function ownOffset(
  own: Known<ReadonlyMap<string, OffsetTable>>,
  group: string,
  { topic, partition }: TopicPartition,
): Known<number> {
  if (!own.known) return own;
  const offset = at(own.value.get(group) ?? new Map(), topic, partition);
  return offset === undefined
    ? { known: false, why: "no checkpoint: it would commit nothing" }
    : { known: true, value: offset };
}

/** From the right offset and the one gone on at, with the amount between them. */
export function misplacement(right: number, chosen: number, between: Amount): Misplacement {
  return {
    again: chosen < right ? between : nothing,
    skipped: chosen > right ? between : nothing,
  };
}

/** "11,204", "at most 11,204", with "unknown on 3 partitions" where that is so; "unknown" when nothing is known. */
export function totalOf(amounts: ReadonlyArray<Known<Amount>>, noun = ""): string {
  const known = amounts.flatMap((amount) => (amount.known ? [amount.value] : []));
  const missing = amounts.length - known.length;
  if (known.length === 0 && amounts.length > 0) return "unknown";
  const sum = known.reduce((total, { records }) => total + records, 0);
  const text = `${known.every(({ exact }) => exact) ? "" : "at most "}${figure(sum)}${noun}`;
  return missing === 0 ? text : `${text}, unknown on ${count(missing, "partition")}`;
}

export function again({ again: amount }: Misplacement): Amount {
  return amount;
}

export function skipped({ skipped: amount }: Misplacement): Amount {
  return amount;
}

/** Picks one side of what MirrorMaker would do, unknown staying unknown. */
export function ofOwn(
  predictions: readonly Prediction[],
  pick: (value: Misplacement) => Amount,
): ReadonlyArray<Known<Amount>> {
  return predictions.map(({ own }) => (own.known ? { known: true, value: pick(own.value) } : own));
}

export function ofOurs(
  predictions: readonly Prediction[],
  pick: (value: Misplacement) => Amount,
): ReadonlyArray<Known<Amount>> {
  return predictions.map(({ ours }) => (ours.known ? { known: true, value: pick(ours.value) } : ours));
}

/** Groups that would read more records again than allowed: "billing: 12". */
export function overLimit(predictions: readonly Prediction[], limit: number): readonly string[] {
  const sums = new Map<string, number>();
  for (const { group, ours } of predictions) {
    if (ours.known) sums.set(group, (sums.get(group) ?? 0) + sumOf(ours.value));
  }
  return [...sums].filter(([, sum]) => sum > limit).map(([group, sum]) => `${group}: ${figure(sum)}`);
}

export type PredictionTable = {
  readonly columns: Column[];
  readonly rows: string[][];
};

/** One row per group and partition, the worst under MirrorMaker first. */
export function predictionTable(predictions: readonly Prediction[]): PredictionTable {
  const sorted = predictions.toSorted(
    (a, b) => weight(b) - weight(a) || nameOf(a).localeCompare(nameOf(b), "en", { numeric: true }),
  );
  return {
    columns: [
      { title: "group", align: "left" },
      { title: "partition", align: "left" },
      { title: "committed", align: "right" },
      { title: "on MSK", align: "right" },
      { title: "again", align: "right" },
      { title: "skipped", align: "right" },
      { title: "MM2 again", align: "right" },
      { title: "MM2 skipped", align: "right" },
    ],
    rows: sorted.map(({ group, topic, partition, committed, offset, ours, own }) => [
      group,
      `${topic}-${partition}`,
      figure(committed),
      offset.known ? figure(offset.value) : "?",
      ...misplacementCells(ours),
      ...misplacementCells(own),
    ]),
  };
}

/**
 * What our offsets were said to cost, by "group topic-partition", read from a table that a request has kept. Absent is
 * what it did not know, or did not keep.
 */
export function predictedAmounts(
  table: { readonly rows: ReadonlyArray<readonly string[]> } | undefined,
): ReadonlyMap<string, { readonly again: number; readonly skipped: number }> {
  const found = new Map<string, { readonly again: number; readonly skipped: number }>();
  for (const [group, where, , , ...cells] of table?.rows ?? []) {
    const [again, skipped] = cells.map(numberOf);
    if (again !== undefined && skipped !== undefined) found.set(`${group} ${where}`, { again, skipped });
  }
  return found;
}

function numberOf(cell: string): number | undefined {
  return /^[\d,]+$/u.test(cell) ? Number(cell.replaceAll(",", "")) : undefined;
}

function nameOf({ group, topic, partition }: Prediction): string {
  return `${group} ${topic}-${partition}`;
}

/** Ours first of all; of MirrorMaker's, what it does not know weighs least. */
function weight({ ours, own }: Prediction): number {
  return (ours.known ? sumOf(ours.value) : 0) * 1e6 + (own.known ? sumOf(own.value) : 0);
}

function sumOf({ again, skipped }: Misplacement): number {
  return again.records + skipped.records;
}

function misplacementCells(cell: Known<Misplacement>): readonly [string, string] {
  return cell.known ? [amountText(cell.value.again), amountText(cell.value.skipped)] : ["?", "?"];
}

function amountText({ records, exact }: Amount): string {
  return exact ? figure(records) : `≤ ${figure(records)}`;
}
