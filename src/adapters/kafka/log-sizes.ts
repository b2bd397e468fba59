import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { at, type PartitionTable, type TopicPartition, unknown } from "#domain/topology.ts";
import { byLeader } from "./by-leader.ts";
import type { Request } from "./connection.ts";
import { codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect } from "./retry.ts";

type Row = TopicPartition & { readonly bytes: number; readonly future: boolean };
type Directory = { readonly error: number; readonly path: string; readonly rows: readonly Row[] };
type Column = Array<number | undefined>;

/** DescribeLogDirs (KIP-113), which KafkaJS does not have. MSK Serverless refuses it. */
export function createLogSizes(role: Role, metadata: Metadata, clock: Clock): Pick<KafkaCluster, "logSizes"> {
  async function fill(
    table: Map<string, Column>,
    wanted: readonly TopicPartition[],
  ): Promise<string | undefined> {
    let refusal: string | undefined;
    await collect(
      wanted,
      async (pending, fail) => {
        const asking = [...(await byLeader(metadata, pending, fail))].map(async ([leader, group]) => {
          try {
            const directories = await (await metadata.broker(leader)).send(describeRequest(group));
            refusal ??= whyRefused(leader, directories);
            for (const { rows } of directories) for (const row of rows) store(table, row);
            // A broker makes the log a moment after it became the leader.
            const missing = group.filter(({ topic, partition }) => at(table, topic, partition) === undefined);
            if (refusal === undefined) for (const where of missing) fail(where, "no log yet");
          } catch (thrown) {
            if (!isUnreachable(thrown)) throw thrown;
            metadata.forget(group.map(({ topic }) => topic));
            for (const where of group) fail(where, thrown.message);
          }
        });
        await Promise.all(asking);
      },
      {
        clock,
        what: `Log sizes of the ${role} cluster`,
        name: ({ topic, partition }) => `${topic}-${partition}`,
      },
    );
    return refusal;
  }

  return {
    async logSizes(names) {
      const topics = await metadata.topics(names);
      const table = new Map<string, Column>();
      const wanted: TopicPartition[] = [];
      for (const { name, partitions } of topics.values()) {
        table.set(name, Array.from<number | undefined>({ length: partitions.length }));
        for (const { id } of partitions) wanted.push({ topic: name, partition: id });
      }
      try {
        const refusal = await fill(table, wanted);
        return refusal === undefined ? { known: true, value: frozen(table) } : unknown(refusal);
      } catch (thrown) {
        if (thrown instanceof FerryError && thrown.code === "E_KAFKA") return unknown(thrown.message);
        throw thrown;
      }
    },
  };
}

function frozen(table: Map<string, Column>): PartitionTable<number> {
  return table;
}

/** Version 1 has no error of its own: without DESCRIBE on the cluster the list is empty. */
function whyRefused(broker: number, directories: readonly Directory[]): string | undefined {
  if (directories.length === 0)
    return `Broker ${broker} shows no log directories: DESCRIBE on the cluster is needed.`;
  const failed = directories.find(({ error }) => error !== 0);
  if (!failed) return undefined;
  const hint = isPassing(failed.error) ? "; ask again later" : "";
  return `Broker ${broker} answers ${codeName(failed.error)} for ${failed.path}${hint}.`;
}

/** A replica on the move has a second log, which does not count yet. */
function store(table: Map<string, Column>, { topic, partition, bytes, future }: Row): void {
  const column = table.get(topic);
  if (column && !future) column[partition] = bytes;
}

function describeRequest(group: readonly TopicPartition[]): Request<readonly Directory[]> {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of group) {
    const ids = topics.get(topic);
    if (ids) ids.push(partition);
    else topics.set(topic, [partition]);
  }
  return {
    key: 35,
    name: "DescribeLogDirs",
    min: 0,
    max: 1,
    timeout: 30_000,
    encode(writer) {
      writer.array([...topics], ([topic, ids]) => {
        writer.text(topic);
        writer.array(ids, writer.i32);
      });
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => {
        const error = reader.i16();
        const path = reader.text();
        const rows = reader.array(() => {
          const topic = reader.text();
          return reader.array(() => {
            const partition = reader.i32();
            const bytes = reader.i64();
            reader.i64(); // how far it lags behind its leader
            return { topic, partition, bytes, future: reader.bool() };
          });
        });
        return { error, path, rows: rows.flat() };
      });
    },
  };
}
