import { at } from "#domain/topology.ts";
import { type LagReading, nextToCopy } from "./lag.ts";

/** How far each partition was at earlier moments, compact enough to keep for tens of thousands of partitions. Pure. */

/** Cells are in the order of the reading's topics and partitions; `NaN`: not known. */
export type LagSample = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Topic and number of partitions, in the order of the cells. */
  readonly topics: ReadonlyArray<readonly [string, number]>;
  /** The next offset to copy. */
  readonly next: Float64Array;
  readonly ends: Float64Array;
};

/** As it is stored: `layout` is a checksum of topics and partitions, for samples of other ones cannot be compared. */
export type PackedSample = { readonly at: number; readonly layout: number; readonly cells: string };

export function sampleOf(reading: LagReading): LagSample {
  const topics = [...reading.partitions];
  const size = topics.reduce((sum, [, count]) => sum + count, 0);
  const next = new Float64Array(size).fill(Number.NaN);
  const ends = new Float64Array(size).fill(Number.NaN);
  let cell = 0;
  for (const [topic, count] of topics) {
    const broken = reading.gone?.has(topic) === true || reading.recreated?.has(topic) === true;
    for (let partition = 0; partition < count; partition += 1, cell += 1) {
      const end = at(reading.ends, topic, partition);
      const position = nextToCopy(reading, { topic, partition });
      if (broken || end === undefined || position === undefined || position > end) continue;
      next[cell] = position;
      ends[cell] = end;
    }
  }
  return { at: reading.at, topics, next, ends };
}

/** About five bytes a partition that moves, fewer for one that is in step. */
export function packSample({ at, topics, next, ends }: LagSample): PackedSample {
  // Two numbers below 2^53 are at most eight bytes each in this encoding.
  const bytes = Buffer.allocUnsafe(next.length * 16);
  let length = 0;
  const put = (value: number) => {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[length++] = (rest % 0x80) + 0x80;
    bytes[length++] = rest;
  };
  for (const [cell, position] of next.entries()) {
    if (Number.isNaN(position)) {
      put(0);
      continue;
    }
    put(position + 1);
    put((ends[cell] ?? position) - position);
  }
  return { at, layout: layoutOf(topics), cells: bytes.toString("base64", 0, length) };
}

/** `undefined` where it was taken of other topics or partitions, or is not whole. */
export function unpackSample(packed: PackedSample, topics: LagSample["topics"]): LagSample | undefined {
  if (packed.layout !== layoutOf(topics)) return undefined;
  const size = topics.reduce((sum, [, count]) => sum + count, 0);
  const bytes = Buffer.from(packed.cells, "base64");
  const next = new Float64Array(size).fill(Number.NaN);
  const ends = new Float64Array(size).fill(Number.NaN);
  let place = 0;
  const take = () => {
    let value = 0;
    for (let weight = 1; ; weight *= 0x80) {
      const byte = bytes[place++] ?? 0;
      value += (byte % 0x80) * weight;
      if (byte < 0x80) return value;
    }
  };
  for (let cell = 0; cell < size; cell += 1) {
    if (place >= bytes.length) return undefined;
    const position = take();
    if (position === 0) continue;
    next[cell] = position - 1;
    ends[cell] = position - 1 + take();
  }
  return { at: packed.at, topics, next, ends };
}

/** FNV-1a, 32 bit. */
function layoutOf(topics: LagSample["topics"]): number {
  let hash = 0x811c9dc5;
  for (const [topic, count] of topics) {
    const text = `${topic}\n${count}\n`;
    for (let index = 0; index < text.length; index += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
  }
  return hash >>> 0;
}

/** Records per second of each partition between two samples of the same layout; `NaN`: not known. */
export type PartitionRates = { readonly copying: Float64Array; readonly arriving: Float64Array };

/** `NaN` also where an offset went backwards: that was another log. */
export function ratesBetween(before: LagSample, after: LagSample): PartitionRates {
  const seconds = (after.at - before.at) / 1000;
  const per = (now: Float64Array, then: Float64Array) =>
    now.map((value, cell) => {
      const grown = value - (then[cell] ?? Number.NaN);
      return seconds > 0 && grown >= 0 ? grown / seconds : Number.NaN;
    });
  return { copying: per(after.next, before.next), arriving: per(after.ends, before.ends) };
}

/** Samples that the rates of now are taken over: at one each 15 s, the last minute. */
export const recentSamples = 5;
/** The same for one partition, which others starve now and then: the last three minutes. */
export const steadySamples = 13;

/** Rates of each partition over the last samples; `undefined`: there are fewer than two. */
export function recentRates(
  samples: readonly LagSample[],
  over: number = recentSamples,
): PartitionRates | undefined {
  const [first, last] = [samples.slice(-over)[0], samples.at(-1)];
  return first === undefined || last === undefined || first === last ? undefined : ratesBetween(first, last);
}
