import type { Request } from "./connection.ts";
import { breathe } from "./pace.ts";
import type { Places } from "./places.ts";
import type { Reader, Writer } from "./wire.ts";

type Share = { readonly places: Places; readonly timestamp: number };

export type OffsetQuestion = {
  /** Milliseconds since the epoch, or one of ListOffsets' special values: -1 the end, -2 the start. */
  readonly timestamp: number;
  /** KIP-98's isolation level: 1 is read committed. */
  readonly isolation: 0 | 1;
};

/** One broker's offsets. A row is kept in typed arrays: there are tens of thousands of them. */
export type OffsetRows = {
  /**
   * Puts the offset of each of these partitions of the topic into its place in `cells`. The others are told to `bad`:
   * their error code, or `undefined` where there is no answer.
   */
  readonly fill: (
    topic: string,
    partitions: readonly number[],
    cells: number[],
    bad: (topic: string, partition: number, error: number | undefined) => void,
  ) => void;
};

/** i32 partition, i16 error, i64 timestamp, i64 offset. */
const rowBytes = 22;

/** Places of equal topics are asked once; a partition has one timestamp in a request. */
export function listOffsets(shares: readonly Share[], isolation: 0 | 1): Request<OffsetRows> {
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
    decode: readRows,
  };
}

/** A name of 2 bytes and its letters, a count; partition and timestamp. Letters beyond ASCII make it grow. */
function bytesOf(places: Places): number {
  return places.entries().reduce((sum, [topic, { length }]) => sum + 6 + topic.length + 12 * length, 0);
}

function writeOne(writer: Writer, { places, timestamp }: Share): void {
  writer.i32(places.size);
  for (const [topic, partitions] of places) {
    writer.text(topic);
    writer.i32(partitions.length);
    for (const partition of partitions) {
      writer.i32(partition);
      writer.i64(timestamp);
    }
  }
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

async function readRows(reader: Reader): Promise<OffsetRows> {
  reader.throttle();
  const most = Math.ceil(reader.remaining() / rowBytes);
  const partitions = new Int32Array(most);
  const errors = new Int16Array(most);
  const offsets = new Float64Array(most);
  const topics: string[] = [];
  /** Where each topic's rows begin, and after the last one, where they end. */
  const begins = [0];
  let row = 0;
  for (let left = reader.i32(); left > 0; left -= 1) {
    topics.push(reader.text());
    const until = row + reader.i32();
    for (; row < until; row += 1) {
      partitions[row] = reader.i32();
      errors[row] = reader.i16();
      reader.skip(8); // the timestamp found
      offsets[row] = reader.i64();
    }
    begins.push(until);
    const turn = breathe();
    if (turn) await turn;
  }
  const place = createFinder(topics);

  return {
    fill(topic, wanted, cells, bad) {
      const at = place(topic);
      const from = begins[at] ?? row;
      const until = begins[at + 1] ?? from;
      let next = from;
      for (const partition of wanted) {
        if (partitions[next] !== partition || next >= until) next = find(partitions, partition, from, until);
        const error = next < until ? errors[next] : undefined;
        if (error === 0) cells[partition] = offsets[next] ?? -1;
        else bad(topic, partition, error);
        next += 1;
      }
    },
  };
}

/** A broker answers in the order of the request, mostly: the next one is tried first. The length stands for "not there". */
function createFinder(topics: readonly string[]): (topic: string) => number {
  let next = 0;
  return (topic) => {
    if (topics[next] !== topic) next = topics.indexOf(topic);
    const found = next < 0 ? topics.length : next;
    next = found + 1;
    return found;
  };
}

/** `until` when it is not there. */
function find(partitions: Int32Array, partition: number, from: number, until: number): number {
  const found = partitions.indexOf(partition, from);
  return found < 0 || found > until ? until : found;
}
