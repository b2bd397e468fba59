import type { KafkaRecord } from "#domain/topology.ts";
import { sameRecord } from "./log-view.ts";

/** Comparing two logs of one partition by content. Offsets differ between clusters and are not compared. Pure. */

type Records = readonly KafkaRecord[];

export type Difference = {
  readonly kind: "differs" | "missing-on-target" | "only-on-target";
  /** Offset on each cluster; absent where there is no such record. */
  readonly source?: number;
  readonly target?: number;
  /** For people: "value differs". */
  readonly what: string;
};

/** Records of the same place in both logs, one by one, as far as both reach. */
export function compareRuns(
  source: Records,
  target: Records,
): { readonly equal: number; readonly difference?: Difference } {
  const length = Math.min(source.length, target.length);
  for (let index = 0; index < length; index += 1) {
    const [left, right] = [source[index], target[index]];
    if (left === undefined || right === undefined) break;
    if (!sameRecord(left, right)) return { equal: index, difference: differing(left, right) };
  }
  return { equal: length };
}

function differing(left: KafkaRecord, right: KafkaRecord): Difference {
  const what = `${parts(left, right).join(", ")} differ`;
  return { kind: "differs", source: left.offset, target: right.offset, what };
}

function parts(left: KafkaRecord, right: KafkaRecord): readonly string[] {
  const { timestamp, key, value, headers } = right;
  return [
    ...(sameRecord(left, { ...left, timestamp }) ? [] : ["timestamps"]),
    ...(sameRecord(left, { ...left, key }) ? [] : ["keys"]),
    ...(sameRecord(left, { ...left, value }) ? [] : ["values"]),
    ...(sameRecord(left, { ...left, headers }) ? [] : ["headers"]),
  ];
}

/**
 * Where `run`, the first records that one log still holds, begin in the other; `undefined`: not in these records. A
 * match must hold for the whole run, or up to the end of the records, so that a repeated record is not taken for it.
 */
export function placeOfRun(run: Records, within: Records): number | undefined {
  const place = within.findIndex(
    (_, index) => run.length > 0 && within[index] !== undefined && matchesAt(run, within, index),
  );
  return place < 0 ? undefined : within[place]?.offset;
}

function matchesAt(run: Records, within: Records, index: number): boolean {
  return run.every((record, step) => {
    const other = within[index + step];
    return other === undefined ? step > 0 : sameRecord(record, other);
  });
}

/** The newest record of each key: what compaction promises to keep. Keys as base64 text. */
export type LastPerKey = Map<string, KafkaRecord>;

export function keepLast(last: LastPerKey, records: Records): void {
  for (const record of records) last.set(record.key?.toString("base64") ?? "", record);
}

export type Beyond = {
  /** Records of the source after those compared: the mirror may or may not have brought them; they outdate older ones. */
  readonly source: Records;
  /** The same on the target, once it is written to by others than the mirror. */
  readonly target: Records;
  /** The policy also deletes by time or size, so a key may be missing on either side. */
  readonly expires: boolean;
};

/**
 * Compacted logs hold the same if the last record of each key is the same. A tombstone may already be gone on one
 * side, and so may a record that a later one of its key has outdated there.
 */
export function compareLast(source: LastPerKey, target: LastPerKey, beyond: Beyond): readonly Difference[] {
  const later = { source: byKey(beyond.source), target: byKey(beyond.target) };
  const missing = [...source].flatMap(([key, record]) => {
    const newer = later.source.get(key) ?? [];
    const other = target.get(key);
    if (other !== undefined) return lastDiffers(record, other, newer);
    const mayBeGone = record.value === null || beyond.expires || later.target.has(key);
    if (mayBeGone || newer.some(({ value }) => value === null)) return [];
    const what = "MSK has no record of this key";
    return [{ kind: "missing-on-target", source: record.offset, what } as const];
  });
  const foreign = [...target].flatMap(([key, record]): readonly Difference[] => {
    const outdated = source.has(key) || later.source.has(key) || record.value === null || beyond.expires;
    if (outdated) return [];
    return [{ kind: "only-on-target", target: record.offset, what: "the source has no record of this key" }];
  });
  return [...missing, ...foreign];
}

function byKey(records: Records): ReadonlyMap<string, Records> {
  return Map.groupBy(records, ({ key }) => key?.toString("base64") ?? "");
}

function lastDiffers(record: KafkaRecord, other: KafkaRecord, newer: Records): readonly Difference[] {
  if (sameRecord(record, other) || newer.some((one) => sameRecord(one, other))) return [];
  const { what } = differing(record, other);
  return [
    { kind: "differs", source: record.offset, target: other.offset, what: `the last of this key: ${what}` },
  ];
}
