import kafkajs, { type CompressionTypes, type IHeaders, type Message, type Producer } from "kafkajs";
import { z } from "zod";
import type { AckedRecord, Cluster } from "./journal.ts";
import { topicNamed, type WorldTopic } from "./world.ts";

export type Compression = "none" | "gzip" | "lz4" | "zstd";

const compressionTypes = {
  none: kafkajs.CompressionTypes.None,
  gzip: kafkajs.CompressionTypes.GZIP,
  lz4: kafkajs.CompressionTypes.LZ4,
  zstd: kafkajs.CompressionTypes.ZSTD,
} as const satisfies Record<Compression, CompressionTypes>;

const choose = kafkajs.Partitioners.DefaultPartitioner();

/** A record that knows its number and its partition before it is sent. */
export type NumberedRecord = {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly message: Message;
};

function keyFor(topic: WorldTopic, seq: number): string | null {
  if (topic.keyed) return `${topic.name}-${seq % (topic.compacted ? 80 : 500)}`;
  if (topic.name === "parcels" && seq % 3 === 0) return `parcel-${seq}`;
  return null;
}

/** Null values: tombstones in compacted topics, bare notices among the parcels. */
function hasValue(topic: WorldTopic, seq: number): boolean {
  if (topic.compacted) return seq % 11 !== 0;
  return topic.name !== "parcels" || seq % 7 !== 0;
}

function headersFor(topic: WorldTopic, id: string, seq: number, valued: boolean): IHeaders {
  const carried: IHeaders =
    topic.name === "parcels"
      ? { carrier: `carrier-${seq % 4}`, trace: Buffer.from([0, 255, seq % 256]) }
      : {};
  return valued ? carried : { ...carried, id };
}

function partitionFor(topic: WorldTopic, key: string | null, seq: number): number {
  if (key === null) return seq % topic.partitions;
  const partitionMetadata = Array.from({ length: topic.partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return choose({ topic: topic.name, partitionMetadata, message: { key, value: null } });
}

/** Record number `seq` of `producer` in a topic. Its id `producer:topic:seq` is in the value, or in the header `id`. */
export function recordFor(producer: string, topicName: string, seq: number): NumberedRecord {
  const topic = topicNamed(topicName);
  const id = `${producer}:${topicName}:${seq}`;
  const key = keyFor(topic, seq);
  const valued = hasValue(topic, seq);
  const partition = partitionFor(topic, key, seq);
  const value = valued ? JSON.stringify({ id, amount: seq % 997, note: "x".repeat(40 + (seq % 60)) }) : null;
  return {
    id,
    topic: topicName,
    partition,
    key,
    message: { key, value, partition, headers: headersFor(topic, id, seq, valued) },
  };
}

/**
 * Sends records of one topic in one request per leader and waits for all in-sync replicas.
 * Returns one line per record, with the offsets that the brokers gave; throws when any of them was not acknowledged.
 */
export async function sendRecords(
  producer: Producer,
  cluster: Cluster,
  records: readonly NumberedRecord[],
): Promise<AckedRecord[]> {
  const topic = records[0]?.topic;
  if (topic === undefined) return [];
  const answers = await producer.send({
    topic,
    acks: -1,
    compression: compressionTypes[topicNamed(topic).compression],
    messages: records.map((record) => record.message),
  });
  const next = new Map(answers.map((answer) => [answer.partition, Number(answer.baseOffset ?? -1)]));
  const ts = Date.now();
  return records.map(({ id, partition, key }) => {
    const offset = next.get(partition) ?? -1;
    if (offset >= 0) next.set(partition, offset + 1);
    return { id, topic, partition, offset: offset < 0 ? null : offset, cluster, ts, key };
  });
}

const Identified = z.object({ id: z.string() });

/** The id of one of our records, or null for a foreign one. */
export function idOf(message: {
  readonly value: Buffer | null;
  readonly headers?: IHeaders | undefined;
}): string | null {
  const header = message.headers?.["id"];
  if (header instanceof Buffer) return header.toString();
  if (message.value === null) return null;
  try {
    return Identified.parse(JSON.parse(message.value.toString())).id;
  } catch {
    return null;
  }
}
