import type { KafkaRecord } from "#domain/topology.ts";
import {
  around,
  chunk,
  type LogView,
  lastBefore,
  type Records,
  sameRecord,
  sameRecords,
} from "./log-view.ts";

/**
 * Two quick ways to the place of a record on a mirrored copy of its log. Both prove what they answer or do not answer:
 * then the place is searched for. Neither is for logs where compaction removes records.
 */

/** Records compared on each side of a place. */
export const context = 16;
/** The first step of a walk: where timestamps grow, it is over after a few records. */
const firstStep = 64;

/** `past`: the destination ends before the record, so it is not copied. `unclear`: the logs differ on the way. */
export type Alignment =
  | { readonly kind: "at"; readonly offset: number }
  | { readonly kind: "past" }
  | { readonly kind: "unclear" };

const unclear: Alignment = { kind: "unclear" };

/**
 * Walks both logs side by side from the first record that is as new as this one. Nothing before it can be of that time,
 * so both walks begin at the same record, and the n-th record of the one is the n-th of the other as long as all are
 * equal: also where content repeats and where timestamps are out of order. At most `limit` records.
 */
export async function inLockstep(
  record: KafkaRecord,
  after: Records,
  origin: LogView,
  destination: LogView,
  limit: number,
): Promise<Alignment> {
  const { timestamp } = record;
  const [from, to] = await Promise.all([origin.offsetAt(timestamp), destination.offsetAt(timestamp)]);
  if (to === undefined) return { kind: "past" };
  if (from === undefined || from > record.offset) return unclear;
  const [anchored, place] = await Promise.all([
    sameBeginning(from, to, origin, destination),
    walk(record, { from, to }, origin, destination, limit),
  ]);
  if (!anchored || place === undefined) return unclear;
  if (place === "past") return { kind: "past" };
  const standsAfter = await destination.read(place + 1, { max: Math.max(1, after.length) });
  return runsOn(standsAfter, after) ? { kind: "at", offset: place } : unclear;
}

/** The records right before both beginnings are equal, or neither log has ever lost one. */
async function sameBeginning(
  from: number,
  to: number,
  origin: LogView,
  destination: LogView,
): Promise<boolean> {
  const [left, right] = await Promise.all([lastBefore(origin, from, 1), lastBefore(destination, to, 1)]);
  if (left.length === 0 && right.length === 0) return origin.start === 0 && destination.start === 0;
  return sameRecords(left, right);
}

async function walk(
  record: KafkaRecord,
  { from, to }: { readonly from: number; readonly to: number },
  origin: LogView,
  destination: LogView,
  limit: number,
): Promise<number | "past" | undefined> {
  const asNew = ({ timestamp }: KafkaRecord) => timestamp >= record.timestamp;
  let max = firstStep;
  let left = from;
  let right = to;
  for (let read = 0; read < limit; max = chunk) {
    const [ours, theirs] = await Promise.all([
      origin.read(left, { max, until: record.offset + 1 }),
      destination.read(right, { max }),
    ]);
    // Offsets of control and aborted records may be found by their time; the walk begins at data.
    const skip = read === 0;
    const mine = skip ? ours.slice(Math.max(0, ours.findIndex(asNew))) : ours;
    const copied = skip ? theirs.slice(Math.max(0, theirs.findIndex(asNew))) : theirs;
    const steps = Math.min(mine.length, copied.length);
    if (!sameRecords(mine.slice(0, steps), copied.slice(0, steps))) return undefined;
    const found = mine.slice(0, steps).findIndex(({ offset }) => offset === record.offset);
    if (found >= 0) return copied[found]?.offset;
    if (theirs.length < max && copied.length < mine.length) return "past";
    const last = mine[steps - 1];
    const other = copied[steps - 1];
    if (last === undefined || other === undefined) return undefined;
    left = last.offset + 1;
    right = other.offset + 1;
    read += steps;
  }
  return undefined;
}

/** Equal as far as the copy has come. */
function runsOn(copied: Records, after: Records): boolean {
  return sameRecords(copied.slice(0, after.length), after.slice(0, copied.length));
}

/** The records that stand on the destination around a place expected there; `undefined` where it holds no such place. */
export async function expectedAt(
  guess: number,
  destination: LogView,
): Promise<{ readonly before: Records; readonly after: Records } | undefined> {
  if (guess < destination.start || guess > destination.end) return undefined;
  return await around(destination, guess, context);
}

/**
 * Whether a place that is expected from an earlier translation splits the destination as the offset splits the origin:
 * all records around it are equal, and they do not repeat. Then it is the place of the first record behind it, or, with
 * no record behind it on either side, that place itself.
 */
export function holds(
  guess: number,
  expected: { readonly before: Records; readonly after: Records },
  { before, after }: { readonly before: Records; readonly after: Records },
): number | undefined {
  if (before.length < context || repeats([...before, ...after])) return undefined;
  if (!sameRecords(expected.before, before)) return undefined;
  const [first] = expected.after;
  // Where only one side goes on, what stands there may be a repetition, or is not copied yet.
  if (after.length === 0 && first === undefined) return guess;
  if (after.length === 0 || first === undefined) return undefined;
  return runsOn(expected.after, after) ? first.offset : undefined;
}

/** Whether a pair of neighbours occurs twice: then the surroundings do not tell one place from another. */
function repeats(records: Records): boolean {
  return records.some((record, index) => {
    const next = records[index + 1];
    if (next === undefined) return false;
    return records.slice(index + 1).some((other, later) => {
      const following = records[index + later + 2];
      return following !== undefined && sameRecord(other, record) && sameRecord(following, next);
    });
  });
}
