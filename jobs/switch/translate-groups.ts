import { FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type OffsetTable } from "#domain/topology.ts";
import { type LogView, translate } from "#domain/translation.ts";

/** One committed offset and where it belongs on the other cluster. */
export type TranslatedOffset = {
  readonly topic: string;
  readonly partition: number;
  readonly committed: number;
  readonly offset: number;
};

export type GroupTranslation =
  | { readonly group: string; readonly kind: "exact"; readonly offsets: readonly TranslatedOffset[] }
  /** The mirror has not reached the group yet. */
  | { readonly group: string; readonly kind: "waiting"; readonly why: string }
  | { readonly group: string; readonly kind: "refused"; readonly why: string };

/** Partitions translated at once: each costs a few requests to both clusters. */
const parallel = 16;

/**
 * Translates what these groups have committed on `origin` to `destination`, topic by topic of the wave. Reads only.
 * Committed offsets are read before ends, so an offset never seems to lie beyond them. With `snapshot` these are
 * translated instead of what is committed now.
 */
export async function translateGroups(
  groups: readonly string[],
  topics: readonly string[],
  origin: KafkaCluster,
  destination: KafkaCluster,
  snapshot?: ReadonlyMap<string, OffsetTable>,
): Promise<readonly GroupTranslation[]> {
  const committed = snapshot ?? (await origin.committed(groups));
  const views = await logViews(topics, origin, destination);
  return await Promise.all(
    groups.map((group) => translateGroup(group, committed.get(group) ?? new Map(), topics, views)),
  );
}

type Views = (
  topic: string,
  partition: number,
) => { readonly origin: LogView; readonly destination: LogView };

async function translateGroup(
  group: string,
  committed: OffsetTable,
  topics: readonly string[],
  views: Views,
): Promise<GroupTranslation> {
  const cells = topics.flatMap((topic) =>
    [...(committed.get(topic) ?? []).entries()].flatMap(([partition, offset]) =>
      offset === undefined ? [] : [{ topic, partition, offset }],
    ),
  );
  const offsets: TranslatedOffset[] = [];
  for (let index = 0; index < cells.length; index += parallel) {
    const results = await Promise.all(
      cells.slice(index, index + parallel).map(async (cell) => {
        const { origin, destination } = views(cell.topic, cell.partition);
        return { cell, result: await translate(cell.offset, origin, destination) };
      }),
    );
    for (const { cell, result } of results) {
      const where = `${cell.topic}-${cell.partition} at ${cell.offset}`;
      if (result.kind === "refused") return { group, kind: "refused", why: `${where}: ${result.why}` };
      if (result.kind === "not-copied-yet") return { group, kind: "waiting", why: `${where}: ${result.why}` };
      offsets.push({
        topic: cell.topic,
        partition: cell.partition,
        committed: cell.offset,
        offset: result.offset,
      });
    }
  }
  return { group, kind: "exact", offsets };
}

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

function isCompacted(
  configs: ReadonlyArray<{ readonly name: string; readonly value: string | null }>,
): boolean {
  return configs.some(({ name, value }) => name === "cleanup.policy" && value?.includes("compact") === true);
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
