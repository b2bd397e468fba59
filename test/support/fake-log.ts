import { FerryError } from "#domain/errors.ts";
import type { Isolation } from "#domain/ports.ts";
import type { KafkaRecord } from "#domain/topology.ts";

/** What a test says about a record; the rest is filled in. Text stands for its UTF-8 bytes. */
export type RecordDraft = {
  readonly key?: Buffer | string | null;
  readonly value?: Buffer | string | null;
  readonly headers?: ReadonlyArray<readonly [string, Buffer | string | null]>;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
};

type Entry = {
  readonly record: KafkaRecord;
  readonly transaction: string | undefined;
};

/** One partition in memory: offsets with gaps, transactions with markers, a start that moves. */
export type FakeLog = {
  /** Returns the offset. */
  append(draft: RecordDraft, transaction?: string): number;
  /** Offsets that hold nothing: what compaction leaves behind. */
  skip(count: number): void;
  deleteBefore(offset: number): void;
  /** Writes the marker, which takes one offset, if the transaction touched this partition. */
  endTransaction(transaction: string, outcome: "commit" | "abort"): void;
  start(): number;
  end(): number;
  stable(): number;
  offsetAt(timestamp: number): number | undefined;
  bytes(): number;
  read(
    from: number,
    options: { readonly max: number; readonly until?: number; readonly isolation?: Isolation },
  ): readonly KafkaRecord[];
};

export function createFakeLog(name: string, now: () => number): FakeLog {
  let entries: Entry[] = [];
  let start = 0;
  let end = 0;
  const open = new Map<string, number>();
  const aborted = new Set<Entry>();

  function stable(): number {
    return Math.min(end, ...open.values());
  }

  return {
    append(draft, transaction) {
      const offset = end;
      end += 1;
      entries.push({ record: complete(draft, offset, now), transaction });
      if (transaction !== undefined && !open.has(transaction)) open.set(transaction, offset);
      return offset;
    },
    skip(count) {
      end += count;
    },
    deleteBefore(offset) {
      start = offset;
      entries = entries.filter(({ record }) => record.offset >= offset);
    },
    endTransaction(transaction, outcome) {
      const first = open.get(transaction);
      if (first === undefined) return;
      open.delete(transaction);
      end += 1;
      if (outcome === "commit") return;
      for (const entry of entries) {
        if (entry.transaction === transaction && entry.record.offset >= first) aborted.add(entry);
      }
    },
    start: () => start,
    end: () => end,
    stable,
    offsetAt: (timestamp) => entries.find(({ record }) => record.timestamp >= timestamp)?.record.offset,
    bytes: () => entries.reduce((sum, { record }) => sum + sizeOf(record), 0),
    read(from, { max, until = Number.POSITIVE_INFINITY, isolation = "read-committed" }) {
      if (from < start || from > end) {
        throw new FerryError(
          "E_KAFKA",
          `OFFSET_OUT_OF_RANGE (1): ${name} holds ${start} to ${end}, not ${from}.`,
        );
      }
      const committedOnly = isolation === "read-committed";
      const limit = Math.min(until, committedOnly ? stable() : end);
      return entries
        .filter((entry) => !(committedOnly && aborted.has(entry)))
        .map(({ record }) => record)
        .filter(({ offset }) => offset >= from && offset < limit)
        .slice(0, max);
    },
  };
}

function complete(draft: RecordDraft, offset: number, now: () => number): KafkaRecord {
  const { key = null, value = null, headers = [], timestamp = now() } = draft;
  return {
    offset,
    timestamp,
    key: bytesOf(key),
    value: bytesOf(value),
    headers: headers.map(([name, content]) => [name, bytesOf(content)] as const),
  };
}

function bytesOf(content: Buffer | string | null): Buffer | null {
  return typeof content === "string" ? Buffer.from(content) : content;
}

function sizeOf({ key, value }: KafkaRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + 70;
}
