import { describe, expect, it } from "vitest";
import { observedWriters, offsetPartitionOf } from "#domain/assess/observed-writers.ts";
import { known, type Transaction, unknown } from "#domain/topology.ts";

function transaction(
  transactionalId: string,
  producerId: number,
  change: Partial<Transaction> = {},
): Transaction {
  return {
    transactionalId,
    producerId,
    state: "CompleteCommit",
    timeoutMs: 60_000,
    partitions: [],
    ...change,
  };
}

function wrote(producerId: number, topic: string, partition = 0) {
  return { producerId, topic, partition, lastTimestamp: 1 };
}

describe("who writes what, as the source remembers it", () => {
  it("joins transactional ids and partitions by producer id, whatever the order", () => {
    const transactions = [
      transaction("till", 7),
      transaction("idle", 8),
      transaction("open", 9, { partitions: [{ topic: "c", partition: 1 }] }),
    ];
    const producers = [
      wrote(7, "b"),
      wrote(7, "a", 2),
      wrote(7, "a"),
      wrote(7, "__consumer_offsets", 13),
      wrote(4, "d"),
    ];
    const expected = known([
      { transactionalId: undefined, topics: ["d"], offsetPartitions: [] },
      { transactionalId: "open", topics: ["c"], offsetPartitions: [] },
      { transactionalId: "till", topics: ["a", "b"], offsetPartitions: [13] },
    ]);
    expect(observedWriters(known(transactions), known(producers))).toEqual(expected);
    expect(observedWriters(known(transactions.toReversed()), known(producers.toReversed()))).toEqual(
      expected,
    );
  });

  it("is unknown where either answer is", () => {
    const why = unknown("Kafka 2.7 has no ListTransactions");
    expect(observedWriters(why, known([]))).toEqual(why);
    expect(observedWriters(known([]), why)).toEqual(why);
  });

  // String.hashCode: "hello" is 99162322, "polygenelubricants" the smallest integer, "zzzzzz" -685785664.
  it.each([
    { group: "hello", partition: 22 },
    { group: "polygenelubricants", partition: 0 },
    { group: "zzzzzz", partition: 14 },
  ])("finds $group in partition $partition of 50", ({ group, partition }) => {
    expect(offsetPartitionOf(group, 50)).toBe(partition);
  });
});
