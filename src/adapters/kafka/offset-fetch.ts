import type { OffsetTable } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import { isPassing } from "./errors.ts";
import { breathe } from "./pace.ts";
import type { Reader } from "./wire.ts";

/** Committed offsets of one group; an error of one partition is the group's. */
export type Fetched = { readonly group: string; readonly error: number; readonly table: OffsetTable };

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
    async decode(reader) {
      reader.throttle();
      const readColumn = createColumns(reader, () => {
        reader.skip(Math.max(reader.i16(), 0));
        return reader.i16();
      });
      const table = new Map<string, OffsetTableRow>();
      let worst = 0;
      for (let left = reader.i32(); left > 0; left -= 1) {
        const topic = reader.text();
        const { cells, error } = readColumn(reader.i32());
        table.set(topic, cells);
        worst = worseOf(worst, error);
        const turn = breathe();
        if (turn) await turn;
      }
      return { group, error: reader.i16() || worst, table };
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
    async decode(reader) {
      reader.throttle();
      const readColumn = createColumns(reader, () => {
        reader.skip(4); // the leader's epoch
        reader.skip(Math.max(reader.uvarint() - 1, 0));
        const error = reader.i16();
        reader.tags();
        return error;
      });
      const names = new Map<string, string>();
      const found: Fetched[] = [];
      for (let left = reader.uvarint() - 1; left > 0; left -= 1) {
        found.push(await readGroup(reader, readColumn, names));
      }
      return found;
    },
  };
}

/** `names`: each topic's name once, however many groups read it. */
async function readGroup(
  reader: Reader,
  readColumn: ReadColumn,
  names: Map<string, string>,
): Promise<Fetched> {
  const group = reader.compactText();
  const table = new Map<string, OffsetTableRow>();
  let worst = 0;
  for (let left = reader.uvarint() - 1; left > 0; left -= 1) {
    const topic = sharedName(names, reader.compactText());
    const { cells, error } = readColumn(reader.uvarint() - 1);
    reader.tags();
    table.set(topic, cells);
    worst = worseOf(worst, error);
    const turn = breathe();
    if (turn) await turn;
  }
  const error = reader.i16() || worst;
  reader.tags();
  return { group, error, table };
}

function sharedName(names: Map<string, string>, name: string): string {
  const held = names.get(name);
  if (held !== undefined) return held;
  names.set(name, name);
  return name;
}

/** What will not pass is worse than what may. */
function worseOf(worst: number, error: number): number {
  if (error === 0) return worst;
  return worst === 0 || isPassing(worst) ? error : worst;
}

type OffsetTableRow = ReadonlyArray<number | undefined>;
type ReadColumn = (rows: number) => { readonly cells: OffsetTableRow; readonly error: number };

/**
 * Reads the rows of one topic, in any order; -1 stands for "never committed". They are gathered in one array for all
 * topics and copied from there, so that a row without holes is an array of bare numbers and nothing else is left behind.
 */
function createColumns(reader: Reader, readRest: ReadRest): ReadColumn {
  const scratch = [0.5]; // a fraction: from the start an array of doubles

  return (rows) => {
    let length = 0;
    let holes = false;
    let worst = 0;
    for (let row = 0; row < rows; row += 1) {
      const partition = reader.i32();
      const offset = reader.i64();
      const error = readRest();
      if (error !== 0) worst = worseOf(worst, error);
      if (error !== 0 || offset < 0) {
        holes = true;
        continue;
      }
      for (; length <= partition; length += 1) scratch[length] = -1;
      scratch[partition] = offset;
      holes ||= partition !== row;
    }
    const cells = scratch.slice(0, length);
    return {
      cells: holes ? cells.map((offset) => (offset < 0 ? undefined : offset)) : cells,
      error: worst,
    };
  };
}
