import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Admin, Kafka } from "kafkajs";
import { z } from "zod";
import { type Connection, kafkaFor } from "./connection.ts";
import { ackedPath, appendLines } from "./journal.ts";
import { recordFor, sendRecords } from "./records.ts";
import { idleGroup, topicNamed, topics, type WorldTopic } from "./world.ts";

/** Group to topic to offset by partition: where a group started. What lies before it, it never had to see. */
export const StartOffsets = z.record(z.string(), z.record(z.string(), z.array(z.int().min(0))));
export type StartOffsets = z.infer<typeof StartOffsets>;

export function startOffsetsPath(folder: string): string {
  return join(folder, "start-offsets.json");
}

/**
 * Creates the topics on the source (replication factor 1), fills them with history, gives `analytics` a backlog to
 * start from and `nightly-report` offsets half-way. Logs every seeded record in `folder` as acknowledged.
 * Throws when a topic is already there: a world is created once per cluster.
 */
export async function createWorld(options: { folder: string; connection: Connection }): Promise<void> {
  const { folder } = options;
  const kafka = kafkaFor(options.connection, "lab-seed");
  const admin = kafka.admin();
  await admin.connect();
  try {
    await createTopics(admin);
    await seedHistory(kafka, folder);
    await seedOffsets(kafka, admin, folder);
  } finally {
    await admin.disconnect();
  }
}

async function createTopics(admin: Admin): Promise<void> {
  const created = await admin.createTopics({
    waitForLeaders: true,
    topics: topics.map(({ name, partitions, compacted }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor: 1,
      configEntries: compacted ? [{ name: "cleanup.policy", value: "compact" }] : [],
    })),
  });
  if (!created) throw new Error("some topics of the sample world exist already on the source");
}

/** Each topic by a producer of its own: one that wrote to all of them would tie all waves together. */
async function seedHistory(kafka: Kafka, folder: string): Promise<void> {
  for (const { name, history } of topics) {
    if (history > 0) await seedTopic(kafka, folder, name, history);
  }
}

async function seedTopic(kafka: Kafka, folder: string, name: string, history: number): Promise<void> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  try {
    const records = Array.from({ length: history }, (_, index) => recordFor("seed", name, index + 1));
    for (let at = 0; at < records.length; at += 500) {
      appendLines(
        ackedPath(folder, "seed"),
        await sendRecords(producer, "source", records.slice(at, at + 500)),
      );
    }
  } finally {
    await producer.disconnect();
  }
}

/** `part` of each partition's end offset, rounded down. */
async function offsetsAt(admin: Admin, topic: WorldTopic, part: number): Promise<number[]> {
  const ends = new Map(
    (await admin.fetchTopicOffsets(topic.name)).map((one) => [one.partition, Number(one.high)]),
  );
  return Array.from({ length: topic.partitions }, (_, partition) =>
    Math.floor((ends.get(partition) ?? 0) * part),
  );
}

/**
 * Commits offsets for a group without joining it: a member that KafkaJS fails to take out again would keep half of the
 * partitions. Topic to offset by partition; negative ones are left out. Waits until the offsets can be read back.
 */
export async function commitFor(
  kafka: Kafka,
  group: string,
  table: Readonly<Record<string, readonly number[]>>,
): Promise<void> {
  const topics = Object.entries(table).map(([topic, offsets]) => ({
    topic,
    partitions: offsets.flatMap((offset, partition) =>
      offset < 0 ? [] : [{ partition, offset: String(offset) }],
    ),
  }));
  const deadline = Date.now() + 30_000;
  while (!(await commitOnce(kafka, group, topics, deadline))) await pause(200);
  await waitForOffsets(kafka, group, topics);
}

/** False on a failure before the deadline: a new broker needs a moment until it coordinates its first groups. */
async function commitOnce(
  kafka: Kafka,
  group: string,
  topics: CommittedTopics,
  deadline: number,
): Promise<boolean> {
  const producer = kafka.producer({
    transactionalId: `lab-seed-${group}`,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  try {
    await producer.connect();
    const transaction = await producer.transaction();
    const offsets = topics.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] }));
    await transaction.sendOffsets({ consumerGroupId: group, topics: offsets });
    await transaction.commit();
    return true;
  } catch (error) {
    if (Date.now() > deadline) throw error;
    return false;
  } finally {
    await producer.disconnect();
  }
}

type CommittedTopics = readonly {
  topic: string;
  partitions: readonly { partition: number; offset: string }[];
}[];

/** A committed transaction shows in the group a moment later. Throws after 15 s. */
async function waitForOffsets(kafka: Kafka, group: string, wanted: CommittedTopics): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const deadline = Date.now() + 15_000;
    while (true) {
      const found = await admin.fetchOffsets({ groupId: group, topics: wanted.map(({ topic }) => topic) });
      const have = new Set(
        found.flatMap(({ topic, partitions }) =>
          partitions.map((one) => `${topic} ${one.partition} ${one.offset}`),
        ),
      );
      const all = wanted.flatMap(({ topic, partitions }) =>
        partitions.map((one) => `${topic} ${one.partition} ${one.offset}`),
      );
      if (all.every((one) => have.has(one))) return;
      if (Date.now() > deadline) throw new Error(`the offsets of ${group} did not show within 15 s`);
      await pause(50);
    }
  } finally {
    await admin.disconnect();
  }
}

async function seedOffsets(kafka: Kafka, admin: Admin, folder: string): Promise<void> {
  const starts: StartOffsets = {
    analytics: {
      events: await offsetsAt(admin, topicNamed("events"), 0.02),
      clicks: await offsetsAt(admin, topicNamed("clicks"), 0),
    },
    [idleGroup.name]: { events: await offsetsAt(admin, topicNamed("events"), 0.5) },
  };
  await Promise.all(
    Object.entries(starts).map(async ([group, table]) => await commitFor(kafka, group, table)),
  );
  writeFileSync(startOffsetsPath(folder), JSON.stringify(starts));
}
