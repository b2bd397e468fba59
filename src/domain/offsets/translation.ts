import type { KafkaRecord } from "#domain/topology.ts";
import { context, expectedAt, holds, inLockstep } from "./alignment.ts";
import {
  around,
  chunk,
  type LogView,
  lastBefore,
  type Records,
  sameBytes,
  sameRecord,
  sameRecords,
} from "./log-view.ts";

/**
 * Exact translation of a committed offset from the log it was made on (the origin) to a mirrored copy of that log (the
 * destination), by content. An offset is a promise about records: "everything before has been read". So the records
 * around it are found on the other side, and only what is found counts; nothing is estimated. What cannot be proved is
 * refused with the reason, never clamped.
 *
 * The two anchors of an offset O on the origin are the first data record at or after O (`next`) and the last one before
 * it (`previous`). Where `next` has been copied, the answer is its place on the destination; where it has not, one past
 * the place of `previous`. A mirror that crashed may have copied a stretch twice: then the place counts from which the
 * copy runs on uninterrupted. Where two places are possible the earlier one is taken: reading again is not loss. A record
 * with an equal neighbour counts only where its surroundings match too. Reasons: docs/decisions, offset translation.
 */

export type Translation =
  | {
      readonly kind: "exact";
      readonly offset: number;
      readonly by: "next" | "previous" | "empty";
      /** Records behind the place that stand before the offset on the origin: the mirror has copied them twice. */
      readonly again: number;
    }
  /** The mirror has not copied the records before the offset yet: ask again. */
  | { readonly kind: "not-copied-yet"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

/** Most records that a search reads before it gives up. */
const searchLimit = 500_000;
/** How far past a match a search goes on for a repetition: more than a mirror copies in one flush interval. */
const repetitionReach = 50_000;

/** A record to be found, with the records around it on the origin. */
type Anchor = { readonly record: KafkaRecord; readonly before: Records; readonly after: Records };

/** Where an anchor stands on the destination; `undefined`: nowhere. */
type Place =
  | { readonly kind: "at"; readonly offset: number | undefined; readonly searched?: boolean }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Translates one committed offset. Reads both sides; changes nothing. `guesses` are places that earlier translations of
 * this partition let expect: one that holds by content saves the search.
 */
export async function translate(
  committed: number,
  origin: LogView,
  destination: LogView,
  guesses: readonly number[] = [],
): Promise<Translation> {
  if (committed > origin.end) {
    return refused(
      `offset ${committed} lies beyond the end ${origin.end}: the log was truncated or re-created`,
    );
  }
  if (committed < origin.start) {
    return refused(`offset ${committed} has expired: the log starts at ${origin.start}`);
  }
  const [near, ...expected] = await Promise.all([
    around(origin, committed, context),
    ...guesses.map((guess) => expectedAt(guess, destination)),
  ]);
  const places = expected.map((found, index) => found && holds(guesses[index] ?? -1, found, near));
  const place = places.find((offset) => offset !== undefined);
  if (place !== undefined) {
    return { kind: "exact", offset: place, by: near.after.length > 0 ? "next" : "previous", again: 0 };
  }
  // Read before the origin is read again: whatever stands before this end was on the origin by then.
  const copiedEnd = await destination.endNow();
  const { before, after } = await farther(committed, near.before, origin, destination);
  if (before.length === 0 && after.length === 0) return await translateEmpty(committed, origin, destination);
  const byNext = await placeOfNext(before, after, origin, destination);
  if (byNext !== undefined) return byNext;
  return await placeAfterPrevious(before, after, origin, destination, copiedEnd);
}

function refused(why: string): { readonly kind: "refused"; readonly why: string } {
  return { kind: "refused", why };
}

type Surroundings = { readonly before: Records; readonly after: Records };

/** More of them where neighbours prove less. */
async function farther(
  committed: number,
  near: Records,
  origin: LogView,
  destination: LogView,
): Promise<Surroundings> {
  const more = origin.compacted || destination.compacted || isRun(near);
  return await around(origin, committed, more ? chunk : context);
}

/** Equal records only, as many as were asked for: where this run begins is not in sight. */
function isRun(records: Records): boolean {
  const [first] = records;
  return (
    first !== undefined && records.length >= context && records.every((record) => sameRecord(record, first))
  );
}

/**
 * The origin holds no record at all: everything before the offset has expired and nothing came after. Then the end of
 * the destination is exact, if the origin's end is read after it and has not moved.
 */
async function translateEmpty(
  committed: number,
  origin: LogView,
  destination: LogView,
): Promise<Translation> {
  const offset = await destination.endNow();
  if ((await origin.endNow()) !== origin.end) {
    return { kind: "not-copied-yet", why: `records arrived while offset ${committed} was being translated` };
  }
  return { kind: "exact", offset, by: "empty", again: 0 };
}

/** The place of the first record at or after the offset that both sides hold; `undefined` when none is copied. */
async function placeOfNext(
  before: Records,
  after: Records,
  origin: LogView,
  destination: LogView,
): Promise<Translation | undefined> {
  for (const [index, record] of after.entries()) {
    const earlier = [...before, ...after.slice(0, index)].slice(-Math.max(context, before.length));
    const anchor = { record, before: earlier, after: after.slice(index + 1) };
    const place = await placeOf(anchor, origin, destination);
    if (place.kind === "refused") return place;
    if (place.offset !== undefined) {
      const again = await copiedTwice(place, place.offset, before, destination);
      return { kind: "exact", offset: place.offset, by: "next", again };
    }
    if (!destination.compacted || !mayBeGone(record, after.slice(index + 1))) return undefined;
  }
  return undefined;
}

/** One past the place of the newest record before the offset that both sides hold. */
async function placeAfterPrevious(
  before: Records,
  after: Records,
  origin: LogView,
  destination: LogView,
  copiedEnd: number,
): Promise<Translation> {
  for (let index = before.length - 1; index >= 0; index -= 1) {
    const record = before[index];
    if (record === undefined) break;
    const later = [...before.slice(index + 1), ...after];
    const anchor = { record, before: before.slice(0, index), after: later };
    const place = await placeOf(anchor, origin, destination);
    if (place.kind === "refused") return place;
    if (place.offset !== undefined) {
      const offset = await pastRepetition(place.offset + 1, copiedEnd, { before, after }, destination);
      return {
        kind: "exact",
        offset,
        by: "previous",
        again: await copiedTwice(place, offset, before, destination),
      };
    }
    // Nothing newer is copied, so compaction there can only have removed an aged tombstone.
    if (!destination.compacted || record.value !== null) {
      return {
        kind: "not-copied-yet",
        why: `the record at offset ${record.offset} is not on the other side`,
      };
    }
  }
  return { kind: "not-copied-yet", why: "none of the records before the offset is on the other side" };
}

/** Where both logs were equal record by record there is no second copy. */
async function copiedTwice(
  { searched }: Extract<Place, { kind: "at" }>,
  from: number,
  before: Records,
  destination: LogView,
): Promise<number> {
  if (searched !== true || destination.compacted) return 0;
  const behind = await destination.read(from, { max: chunk });
  return behind.filter((record) => before.some((earlier) => sameRecord(earlier, record))).length;
}

/** Behind the last copied record there may be a repetition of earlier ones: all of them have been read already. */
async function pastRepetition(
  from: number,
  copiedEnd: number,
  { before, after }: Surroundings,
  log: LogView,
): Promise<number> {
  const behind = await log.read(from, { max: chunk, until: copiedEnd });
  const last = behind.at(-1);
  if (last === undefined) return from;
  // Records that look like those to be read next may be those.
  const [next] = after;
  if (next !== undefined && behind.some((record) => sameRecord(record, next))) return from;
  const repeated = behind.every((record) => before.some((earlier) => sameRecord(earlier, record)));
  return repeated ? last.offset + 1 : from;
}

/** Compaction removes a record once a newer one has its key, and a tombstone after a while. */
function mayBeGone(record: KafkaRecord, later: Records): boolean {
  return (
    record.value === null || later.some((other) => other.key !== null && sameBytes(other.key, record.key))
  );
}

/** Finds an anchor on the destination. */
async function placeOf(anchor: Anchor, origin: LogView, destination: LogView): Promise<Place> {
  if (origin.compacted || destination.compacted) return await searchFor(anchor, destination);
  const aligned = await inLockstep(anchor.record, anchor.after, origin, destination, searchLimit);
  if (aligned.kind === "at") return aligned;
  if (aligned.kind === "past") return { kind: "at", offset: undefined };
  const doubt = await doubtAbout(anchor, origin);
  if (doubt !== undefined) return refused(doubt);
  const place = await searchFor(anchor, destination);
  return place.kind === "at" ? { ...place, searched: true } : place;
}

/** Why a match of this anchor would not tell its place: the origin holds it twice, or may. */
async function doubtAbout(anchor: Anchor, origin: LogView): Promise<string | undefined> {
  const { offset, timestamp } = anchor.record;
  const from = (await origin.offsetAt(timestamp)) ?? offset;
  let read = 0;
  for (let next = from; next < offset; ) {
    const records = await origin.read(next, { max: chunk, until: offset });
    const last = records.at(-1);
    if (last === undefined) return undefined;
    for (const equal of records.filter((record) => sameRecord(record, anchor.record))) {
      const { leads, runsOn } = await compare(equal.offset, anchor, origin);
      if (leads && (runsOn || anchor.after.length === 0))
        return `the records around offset ${offset} also stand at ${equal.offset}`;
    }
    next = last.offset + 1;
    read += records.length;
    if (read >= searchLimit)
      return `timestamps are out of order over more than ${read} records before offset ${offset}`;
  }
  return undefined;
}

/**
 * A copy keeps its timestamp, so it cannot lie before the first record of that timestamp. A match with its whole
 * surroundings ends the search at once; otherwise all matches are weighed.
 */
async function searchFor(anchor: Anchor, destination: LogView): Promise<Place> {
  const lower = await destination.offsetAt(anchor.record.timestamp);
  if (lower === undefined) return { kind: "at", offset: undefined };
  let line = await lastBefore(destination, lower, anchor.before.length + 1);
  const matches: number[] = [];
  let read = 0;
  for (let from = lower; ; ) {
    const records = await destination.read(from, { max: chunk });
    const last = records.at(-1);
    line = [...line.slice(-anchor.before.length - 1), ...records];
    const found = [...line.entries()].filter(
      ([, one]) => one.offset >= from && sameRecord(one, anchor.record),
    );
    const certain = found.find(([index]) => isSurrounded(line, index, anchor));
    if (certain !== undefined) return { kind: "at", offset: certain[1].offset };
    matches.push(...found.map(([, one]) => one.offset));
    if (last === undefined) break;
    if (last.offset - (matches[0] ?? last.offset) > repetitionReach) break;
    from = last.offset + 1;
    read += records.length;
    if (read >= searchLimit) return refused(`no match among ${read} records from offset ${lower} on`);
  }
  if (matches.length === 0) return { kind: "at", offset: undefined };
  return await weigh(matches, anchor, destination);
}

/** Whole surroundings on both sides, not all alike: a single, uninterrupted copy. */
function isSurrounded(line: Records, index: number, anchor: Anchor): boolean {
  const before = line.slice(Math.max(0, index - anchor.before.length), index);
  const after = line.slice(index + 1, index + 1 + anchor.after.length);
  if (anchor.after.length === 0 || isRun(anchor.before)) return false;
  return sameRecords(before, anchor.before) && anchor.before.length > 0 && sameRecords(after, anchor.after);
}

/** Decides between matches that are not certain; prefers an uninterrupted copy, then an earlier place. */
async function weigh(matches: readonly number[], anchor: Anchor, log: LogView): Promise<Place> {
  if (log.compacted) return { kind: "at", offset: matches.at(-1) };
  if (isRun(anchor.before) && anchor.before.length >= chunk) {
    return refused(`more than ${chunk} equal records in a row before offset ${anchor.record.offset}`);
  }
  const unique = isUnique(anchor);
  const led: number[] = [];
  for (const offset of matches) {
    const { leads, runsOn } = await compare(offset, anchor, log);
    if (runsOn && (unique || leads)) return { kind: "at", offset };
    if (leads) led.push(offset);
  }
  const [first] = led;
  if (first !== undefined || !unique || matches.length > 1) return { kind: "at", offset: first };
  return { kind: "at", offset: matches[0] };
}

function isUnique({ record, before, after }: Anchor): boolean {
  return ![...before, ...after].some((other) => sameRecord(other, record));
}

/** Whether everything before, and everything after a place on the destination is as around the anchor. */
async function compare(
  offset: number,
  anchor: Anchor,
  log: LogView,
): Promise<{ readonly leads: boolean; readonly runsOn: boolean }> {
  const { before, after } = anchor;
  const standsBefore = await lastBefore(log, offset, Math.max(context, before.length));
  const compared = before.length < context ? standsBefore : standsBefore.slice(-before.length);
  const standsAfter = await log.read(offset + 1, { max: Math.max(1, after.length) });
  return {
    leads: sameRecords(compared, before),
    runsOn: after.length > 0 && sameRecords(standsAfter, after),
  };
}
