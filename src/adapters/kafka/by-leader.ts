import { FerryError } from "#domain/errors.ts";
import type { TopicPartition } from "#domain/topology.ts";
import type { Metadata } from "./metadata.ts";
import type { Fail } from "./retry.ts";

/** Groups by leader; those without one are failed. `E_UNKNOWN_TOPIC` for a topic that does not exist. */
export async function byLeader(
  metadata: Metadata,
  wanted: readonly TopicPartition[],
  fail: Fail<TopicPartition>,
): Promise<ReadonlyMap<number, TopicPartition[]>> {
  const topics = await metadata.topics(wanted.map(({ topic }) => topic));
  const groups = new Map<number, TopicPartition[]>();
  for (const where of wanted) {
    const { length } = topics.get(where.topic)?.partitions ?? [];
    if (where.partition >= length) throw noSuchPartition(where, length);
    const leader = topics.get(where.topic)?.partitions[where.partition]?.leader ?? -1;
    if (leader < 0) {
      metadata.forget([where.topic]);
      fail(where, "no leader");
      continue;
    }
    const group = groups.get(leader);
    if (group) group.push(where);
    else groups.set(leader, [where]);
  }
  return groups;
}

export function noSuchPartition({ topic, partition }: TopicPartition, length: number): FerryError {
  return new FerryError("E_KAFKA", `Topic ${topic} has ${length} partitions; ${partition} was asked for.`);
}
