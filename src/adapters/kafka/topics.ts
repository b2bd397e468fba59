import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { TopicSpec } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { batches, collect, createBackoff, whileUnreachable } from "./retry.ts";

type Result = { readonly name: string; readonly error: number; readonly detail: string | null };

const topicsPerCall = 50;
/** Milliseconds: thousands of partitions get their leaders and logs one after another. */
const readyPatience = 60_000;
const brokerTimeout = 30_000;

export type Topics = Pick<KafkaCluster, "createTopics" | "deleteTopics">;

type Each = (
  names: readonly string[],
  what: string,
  request: (names: readonly string[]) => Request<readonly Result[]>,
  /** True for a final answer. */
  settled: (result: Result) => boolean,
) => Promise<void>;

/** Sends to the controller until no name has a passing error such as NOT_CONTROLLER. */
function createEach(role: Role, metadata: Metadata, clock: Clock): Each {
  async function controller<T>(request: Request<T>): Promise<T> {
    return whileUnreachable(clock, async () => {
      const { controller: id } = await metadata.view();
      const node = id === null ? await metadata.any() : await metadata.broker(id);
      return node.send(request);
    });
  }

  return async (names, what, request, settled) => {
    await collect(
      names,
      async (pending, fail) => {
        for (const result of await controller(request(pending))) {
          if (settled(result)) continue;
          const { name, error, detail } = result;
          if (!isPassing(error)) throw answerError(role, error, `${what} of ${name}`, detail);
          fail(name, codeName(error));
        }
      },
      { clock, what: `${what} on the ${role} cluster`, name: (name) => name },
    );
  };
}

export function createTopicsAdmin(role: Role, metadata: Metadata, clock: Clock): Topics {
  const each = createEach(role, metadata, clock);

  async function waitUntil(
    names: readonly string[],
    what: string,
    done: () => Promise<boolean>,
  ): Promise<void> {
    const again = createBackoff(clock, readyPatience);
    while (!(await done())) {
      if (await again()) continue;
      const text = `Topics of the ${role} cluster not ${what} after ${readyPatience} ms: ${names.join(", ")}.`;
      throw new FerryError("E_INCOMPLETE", text);
    }
  }

  async function haveLeaders(specs: readonly TopicSpec[]): Promise<boolean> {
    const found = await metadata.existing(specs.map(({ name }) => name));
    return specs.every(({ name, partitions }) => {
      const topic = found.get(name);
      return topic?.partitions.length === partitions && topic.partitions.every(({ leader }) => leader >= 0);
    });
  }

  return {
    async createTopics(specs): Promise<readonly string[]> {
      const created: string[] = [];
      for (const batch of batches(specs, topicsPerCall)) {
        const byName = new Map(batch.map((spec) => [spec.name, spec]));
        const mine: TopicSpec[] = [];
        const pick = (names: readonly string[]) => batch.filter(({ name }) => names.includes(name));
        await each(
          [...byName.keys()],
          "CreateTopics",
          (names) => createRequest(pick(names)),
          ({ name, error }) => {
            const spec = byName.get(name);
            if (error === 0 && spec) mine.push(spec);
            return error === 0 || error === code.topicExists;
          },
        );
        const names = mine.map(({ name }) => name);
        await waitUntil(names, "ready", () => haveLeaders(mine));
        created.push(...names);
      }
      return created;
    },
    async deleteTopics(names): Promise<void> {
      for (const batch of batches(names, topicsPerCall)) {
        const settled = ({ error }: Result) => error === 0 || error === code.unknownTopic;
        await each(batch, "DeleteTopics", deleteRequest, settled);
        metadata.forget(batch);
        await waitUntil(batch, "gone", async () => (await metadata.existing(batch)).size === 0);
      }
    },
  };
}

/** Version 4 (Kafka 2.4) takes -1 for the broker's replication factor: KIP-464. */
function createRequest(specs: readonly TopicSpec[]): Request<readonly Result[]> {
  return {
    key: 19,
    name: "CreateTopics",
    min: 2,
    max: 4,
    timeout: brokerTimeout,
    encode(writer) {
      writer.array(specs, ({ name, partitions, replicationFactor, configs }) => {
        writer.text(name);
        writer.i32(partitions);
        writer.i16(replicationFactor);
        writer.array([], () => {}); // the broker assigns replicas
        writer.array(Object.entries(configs), ([key, value]) => {
          writer.text(key);
          writer.text(value);
        });
      });
      writer.i32(brokerTimeout);
      writer.bool(false);
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => ({
        name: reader.text(),
        error: reader.i16(),
        detail: reader.nullableText(),
      }));
    },
  };
}

function deleteRequest(names: readonly string[]): Request<readonly Result[]> {
  return {
    key: 20,
    name: "DeleteTopics",
    min: 1,
    max: 3,
    timeout: brokerTimeout,
    encode(writer) {
      writer.array(names, writer.text);
      writer.i32(brokerTimeout);
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => ({ name: reader.text(), error: reader.i16(), detail: null }));
    },
  };
}
