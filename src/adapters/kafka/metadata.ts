import { setImmediate } from "node:timers/promises";
import { closest } from "fastest-levenshtein";
import { FerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";
import type { Broker, Partition, Topic } from "#domain/topology.ts";
import type { Connections, Node, Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, type Role, unreachableCode } from "./errors.ts";
import { collect, createBackoff, type Fail, whileUnreachable } from "./retry.ts";
import type { Reader } from "./wire.ts";

type View = {
  readonly clusterId: string | null;
  readonly controller: number | null;
  readonly brokers: ReadonlyMap<number, Broker>;
};

/** Who leads what, asked again when older than a second: a job's next look sees new partitions and leaders. */
export type Metadata = {
  /** Brokers and controller, fresh. */
  readonly view: () => Promise<View>;
  readonly all: () => Promise<readonly Topic[]>;
  /** `E_UNKNOWN_TOPIC` for a name that does not exist, `E_INCOMPLETE` while a topic has no answer. */
  readonly topics: (names: readonly string[]) => Promise<ReadonlyMap<string, Topic>>;
  /** Those of the names that exist; asks the cluster. */
  readonly existing: (names: readonly string[]) => Promise<ReadonlyMap<string, Topic>>;
  readonly forget: (names: readonly string[]) => void;
  /** The broker with this id. `E_*_UNREACHABLE` when unknown or not reachable. */
  readonly broker: (id: number, lane?: "questions" | "reads") => Promise<Node>;
  readonly any: () => Promise<Node>;
  /** One request to any broker that answers. */
  readonly ask: <T>(request: Request<T>) => Promise<T>;
};

type TopicAnswer = Topic & { readonly error: number };
type Answer = View & { readonly topics: readonly TopicAnswer[] };
type Held = { readonly topic: Topic; readonly at: number };

/** Milliseconds. */
const maxAge = 1000;
/** A topic just created is unknown to some brokers for a moment. */
const unknownPatience = 1000;

type Brokers = Pick<Metadata, "any" | "ask" | "broker"> & {
  /** `null`: of all topics, an empty list: of none. */
  readonly refresh: (names: readonly string[] | null) => Promise<Answer>;
};

function createBrokers(role: Role, connections: Connections, clock: Clock): Brokers {
  let last: View | undefined;
  let outdated = true;
  let refreshing: Promise<unknown> | undefined;

  function any(): Promise<Node> {
    return connections.any([...(last?.brokers.values() ?? [])].map(addressOf));
  }

  async function ask<T>(request: Request<T>): Promise<T> {
    return whileUnreachable(clock, async () => (await any()).send(request));
  }

  async function refresh(names: readonly string[] | null): Promise<Answer> {
    const answer = await ask(metadataRequest(names));
    last = answer;
    outdated = false;
    return answer;
  }

  async function broker(id: number, lane?: "questions" | "reads"): Promise<Node> {
    if (outdated || !last?.brokers.has(id)) {
      refreshing ??= refresh([]).finally(() => {
        refreshing = undefined;
      });
      await refreshing;
    }
    const found = last?.brokers.get(id);
    if (!found) {
      throw new FerryError(unreachableCode(role), `Broker ${id} is not among the ${role} cluster's brokers.`);
    }
    try {
      return await connections.node(addressOf(found), lane);
    } catch (thrown) {
      outdated = true; // it may have moved to another address
      throw thrown;
    }
  }

  return { any, ask, refresh, broker };
}

type Cache = {
  /** Asks for these topics, or all, and keeps the answer. */
  readonly refresh: (names: readonly string[] | null) => Promise<Answer>;
  readonly get: (name: string) => Topic | undefined;
  readonly isFresh: (name: string) => boolean;
  readonly forget: (names: readonly string[]) => void;
};

/** What is asked for by name in the same turn of the event loop, as one request. Answers may hold more than was asked. */
function createJoin(ask: Brokers["refresh"]): Brokers["refresh"] {
  let waiting: { readonly names: Set<string>; readonly answer: Promise<Answer> } | undefined;

  async function askTogether(names: ReadonlySet<string>): Promise<Answer> {
    await setImmediate();
    waiting = undefined;
    return ask([...names]);
  }

  return (names) => {
    if (names === null) return ask(null);
    if (!waiting) {
      const together = new Set<string>();
      waiting = { names: together, answer: askTogether(together) };
    }
    for (const name of names) waiting.names.add(name);
    return waiting.answer;
  };
}

function createCache(ask: Brokers["refresh"], clock: Clock): Cache {
  const held = new Map<string, Held>();
  const refresh = createJoin(keep);

  async function keep(names: readonly string[] | null): Promise<Answer> {
    const answer = await ask(names);
    const at = clock.now();
    for (const topic of answer.topics) {
      if (topic.error === 0) held.set(topic.name, { topic: plain(topic), at });
      else held.delete(topic.name);
    }
    return answer;
  }

  return {
    refresh,
    get: (name) => held.get(name)?.topic,
    isFresh: (name) => clock.now() - (held.get(name)?.at ?? Number.NEGATIVE_INFINITY) <= maxAge,
    forget(names) {
      for (const name of names) held.delete(name);
    },
  };
}

export function createMetadata(role: Role, connections: Connections, clock: Clock): Metadata {
  const { any, ask, broker, refresh: refreshBrokers } = createBrokers(role, connections, clock);
  const { refresh, get, isFresh, forget } = createCache(refreshBrokers, clock);

  async function all(): Promise<readonly Topic[]> {
    const again = createBackoff(clock);
    for (;;) {
      const { topics } = await refresh(null);
      const failed = topics.find((topic) => topic.error !== 0);
      if (!failed) return topics.map(plain).sort((a, b) => (a.name < b.name ? -1 : 1));
      if (await again()) continue;
      const why = `Metadata of topic ${failed.name}: ${codeName(failed.error)}`;
      throw new FerryError("E_INCOMPLETE", why);
    }
  }

  async function topics(names: readonly string[]): Promise<ReadonlyMap<string, Topic>> {
    const found = new Map<string, Topic>();
    const started = clock.now();
    await collect(
      [...new Set(names)],
      async (pending, fail) => {
        const stale = pending.filter((name) => !isFresh(name));
        const errors = stale.length > 0 ? errorsOf(await refresh(stale)) : new Map<string, number>();
        for (const name of pending) {
          const topic = get(name);
          if (topic) found.set(name, topic);
          else await absent(name, errors.get(name) ?? code.unknownTopic, started, fail);
        }
      },
      { clock, what: `Topics of the ${role} cluster`, name: (name) => name },
    );
    return found;
  }

  async function absent(name: string, error: number, started: number, fail: Fail<string>): Promise<void> {
    if (error === code.unknownTopic && clock.now() - started > unknownPatience) {
      throw unknownTopic(role, name, (await refresh(null)).topics);
    }
    if (!isPassing(error)) throw answerError(role, error, `Metadata of topic ${name}`);
    fail(name, codeName(error));
  }

  async function existing(names: readonly string[]): Promise<ReadonlyMap<string, Topic>> {
    if (names.length === 0) return new Map();
    const wanted = new Set(names);
    const answer = await refresh(names);
    return new Map(
      answer.topics
        .filter((topic) => topic.error === 0 && wanted.has(topic.name))
        .map((topic) => [topic.name, plain(topic)]),
    );
  }

  return {
    view: () => refresh([]),
    all,
    topics,
    existing,
    forget,
    broker,
    any,
    ask,
  };
}

function unknownTopic(role: Role, name: string, topics: readonly Topic[]): FerryError {
  const names = topics.map((topic) => topic.name);
  const hint = names.length > 0 ? ` The nearest name is ${closest(name, names)}.` : "";
  return new FerryError("E_UNKNOWN_TOPIC", `The ${role} cluster has no topic ${name}.${hint}`);
}

function addressOf({ host, port }: Broker): string {
  return `${host}:${port}`;
}

function plain({ name, internal, partitions }: Topic): Topic {
  return { name, internal, partitions };
}

function errorsOf({ topics }: Answer): Map<string, number> {
  return new Map(topics.filter(({ error }) => error !== 0).map(({ name, error }) => [name, error]));
}

/** `null` asks for all topics, an empty list for none. Never creates a topic. */
function metadataRequest(names: readonly string[] | null): Request<Answer> {
  return {
    key: 3,
    name: "Metadata",
    min: 4,
    max: 5,
    encode(writer) {
      writer.array(names, writer.text);
      writer.bool(false);
    },
    decode: readMetadata,
  };
}

function readMetadata(reader: Reader, version: number): Answer {
  reader.throttle();
  const brokers = reader.array(() => ({
    id: reader.i32(),
    host: reader.text(),
    port: reader.i32(),
    rack: reader.nullableText(),
  }));
  const clusterId = reader.nullableText();
  const controller = reader.i32();
  const topics = reader.array(() => ({
    error: reader.i16(),
    name: reader.text(),
    internal: reader.bool(),
    partitions: reader.array(() => readPartition(reader, version)).sort((a, b) => a.id - b.id),
  }));
  return {
    clusterId,
    controller: controller < 0 ? null : controller,
    brokers: new Map(brokers.map((broker) => [broker.id, broker])),
    topics,
  };
}

function readPartition(reader: Reader, version: number): Partition {
  reader.i16(); // its error repeats what leader -1 says
  const partition = {
    id: reader.i32(),
    leader: reader.i32(),
    replicas: reader.array(reader.i32),
    isr: reader.array(reader.i32),
  };
  if (version >= 5) reader.array(reader.i32);
  return partition;
}
