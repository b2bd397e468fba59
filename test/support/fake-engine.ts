import { FerryError } from "#domain/errors.ts";
import type { EngineCheck, Flow, FlowState, FlowStatus, ReplicationEngine } from "#domain/ports.ts";
import { at, known, type OffsetTable, type TopicPartition, unknown } from "#domain/topology.ts";
import { createFakeCheckpoints, type FakeCheckpoints } from "./fake-checkpoints.ts";
import type { FakeKafka } from "./fake-kafka.ts";
import type { FakeClient } from "./fake-producers.ts";

/**
 * A mirror in memory that really copies between two fake clusters: whenever it is asked anything, each running flow
 * first copies what is there. It starts a partition again from the beginning when seeded beyond its end, as
 * MirrorMaker 2 does, and copies for ever when two of them face each other.
 */
export type FakeEngine = ReplicationEngine & {
  failTask(name: string, trace: string): void;
  /** Every call fails with this error until it is healed. */
  fail(error: FerryError): void;
  heal(): void;
  /** The next looks at a connector see workers that are being given their work: "starting" without tasks. */
  rebalance(looks: number): void;
  /** While held, flows run and copy nothing. */
  hold(held: boolean): void;
  problems: string[];
  /** Orders carried out, in order: "define ferry-x running". */
  readonly orders: string[];
};

type Held = {
  flow: Flow;
  state: FlowState;
  trace: string | undefined;
  readonly copied: Map<string, Array<number | undefined>>;
};

/** `mirror`: whom the clusters take it for; `User:ANONYMOUS` when not given. What they refuse to it fails the task. */
export function createFakeEngine(source: FakeKafka, target: FakeKafka, mirror: FakeClient = {}): FakeEngine {
  const flows = new Map<string, Held>();
  const orders: string[] = [];
  const checkpoints = createFakeCheckpoints(source);
  let failure: FerryError | undefined;
  let held = false;
  let turning = Promise.resolve();
  let unassigned = 0;

  /** One at a time: two that copy at once would both copy the same records. */
  function turn(): Promise<void> {
    const mine = turning.then(copyAll);
    turning = mine.catch(() => undefined);
    return mine;
  }

  async function copyAll(): Promise<void> {
    if (failure !== undefined) throw failure;
    if (held) return;
    for (const flow of flows.values()) {
      if (flow.state === "running" && flow.flow.kind !== "checkpoint") await copy(flow);
    }
    for (const { flow, state } of flows.values()) {
      if (state === "running" && flow.kind === "checkpoint") await checkpoints.emit(flow);
    }
  }

  async function copy(mine: Held): Promise<void> {
    const { flow, copied } = mine;
    const [origin, destination] = flow.kind === "reverse" ? [target, source] : [source, target];
    const known = (await origin.cluster.listTopics()).filter(({ name }) => flow.topics.includes(name));
    for (const { name, partitions } of known) {
      const there = (await destination.cluster.listTopics()).some((topic) => topic.name === name);
      if (!there) destination.addTopic(name, { partitions: partitions.length });
      const row = rowOf(copied, name);
      for (const { id } of partitions) {
        const syncs = flow.kind === "forward" ? checkpoints : undefined;
        const where = { topic: name, partition: id };
        const done = await copyPartition(origin, destination, { where, copied: row[id], mirror, syncs });
        row[id] = done.copied;
        if (done.refused === undefined) continue;
        mine.state = "failed";
        mine.trace = done.refused.message;
        return;
      }
    }
  }

  function find(name: string): Held {
    const flow = flows.get(name);
    if (flow === undefined) throw new FerryError("E_CONNECT", `Connect knows no connector ${name}.`);
    return flow;
  }

  async function order(verb: string, name: string, state: FlowState): Promise<void> {
    await turn();
    const flow = find(name);
    orders.push(`${verb} ${name}`);
    if (state === "running" && flow.trace !== undefined && verb !== "restart") {
      throw new FerryError("E_TASK_FAILED", `${name}: task 0 failed: ${flow.trace.split("\n", 1)[0]}`);
    }
    if (verb === "restart") flow.trace = undefined;
    flow.state = state;
  }

  async function define(flow: Flow, state: "stopped" | "running"): Promise<void> {
    await turn();
    const existing = flows.get(flow.name);
    const changed = existing === undefined || JSON.stringify(existing.flow) !== JSON.stringify(flow);
    if (changed || existing.state !== state) orders.push(`define ${flow.name} ${state}`);
    if (existing?.trace !== undefined && state === "running") {
      throw new FerryError(
        "E_TASK_FAILED",
        `${flow.name}: task 0 failed: ${existing.trace.split("\n", 1)[0]}`,
      );
    }
    flows.set(flow.name, { flow, state, trace: undefined, copied: existing?.copied ?? new Map() });
  }

  async function seed(name: string, wanted: OffsetTable): Promise<void> {
    await turn();
    const { flow, state, copied } = find(name);
    if (state !== "stopped") throw new FerryError("E_CONNECT", `${name} is ${state}, not stopped.`);
    for (const [topic, row] of wanted) {
      if (!flow.topics.includes(topic))
        throw new FerryError("E_SEED_BOUNDS", `${name} does not carry ${topic}.`);
      if (row.some((offset) => offset !== undefined && offset < 0)) {
        throw new FerryError("E_SEED_BOUNDS", `${name}: ${topic} has an offset below zero.`);
      }
    }
    for (const [topic, row] of wanted) copied.set(topic, [...row]);
    orders.push(`seed ${name}`);
  }

  const fake: FakeEngine = {
    orders,
    problems: [],
    check: async (): Promise<EngineCheck> => {
      await turn();
      return { version: "3.9.2", exactlyOnce: true, problems: fake.problems };
    },
    list: async (prefix) => {
      await turn();
      return [...flows.values()].filter(({ flow }) => flow.name.startsWith(prefix)).map(statusOf);
    },
    status: async (name) => {
      await turn();
      const flow = flows.get(name);
      if (flow === undefined) return { name, state: "absent", kind: undefined, topics: [], tasks: [] };
      unassigned -= 1;
      return statusOf(unassigned < 0 ? flow : { ...flow, state: "starting" });
    },
    define,
    start: (name) => order("start", name, "running"),
    pause: (name) => order("pause", name, "paused"),
    stop: (name) => order("stop", name, "stopped"),
    restartFailed: (name) => order("restart", name, "running"),
    copied: async (name) => {
      await turn();
      const rows = [...find(name).copied].filter(([, row]) => row.some((offset) => offset !== undefined));
      return new Map(rows.map(([topic, row]) => [topic, Array.from(row)]));
    },
    seed,
    ownSync: async (name) => {
      await turn();
      const flow = flows.get(name)?.flow;
      return flow === undefined
        ? unknown("there is no checkpoint connector")
        : known(checkpoints.newest(flow));
    },
    remove: async (name) => {
      await turn();
      if (flows.delete(name)) orders.push(`remove ${name}`);
    },
    failTask: (name, trace) => {
      const flow = find(name);
      flow.state = "failed";
      flow.trace = trace;
    },
    fail: (error) => {
      failure = error;
    },
    heal: () => {
      failure = undefined;
    },
    rebalance: (looks) => {
      unassigned = looks;
    },
    hold: (now) => {
      held = now;
    },
  };
  return fake;
}

