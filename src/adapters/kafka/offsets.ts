import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable, Topic, TopicPartition } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import { createLane, type Lane } from "./lane.ts";
import type { Metadata } from "./metadata.ts";
import { collect, type Fail } from "./retry.ts";
import type { Reader } from "./wire.ts";

type Question = { readonly timestamp: number; readonly isolation: 0 | 1 };
type Share = Question & { readonly group: readonly TopicPartition[] };
type Row = { readonly error: number; readonly offset: number };
type Rows = ReadonlyMap<string, ReadonlyMap<number, Row>>;
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

/** Searches by time in one request: each reads an index and a batch of the log. */
const searchesPerCall = 1000;

/** Shares of calls made at the same moment travel in one request for each broker. */
function createLanes(metadata: Metadata): (leader: number, share: Share) => Promise<Rows> {
  const lanes = new Map<string, Lane<Share, Rows>>();

  /** Equal questions may meet in one request; a partition has one time in a request. */
  function open(leader: number, isolation: 0 | 1, search: boolean): Lane<Share, Rows> {
    return createLane({
      async send(shares: readonly Share[]) {
        const node = await metadata.broker(leader);
        const rows = await node.send(listOffsets(wanted(shares), isolation));
        return shares.map(() => rows);
      },
      key: (share) =>
        search ? share.group.map(({ topic, partition }) => `${topic} ${partition}`).join() : share,
      weight: ({ group }) => group.length,
      most: Number.POSITIVE_INFINITY,
      heaviest: search ? searchesPerCall : Number.POSITIVE_INFINITY,
      atOnce: search ? 2 : 8,
    });
  }

  return (leader, share) => {
    const search = share.timestamp >= 0;
    const name = `${leader} ${share.isolation} ${search ? "search" : share.timestamp}`;
    const lane = lanes.get(name) ?? open(leader, share.isolation, search);
    lanes.set(name, lane);
    return lane.ask(share);
  };
}

/** One share of a ListOffsets for all partitions that one broker leads; each partition's error is looked at by itself. */
function createAskLeader(role: Role, metadata: Metadata): AskLeader {
  const ask = createLanes(metadata);

  function take(where: TopicPartition, row: Row | undefined, store: Store, fail: Fail<TopicPartition>): void {
    if (!row) return fail(where, "no answer");
    if (row.error === 0) return store(where, row.offset);
    const { topic, partition } = where;
    if (!isPassing(row.error)) throw answerError(role, row.error, `ListOffsets of ${topic}-${partition}`);
    metadata.forget([topic]);
    fail(where, codeName(row.error));
  }

  return async (leader, group, question, store, fail) => {
    try {
      const rows = await ask(leader, { ...question, group });
      for (const where of group) take(where, rows.get(where.topic)?.get(where.partition), store, fail);
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      metadata.forget(group.map(({ topic }) => topic));
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

type Wanted = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** The timestamp of each partition. */
function wanted(shares: readonly Share[]): Wanted {
  const topics = new Map<string, Map<number, number>>();
  for (const { group, timestamp } of shares) {
    for (const { topic, partition } of group) {
      const rows = topics.get(topic) ?? new Map<number, number>();
      rows.set(partition, timestamp);
      topics.set(topic, rows);
    }
  }
  return topics;
}

function listOffsets(topics: Wanted, isolation: 0 | 1): Request<Rows> {
  return {
    key: 2,
    name: "ListOffsets",
    min: 2,
    max: 2,
    encode(writer) {
      writer.i32(-1); // an ordinary client, not a replica
      writer.i8(isolation);
      writer.array([...topics], ([topic, rows]) => {
        writer.text(topic);
        writer.array([...rows], ([partition, timestamp]) => {
          writer.i32(partition);
          writer.i64(timestamp);
        });
      });
    },
    decode(reader) {
      reader.throttle();
      return new Map(
        reader.array((): [string, ReadonlyMap<number, Row>] => [
          reader.text(),
          new Map(reader.array(() => readRow(reader))),
        ]),
      );
    },
  };
}

function readRow(reader: Reader): [number, Row] {
  const partition = reader.i32();
  const error = reader.i16();
  reader.i64(); // the timestamp found
  return [partition, { error, offset: reader.i64() }];
}
