import type { Isolation, KafkaCluster } from "#domain/ports.ts";
import { createSearch, type Search } from "#domain/switch/rogue.ts";
import type { KafkaRecord, TopicPartition } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";

/**
 * Whether records of the source are copies of the target's, by content: what cannot be told by its producer. A copy has
 * its original on the target, at or after the recorded boundary, before it is on the source.
 */

export type Comparison = {
  /** Without an original: somebody else wrote them. */
  readonly rogue: readonly KafkaRecord[];
  readonly undecided: number;
  /** The undecided ones. */
  readonly doubtful: readonly KafkaRecord[];
  readonly why: string | undefined;
  readonly compared: number;
};

export type Compared = {
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly where: TopicPartition;
  /** Recorded end of the target: nothing before it was copied back. */
  readonly boundary: number;
  /** Nor was anything before this since the last check: a mirror does not go back. */
  readonly floor: number;
  /** The source gives records times of its own (LogAppendTime). */
  readonly stamped: boolean;
  /** The target drops superseded records. */
  readonly compacted: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Most records of the target that one search reads. */
  readonly limit: number;
};

/** Records compared and read at a time: they are held in memory. */
const chunk = 1000;
/** Younger tombstones are still on the target (`delete.retention.ms` is a day, by default). */
const tombstoneMs = 3_600_000;

/** Compares `[from, until)` of the source. Above the last stable offset, read uncommitted. */
export async function compareStretch(
  about: Compared,
  from: number,
  until: number,
  isolation: Isolation,
): Promise<Comparison> {
  const rogue: KafkaRecord[] = [];
  const doubtful: KafkaRecord[] = [];
  let compared = 0;
  let why: string | undefined;
  for (let next = from; next < until; ) {
    const records = await about.source.read(about.where, next, { max: chunk, until, isolation });
    const last = records.at(-1);
    if (last === undefined) break;
    const part = await compareRecords(about, records);
    rogue.push(...part.rogue);
    doubtful.push(...part.doubtful);
    why ??= part.why;
    compared += records.length;
    next = last.offset + 1;
  }
  return { rogue, undecided: doubtful.length, doubtful, why, compared };
}

async function compareRecords(about: Compared, records: readonly KafkaRecord[]): Promise<Comparison> {
  const search = createSearch(records, about);
  const { start, gaveUp } = await readOriginals(about, records, search);
  const rogue: KafkaRecord[] = [];
  const doubtful: KafkaRecord[] = [];
  const reasons: string[] = [];
  const oldest = start > firstPossible(about) ? await firstTime(about, start) : undefined;
  for (const record of search.missing()) {
    const reason = gaveUp ?? whyUndecided(about, record, search, start, oldest);
    if (reason === undefined) rogue.push(record);
    else {
      doubtful.push(record);
      reasons.push(reason);
    }
  }
  return { rogue, undecided: doubtful.length, doubtful, why: reasons[0], compared: records.length };
}

/** Reads the target from where originals can begin to its end, then what lies before; stops when all are found. */
async function readOriginals(
  about: Compared,
  records: readonly KafkaRecord[],
  search: Search,
): Promise<{ readonly start: number; readonly gaveUp: string | undefined }> {
  const { target, where, boundary, floor, stamped, limit } = about;
  const start = (await target.offsets([where.topic], "start")).get(where.topic)?.[where.partition] ?? 0;
  const earliest = Math.min(...records.map(({ timestamp }) => timestamp));
  // Copies keep their time, so an original cannot stand before the first record of that time.
  const lower = stamped || earliest < 0 ? 0 : await target.offsetAt(where, earliest);
  if (lower === undefined) return { start, gaveUp: undefined };
  const first = Math.max(start, boundary, lower);
  const read = await readThrough(about, Math.max(first, floor), Number.POSITIVE_INFINITY, search);
  if (read >= limit) {
    const name = `${where.topic}-${where.partition}`;
    return {
      start,
      gaveUp: `no original among the first ${figure(read)} records of ${name} that could be it`,
    };
  }
  // None is expected here; one that is found would be a copy all the same.
  if (first < floor) await readThrough(about, first, floor, search);
  return { start, gaveUp: undefined };
}

/** Until all are found, to `until`, to the end, or to the limit. Returns the number of records read. */
async function readThrough(
  { target, where, limit }: Compared,
  from: number,
  until: number,
  search: Search,
): Promise<number> {
  let read = 0;
  let next = from;
  while (!search.isDone() && read < limit) {
    const originals = await target.read(where, next, { max: chunk, until });
    const last = originals.at(-1);
    if (last === undefined) break;
    search.look(originals);
    read += originals.length;
    next = last.offset + 1;
    if (next >= until) break;
  }
  return read;
}

/** Why a missing original proves nothing; `undefined`: it proves that there never was one. */
function whyUndecided(
  about: Compared,
  record: KafkaRecord,
  search: Search,
  start: number,
  oldest: number | undefined,
): string | undefined {
  const { where, stamped, compacted, now } = about;
  const name = `${where.topic}-${where.partition}`;
  const expired =
    start > firstPossible(about) && (stamped || oldest === undefined || record.timestamp <= oldest);
  if (expired) return `${name} on the target starts at ${start} now, its original may have expired`;
  if (!compacted) return undefined;
  if (search.isSuperseded(record)) return `${name} is compacted, its original may have been superseded`;
  if (record.value === null && now - record.timestamp > tombstoneMs)
    return `${name} is compacted, its original was a tombstone`;
  return undefined;
}

function firstPossible({ boundary, floor }: Compared): number {
  return Math.max(boundary, floor);
}

async function firstTime({ target, where }: Compared, start: number): Promise<number | undefined> {
  return (await target.read(where, start, { max: 1 })).at(0)?.timestamp;
}
