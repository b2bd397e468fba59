import kafkajs, { type Kafka, type Message } from "kafkajs";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { labUser } from "#lab/kafka.ts";
import type { FenceUnderTest, Principal } from "../contract/fence-scene.ts";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";
import { unique } from "./unique.ts";

type Doors = {
  readonly bootstrap: string;
  /** Where the lab's users and the super user get in; none on a broker without an authorizer. */
  readonly admin?: ClusterAccess;
};

/** The adapter on a real broker, and KafkaJS's producers as the principals around it. */
export function openRealFence({ bootstrap, admin }: Doors): FenceUnderTest {
  const plain: ClusterAccess = { bootstrap: [bootstrap], protocol: "PLAINTEXT" };
  const opened: KafkaCluster[] = [];

  function open(access: ClusterAccess): KafkaCluster {
    const cluster = createKafkaCluster({ role: "source", access, log: createQuietLog(), clock: realClock });
    opened.push(cluster);
    return cluster;
  }

  function accessOf(principal: Principal): ClusterAccess {
    if (principal === "User:ANONYMOUS" || !admin) return plain;
    const { username, password } = labUser(principal === "User:checkout" ? "checkout" : "mirror");
    return { ...admin, sasl: { mechanism: "PLAIN", username, password } };
  }

  return {
    cluster: open(admin ?? plain),
    as: async (principal, work) => work(open(accessOf(principal))),
    async send(principal, topic, drafts, kind = "plain") {
      const producer = kafkaOf(accessOf(principal)).producer({
        idempotent: kind === "idempotent",
        maxInFlightRequests: 1,
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        ...(kind === "idempotent" ? {} : { retry: { retries: 0 } }),
      });
      await producer.connect();
      try {
        await producer.send({ topic, messages: drafts.map(messageOf) });
      } finally {
        await producer.disconnect();
      }
    },
    async transaction(principal, topic, drafts) {
      const id = unique("fence-tx");
      const producer = kafkaOf(accessOf(principal)).producer({
        transactionalId: id,
        idempotent: true,
        maxInFlightRequests: 1,
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: drafts.map(messageOf) });
      const finish = async (outcome: "commit" | "abort") => {
        await transaction[outcome]();
        await producer.disconnect();
      };
      return { id, finish };
    },
    async close() {
      await Promise.all(opened.map((cluster) => cluster.close()));
    },
  };
}

function kafkaOf({ bootstrap, sasl }: ClusterAccess): Kafka {
  const { username = "", password = "" } = sasl ?? {};
  return new kafkajs.Kafka({
    clientId: "fence-app",
    brokers: [...bootstrap],
    logLevel: kafkajs.logLevel.NOTHING,
    ...(sasl ? { sasl: { mechanism: "plain" as const, username, password } } : {}),
  });
}

function messageOf({ value, timestamp }: { value: string; timestamp?: number }): Message {
  return { partition: 0, value, ...(timestamp === undefined ? {} : { timestamp: `${timestamp}` }) };
}
