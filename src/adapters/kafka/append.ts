import kafkajs from "kafkajs";
import type { Clock } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { thrownError } from "./errors.ts";
import { transport } from "./security.ts";

export type Draft = { readonly key: string; readonly value: string | null };

/**
 * Writes records to partition 0 of a topic of the mirror's own, acknowledged by all replicas. Fails as reads do; a
 * record may then have been written.
 */
export async function appendRecords(
  { role, access }: { readonly role: "source" | "target"; readonly access: ClusterAccess },
  clock: Clock,
  topic: string,
  drafts: readonly Draft[],
): Promise<void> {
  const { ssl, sasl } = transport(access, clock);
  const kafka = new kafkajs.Kafka({
    clientId: "msk-ferry",
    brokers: [...access.bootstrap],
    // As in connection.ts: a handshake with IAM may need several seconds.
    connectionTimeout: 10_000,
    authenticationTimeout: 10_000,
    logLevel: kafkajs.logLevel.NOTHING,
    ...(ssl === null ? {} : { ssl }),
    ...(sasl === null ? {} : { sasl }),
  });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  try {
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: drafts.map((draft) => ({ ...draft, partition: 0 })) });
  } catch (thrown) {
    throw thrownError(role, access.bootstrap.join(","), thrown);
  } finally {
    await producer.disconnect();
  }
}
