import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable, Topic, TopicPartition } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect, type Fail } from "./retry.ts";

type Question = { readonly timestamp: number; readonly isolation: 0 | 1 };
type Row = { readonly partition: number; readonly error: number; readonly offset: number };
type Answer = ReadonlyArray<{ readonly topic: string; readonly rows: readonly Row[] }>;
type Store = (where: TopicPartition, offset: number) => void;

/** ListOffsets' special timestamps and KIP-98's isolation levels. */
const questions: Record<"start" | "end" | "stable", Question> = {
  start: { timestamp: -2, isolation: 0 },
  end: { timestamp: -1, isolation: 0 },
  stable: { timestamp: -1, isolation: 1 },
};

export type Offsets = Pick<KafkaCluster, "offsets" | "offsetAt">;

type AskLeader = (
  leader: number,
  group: readonly TopicPartition[],
  question: Question,
  store: Store,
  fail: Fail<TopicPartition>,
) => Promise<void>;

/** One ListOffsets for all partitions that one broker leads; each partition's error is looked at by itself. */
function createAskLeader(role: Role, metadata: Metadata): AskLeader {
  function take(topic: string, row: Row, left: Index, store: Store, fail: Fail<TopicPartition>): void {
    const where = left.get(topic)?.get(row.partition);
    if (!where) return;
    left.get(topic)?.delete(row.partition);
    if (row.error === 0) return store(where, row.offset);
    if (!isPassing(row.error)) throw answerError(role, row.error, `ListOffsets of ${topic}-${row.partition}`);
    metadata.forget([topic]);
    fail(where, codeName(row.error));
  }

  return async (leader, group, question, store, fail) => {
    const topics = group.map(({ topic }) => topic);
    try {
      const node = await metadata.broker(leader);
      const left = index(group);
      for (const { topic, rows } of await node.send(listOffsets(left, question))) {
        for (const row of rows) take(topic, row, left, store, fail);
      }
      for (const rest of left.values()) for (const where of rest.values()) fail(where, "no answer");
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      metadata.forget(topics);
      for (const where of group) fail(where, thrown.message);
    }
  };
}

export function createOffsets(role: Role, metadata: Metadata, clock: Clock): Offsets {
  const askLeader = createAskLeader(role, metadata);

  async function ask(wanted: readonly TopicPartition[], question: Question, store: Store): Promise<void> {
    await collect(
      wanted,
      async (pending, fail) => {
        const leaders = await byLeader(metadata, pending, fail);
        const asking = [...leaders].map(([leader, group]) => askLeader(leader, group, question, store, fail));
        await Promise.all(asking);
      },
      {
        clock,
        what: `Offsets of the ${role} cluster`,
        name: ({ topic, partition }) => `${topic}-${partition}`,
      },
    );
  }

  return {
    async offsets(names, which): Promise<OffsetTable> {
      const topics = await metadata.topics(names);
      const table = new Map<string, Array<number | undefined>>();
      for (const [name, topic] of topics) {
        table.set(name, Array.from<number | undefined>({ length: topic.partitions.length }));
      }
      await ask([...topics.values()].flatMap(partitionsOf), questions[which], (where, offset) => {
        const row = table.get(where.topic);
        if (row) row[where.partition] = offset;
      });
      return table;
    },
    async offsetAt(where, timestamp): Promise<number | undefined> {
      let found = -1;
      await ask([where], { timestamp, isolation: 0 }, (_, offset) => {
        found = offset;
      });
      return found < 0 ? undefined : found;
    },
  };
}

function partitionsOf(topic: Topic): readonly TopicPartition[] {
  return topic.partitions.map(({ id }) => ({ topic: topic.name, partition: id }));
}

/** Groups by leader; those without one are failed. `E_UNKNOWN_TOPIC` for a topic that does not exist. */
export async function byLeader(
  metadata: Metadata,
  wanted: readonly TopicPartition[],
  fail: Fail<TopicPartition>,
): Promise<ReadonlyMap<number, TopicPartition[]>> {
  const topics = await metadata.topics(wanted.map(({ topic }) => topic));
  const groups = new Map<number, TopicPartition[]>();
  for (const where of wanted) {
    const { length } = topics.get(where.topic)?.partitions ?? [];
    if (where.partition >= length) {
      const { topic, partition } = where;
      throw new FerryError("E_KAFKA", `Topic ${topic} has ${length} partitions; ${partition} was asked for.`);
    }
    const leader = topics.get(where.topic)?.partitions[where.partition]?.leader ?? -1;
    if (leader < 0) {
      metadata.forget([where.topic]);
      fail(where, "no leader");
      continue;
    }
    const group = groups.get(leader);
    if (group) group.push(where);
    else groups.set(leader, [where]);
  }
  return groups;
}

type Index = Map<string, Map<number, TopicPartition>>;

function index(group: readonly TopicPartition[]): Index {
  const topics: Index = new Map();
  for (const where of group) {
    const rows = topics.get(where.topic) ?? new Map<number, TopicPartition>();
    rows.set(where.partition, where);
    topics.set(where.topic, rows);
  }
  return topics;
}

function listOffsets(group: Index, { timestamp, isolation }: Question): Request<Answer> {
  return {
    key: 2,
    name: "ListOffsets",
    min: 2,
    max: 2,
    encode(writer) {
      writer.i32(-1); // an ordinary client, not a replica
      writer.i8(isolation);
      writer.array([...group], ([topic, rows]) => {
        writer.text(topic);
        writer.array([...rows.keys()], (partition) => {
          writer.i32(partition);
          writer.i64(timestamp);
        });
      });
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => ({
        topic: reader.text(),
        rows: reader.array(() => {
          const partition = reader.i32();
          const error = reader.i16();
          reader.i64(); // the timestamp found
          return { partition, error, offset: reader.i64() };
        }),
      }));
    },
  };
}
