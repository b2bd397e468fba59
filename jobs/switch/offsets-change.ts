import type { KafkaCluster } from "#domain/ports.ts";
import { at, type OffsetTable } from "#domain/topology.ts";

type Committed = {
  readonly group: string;
  readonly offsets: ReadonlyArray<{
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  }>;
};

/**
 * What the audit says of committed offsets: all that were written, and those of the same partitions that stood there
 * before; a partition without one is left out.
 */
export function offsetsChange(
  { role }: Pick<KafkaCluster, "role">,
  standing: ReadonlyMap<string, OffsetTable>,
  after: readonly Committed[],
) {
  const before = after.flatMap(({ group, offsets }) => {
    const table = standing.get(group) ?? new Map();
    const earlier = offsets.flatMap(({ topic, partition }) => {
      const offset = at(table, topic, partition);
      return offset === undefined ? [] : [{ topic, partition, offset }];
    });
    return earlier.length === 0 ? [] : [{ group, offsets: earlier }];
  });
  const groups = after.map(({ group }) => group);
  return { subject: `offsets on the ${role}`, before, after, reason: "run", detail: { groups } };
}
