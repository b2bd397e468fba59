import type { InventoryReads } from "#domain/inventory.ts";
import type { Clock } from "#domain/ports.ts";
import type { TopicPartition } from "#domain/topology.ts";
import { byLeader } from "./by-leader.ts";
import type { Request } from "./connection.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { batches, collect, type Fail, inParallel } from "./retry.ts";
import type { Reader } from "./wire.ts";

type Row = TopicPartition & { readonly error: number; readonly timestamp: number };

/** Each search reads an index and a batch of the log. */
const searchesPerCall = 1000;
const callsAtOnce = 2;

/**
 * ListOffsets for the time 0 finds the first record that has a timestamp, and tells it. A partition whose records have
 * none (message format 0) has no answer.
 */
export function createOldest(
  role: Role,
  metadata: Metadata,
  clock: Clock,
): Pick<InventoryReads, "oldestTimestamps"> {
  const askLeader = createAsk(role, metadata);

  return {
    async oldestTimestamps(names) {
      const topics = await metadata.topics(names);
      const table = new Map<string, Array<number | undefined>>();
      const wanted: TopicPartition[] = [];
      for (const [topic, { partitions }] of topics) {
        table.set(
          topic,
          partitions.map(() => undefined),
        );
        for (const { id } of partitions) wanted.push({ topic, partition: id });
      }
      const store = ({ topic, partition, timestamp }: Row) => {
        const cells = table.get(topic);
        if (cells && timestamp >= 0) cells[partition] = timestamp;
      };
      await collect(
        wanted,
        async (pending, fail) => {
          const leaders = [...(await byLeader(metadata, pending, fail))];
          await Promise.all(leaders.map(([leader, mine]) => askLeader(leader, mine, store, fail)));
        },
        { clock, what: `Oldest records of the ${role} cluster`, name: keyOf },
      );
      return table;
    },
  };
}

type Ask = (
  leader: number,
  mine: readonly TopicPartition[],
  store: (row: Row) => void,
  fail: Fail<TopicPartition>,
) => Promise<void>;

function createAsk(role: Role, metadata: Metadata): Ask {
  function settle(
    where: TopicPartition,
    row: Row | undefined,
    store: (row: Row) => void,
    fail: Fail<TopicPartition>,
  ): void {
    if (row?.error === 0) return store(row);
    if (row && !isPassing(row.error)) throw answerError(role, row.error, `ListOffsets of ${keyOf(where)}`);
    metadata.forget([where.topic]);
    fail(where, row ? codeName(row.error) : "no answer");
  }

  return async (leader, mine, store, fail) => {
    try {
      const node = await metadata.broker(leader);
      await inParallel(batches(mine, searchesPerCall), callsAtOnce, async (batch) => {
        const rows = new Map((await node.send(firstRequest(batch))).map((row) => [keyOf(row), row]));
        for (const where of batch) settle(where, rows.get(keyOf(where)), store, fail);
      });
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      metadata.forget(mine.map(({ topic }) => topic));
      for (const where of mine) fail(where, thrown.message);
    }
  };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function firstRequest(places: readonly TopicPartition[]): Request<readonly Row[]> {
  return {
    key: 2,
    name: "ListOffsets",
    min: 2,
    max: 2,
    timeout: 30_000,
    encode(writer) {
      writer.i32(-1); // an ordinary client, not a replica
      writer.i8(0); // up to the high watermark
      writer.array([...Map.groupBy(places, ({ topic }) => topic)], ([topic, mine]) => {
        writer.text(topic);
        writer.array(mine, ({ partition }) => {
          writer.i32(partition);
          writer.i64(0);
        });
      });
    },
    decode: readFirsts,
  };
}

export function readFirsts(reader: Reader): readonly Row[] {
  reader.throttle();
  const rows = reader.array(() => {
    const topic = reader.text();
    return reader.array(() => {
      const partition = reader.i32();
      const error = reader.i16();
      const timestamp = reader.i64();
      reader.i64(); // its offset
      return { topic, partition, error, timestamp };
    });
  });
  return rows.flat();
}
