import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { type ActiveProducer, known, type TopicPartition, unknown } from "#domain/topology.ts";
import { byLeader } from "./by-leader.ts";
import type { Request } from "./connection.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect, type Fail } from "./retry.ts";
import type { Reader } from "./wire.ts";

type Row = TopicPartition & {
  readonly error: number;
  readonly detail: string | null;
  readonly producers: readonly ActiveProducer[];
};
type Round = {
  readonly store: (rows: readonly ActiveProducer[]) => void;
  readonly lacking: (leader: number) => void;
  readonly fail: Fail<TopicPartition>;
};

const describeProducers = 61;

/** DescribeProducers (KIP-664). It needs READ on the topics. Only a partition's leader answers. */
export function createProducers(
  role: Role,
  metadata: Metadata,
  clock: Clock,
): Pick<KafkaCluster, "producers"> {
  async function askLeader(leader: number, group: readonly TopicPartition[], round: Round): Promise<void> {
    try {
      const node = await metadata.broker(leader);
      if (!node.versions.has(describeProducers)) return round.lacking(leader);
      const rows = new Map((await node.send(describeRequest(group))).map((row) => [keyOf(row), row]));
      for (const where of group) settle(where, rows.get(keyOf(where)), round);
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      metadata.forget(group.map(({ topic }) => topic));
      for (const where of group) round.fail(where, thrown.message);
    }
  }

  function settle(where: TopicPartition, row: Row | undefined, { store, fail }: Round): void {
    if (row?.error === 0) return store(row.producers);
    if (row && !isPassing(row.error)) {
      throw answerError(role, row.error, `DescribeProducers of ${keyOf(where)}`, row.detail);
    }
    metadata.forget([where.topic]);
    fail(where, row ? codeName(row.error) : "no answer");
  }

  return {
    async producers(names) {
      const topics = await metadata.topics(names);
      const wanted = [...topics].flatMap(([topic, { partitions }]) =>
        partitions.map(({ id }) => ({ topic, partition: id })),
      );
      const found: ActiveProducer[] = [];
      let lacking: number | undefined;
      await collect(
        wanted,
        async (pending, fail) => {
          const round: Round = {
            store: (producers) => void found.push(...producers),
            lacking: (leader) => {
              lacking ??= leader;
            },
            fail,
          };
          const leaders = await byLeader(metadata, pending, fail);
          await Promise.all([...leaders].map(([leader, group]) => askLeader(leader, group, round)));
        },
        { clock, what: `Producers of the ${role} cluster`, name: keyOf },
      );
      if (lacking === undefined) return known(found.sort(byPlace));
      return unknown(`broker ${lacking} of the ${role} cluster has no DescribeProducers (Kafka 2.8)`);
    },
  };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function byPlace(a: ActiveProducer, b: ActiveProducer): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition || a.producerId - b.producerId;
}

function describeRequest(group: readonly TopicPartition[]): Request<readonly Row[]> {
  const topics = Map.groupBy(group, ({ topic }) => topic);
  return {
    key: describeProducers,
    name: "DescribeProducers",
    min: 0,
    max: 0,
    flexibleFrom: 0,
    timeout: 30_000,
    encode(writer) {
      writer.compactArray([...topics], ([topic, places]) => {
        writer.compactText(topic);
        writer.compactArray(places, ({ partition }) => writer.i32(partition));
        writer.tags();
      });
      writer.tags();
    },
    decode(reader) {
      reader.throttle();
      const rows = reader.compactArray(() => {
        const topic = reader.compactText();
        const partitions = reader.compactArray(() => readPartition(reader, topic));
        reader.tags();
        return partitions;
      });
      return rows.flat();
    },
  };
}

function readPartition(reader: Reader, topic: string): Row {
  const partition = reader.i32();
  const error = reader.i16();
  const detail = reader.compactNullableText();
  const producers = reader.compactArray(() => {
    const producerId = reader.i64();
    reader.i32(); // epoch
    reader.i32(); // last sequence
    const lastTimestamp = reader.i64();
    reader.i32(); // coordinator epoch
    const openSince = reader.i64();
    reader.tags();
    return { topic, partition, producerId, lastTimestamp, ...(openSince < 0 ? {} : { openSince }) };
  });
  reader.tags();
  return { topic, partition, error, detail, producers };
}
