import type { Flow } from "#domain/ports.ts";
import type { OffsetTable, TopicPartition } from "#domain/topology.ts";
import type { FakeKafka } from "./fake-kafka.ts";

/** Offset syncs and checkpoints as MirrorMaker 2 keeps them: coarse, and never ahead of the truth. */
export type FakeCheckpoints = {
  /** One offset sync: this record was copied to there. */
  note(where: TopicPartition, upstream: number, downstream: number): void;
  /** Writes a checkpoint for each committed offset that a sync lets translate. */
  emit(flow: Flow): Promise<void>;
  newest(flow: Flow): ReadonlyMap<string, OffsetTable>;
};

export function createFakeCheckpoints(source: FakeKafka): FakeCheckpoints {
  const syncs = new Map<string, Array<{ readonly upstream: number; readonly downstream: number }>>();
  const written = new Map<string, Map<string, Array<number | undefined>>>();

  /** The nearest sync at or before the offset; past it one further, never more (OffsetSyncStore). */
  function translate(where: TopicPartition, upstream: number): number | undefined {
    const sync = syncs.get(name(where))?.findLast((one) => one.upstream <= upstream);
    if (sync === undefined) return undefined;
    return sync.upstream === upstream ? sync.downstream : sync.downstream + 1;
  }

  function write(group: string, { topic, partition }: TopicPartition, downstream: number): void {
    const table = written.get(group) ?? new Map<string, Array<number | undefined>>();
    const row = table.get(topic) ?? [];
    while (row.length <= partition) row.push(undefined);
    row[partition] = Math.max(row[partition] ?? 0, downstream);
    written.set(group, table.set(topic, row));
  }

  return {
    note(where, upstream, downstream) {
      const known = syncs.get(name(where)) ?? [];
      known.push({ upstream, downstream });
      syncs.set(name(where), known);
    },
    async emit({ groups, topics }) {
      for (const [group, table] of await source.cluster.committed(groups)) {
        for (const topic of topics) {
          for (const [partition, offset] of (table.get(topic) ?? []).entries()) {
            const downstream = offset === undefined ? undefined : translate({ topic, partition }, offset);
            if (downstream !== undefined) write(group, { topic, partition }, downstream);
          }
        }
      }
    },
    newest: ({ groups, topics }) =>
      new Map(
        groups.map((group) => {
          const rows = [...(written.get(group) ?? [])].filter(([topic]) => topics.includes(topic));
          return [group, new Map(rows.map(([topic, row]) => [topic, [...row]]))];
        }),
      ),
  };
}

function name({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
