import { createHash, randomUUID } from "node:crypto";
import type { Admin, Consumer, IHeaders, Kafka, KafkaMessage } from "kafkajs";
import { type Connection, kafkaFor } from "../apps/connection.ts";
import { idOf } from "../apps/records.ts";
import type { HeldRecord, HeldTopic, Position } from "./tally.ts";

/** How long a cluster may give nothing new before reading it fails. */
const silenceMs = 30_000;

function headerList(headers: IHeaders | undefined): [string, string][] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, Buffer.from(one ?? "").toString("base64")]),
  );
}

function held(message: KafkaMessage): HeldRecord {
  const content = JSON.stringify([
    message.timestamp,
    message.key?.toString("base64") ?? null,
    message.value?.toString("base64") ?? null,
    headerList(message.headers),
  ]);
  return {
    offset: Number(message.offset),
    key: message.key?.toString("base64") ?? null,
    id: idOf(message),
    digest: createHash("sha256").update(content).digest("base64url"),
    tombstone: message.value === null,
  };
}

type Ends = ReadonlyMap<string, readonly { low: number; high: number }[]>;

async function endsOf(admin: Admin, topics: readonly string[]): Promise<Ends> {
  const ends = new Map<string, { low: number; high: number }[]>();
  for (const topic of topics) {
    const offsets = await admin.fetchTopicOffsets(topic);
    const bounds = offsets.map(({ partition, low, high }) => ({
      partition,
      low: Number(low),
      high: Number(high),
    }));
    ends.set(
      topic,
      bounds.sort((one, other) => one.partition - other.partition),
    );
  }
  return ends;
}

/**
 * Reads topics from their first to their present end offset, committed records only, control records left out.
 * Uses a throw-away group that is deleted again. A topic that is not there is null. Throws after 30 s of silence.
 */
export async function readTopics(
  connection: Connection,
  topics: readonly string[],
): Promise<ReadonlyMap<string, HeldTopic>> {
  const kafka = kafkaFor(connection, "lab-count");
  const admin = kafka.admin();
  await admin.connect();
  try {
    const there = new Set(await admin.listTopics());
    const ends = await endsOf(
      admin,
      topics.filter((topic) => there.has(topic)),
    );
    const records = await readAll(kafka, admin, ends);
    return new Map(topics.map((topic) => [topic, records.get(topic) ?? null]));
  } finally {
    await admin.disconnect();
  }
}

async function readAll(kafka: Kafka, admin: Admin, ends: Ends): Promise<ReadonlyMap<string, HeldRecord[][]>> {
  const records = new Map([...ends].map(([topic, bounds]) => [topic, bounds.map((): HeldRecord[] => [])]));
  const open = new Map<string, number>();
  for (const [topic, bounds] of ends) {
    for (const [partition, { low, high }] of bounds.entries()) {
      if (high > low) open.set(`${topic}-${partition}`, high);
    }
  }
  if (open.size === 0) return records;
  const groupId = `lab-count-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 250, allowAutoTopicCreation: false });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...ends.keys()], fromBeginning: true });
    await readUntilClosed(consumer, records, open);
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]);
  }
  return records;
}

/** Closes a partition when the position has passed its end; batches that hold only control records count too. */
async function readUntilClosed(
  consumer: Consumer,
  records: ReadonlyMap<string, HeldRecord[][]>,
  open: Map<string, number>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const silence = setTimeout(() => {
    reject(new Error(`no end reached within ${silenceMs} ms of silence in ${[...open.keys()].join(", ")}`));
  }, silenceMs);
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    silence.refresh();
    const place = `${payload.topic}-${payload.partition}`;
    if (Number(payload.lastOffset) + 1 >= (open.get(place) ?? Number.POSITIVE_INFINITY)) open.delete(place);
    if (open.size === 0) resolve();
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  try {
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        records.get(batch.topic)?.[batch.partition]?.push(...batch.messages.map(held));
        return Promise.resolve();
      },
    });
    await promise;
  } finally {
    clearTimeout(silence);
  }
}

/** Committed offsets of a group by topic; undefined for a partition where there is none. */
export async function readPosition(
  connection: Connection,
  group: string,
  topics: readonly string[],
): Promise<Position> {
  const admin = kafkaFor(connection, "lab-count").admin();
  await admin.connect();
  try {
    const answer = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
    return Object.fromEntries(
      answer.map(({ topic, partitions }) => {
        const offsets: (number | undefined)[] = [];
        for (const { partition, offset } of partitions)
          offsets[partition] = Number(offset) < 0 ? undefined : Number(offset);
        return [topic, offsets];
      }),
    );
  } finally {
    await admin.disconnect();
  }
}
