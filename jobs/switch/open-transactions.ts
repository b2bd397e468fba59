import { asFerryError } from "#domain/errors.ts";
import { joinOpen, type OpenTransaction } from "#domain/lag/open-transactions.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type Known, known, unknown } from "#domain/topology.ts";

/**
 * Transactions that are open on these topics now; empty: none. Brokers before Kafka 3.0 do not tell transactional ids,
 * before 2.8 no producer ids: such an entry says so. Unknown when a reading failed. Never throws.
 */
export async function openOnes(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<Known<readonly OpenTransaction[]>> {
  try {
    const [stable, ends, producers] = await Promise.all([
      cluster.offsets(topics, "stable"),
      cluster.offsets(topics, "end"),
      cluster.producers(topics),
    ]);
    const transactions = await cluster.transactions();
    const isOpen = producers.known && producers.value.some(({ openSince }) => openSince !== undefined);
    // What the leaders had open and the coordinators did not know may only have ended in between.
    const producersAfter = isOpen && transactions.known ? await cluster.producers(topics) : producers;
    return known(joinOpen({ topics, stable, ends, producers, transactions, producersAfter }));
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    return unknown(`${code} ${message}`);
  }
}
