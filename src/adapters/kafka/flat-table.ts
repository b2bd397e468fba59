import type { OffsetTable } from "#domain/topology.ts";

/**
 * Offsets of tens of thousands of partitions are kept in one typed array, outside of the heap that the garbage collector
 * walks, and read as the table of arrays that everybody knows: a topic's array is made when it is asked for.
 */

type Row = ReadonlyArray<number | undefined>;

/** Tables that share cells: those of one cluster's topics, or of the groups in one answer. */
export type Cells = {
  readonly names: readonly string[];
  /** The place of each name in `names`. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Each row's topic by its number, and where its cells begin; the last one ends where one more would begin. */
  readonly topics: readonly number[];
  readonly begins: readonly number[];
  /** By partition; `absent` where there is no offset. */
  readonly offsets: Float64Array;
};

/** Stands for "not known": a bare number, where `undefined` would need an object. */
export const absent = Number.NaN;

export function isAbsent(offset: number | undefined): boolean {
  return offset === undefined || Number.isNaN(offset);
}

const pattern = [absent];

/** Cells from which on a table of their own is worth it; below, a plain map is as good. */
const manyCells = 4096;

/** The table of the rows `[from, until)`. Whoever writes to its cells does so before this is called. */
export function tableOf(cells: Cells, from: number, until: number): OffsetTable {
  const table = flatTable(cells, from, until);
  return from === until || cells.offsets.length < manyCells ? new Map(table) : table;
}

export function flatTable(cells: Cells, from: number, until: number): OffsetTable {
  const { names, numbers, topics, begins, offsets } = cells;
  let lastAt = -1;
  let last: Row = [];

  function read(row: number): Row {
    if (row === lastAt) return last;
    last = toArray(offsets, begins[row] ?? 0, begins[row + 1] ?? 0);
    lastAt = row;
    return last;
  }

  function rowOf(topic: string): number {
    const number = numbers.get(topic);
    if (number === undefined) return -1;
    if (topics[from + number] === number && from + number < until) return from + number;
    const row = topics.indexOf(number, from);
    return row < until ? row : -1;
  }

  function* entries(): MapIterator<[string, Row]> {
    for (let row = from; row < until; row += 1) yield [names[topics[row] ?? 0] ?? "", read(row)];
  }

  return {
    size: until - from,
    has: (topic) => rowOf(topic) >= 0,
    get(topic) {
      const row = rowOf(topic);
      return row < 0 ? undefined : read(row);
    },
    forEach(each) {
      for (const [topic, row] of entries()) each(row, topic, this);
    },
    keys: () => entries().map(([topic]) => topic),
    values: () => entries().map(([, row]) => row),
    entries,
    [Symbol.iterator]: entries,
  };
}

/** Bare numbers, unless an offset is absent. */
function toArray(offsets: Float64Array, from: number, until: number): Row {
  const length = until - from;
  while (pattern.length < length) pattern.push(absent);
  const row = pattern.slice(0, length);
  let complete = true;
  for (let at = 0; at < length; at += 1) {
    const offset = offsets[from + at] ?? absent;
    row[at] = offset;
    complete &&= !Number.isNaN(offset);
  }
  return complete ? row : row.map((offset) => (Number.isNaN(offset) ? undefined : offset));
}