type Copying = {
  readonly where: TopicPartition;
  readonly copied: number | undefined;
  readonly mirror: FakeClient;
  readonly syncs: FakeCheckpoints | undefined;
};

/** Offset of the last copied record. Outside what the log holds, it starts from the beginning. */
async function copyPartition(
  origin: FakeKafka,
  destination: FakeKafka,
  { where, copied, mirror, syncs }: Copying,
): Promise<{ readonly copied: number | undefined; readonly refused?: FerryError }> {
  const { topic, partition } = where;
  const start = at(await origin.cluster.offsets([topic], "start"), topic, partition) ?? 0;
  const end = at(await origin.cluster.offsets([topic], "end"), topic, partition) ?? 0;
  const next = copied === undefined ? start : copied + 1;
  const from = next < start || next > end ? start : next;
  const records = await origin.cluster.read(where, from, { max: 100_000 });
  let last = copied;
  for (const { offset, timestamp, key, value, headers } of records) {
    try {
      const downstream = destination.append(topic, partition, { timestamp, key, value, headers }, mirror);
      if (offset === records.at(-1)?.offset) syncs?.note(where, offset, downstream);
    } catch (thrown) {
      if (thrown instanceof FerryError) return { copied: last, refused: thrown };
      throw thrown;
    }
    last = offset;
  }
  return { copied: last };
}

function rowOf(copied: Held["copied"], topic: string): Array<number | undefined> {
  const row = copied.get(topic) ?? [];
  copied.set(topic, row);
  return row;
}

function statusOf({ flow, state, trace }: Held): FlowStatus {
  const alive = state === "running" || state === "paused" || state === "failed";
  const words = state === "failed" ? "FAILED" : state.toUpperCase();
  return {
    name: flow.name,
    state,
    kind: flow.kind,
    topics: flow.topics,
    tasks: alive
      ? Array.from({ length: flow.tasks }, (_, id) => ({
          id,
          state: id === 0 ? words : "RUNNING",
          worker: "fake:8083",
          ...(trace === undefined || id > 0 ? {} : { trace }),
        }))
      : [],
  };
}
