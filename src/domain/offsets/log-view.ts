import { createHash } from "node:crypto";
import type { KafkaRecord } from "#domain/topology.ts";

/** One partition of one cluster, reading data records only (committed ones). Offsets as in Kafka. */
export type LogView = {
  readonly start: number;
  /** With cleanup.policy=compact either side may have dropped superseded records, so neighbours prove nothing. */
  readonly compacted: boolean;
  /** Read after the committed offset was. */
  readonly end: number;
  /** Data records in `[from, until)`, at most `max`, in order. */
  read(
    from: number,
    options: { readonly max: number; readonly until?: number },
  ): Promise<readonly KafkaRecord[]>;
  /** First offset with a timestamp at or after `timestamp` (ms). */
  offsetAt(timestamp: number): Promise<number | undefined>;
  /** The end offset now. */
  endNow(): Promise<number>;
};

export type Records = readonly KafkaRecord[];

/** Records read at a time where many are needed. */
export const chunk = 2000;

/** Up to `count` data records before the offset; looks further back over gaps of compaction and transactions. */
export async function lastBefore(log: LogView, offset: number, count: number): Promise<Records> {
  for (let width = 4 * count; ; width *= 8) {
    const from = Math.max(log.start, offset - width);
    const records = await readAll(log, from, offset);
    if (records.length >= count || from === log.start) return records.slice(-count);
  }
}

/** The records on both sides of an offset, up to `reach` on each; in one read where there are no large gaps. */
export async function around(
  log: LogView,
  offset: number,
  reach: number,
): Promise<{ readonly before: Records; readonly after: Records }> {
  const from = Math.max(log.start, offset - 4 * reach);
  // Between `from` and the offset there are at most four times as many records as are wanted.
  const records = await log.read(from, { max: 5 * reach });
  const before = records.filter((record) => record.offset < offset);
  const enough = before.length >= reach || from === log.start;
  return {
    before: enough ? before.slice(-reach) : await lastBefore(log, offset, reach),
    after: records.filter((record) => record.offset >= offset).slice(0, reach),
  };
}

async function readAll(log: LogView, from: number, until: number): Promise<Records> {
  const all: KafkaRecord[] = [];
  for (let next = from; next < until; ) {
    const records = await log.read(next, { max: chunk, until });
    const last = records.at(-1);
    if (last === undefined) break;
    all.push(...records);
    next = last.offset + 1;
  }
  return all;
}

export function sameRecords(left: Records, right: Records): boolean {
  if (left.length !== right.length) return false;
  return left.every((record, index) => {
    const other = right[index];
    return other !== undefined && sameRecord(record, other);
  });
}

/** The header by which MSK Replicator knows what it copied under the same name, so that a copy back ends there. */
const copyMark = "__mskmr";

/** Equal for every reader: timestamp, key, value, headers in order; a mark of the copying is none. Offsets differ between logs. */
export function sameRecord(left: KafkaRecord, right: KafkaRecord): boolean {
  return (
    left.timestamp === right.timestamp &&
    sameBytes(left.key, right.key) &&
    sameBytes(left.value, right.value) &&
    sameHeaders(unmarked(left.headers), unmarked(right.headers))
  );
}

/** SHA-256, in base64, of all that `sameRecord` compares: what remains to be compared with when a record has expired. */
export function contentDigest({ timestamp, key, value, headers }: KafkaRecord): string {
  const hash = createHash("sha256").update(`${timestamp};`);
  const named = unmarked(headers).flatMap(([name, content]) => [Buffer.from(name), content]);
  for (const part of [key, value, ...named]) {
    // The length sets parts apart; -1 is null.
    hash.update(`${part?.length ?? -1}:`);
    if (part !== null) hash.update(part);
  }
  return hash.digest("base64");
}

type Headers = KafkaRecord["headers"];

function unmarked(headers: Headers): Headers {
  return headers.some(([name]) => name === copyMark)
    ? headers.filter(([name]) => name !== copyMark)
    : headers;
}

function sameHeaders(left: Headers, right: Headers): boolean {
  return (
    left.length === right.length &&
    left.every(([name, value], index) => {
      const other = right[index];
      return other !== undefined && other[0] === name && sameBytes(other[1], value);
    })
  );
}

export function sameBytes(left: Buffer | null, right: Buffer | null): boolean {
  if (left === null || right === null) return left === right;
  return left.equals(right);
}
