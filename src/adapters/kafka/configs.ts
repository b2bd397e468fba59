import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { ConfigChange, ConfigEntry, ConfigOrigin } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { batches, collect, createBackoff, whileUnreachable } from "./retry.ts";
import type { Reader } from "./wire.ts";

type Result = {
  readonly error: number;
  readonly detail: string | null;
  readonly name: string;
  readonly entries: readonly ConfigEntry[];
};

const topicsPerCall = 200;
const resource = { topic: 2, broker: 4 } as const;
const operation = { set: 0, delete: 1 } as const;

/** DescribeConfigs' source codes (KIP-226). */
const origins = new Map<number, ConfigOrigin>([
  [1, "topic"],
  [2, "broker-dynamic"],
  [3, "broker-dynamic"],
  [4, "broker-static"],
  [5, "default"],
]);

export type Configs = Pick<KafkaCluster, "topicConfigs" | "brokerConfigs" | "alterTopicConfigs">;

export function createConfigs(role: Role, metadata: Metadata, clock: Clock): Configs {
  return {
    async topicConfigs(topics) {
      const known = await metadata.topics(topics);
      const found = new Map<string, readonly ConfigEntry[]>();
      for (const batch of batches([...known.keys()], topicsPerCall)) {
        await collect(
          batch,
          async (pending, fail) => {
            for (const result of await metadata.ask(describeRequest(resource.topic, pending))) {
              const { error, name, detail, entries } = result;
              if (error === 0) found.set(name, entries);
              else if (isPassing(error)) fail(name, codeName(error));
              else throw answerError(role, error, `DescribeConfigs of ${name}`, detail);
            }
          },
          { clock, what: `Topic configuration of the ${role} cluster`, name: (name) => name },
        );
      }
      return found;
    },
    async brokerConfigs() {
      return whileUnreachable(clock, async () => {
        const node = await metadata.any();
        const { brokers } = await metadata.view();
        const self = [...brokers.values()].find(({ host, port }) => `${host}:${port}` === node.address);
        const id = self?.id ?? [...brokers.keys()][0] ?? -1;
        const [result] = await (await metadata.broker(id)).send(describeRequest(resource.broker, [`${id}`]));
        if (result?.error === 0) return result.entries;
        const error = result?.error ?? code.unknownTopic;
        throw answerError(role, error, `DescribeConfigs of broker ${id}`, result?.detail);
      });
    },
    async alterTopicConfigs(changes) {
      const topics = Map.groupBy(changes, ({ topic }) => topic);
      await metadata.topics([...topics.keys()]);
      for (const batch of batches([...topics], topicsPerCall)) await alter(role, metadata, clock, batch);
    },
  };
}

type TopicChanges = readonly [topic: string, changes: readonly ConfigChange[]];
type Altered = Omit<Result, "entries">;

async function alter(
  role: Role,
  metadata: Metadata,
  clock: Clock,
  topics: readonly TopicChanges[],
): Promise<void> {
  const again = createBackoff(clock);
  for (;;) {
    const failed = (await metadata.ask(alterRequest(topics))).find(({ error }) => error !== 0);
    if (!failed) return;
    const { error, name, detail } = failed;
    if (isPassing(error) && (await again())) continue;
    throw answerError(role, error, `IncrementalAlterConfigs of ${name}`, detail);
  }
}

/** KIP-339. Setting to the same value again changes nothing, so an unanswered request may be repeated. */
function alterRequest(topics: readonly TopicChanges[]): Request<readonly Altered[]> {
  return {
    key: 44,
    name: "IncrementalAlterConfigs",
    min: 0,
    max: 0,
    timeout: 30_000,
    encode(writer) {
      writer.array(topics, ([topic, changes]) => {
        writer.i8(resource.topic);
        writer.text(topic);
        writer.array(changes, ({ name, value }) => {
          writer.text(name);
          writer.i8(value === null ? operation.delete : operation.set);
          writer.text(value);
        });
      });
      writer.bool(false); // not only to validate
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => {
        const error = reader.i16();
        const detail = reader.nullableText();
        reader.i8();
        return { error, detail, name: reader.text() };
      });
    },
  };
}

function describeRequest(type: number, names: readonly string[]): Request<readonly Result[]> {
  return {
    key: 32,
    name: "DescribeConfigs",
    min: 1,
    max: 2,
    timeout: 30_000,
    encode(writer) {
      writer.array(names, (name) => {
        writer.i8(type);
        writer.text(name);
        writer.array(null, () => {}); // every key
      });
      writer.bool(false);
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => {
        const error = reader.i16();
        const detail = reader.nullableText();
        reader.i8();
        const name = reader.text();
        return { error, detail, name, entries: reader.array(() => readEntry(reader)) };
      });
    },
  };
}

function readEntry(reader: Reader): ConfigEntry {
  const name = reader.text();
  const value = reader.nullableText();
  reader.bool(); // read-only
  const origin = origins.get(reader.i8()) ?? "unknown";
  reader.bool(); // sensitive: then the value is null
  reader.array(() => {
    reader.text();
    reader.nullableText();
    reader.i8();
  });
  return { name, value, origin };
}
