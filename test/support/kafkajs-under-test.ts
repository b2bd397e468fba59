import kafkajs, { type CompressionTypes, type Kafka, type Message, type Producer } from "kafkajs";
import createSnappy from "kafkajs-snappy";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { at, type ClusterAccess } from "#domain/topology.ts";
import { registerCodecs } from "#lab/apps/codecs.ts";
import type { ClusterUnderTest } from "../contract/kafka-cluster.ts";
import { eventually } from "./eventually.ts";
import type { RecordDraft } from "./fake-log.ts";
import { startJavaConsumer } from "./java-consumer.ts";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";
import { unique } from "./unique.ts";

export type RealCluster = ClusterUnderTest & {
  readonly kafka: Kafka;
  send(topic: string, messages: readonly Message[], compression?: CompressionTypes): Promise<void>;
};

/** The adapter on a real broker, with KafkaJS's own clients as the applications around it. */
export async function openRealCluster(
  role: "source" | "target",
  access: ClusterAccess,
): Promise<RealCluster> {
  registerCodecs();
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = createSnappy;
  const kafka = new kafkajs.Kafka({
    clientId: "contract-app",
    brokers: [...access.bootstrap],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const cluster = createKafkaCluster({ role, access, log: createQuietLog(), clock: realClock });
  const producers = createProducers(kafka);

  return {
    cluster,
    kafka,
    async send(topic, messages, compression = kafkajs.CompressionTypes.None) {
      await producers.send({ topic, messages: [...messages], compression });
    },
    async append(topic, partition, drafts) {
      await producers.send({ topic, messages: drafts.map((draft) => messageOf(draft, partition)) });
    },
    async transaction(topic, partition, drafts) {
      const { transactional, finish } = await begin(kafka);
      await transactional.send({ topic, messages: drafts.map((draft) => messageOf(draft, partition)) });
      return async (outcome) => {
        await finish(outcome);
        // The coordinator answers before the marker is in the log.
        await eventually(`the ${outcome} marker`, async () => {
          const [stable, end] = await Promise.all([
            cluster.offsets([topic], "stable"),
            cluster.offsets([topic], "end"),
          ]);
          return at(stable, topic, partition) === at(end, topic, partition) || undefined;
        });
      };
    },
    async deleteBefore(topic, partition, offset) {
      const admin = kafka.admin();
      await admin.connect();
      // Without metadata this call fails in KafkaJS.
      await admin.fetchTopicMetadata({ topics: [topic] });
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: `${offset}` }] });
      await admin.disconnect();
    },
    join: (group, topic) => join(kafka, group, topic),
    joinAs(group, topic, membership) {
      const [bootstrap = ""] = access.bootstrap;
      return startJavaConsumer({ bootstrap, group, topic, membership });
    },
    async close() {
      await producers.close();
      await cluster.close();
    },
  };
}

type Sender = Pick<Producer, "send">;

/**
 * A producer for each topic: KafkaJS asks for all topics that a producer ever knew, and one of them that has gone, or that
 * a broker does not host yet, fails its sends to all others. Patient for a minute, as a loaded machine needs.
 */
function createProducers(kafka: Kafka): Sender & { close(): Promise<void> } {
  const open = new Map<string, Promise<Producer>>();

  async function connect(): Promise<Producer> {
    const producer = kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 15 },
    });
    await producer.connect();
    return producer;
  }

  return {
    async send(record) {
      const producer = open.get(record.topic) ?? connect();
      open.set(record.topic, producer);
      return await (await producer).send(record);
    },
    async close() {
      for (const producer of open.values()) await (await producer).disconnect();
    },
  };
}

async function begin(
  kafka: Kafka,
): Promise<{ transactional: Sender; finish: (outcome: "commit" | "abort") => Promise<void> }> {
  const producer = kafka.producer({
    transactionalId: unique("tx"),
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  const finish = async (outcome: "commit" | "abort") => {
    await transaction[outcome]();
    await producer.disconnect();
  };
  return { transactional: transaction, finish };
}

async function join(kafka: Kafka, groupId: string, topic: string): Promise<() => Promise<void>> {
  const consumer = kafka.consumer({
    groupId,
    heartbeatInterval: 500,
    sessionTimeout: 6000,
    maxWaitTimeInMs: 200,
  });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachMessage: async () => {} });
  await joined.promise;
  return () => consumer.disconnect();
}

function messageOf(
  { key = null, value = null, headers = [], timestamp }: RecordDraft,
  partition: number,
): Message {
  const grouped: Record<string, Array<Buffer | string>> = {};
  for (const [name, content] of headers) {
    // KafkaJS writes no null header; the unit test of the batch decoder has one.
    if (content === null) throw new Error(`header ${name} of the draft is null`);
    const list = (grouped[name] ??= []);
    list.push(content);
  }
  return {
    partition,
    key,
    value,
    headers: grouped,
    ...(timestamp === undefined ? {} : { timestamp: `${timestamp}` }),
  };
}
