import type { Broker, Partition, Topic } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { breathe } from "./pace.ts";
import type { Reader } from "./wire.ts";

export type View = {
  readonly clusterId: string | null;
  readonly controller: number | null;
  readonly brokers: ReadonlyMap<number, Broker>;
};

type TopicAnswer = { readonly error: number; readonly topic: Topic };
export type MetadataAnswer = View & { readonly topics: readonly TopicAnswer[] };

/**
 * `null` asks for all topics, an empty list for none. Never creates a topic. What is as in the topic `before` is kept from
 * there: tens of thousands of partitions are asked for again and again, and hardly ever change.
 */
export function metadataRequest(
  names: readonly string[] | null,
  before: (name: string) => Topic | undefined,
): Request<MetadataAnswer> {
  return {
    key: 3,
    name: "Metadata",
    min: 4,
    max: 5,
    encode(writer) {
      writer.array(names, writer.text);
      writer.bool(false);
    },
    decode: (reader, version) => readMetadata(reader, version, before),
  };
}

async function readMetadata(
  reader: Reader,
  version: number,
  before: (name: string) => Topic | undefined,
): Promise<MetadataAnswer> {
  reader.throttle();
  const brokers = reader.array(() => ({
    id: reader.i32(),
    host: reader.text(),
    port: reader.i32(),
    rack: reader.nullableText(),
  }));
  const clusterId = reader.nullableText();
  const controller = reader.i32();
  const topics: TopicAnswer[] = [];
  for (let left = reader.i32(); left > 0; left -= 1) {
    const error = reader.i16();
    const name = reader.text();
    topics.push({ error, topic: readTopic(reader, version, name, before(name)) });
    const turn = breathe();
    if (turn) await turn;
  }
  return {
    clusterId,
    controller: controller < 0 ? null : controller,
    brokers: new Map(brokers.map((broker) => [broker.id, broker])),
    topics,
  };
}

function readTopic(reader: Reader, version: number, name: string, before: Topic | undefined): Topic {
  const internal = reader.bool();
  const count = reader.i32();
  const partitions: Partition[] = [];
  let same = before?.internal === internal && before.partitions.length === count;
  for (let row = 0; row < count; row += 1) {
    const partition = readPartition(reader, version, before?.partitions);
    same &&= before?.partitions[row] === partition;
    partitions.push(partition);
  }
  if (same && before) return before;
  return { name, internal, partitions: partitions.sort((a, b) => a.id - b.id) };
}

function readPartition(reader: Reader, version: number, before: readonly Partition[] | undefined): Partition {
  reader.skip(2); // its error repeats what leader -1 says
  const id = reader.i32();
  const leader = reader.i32();
  const known = before?.[id];
  const replicas = readIds(reader, known?.replicas);
  const isr = readIds(reader, known?.isr ?? replicas);
  if (version >= 5) reader.skip(4 * reader.i32());
  const same = known?.id === id && known.leader === leader;
  return same && known.replicas === replicas && known.isr === isr ? known : { id, leader, replicas, isr };
}

/** `before` where it says the same. */
function readIds(reader: Reader, before: readonly number[] = []): readonly number[] {
  const count = reader.i32();
  let same = 0;
  for (; same < count; same += 1) {
    const id = reader.i32();
    if (before[same] !== id) return [...before.slice(0, same), id, ...rest(reader, count - same - 1)];
  }
  return before.length === count ? before : before.slice(0, count);
}

function rest(reader: Reader, count: number): readonly number[] {
  return Array.from({ length: count }, reader.i32);
}
