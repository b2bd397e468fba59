import { FerryError } from "#domain/errors.ts";
import type { LogView } from "#domain/offsets/log-view.ts";
import { copiedTo } from "#domain/offsets/replicator-progress.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, isCompacted, type OffsetTable, type Topic, type TopicPartition } from "#domain/topology.ts";

/** Copied offsets of many partitions, found by content; those of a copy that has not moved are remembered. */

/** A place that was proved: the copy ended there, and this was the last offset copied. */
type Proved = { readonly copyEnd: number; readonly offset: number | undefined; readonly ids: string };

type Side = {
  readonly cluster: KafkaCluster;
  readonly topics: ReadonlyMap<string, Topic>;
  readonly starts: OffsetTable;
  readonly ends: OffsetTable;
  readonly compacted: ReadonlySet<string>;
};

/** Partitions read at a time. */
const width = 16;

export type Progress = {
  /**
   * Origin offset of the last copied record; `undefined`: nothing was copied. A topic that is not on the source is left
   * out. `E_INCOMPLETE` where the content does not prove it, with every partition concerned counted and the first named.
   */
  read(topics: readonly string[]): Promise<OffsetTable>;
};

export function createProgress(source: KafkaCluster, target: KafkaCluster): Progress {
  const proved = new Map<string, Proved>();

  async function one(where: TopicPartition, origin: Side, copy: Side): Promise<number | undefined> {
    const key = `${where.topic}-${where.partition}`;
    const ids = `${idOf(origin, where)} ${idOf(copy, where)}`;
    const [from, to] = [viewOf(origin, where), viewOf(copy, where)];
    const before = proved.get(key);
    // A shorter log is another one.
    const holds =
      before !== undefined &&
      before.ids === ids &&
      before.copyEnd <= to.end &&
      (before.offset ?? -1) < from.end;
    if (holds && before.copyEnd === to.end) return before.offset;
    const found = await copiedTo(from, to);
    if (found.kind === "unknown") throw new Unproved(`${key}: ${found.why}`);
    const offset = found.kind === "nothing" ? undefined : found.offset;
    // A repetition moves the copy's last record back, not what has been copied.
    const newest = holds ? later(before.offset, offset) : offset;
    proved.set(key, { copyEnd: to.end, offset: newest, ids });
    return newest;
  }

  return {
    async read(names) {
      const copy = await readSide(target, names);
      const origin = await readSide(source, names);
      const table = new Map<string, Array<number | undefined>>();
      const unproved: string[] = [];
      const cells = [...origin.topics.values()].flatMap(({ name, partitions }) => {
        table.set(name, Array.from<number | undefined>({ length: partitions.length }));
        // Where the target has fewer partitions nothing of the others was copied.
        const count = Math.min(partitions.length, copy.topics.get(name)?.partitions.length ?? 0);
        return Array.from({ length: count }, (_, partition) => ({ topic: name, partition }));
      });
      const left = cells.values();
      const worker = async () => {
        for (const cell of left) {
          const row = table.get(cell.topic);
          try {
            const offset = await one(cell, origin, copy);
            if (row !== undefined) row[cell.partition] = offset;
          } catch (error) {
            if (!(error instanceof Unproved)) throw error;
            unproved.push(error.message);
          }
        }
      };
      await Promise.all(Array.from({ length: width }, worker));
      const [first] = unproved;
      if (first === undefined) return table;
      throw new FerryError(
        "E_INCOMPLETE",
        `Copied offsets of ${unproved.length} of ${cells.length} partitions cannot be proved. ${first}.`,
      );
    },
  };
}

class Unproved extends Error {}

function later(before: number | undefined, now: number | undefined): number | undefined {
  if (before === undefined || now === undefined) return now ?? before;
  return Math.max(before, now);
}

function idOf(side: Side, { topic }: TopicPartition): string {
  return side.topics.get(topic)?.id ?? "";
}

/** The ends are read last: all records before them can be read. */
async function readSide(cluster: KafkaCluster, names: readonly string[]): Promise<Side> {
  const wanted = new Set(names);
  const present = (await cluster.listTopics()).filter(({ name }) => wanted.has(name));
  const topics = present.map(({ name }) => name);
  const configs = await cluster.topicConfigs(topics);
  const starts = await cluster.offsets(topics, "start");
  return {
    cluster,
    topics: new Map(present.map((topic) => [topic.name, topic])),
    starts,
    ends: await cluster.offsets(topics, "end"),
    compacted: new Set(topics.filter((topic) => isCompacted(configs.get(topic) ?? []))),
  };
}

function viewOf(side: Side, where: TopicPartition): LogView {
  const { cluster } = side;
  const { topic, partition } = where;
  const bound = (table: OffsetTable) => {
    const value = at(table, topic, partition);
    if (value !== undefined) return value;
    throw new FerryError(
      "E_INCOMPLETE",
      `The ${cluster.role} cluster told no offset of ${topic}-${partition}.`,
    );
  };
  return {
    start: bound(side.starts),
    end: bound(side.ends),
    compacted: side.compacted.has(topic),
    read: (from, options) => cluster.read(where, from, { ...options, isolation: "read-committed" }),
    offsetAt: (timestamp) => cluster.offsetAt(where, timestamp),
    endNow: async () => at(await cluster.offsets([topic], "end"), topic, partition) ?? bound(side.ends),
  };
}
