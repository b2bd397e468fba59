import { setImmediate } from "node:timers/promises";
import { closest } from "fastest-levenshtein";
import { FerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";
import type { Broker, Topic } from "#domain/topology.ts";
import type { Connections, Node, Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, type Role, unreachableCode } from "./errors.ts";
import { type MetadataAnswer, metadataRequest, type View } from "./metadata-request.ts";
import { collect, createBackoff, type Fail, type Gaps, noGaps, whileUnreachable } from "./retry.ts";

/** Who leads what, asked again when older than a second: a job's next look sees new partitions and leaders. */
export type Metadata = {
  /** Brokers and controller, fresh. */
  readonly view: () => Promise<View>;
  readonly all: () => Promise<readonly Topic[]>;
  /**
   * `E_UNKNOWN_TOPIC` for a name that does not exist, `E_INCOMPLETE` while a topic has no answer; with `gaps` these
   * topics are absent and told there.
   */
  readonly topics: (names: readonly string[], gaps?: Gaps<string>) => Promise<ReadonlyMap<string, Topic>>;
  /** Those of the names that exist; asks the cluster. */
  readonly existing: (names: readonly string[]) => Promise<ReadonlyMap<string, Topic>>;
  readonly forget: (names: readonly string[]) => void;
  /** The broker with this id. `E_*_UNREACHABLE` when unknown or not reachable. */
  readonly broker: (id: number, lane?: "questions" | "reads") => Promise<Node>;
  readonly any: () => Promise<Node>;
  /** One request to any broker that answers. */
  readonly ask: <T>(request: Request<T>) => Promise<T>;
};

type Held = { readonly topic: Topic; at: number };

/** Milliseconds. */
const maxAge = 1000;
/** A topic just created is unknown to some brokers for a moment. */
const unknownPatience = 1000;

type Brokers = Pick<Metadata, "any" | "ask" | "broker"> & {
  /** `null`: of all topics, an empty list: of none. */
  readonly refresh: (names: readonly string[] | null) => Promise<MetadataAnswer>;
};

function createBrokers(
  role: Role,
  connections: Connections,
  clock: Clock,
  before: (name: string) => Topic | undefined,
): Brokers {
  let last: View | undefined;
  let outdated = true;
  let refreshing: Promise<unknown> | undefined;

  function any(): Promise<Node> {
    return connections.any([...(last?.brokers.values() ?? [])].map(addressOf));
  }

  async function ask<T>(request: Request<T>): Promise<T> {
    return whileUnreachable(clock, async () => (await any()).send(request));
  }

  async function refresh(names: readonly string[] | null): Promise<MetadataAnswer> {
    const answer = await ask(metadataRequest(names, before));
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
  readonly refresh: (names: readonly string[] | null) => Promise<MetadataAnswer>;
  readonly get: (name: string) => Topic | undefined;
  readonly isFresh: (name: string) => boolean;
  readonly forget: (names: readonly string[]) => void;
};

/** What is asked for by name in the same turn of the event loop, as one request. Answers may hold more than was asked. */
function createJoin(ask: Brokers["refresh"]): Brokers["refresh"] {
  let waiting: { readonly names: Set<string>; readonly answer: Promise<MetadataAnswer> } | undefined;

  async function askTogether(names: ReadonlySet<string>): Promise<MetadataAnswer> {
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

function createCache(ask: Brokers["refresh"], clock: Clock, held: Map<string, Held>): Cache {
  const refresh = createJoin(keep);

  async function keep(names: readonly string[] | null): Promise<MetadataAnswer> {
    const answer = await ask(names);
    const at = clock.now();
    for (const { error, topic } of answer.topics) {
      const known = held.get(topic.name);
      if (error !== 0) held.delete(topic.name);
      else if (known?.topic === topic) known.at = at;
      else held.set(topic.name, { topic, at });
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

/** Looks topics up by name, in rounds until each has its answer. */
function createLookUp(role: Role, { refresh, get, isFresh }: Cache, clock: Clock): Metadata["topics"] {
  async function absent(
    name: string,
    {
      error,
      patient,
      fail,
      gaps,
    }: {
      readonly error: number;
      readonly patient: boolean;
      readonly fail: Fail<string>;
      readonly gaps: Gaps<string> | undefined;
    },
  ): Promise<void> {
    if (error === code.unknownTopic && !patient) {
      if (!gaps)
        throw unknownTopic(
          role,
          name,
          (await refresh(null)).topics.map(({ topic }) => topic),
        );
      return gaps.refused(name, unknownTopic(role, name, []));
    }
    if (isPassing(error)) return fail(name, codeName(error));
    const refusal = answerError(role, error, `Metadata of topic ${name}`);
    if (!gaps) throw refusal;
    gaps.refused(name, refusal);
  }

  return async (names, gaps) => {
    const found = new Map<string, Topic>();
    const started = clock.now();
    const naming = { what: `Topics of the ${role} cluster`, name: (name: string) => name };
    await collect(
      [...new Set(names)],
      async (pending, fail) => {
        const stale = pending.filter((name) => !isFresh(name));
        const errors = stale.length > 0 ? errorsOf(await refresh(stale)) : new Map<string, number>();
        const patient = clock.now() - started <= unknownPatience;
        for (const name of pending) {
          const topic = get(name);
          if (topic) found.set(name, topic);
          else await absent(name, { error: errors.get(name) ?? code.unknownTopic, patient, fail, gaps });
        }
      },
      { clock, ...naming, gaps: gaps ?? noGaps(naming) },
    );
    return found;
  };
}

export function createMetadata(role: Role, connections: Connections, clock: Clock): Metadata {
  const held = new Map<string, Held>();
  const before = (name: string) => held.get(name)?.topic;
  const { any, ask, broker, refresh: refreshBrokers } = createBrokers(role, connections, clock, before);
  const cache = createCache(refreshBrokers, clock, held);
  const { refresh, forget } = cache;

  async function all(): Promise<readonly Topic[]> {
    const again = createBackoff(clock);
    for (;;) {
      const { topics } = await refresh(null);
      const failed = topics.find(({ error }) => error !== 0);
      if (!failed) return topics.map(({ topic }) => topic).sort((a, b) => (a.name < b.name ? -1 : 1));
      if (await again()) continue;
      const why = `Metadata of topic ${failed.topic.name}: ${codeName(failed.error)}`;
      throw new FerryError("E_INCOMPLETE", why);
    }
  }

  async function existing(names: readonly string[]): Promise<ReadonlyMap<string, Topic>> {
    if (names.length === 0) return new Map();
    const wanted = new Set(names);
    const answer = await refresh(names);
    return new Map(
      answer.topics
        .filter(({ error, topic }) => error === 0 && wanted.has(topic.name))
        .map(({ topic }) => [topic.name, topic]),
    );
  }

  return {
    view: () => refresh([]),
    all,
    topics: createLookUp(role, cache, clock),
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

function errorsOf({ topics }: MetadataAnswer): Map<string, number> {
  return new Map(topics.filter(({ error }) => error !== 0).map(({ topic, error }) => [topic.name, error]));
}
