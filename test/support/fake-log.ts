import { FerryError } from "#domain/errors.ts";
import type { Isolation } from "#domain/ports.ts";
import type { ActiveProducer, KafkaRecord, Writer } from "#domain/topology.ts";

/** What a test says about a record; the rest is filled in. Text stands for its UTF-8 bytes. */
export type RecordDraft = {
  readonly key?: Buffer | string | null;
  readonly value?: Buffer | string | null;
  readonly headers?: ReadonlyArray<readonly [string, Buffer | string | null]>;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
};

/** What a record batch tells of its writer, and which transaction it belongs to. */
export type Author = {
  /** -1: no idempotence. */
  readonly producerId: number;
  readonly transaction?: string;
};

type Entry = { readonly record: KafkaRecord; readonly author: Author };

type OpenTransaction = { readonly first: number; readonly producerId: number };

/** One partition in memory: offsets with gaps, transactions with markers, a start that moves. */
export type FakeLog = {
  /** Returns the offset. */
  append(draft: RecordDraft, author?: Author): number;
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
  writers(from: number, until: number): readonly Writer[];
  /** The idempotent producers that wrote here. */
  producers(): ReadonlyArray<Omit<ActiveProducer, "topic" | "partition">>;
};

export function createFakeLog(name: string, now: () => number): FakeLog {
  let entries: Entry[] = [];
  let start = 0;
  let end = 0;
  const open = new Map<string, OpenTransaction>();
  const seen = new Map<number, number>();
  const aborted = new Set<Entry>();

  function stable(): number {
    return Math.min(end, ...open.values().map(({ first }) => first));
  }

  function checkRange(from: number): void {
    if (from >= start && from <= end) return;
    throw new FerryError(
      "E_KAFKA",
      `OFFSET_OUT_OF_RANGE (1): ${name} holds ${start} to ${end}, not ${from}.`,
    );
  }

  return {
    append(draft, author = { producerId: -1 }) {
      const offset = end;
      end += 1;
      const record = complete(draft, offset, now);
      const { producerId, transaction } = author;
      entries.push({ record, author });
      if (producerId >= 0) seen.set(producerId, record.timestamp);
      if (transaction !== undefined && !open.has(transaction))
        open.set(transaction, { first: offset, producerId });
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
      const ending = open.get(transaction);
      if (!ending) return;
      open.delete(transaction);
      end += 1;
      seen.set(ending.producerId, now());
      if (outcome === "commit") return;
      for (const entry of entries) {
        const its = entry.author.transaction === transaction;
        if (its && entry.record.offset >= ending.first) aborted.add(entry);
      }
    },
    start: () => start,
    end: () => end,
    stable,
    offsetAt: (timestamp) => entries.find(({ record }) => record.timestamp >= timestamp)?.record.offset,
    bytes: () => entries.reduce((sum, { record }) => sum + sizeOf(record), 0),
    read(from, { max, until = Number.POSITIVE_INFINITY, isolation = "read-committed" }) {
      checkRange(from);
      const committedOnly = isolation === "read-committed";
      const limit = Math.min(until, committedOnly ? stable() : end);
      return entries
        .filter((entry) => !(committedOnly && aborted.has(entry)))
        .map(({ record }) => record)
        .filter(({ offset }) => offset >= from && offset < limit)
        .slice(0, max);
    },
    writers(from, until) {
      checkRange(from);
      return writersOf(entries.filter(({ record }) => record.offset >= from && record.offset < until));
    },
    producers: () =>
      [...seen].map(([producerId, lastTimestamp]) => {
        const [running] = [...open.values()].filter((each) => each.producerId === producerId);
        return { producerId, lastTimestamp, ...(running ? { openSince: running.first } : {}) };
      }),
  };
}

function writersOf(entries: readonly Entry[]): readonly Writer[] {
  const writers = new Map<number, Writer>();
  for (const { record, author } of entries) {
    const { producerId, transaction } = author;
    const { offset, timestamp } = record;
    const held = writers.get(producerId);
    writers.set(producerId, {
      producerId,
      transactional: transaction !== undefined || (held?.transactional ?? false),
      records: (held?.records ?? 0) + 1,
      firstOffset: held?.firstOffset ?? offset,
      lastOffset: offset,
      lastTimestamp: Math.max(held?.lastTimestamp ?? timestamp, timestamp),
    });
  }
  return [...writers.values()].sort((a, b) => a.firstOffset - b.firstOffset);
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

export function bytesOf(content: Buffer | string | null): Buffer | null {
  return typeof content === "string" ? Buffer.from(content) : content;
}

/** As one uncompressed batch. */
export function sizeOf({ key, value }: Pick<KafkaRecord, "key" | "value">): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + 70;
}
