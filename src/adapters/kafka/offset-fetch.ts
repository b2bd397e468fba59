import { FerryError } from "#domain/errors.ts";
import type { OffsetTable } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import { isPassing } from "./errors.ts";
import { absent, type Cells, tableOf } from "./flat-table.ts";
import { breathe } from "./pace.ts";
import type { Reader } from "./wire.ts";

/** Committed offsets of one group; an error of one partition is the group's. */
export type Fetched = { readonly group: string; readonly error: number; readonly table: OffsetTable };

/** Partition, offset, an empty text and an error; from version 6 on an epoch and tags too, and shorter texts. */
const leastBytes = { one: 16, many: 20 };

/** Reads the fields after the partition and its offset; returns the error code. */
type ReadRest = () => number;

/** One request where the coordinator takes many groups in one: KIP-709, Kafka 3.0. */
export async function fetchOffsets(node: Node, groups: readonly string[]): Promise<readonly Fetched[]> {
  if ((node.versions.get(9)?.max ?? 0) >= 8) return node.send(fetchMany(groups));
  return Promise.all(groups.map((group) => node.send(fetchOne(group))));
}

function fetchOne(group: string): Request<Fetched> {
  return {
    key: 9,
    name: "OffsetFetch",
    min: 3,
    max: 3,
    encode(writer) {
      writer.text(group);
      writer.array(null, () => {});
    },
    detached: true,
    async decode(reader) {
      reader.throttle();
      const columns = createColumns(reader, leastBytes.one, () => {
        reader.skip(Math.max(reader.i16(), 0));
        return reader.i16();
      });
      for (let left = reader.i32(); left > 0; left -= 1) {
        columns.read(reader.text(), reader.i32());
        const turn = breathe();
        if (turn) await turn;
      }
      const [fetched] = columns.tables([columns.end(group, reader.i16())]);
      if (!fetched) throw new FerryError("E_INTERNAL", `OffsetFetch of ${group} left no table.`);
      return fetched;
    },
  };
}

function fetchMany(groups: readonly string[]): Request<readonly Fetched[]> {
  return {
    key: 9,
    name: "OffsetFetch",
    min: 8,
    max: 8,
    flexibleFrom: 6,
    encode(writer) {
      writer.compactArray(groups, (group) => {
        writer.compactText(group);
        writer.compactArray(null, () => {});
        writer.tags();
      });
      writer.bool(false);
      writer.tags();
    },
    detached: true,
    async decode(reader) {
      reader.throttle();
      const columns = createColumns(reader, leastBytes.many, () => {
        reader.skip(4); // the leader's epoch
        reader.skip(Math.max(reader.uvarint() - 1, 0));
        const error = reader.i16();
        reader.tags();
        return error;
      });
      const found: GroupRows[] = [];
      for (let left = reader.uvarint() - 1; left > 0; left -= 1) found.push(await readGroup(reader, columns));
      return columns.tables(found);
    },
  };
}

async function readGroup(reader: Reader, columns: Columns): Promise<GroupRows> {
  const group = reader.compactText();
  for (let left = reader.uvarint() - 1; left > 0; left -= 1) {
    columns.read(reader.compactText(), reader.uvarint() - 1);
    reader.tags();
    const turn = breathe();
    if (turn) await turn;
  }
  const rows = columns.end(group, reader.i16());
  reader.tags();
  return rows;
}

/** What will not pass is worse than what may. */
function worseOf(worst: number, error: number): number {
  if (error === 0) return worst;
  return worst === 0 || isPassing(worst) ? error : worst;
}

/** Which of an answer's rows are the group's. */
type GroupRows = {
  readonly group: string;
  readonly error: number;
  readonly from: number;
  readonly until: number;
};

/** The cells of all groups of one answer. */
type Columns = {
  /** Reads so many partitions of one topic, in any order; -1 stands for "never committed". */
  readonly read: (topic: string, partitions: number) => void;
  /** Since the last end, all was of this group. */
  readonly end: (group: string, error: number) => GroupRows;
  readonly tables: (groups: readonly GroupRows[]) => Fetched[];
};

function createColumns(reader: Reader, rowBytes: number, readRest: ReadRest): Columns {
  const { number, names, numbers } = createNames();
  const topics: number[] = [];
  const begins = [0];
  let offsets = new Float64Array(Math.ceil(reader.remaining() / rowBytes));
  let used = 0;
  let from = 0;
  let worst = 0;

  function reserve(until: number): void {
    if (until <= offsets.length) return;
    const longer = new Float64Array(until * 2);
    longer.set(offsets);
    offsets = longer;
  }

  function read(topic: string, partitions: number): void {
    const first = used;
    for (let row = 0; row < partitions; row += 1) {
      const at = first + reader.i32();
      const offset = reader.i64();
      const error = readRest();
      if (error !== 0) worst = worseOf(worst, error);
      if (error !== 0 || offset < 0) continue;
      if (at >= used) {
        reserve(at + 1);
        offsets.fill(absent, used, at);
        used = at + 1;
      }
      offsets[at] = offset;
    }
    topics.push(number(topic));
    begins.push(used);
  }

  return {
    read,
    end(group, error) {
      const rows = { group, error: error || worst, from, until: topics.length };
      from = topics.length;
      worst = 0;
      return rows;
    },
    tables(groups) {
      const cells = { names, numbers, topics, begins, offsets };
      return groups.map(({ group, error, from: first, until }) => ({
        group,
        error,
        table: tableOf(cells, first, until),
      }));
    },
  };
}

/** Each topic's name once, however many groups read it. */
function createNames(): Pick<Cells, "names" | "numbers"> & { readonly number: (name: string) => number } {
  const names: string[] = [];
  const numbers = new Map<string, number>();

  function number(name: string): number {
    const held = numbers.get(name);
    if (held !== undefined) return held;
    numbers.set(name, names.length);
    return names.push(name) - 1;
  }

  return { names, numbers, number };
}
