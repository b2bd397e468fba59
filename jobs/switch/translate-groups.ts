import { FerryError } from "#domain/errors.ts";
import type { LogView } from "#domain/offsets/log-view.ts";
import { type Translation, translate } from "#domain/offsets/translation.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, isCompacted, type OffsetTable, type TopicPartition } from "#domain/topology.ts";

type CommittedOffset = TopicPartition & { readonly committed: number };

/** One committed offset and where it belongs on the other cluster. */
export type TranslatedOffset = CommittedOffset & {
  readonly offset: number;
  /** Records that are read a second time from there: 0 unless the mirror has copied a stretch twice. */
  readonly again: number;
};

export type GroupTranslation =
  | { readonly group: string; readonly kind: "exact"; readonly offsets: readonly TranslatedOffset[] }
  /** The mirror has not reached the group yet on the `missing` partitions. */
  | {
      readonly group: string;
      readonly kind: "waiting";
      readonly why: string;
      readonly offsets: readonly TranslatedOffset[];
      readonly missing: readonly CommittedOffset[];
    }
  | { readonly group: string; readonly kind: "refused"; readonly why: string };

/** Places translated at once: reads that are under way together travel together, one request a leader. */
const parallel = 1000;

/**
 * Translates what these groups have committed on `origin` to `destination`, topic by topic of the wave. Reads only.
 * Committed offsets are read before ends, so an offset never seems to lie beyond them. With `snapshot` these are
 * translated instead of what is committed now. Groups that stand at the same place share one translation, and what was
 * found for a partition before tells where to look first.
 */
export async function translateGroups(
  groups: readonly string[],
  topics: readonly string[],
  origin: KafkaCluster,
  destination: KafkaCluster,
  snapshot?: ReadonlyMap<string, OffsetTable>,
): Promise<readonly GroupTranslation[]> {
  const committed = snapshot ?? (await origin.committed(groups));
  const cells = groups.map((group) => cellsOf(committed.get(group) ?? new Map(), topics));
  const places = new Map(cells.flat().map((cell) => [placeKey(cell), cell]));
  if (places.size === 0) return groups.map((group) => ({ group, kind: "exact", offsets: [] }));
  const touched = topics.filter((topic) => cells.flat().some((cell) => cell.topic === topic));
  const views = await logViews(touched, origin, destination);
  const shifts = shiftsOf(origin, destination);
  const found = new Map<string, Translation>();
  await inParallel([...places], parallel, async ([key, cell]) => {
    const { topic, partition, offset } = cell;
    const view = views(topic, partition);
    const where = `${topic}-${partition}`;
    const guesses = (shifts.get(where) ?? []).map((shift) => offset + shift);
    const result = await translate(offset, view.origin, view.destination, guesses);
    found.set(key, result);
    if (result.kind === "exact") remember(shifts, where, result.offset - offset);
  });
  return groups.map((group, index) => translationOf(group, cells[index] ?? [], found));
}

type Cell = { readonly topic: string; readonly partition: number; readonly offset: number };

function cellsOf(committed: OffsetTable, topics: readonly string[]): readonly Cell[] {
  return topics.flatMap((topic) =>
    [...(committed.get(topic) ?? []).entries()].flatMap(([partition, offset]) =>
      offset === undefined ? [] : [{ topic, partition, offset }],
    ),
  );
}

function placeKey({ topic, partition, offset }: Cell): string {
  return `${topic}-${partition} at ${offset}`;
}

function translationOf(
  group: string,
  cells: readonly Cell[],
  found: ReadonlyMap<string, Translation>,
): GroupTranslation {
  const offsets: TranslatedOffset[] = [];
  const missing: CommittedOffset[] = [];
  let why: string | undefined;
  for (const cell of cells) {
    const { topic, partition, offset: committed } = cell;
    const result = found.get(placeKey(cell));
    if (result === undefined) throw new FerryError("E_INTERNAL", `${placeKey(cell)} was not translated`);
    if (result.kind === "refused") return { group, kind: "refused", why: `${placeKey(cell)}: ${result.why}` };
    if (result.kind === "not-copied-yet") {
      why ??= `${placeKey(cell)}: ${result.why}`;
      missing.push({ topic, partition, committed });
    } else offsets.push({ topic, partition, committed, offset: result.offset, again: result.again });
  }
  return why === undefined
    ? { group, kind: "exact", offsets }
    : { group, kind: "waiting", why, offsets, missing };
}

/** By partition: how far a place on the destination lay from its offset on the origin, newest first. */
type Shifts = Map<string, readonly number[]>;

/** Kept per pair of clusters, in memory only: a guess that does not hold costs two reads. */
const known = new WeakMap<KafkaCluster, WeakMap<KafkaCluster, Shifts>>();
const shiftsKept = 3;

function shiftsOf(origin: KafkaCluster, destination: KafkaCluster): Shifts {
  const pairs = known.get(origin) ?? new WeakMap<KafkaCluster, Shifts>();
  const shifts = pairs.get(destination) ?? new Map<string, readonly number[]>();
  known.set(origin, pairs.set(destination, shifts));
  return shifts;
}

function remember(shifts: Shifts, where: string, shift: number): void {
  const others = (shifts.get(where) ?? []).filter((other) => other !== shift);
  shifts.set(where, [shift, ...others].slice(0, shiftsKept));
}

/** At most `width` at a time, each begun as soon as there is room. */
async function inParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}

type Views = (
  topic: string,
  partition: number,
) => { readonly origin: LogView; readonly destination: LogView };

async function logViews(
  topics: readonly string[],
  origin: KafkaCluster,
  destination: KafkaCluster,
): Promise<Views> {
  const [from, to] = await Promise.all([views(origin, topics), views(destination, topics)]);
  return (topic, partition) => ({
    origin: from(topic, partition),
    destination: to(topic, partition),
  });
}

async function views(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<(topic: string, partition: number) => LogView> {
  const [starts, ends, configs] = await Promise.all([
    cluster.offsets(topics, "start"),
    cluster.offsets(topics, "end"),
    cluster.topicConfigs(topics),
  ]);
  const compacted = new Set(topics.filter((topic) => isCompacted(configs.get(topic) ?? [])));
  return (topic, partition) => {
    const where = { topic, partition };
    return {
      start: cell(starts, topic, partition),
      end: cell(ends, topic, partition),
      compacted: compacted.has(topic),
      read: (from, options) => cluster.read(where, from, { ...options, isolation: "read-committed" }),
      offsetAt: (timestamp) => cluster.offsetAt(where, timestamp),
      endNow: async () => cell(await cluster.offsets([topic], "end"), topic, partition),
    };
  };
}

function cell(table: OffsetTable, topic: string, partition: number): number {
  const value = at(table, topic, partition);
  if (value !== undefined) return value;
  throw new FerryError("E_INCOMPLETE", `No offset is known for ${topic}-${partition}.`);
}

/** The translated offsets of each group as tables to commit. */
export function tablesOf(
  groups: ReadonlyArray<{ readonly group: string; readonly offsets: readonly TranslatedOffset[] }>,
): ReadonlyMap<string, OffsetTable> {
  return new Map(groups.map(({ group, offsets }) => [group, offsetTable(offsets)]));
}

function offsetTable(offsets: readonly TranslatedOffset[]): OffsetTable {
  const table = new Map<string, (number | undefined)[]>();
  for (const { topic, partition, offset } of offsets) {
    const row = table.get(topic) ?? [];
    row[partition] = offset;
    table.set(topic, row);
  }
  return table;
}
