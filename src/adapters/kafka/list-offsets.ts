import type { Request } from "./connection.ts";
import { breathe } from "./pace.ts";
import type { Places } from "./places.ts";
import type { Reader, Writer } from "./wire.ts";

/**
 * Where offsets go: that of a topic's partition 0 to `firstOf` it, `undefined` for a topic that has no place there. Others
 * ask in the same request for other topics, and for partitions that a topic did not have before: from `sizeOf` on, none is.
 */
export type OffsetCells = {
  readonly offsets: Float64Array;
  readonly firstOf: (topic: string) => number | undefined;
  readonly sizeOf: (topic: string) => number;
};

export type Share = { readonly places: Places; readonly timestamp: number; readonly cells: OffsetCells };

export type OffsetQuestion = {
  /** Milliseconds since the epoch, or one of ListOffsets' special values: -1 the end, -2 the start. */
  readonly timestamp: number;
  /** KIP-98's isolation level: 1 is read committed. */
  readonly isolation: 0 | 1;
};

/** The error of a partition for which the answer holds no offset; `undefined` where it does not name it either. */
export type OffsetErrors = (topic: string, partition: number) => number | undefined;

/**
 * Places of equal topics are asked once; a partition has one timestamp in a request. Offsets are put into the cells of the
 * shares as they are read: there are tens of thousands of them.
 */
export function listOffsets(shares: readonly Share[], isolation: 0 | 1): Request<OffsetErrors> {
  return {
    key: 2,
    name: "ListOffsets",
    min: 2,
    max: 2,
    bytes: shares.reduce((sum, { places }) => sum + bytesOf(places), 16),
    encode(writer) {
      writer.i32(-1); // an ordinary client, not a replica
      writer.i8(isolation);
      const [only, ...others] = shares;
      if (only && others.length === 0) writeOne(writer, only);
      else writeMany(writer, shares);
    },
    detached: true,
    decode: (reader) => readRows(reader, shares),
  };
}

/** A name of 2 bytes and its letters, a count; partition and timestamp. Letters beyond ASCII make it grow. */
function bytesOf(places: Places): number {
  let sum = 0;
  places.forEach(({ length }, topic) => {
    sum += 6 + topic.length + 12 * length;
  });
  return sum;
}

function writeOne(writer: Writer, { places, timestamp }: Share): void {
  writer.i32(places.size);
  places.forEach((partitions, topic) => {
    writer.text(topic);
    writer.i32(partitions.length);
    for (const partition of partitions) {
      writer.i32(partition);
      writer.i64(timestamp);
    }
  });
}

function writeMany(writer: Writer, shares: readonly Share[]): void {
  writer.array([...timestamps(shares)], ([topic, rows]) => {
    writer.text(topic);
    writer.array([...rows], ([partition, timestamp]) => {
      writer.i32(partition);
      writer.i64(timestamp);
    });
  });
}

function timestamps(shares: readonly Share[]): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const topics = new Map<string, Map<number, number>>();
  for (const { places, timestamp } of shares) {
    for (const [topic, partitions] of places) {
      const rows = topics.get(topic) ?? new Map<number, number>();
      for (const partition of partitions) rows.set(partition, timestamp);
      topics.set(topic, rows);
    }
  }
  return topics;
}

async function readRows(reader: Reader, shares: readonly Share[]): Promise<OffsetErrors> {
  reader.throttle();
  const errors = new Map<string, number>();
  for (let left = reader.i32(); left > 0; left -= 1) {
    const topic = reader.text();
    const rows = reader.i32();
    const start = reader.position();
    const [only, ...others] = shares;
    if (only) readTopic({ reader, topic, rows, errors }, only.cells);
    for (const { cells } of others) {
      reader.skip(start - reader.position());
      readTopic({ reader, topic, rows, errors }, cells);
    }
    const turn = breathe();
    if (turn) await turn;
  }
  return (topic, partition) => errors.get(`${topic} ${partition}`);
}

type TopicRows = {
  readonly reader: Reader;
  readonly topic: string;
  readonly rows: number;
  readonly errors: Map<string, number>;
};

function readTopic({ reader, topic, rows, errors }: TopicRows, cells: OffsetCells): void {
  const { offsets } = cells;
  const first = cells.firstOf(topic);
  const size = first === undefined ? 0 : cells.sizeOf(topic);
  for (let row = 0; row < rows; row += 1) {
    const partition = reader.i32();
    const error = reader.i16();
    reader.skip(8); // the timestamp found
    if (error === 0) {
      const offset = reader.i64();
      if (first !== undefined && partition < size) offsets[first + partition] = offset;
      continue;
    }
    reader.skip(8);
    errors.set(`${topic} ${partition}`, error);
  }
}
