import { z } from "zod";
import { type Offsets, toTable } from "#domain/mirror/copied-offsets.ts";
import type { Flow, KafkaCluster } from "#domain/ports.ts";
import type { KafkaRecord, OffsetTable } from "#domain/topology.ts";
import { connectorOf, connectors, ends, workerTopics } from "./names.ts";

/** The three topics in which a process keeps its state: read, prepared, seeded, removed. Layouts: Connect 3.9.2. */

export type Side = Pick<
  KafkaCluster,
  "createTopics" | "deleteTopics" | "offsets" | "read" | "describeGroups"
> & {
  /** Writes to partition 0, acknowledged by all replicas. */
  append(topic: string, drafts: readonly Draft[]): Promise<void>;
};

export type Draft = { readonly key: string; readonly value: string | null };

const chunk = 5_000;

/**
 * Makes what is not there, so that a mirror can be seeded before its first process. Dedicated MirrorMaker always runs
 * three connectors; those that the flow is not are stopped beforehand, as Connect's `PUT /stop` would (KIP-875).
 */
export async function prepare(flow: Flow, side: Side): Promise<void> {
  const { offsets, configs, statuses } = workerTopics(flow.name);
  const spec = { partitions: 1, replicationFactor: -1, configs: { "cleanup.policy": "compact" } };
  await side.createTopics([offsets, configs, statuses].map((name) => ({ name, ...spec })));
  if ((await offsetOf(side, configs, "end")) > 0) return;
  const stopped = JSON.stringify({ state: "PAUSED", "state.v2": "STOPPED" });
  const others = connectors.filter((name) => name !== connectorOf(flow.kind));
  const messages = others.map((name) => ({ key: `target-state-${name}`, value: stopped }));
  await side.append(configs, messages);
}

export async function discard(flow: string, side: Side): Promise<void> {
  await side.deleteTopics(Object.values(workerTopics(flow)));
}

/** Sets copied offsets: `null` takes one away. Keys are bytes to Connect, so their order of fields is its own. */
export async function writeOffsets(flow: Flow, side: Side, entries: Offsets["offsets"]): Promise<void> {
  const messages = entries.map(({ partition: { cluster, partition, topic }, offset }) => ({
    key: JSON.stringify([connectorOf(flow.kind), { cluster, partition, topic }]),
    value: offset === null ? null : JSON.stringify(offset),
  }));
  await side.append(workerTopics(flow.name).offsets, messages);
}

/** Where a copy of a topic's newest values ends. A record without a value takes its key away. */
type Kept = { next: number; life: number; readonly values: Map<string, unknown> };

/** Reads on from where the last reading of this life ended. Made once per engine. */
export function createStateReader() {
  const kept = new Map<string, Kept>();

  function keptFor(topic: string, life: number): Kept {
    const found = kept.get(topic);
    if (found !== undefined && found.life === life) return found;
    const made = { next: 0, life, values: new Map<string, unknown>() };
    kept.set(topic, made);
    return made;
  }

  /** Committed records only. */
  async function values(side: Side, topic: string, life: number): Promise<Kept> {
    const mine = keptFor(topic, life);
    const until = await offsetOf(side, topic, "stable");
    if (until <= mine.next) return mine;
    for (let from = Math.max(await offsetOf(side, topic, "start"), mine.next); from < until; ) {
      const records = await side.read({ topic, partition: 0 }, from, { max: chunk, until });
      for (const record of records) keep(mine.values, record);
      from = (records.at(-1)?.offset ?? until - 1) + 1;
    }
    mine.next = until;
    return mine;
  }

  return {
    async copied(flow: Flow, side: Side, life: number): Promise<OffsetTable> {
      const { values: found } = await values(side, workerTopics(flow.name).offsets, life);
      const name = connectorOf(flow.kind);
      const offsets = [...found].flatMap(([key, value]) => {
        const parsed = OffsetKey.safeParse(JSON.parse(key));
        if (!parsed.success || parsed.data[0] !== name) return [];
        return [{ partition: parsed.data[1], offset: OffsetValue.parse(value) }];
      });
      return toTable({ offsets }, ends(flow).from);
    },

    /** How many tasks the connector has made, when it last did, and their topics. */
    async tasks(
      flow: Flow,
      side: Side,
      life: number,
    ): Promise<{ count: number; topics: ReadonlySet<string> }> {
      const { values: found } = await values(side, workerTopics(flow.name).configs, life);
      const name = connectorOf(flow.kind);
      // Fewer tasks than before leave the configurations of the others behind.
      const { tasks: count } = Commit.catch({ tasks: 0 }).parse(found.get(`commit-${name}`));
      const topics = Array.from({ length: count }).flatMap((_, task) => {
        const config = TaskConfig.safeParse(found.get(`task-${name}-${task}`));
        const list = config.data?.properties["task.assigned.partitions"] ?? "";
        return list.split(",").map((entry) => entry.slice(0, Math.max(0, entry.lastIndexOf("-"))));
      });
      return { count, topics: new Set(topics) };
    },

    forget(flow: string): void {
      for (const topic of Object.values(workerTopics(flow))) kept.delete(topic);
    },
  };
}
export type StateReader = ReturnType<typeof createStateReader>;

const OffsetKey = z.tuple([z.string(), z.record(z.string(), z.unknown())]);
const OffsetValue = z.record(z.string(), z.unknown());
const Commit = z.object({ tasks: z.int() });
const TaskConfig = z.object({ properties: z.record(z.string(), z.string()) });

function keep(values: Map<string, unknown>, { key, value }: KafkaRecord): void {
  if (key === null) return;
  if (value === null) values.delete(key.toString());
  else values.set(key.toString(), JSON.parse(value.toString()));
}

const Status = z.object({
  state: z.string(),
  trace: z.string().nullable(),
  worker_id: z.string(),
});
export type Status = z.infer<typeof Status>;

/** What the connector and its tasks have said since `from`, by "connector" and task number. */
export async function statusesSince(
  flow: Flow,
  side: Side,
  from: number,
): Promise<ReadonlyMap<string, Status>> {
  const topic = workerTopics(flow.name).statuses;
  const end = await offsetOf(side, topic, "end");
  const values = new Map<string, unknown>();
  for (let next = from; next < end; ) {
    const records = await side.read({ topic, partition: 0 }, next, { max: chunk, until: end });
    for (const record of records) keep(values, record);
    next = (records.at(-1)?.offset ?? end - 1) + 1;
  }
  const name = connectorOf(flow.kind);
  const pattern = new RegExp(`^status-(?:(?=connector-)|task-)(?:${name}-)?(connector|\\d+)(?:-${name})?$`);
  return new Map(
    [...values].flatMap(([key, value]) => {
      const [, who] = pattern.exec(key) ?? [];
      return who === undefined ? [] : [[who, Status.parse(value)] as const];
    }),
  );
}

export async function endOfStatuses(flow: string, side: Side): Promise<number> {
  return await offsetOf(side, workerTopics(flow).statuses, "end");
}

/** True when no transaction is open on the topic of copied offsets. */
export async function isSettled(flow: string, side: Side): Promise<boolean> {
  const topic = workerTopics(flow).offsets;
  const stable = await offsetOf(side, topic, "stable");
  return stable === (await offsetOf(side, topic, "end"));
}

async function offsetOf(side: Side, topic: string, which: "start" | "stable" | "end"): Promise<number> {
  return (await side.offsets([topic], which)).get(topic)?.[0] ?? 0;
}
