import type { ActiveProducer, Known, TopicPartition, Transaction } from "#domain/topology.ts";
import { known } from "#domain/topology.ts";

/** One producer as the source itself remembers it: one producer speaks to one cluster, so what it writes moves together. */
export type ObservedWriter = {
  /** `undefined`: idempotent without transactions; the cluster knows it by a number only. */
  readonly transactionalId: string | undefined;
  readonly topics: readonly string[];
  /** Partitions of `__consumer_offsets` to which it commits: those of the groups that it reads for. */
  readonly offsetPartitions: readonly number[];
};

/** Where groups keep their offsets; a transaction that includes one reads as this group. */
export const offsetsTopic = "__consumer_offsets";

/**
 * Joins what the coordinators and the partitions' leaders remember (ListTransactions and DescribeProducers, KIP-664) by
 * producer id. Leaders forget a producer that was silent for `producer.id.expiration.ms`, one day by default: who writes
 * more seldom is not seen. Unknown when either is.
 */
export function observedWriters(
  transactions: Known<readonly Transaction[]>,
  producers: Known<readonly ActiveProducer[]>,
): Known<readonly ObservedWriter[]> {
  if (!transactions.known) return transactions;
  if (!producers.known) return producers;
  const named = new Map(transactions.value.map((each) => [each.producerId, each.transactionalId]));
  const written = Map.groupBy(producers.value, ({ producerId }) => producerId);
  const current = new Map(transactions.value.map(({ producerId, partitions }) => [producerId, partitions]));
  const ids = new Set([...written.keys(), ...current.keys()]);
  const writers = [...ids].map((id) =>
    writer(named.get(id), [...(written.get(id) ?? []), ...(current.get(id) ?? [])]),
  );
  return known(writers.filter(({ topics }) => topics.length > 0).toSorted(byName));
}

function writer(transactionalId: string | undefined, places: readonly TopicPartition[]): ObservedWriter {
  const offsets = places.filter(({ topic }) => topic === offsetsTopic);
  const topics = new Set(places.map(({ topic }) => topic));
  topics.delete(offsetsTopic);
  return {
    transactionalId,
    topics: [...topics].toSorted(),
    offsetPartitions: [...new Set(offsets.map(({ partition }) => partition))].toSorted((a, b) => a - b),
  };
}

function byName(a: ObservedWriter, b: ObservedWriter): number {
  const [left, right] = [a, b].map(
    ({ transactionalId = "", topics }) => `${transactionalId} ${topics.join()}`,
  );
  return (left ?? "") < (right ?? "") ? -1 : 1;
}

/** The partition of `__consumer_offsets` that holds a group: `Utils.abs(groupId.hashCode()) % partitions` (GroupMetadataManager.partitionFor). */
export function offsetPartitionOf(group: string, partitions: number): number {
  let hash = 0;
  for (let at = 0; at < group.length; at += 1) hash = (Math.imul(31, hash) + group.charCodeAt(at)) | 0;
  // The smallest integer has no positive counterpart in Java; Kafka takes 0 for it.
  return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitions;
}
