import type { Broker, Partition, Topic } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { breathe } from "./pace.ts";
import type { Reader, Writer } from "./wire.ts";

export type View = {
  readonly clusterId: string | null;
  readonly controller: number | null;
  readonly brokers: ReadonlyMap<number, Broker>;
};

type TopicAnswer = { readonly error: number; readonly topic: Topic };
export type MetadataAnswer = View & { readonly topics: readonly TopicAnswer[] };

/** KIP-482, and topic ids (KIP-516, Kafka 2.8). */
const flexibleFrom = 9;
const idsFrom = 10;

/** What the caller may do is not asked for. */
function noOperations(writer: Writer, version: number): void {
  if (version <= 10) writer.bool(false);
  writer.bool(false);
}

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
    max: 12,
    flexibleFrom,
    encode(writer, version) {
      if (version < flexibleFrom) {
        writer.array(names, writer.text);
        writer.bool(false);
        if (version >= 8) noOperations(writer, version);
        return;
      }
      writer.compactArray(names, (name) => {
        if (version >= idsFrom) {
          writer.i64(0); // by name, not by id
          writer.i64(0);
        }
        writer.compactText(name);
        writer.tags();
      });
      writer.bool(false);
      noOperations(writer, version);
      writer.tags();
    },
    detached: true,
    decode: (reader, version) => readMetadata(reader, version, before),
  };
}

async function readMetadata(
  reader: Reader,
  version: number,
  before: (name: string) => Topic | undefined,
): Promise<MetadataAnswer> {
  const form = formOf(reader, version);
  const lists = new Map<number, Array<readonly number[]>>();
  const shared: Share = (ids) => shareList(lists, ids);
  reader.throttle();
  const brokers = form.array(() => {
    const broker = { id: reader.i32(), host: form.text(), port: reader.i32(), rack: form.nullableText() };
    form.tags();
    return broker;
  });
  const clusterId = form.nullableText();
  const controller = reader.i32();
  const topics: TopicAnswer[] = [];
  for (let left = form.count(); left > 0; left -= 1) {
    const error = reader.i16();
    // Only a topic that was asked for by its id has no name.
    const name = form.nullableText() ?? "";
    topics.push({ error, topic: readTopic(reader, form, name, { before: before(name), shared }) });
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

/** How this version writes what all of them have. */
type Form = {
  readonly version: number;
  readonly count: () => number;
  readonly array: <T>(each: () => T) => T[];
  readonly text: () => string;
  readonly nullableText: () => string | null;
  readonly tags: () => void;
};

function formOf(reader: Reader, version: number): Form {
  if (version >= flexibleFrom) {
    return {
      version,
      count: () => reader.uvarint() - 1,
      array: reader.compactArray,
      text: reader.compactText,
      nullableText: reader.compactNullableText,
      tags: reader.tags,
    };
  }
  const { array, text, nullableText } = reader;
  return { version, count: reader.i32, array, text, nullableText, tags: () => {} };
}

/** The equal list that was seen before, or this one. */
type Share = (ids: readonly number[]) => readonly number[];

type Seen = { readonly before: Topic | undefined; readonly shared: Share };

function readTopic(reader: Reader, form: Form, name: string, { before, shared }: Seen): Topic {
  const known = { name, ...idOf(reader, form) };
  const internal = reader.bool();
  const count = form.count();
  const partitions: Partition[] = [];
  let same = before?.internal === internal && before.id === known.id && before.partitions.length === count;
  for (let row = 0; row < count; row += 1) {
    const partition = readPartition(reader, form, before?.partitions, shared);
    same &&= before?.partitions[row] === partition;
    partitions.push(partition);
  }
  if (form.version >= 8) reader.skip(4); // what the caller may do
  form.tags();
  if (same && before) return before;
  return { ...known, internal, partitions: partitions.sort((a, b) => a.id - b.id) };
}

function idOf(reader: Reader, { version }: Form): { readonly id?: string } {
  return version >= idsFrom ? { id: reader.take(16).toString("base64url") } : {};
}

function readPartition(
  reader: Reader,
  form: Form,
  before: readonly Partition[] | undefined,
  shared: Share,
): Partition {
  reader.skip(2); // its error repeats what leader -1 says
  const id = reader.i32();
  const leader = reader.i32();
  if (form.version >= 7) reader.skip(4); // leader epoch
  const known = before?.[id];
  const replicas = readIds(reader, form, known?.replicas, shared);
  const isr = readIds(reader, form, known?.isr ?? replicas, shared);
  if (form.version >= 5) reader.skip(4 * form.count());
  form.tags();
  const same = known?.id === id && known.leader === leader;
  return same && known.replicas === replicas && known.isr === isr ? known : { id, leader, replicas, isr };
}

/** A cluster of three brokers has a handful of them, one of hundreds a few for each first replica. */
const listsCompared = 8;

function shareList(lists: Map<number, Array<readonly number[]>>, ids: readonly number[]): readonly number[] {
  const first = ids[0] ?? -1;
  const seen = lists.get(first) ?? [];
  const equal = seen.find((list) => list.length === ids.length && list.every((id, at) => id === ids[at]));
  if (equal) return equal;
  if (seen.length < listsCompared) lists.set(first, [...seen, ids]);
  return ids;
}

/** `before` where it says the same. */
function readIds(
  reader: Reader,
  form: Form,
  before: readonly number[] | undefined,
  shared: Share,
): readonly number[] {
  const known = before ?? [];
  const count = form.count();
  let same = 0;
  for (; same < count; same += 1) {
    const id = reader.i32();
    if (known[same] !== id) return shared([...known.slice(0, same), id, ...rest(reader, count - same - 1)]);
  }
  return known.length === count ? known : shared(known.slice(0, count));
}

function rest(reader: Reader, count: number): readonly number[] {
  return Array.from({ length: count }, reader.i32);
}
