import type { KafkaRecord } from "#domain/topology.ts";
import { context, inLockstep } from "./alignment.ts";
import { chunk, type LogView, lastBefore, type Records, sameRecord } from "./log-view.ts";

/**
 * How far a copy has come, found by content. MSK Replicator shows its own offsets to nobody, but it keeps the order of a
 * partition, so everything up to the copy's last record has been copied: that record's place on the origin is the copied
 * offset. What cannot be proved is unknown, never guessed.
 *
 * Replicator copies at least once. After it repeated a stretch, the last record is an earlier one, and the place found
 * lies before what has been copied: lag may be over-reported until it has passed the repetition, never under-reported.
 */
export type CopiedTo =
  | { readonly kind: "copied"; readonly offset: number }
  /** The copy has never held a record. */
  | { readonly kind: "nothing" }
  | { readonly kind: "unknown"; readonly why: string };

/** Most records read before a search is given up. */
const searchLimit = 200_000;
/** How far behind a match another one is looked for. */
const repetitionReach = 50_000;
/** Records of a compacted copy that are looked for before the search is given up. */
const compactedTail = 200;

/** Reads both logs, first the copy's end; changes nothing. */
export async function copiedTo(origin: LogView, copy: LogView): Promise<CopiedTo> {
  if (copy.end === 0) return { kind: "nothing" };
  const compacted = origin.compacted || copy.compacted;
  const tail = await lastBefore(copy, copy.end, compacted ? compactedTail : context);
  const last = tail.at(-1);
  if (last === undefined) {
    if (copy.start === 0) return { kind: "nothing" };
    return unknown(
      `the copy holds no record any more: all before offset ${copy.end} have expired on the target`,
    );
  }
  if (compacted) return await newestFound(tail, origin);
  const aligned = await inLockstep(last, [], copy, origin, searchLimit);
  if (aligned.kind === "at") return { kind: "copied", offset: aligned.offset };
  return await searchFor(last, tail, origin);
}

function unknown(why: string): CopiedTo {
  return { kind: "unknown", why };
}

/**
 * Compaction on the origin may have removed the copy's last record, since a newer one has its key. The newest record of
 * the copy that the origin still holds then tells the same: what the origin holds behind it has not been copied.
 */
async function newestFound(tail: Records, origin: LogView): Promise<CopiedTo> {
  for (const record of tail.toReversed()) {
    const lower = await origin.offsetAt(record.timestamp);
    if (lower === undefined) continue;
    const near = await origin.read(Math.max(lower, origin.start), { max: chunk });
    const found = near.find((one) => sameRecord(one, record));
    if (found !== undefined) return { kind: "copied", offset: found.offset };
  }
  return unknown(`none of the copy's last ${tail.length} records is on the source`);
}

type Match = { readonly offset: number; readonly agrees: number };

/** Where lockstep does not tell: the match whose records before it agree longest, if there is one such. */
async function searchFor(record: KafkaRecord, tail: Records, origin: LogView): Promise<CopiedTo> {
  const lower = await origin.offsetAt(record.timestamp);
  const missing = `the record at offset ${record.offset} of the copy is not on the source: it has expired there, or others write to the target`;
  if (lower === undefined) return unknown(missing);
  const matches = await matchesFrom(Math.max(lower, origin.start), record, tail, origin);
  if (matches === undefined) return unknown(`${missing}; ${searchLimit} records were searched`);
  if (matches.length === 0) return unknown(missing);
  const longest = Math.max(...matches.map(({ agrees }) => agrees));
  const [best, other] = matches.filter(({ agrees }) => agrees === longest);
  if (best !== undefined && other === undefined && !mayHaveExpired(best, tail, origin)) {
    return { kind: "copied", offset: best.offset };
  }
  return unknown(
    `the record at offset ${record.offset} of the copy may be more than one record of the source: the one at ${best?.offset}, or one ${other === undefined ? "that has expired" : `at ${other.offset}`}`,
  );
}

/** Content repeats, and the source has lost the records before the match that would tell it from an earlier one. */
function mayHaveExpired({ agrees }: Match, tail: Records, origin: LogView): boolean {
  const last = tail.at(-1);
  const repeats = tail.slice(0, -1).some((one) => last !== undefined && sameRecord(one, last));
  return repeats && origin.start > 0 && agrees < tail.length;
}

/** `undefined`: given up. */
async function matchesFrom(
  lower: number,
  record: KafkaRecord,
  tail: Records,
  origin: LogView,
): Promise<readonly Match[] | undefined> {
  const matches: Match[] = [];
  let line: Records = await lastBefore(origin, lower, context);
  for (let [from, read] = [lower, 0]; ; ) {
    const records = await origin.read(from, { max: chunk });
    const last = records.at(-1);
    if (last === undefined) return matches;
    line = [...line.slice(-context), ...records];
    for (const [index, one] of line.entries()) {
      if (one.offset < from || !sameRecord(one, record)) continue;
      matches.push({ offset: one.offset, agrees: agreement(line, index, tail) });
    }
    const [first] = matches;
    if (first !== undefined && last.offset - first.offset > repetitionReach) return matches;
    read += records.length;
    if (read >= searchLimit) return first === undefined ? undefined : matches;
    from = last.offset + 1;
  }
}

/** How many records, back from this one, are those at the end of the copy. */
function agreement(line: Records, index: number, tail: Records): number {
  for (let back = 0; back < tail.length; back += 1) {
    const ours = line[index - back];
    const theirs = tail[tail.length - 1 - back];
    if (ours === undefined || theirs === undefined || !sameRecord(ours, theirs)) return back;
  }
  return tail.length;
}
