import { type Plan, planKey } from "#domain/plan.ts";
import type { ClientPlace, Clock, Store, World } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { type Acl, known } from "#domain/topology.ts";
import { appendingTo } from "#jobs/audit/append.ts";
import type { LiveRun } from "#jobs/run/run.ts";
import type { Work } from "#jobs/work.ts";
import type { AuthorizerOptions } from "./fake-authorizer.ts";
import { createFakeEngine } from "./fake-engine.ts";
import { createFakeKafka, type FakeKafka } from "./fake-kafka.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createSmallWork } from "./small-work.ts";

/**
 * A small migration that lives: while somebody sleeps on its clock, producers write numbered records, the mirror copies
 * and consumers read and commit. What was produced and what was read is counted, so loss and duplication show.
 */
export function createSampleMigration(guard: SampleGuard = {}) {
  const world = createSampleWorld(guard);
  const clock = createLivingClock(world.tick);
  const store = createMemoryStore(clock);
  const migration = { name: "orders", settings: sampleSettings(guard) };

  /** Work for one process; `wrap` may break whatever it touches. */
  async function openWork(wrap: <T extends object>(part: T) => T = (part) => part): Promise<Work> {
    const ports = wrap(world.ports(wrap));
    const kept = wrap<typeof store>(store);
    const work = createSmallWork({ migration });
    const audit = appendingTo({ store: kept, clock, migration: migration.name, actor: work.by });
    return { ...work, world: ports, clock, store: kept, audit };
  }

  return { ...world, clock, store, migration, openWork, plan: samplePlan() };
}

/** An authorizer on both clusters, and who is who to it. Without one everybody may do everything. */
export type SampleGuard = {
  readonly authorizer?: AuthorizerOptions;
  readonly acls?: readonly Acl[];
  /** Who the bot and the mirror are; `User:ANONYMOUS` when not given. */
  readonly mirror?: string;
  /** Who the producers are. */
  readonly producers?: string;
  /** `cutover.fence`. */
  readonly fence?: readonly string[];
};

export type SampleMigration = ReturnType<typeof createSampleMigration>;

/** Longer than any sample run takes; who sleeps it out has waited until a dead run's lease ran out. */
export const sampleLeaseMs = 3_600_000;

/** A run that holds the lease, without the heartbeat: time stands still between sleeps. */
export async function openRun(store: Store, id: string): Promise<LiveRun> {
  const lease = await store.acquire("migration:orders", id, sampleLeaseMs);
  return {
    id,
    lease,
    signal: new AbortController().signal,
    recall: async (key) => (await store.read(`run:${id}:${key}`))?.value,
    remember: async (key, value) => {
      await store.write(`run:${id}:${key}`, value, { lease });
    },
    leave: () => store.release(lease),
  };
}

const topics = ["orders", "payments"];
const partitions = 2;

function sampleSettings({ authorizer, mirror, fence }: SampleGuard): MigrationSettings {
  const exec = { driver: "exec", command: ["switch"] };
  return MigrationSettings.parse({
    channel: "C1",
    approvers: { users: ["UBEN", "UCLEO"] },
    source: {
      bootstrap: ["source:9092"],
      ...(mirror === undefined ? {} : { principal: mirror }),
      ...(authorizer === undefined ? {} : { authorizer: told(authorizer) }),
    },
    target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
    replication: { connect: { url: "http://connect:8083" } },
    cutover: { flatFor: "1s", patience: "20s", watch: "2s", ...(fence === undefined ? {} : { fence }) },
    clients: [
      { name: "billing-app", role: "consumer", group: "billing", switch: exec },
      { name: "ledger-app", role: "consumer", group: "ledger", switch: exec },
      { name: "checkout", role: "producer", topics, switch: exec },
    ],
  });
}

/** As a team writes it down, since brokers do not tell. */
function told({ everyone = true, superUsers = [] }: AuthorizerOptions): object {
  return { everyoneIfNoAcl: everyone, superUsers };
}

function samplePlan(): Plan {
  return {
    migration: "orders",
    madeAt: "2026-11-22T14:00:00.000Z",
    hash: "0".repeat(64),
    sourceClusterId: "source",
    shape: {
      kind: "standard",
      instanceType: "kafka.m7g.large",
      brokers: 3,
      kafkaVersion: "3.9.x",
      monthlyUsd: 1,
    },
    configuration: {},
    topics: [],
    waves: [{ name: "billing", topics, groups: ["billing", "ledger", "nightly"], why: "share topics" }],
    reasons: [],
    corrections: [],
    alternatives: [],
  };
}

function createSampleWorld({ authorizer, acls = [], mirror, producers }: SampleGuard) {
  const guard = {
    ...(authorizer === undefined ? {} : { authorizer }),
    ...(mirror === undefined ? {} : { principal: mirror }),
  };
  const by = producers === undefined ? {} : { principal: producers };
  const source = createFakeKafka({ role: "source", now: () => time, ...guard });
  const target = createFakeKafka({ role: "target", now: () => time, ...guard });
  for (const cluster of [source, target]) cluster.setAcls(acls);
  const engine = createFakeEngine(source, target, mirror === undefined ? {} : { principal: mirror });
  const places = new Map<string, ClientPlace>([
    ["billing-app", "source"],
    ["ledger-app", "source"],
    ["checkout", "source"],
  ]);
  const produced: string[] = [];
  const read = new Map<string, string[]>([
    ["billing", []],
    ["ledger", []],
  ]);
  const trouble: string[] = [];
  let time = Date.UTC(2026, 10, 22, 14, 10, 0);

  for (const topic of topics) {
    source.addTopic(topic, { partitions });
    target.addTopic(topic, { partitions });
  }
  join(source, "billing");
  join(source, "ledger");

  function clusterAt(place: ClientPlace | undefined): FakeKafka | undefined {
    if (place === "source") return source;
    return place === "target" ? target : undefined;
  }

  /** One moment of life: a record per partition, everything there is read and committed. */
  async function tick(ms: number): Promise<void> {
    time += ms;
    produce();
    await refuseTwoDirections();
    await consume("billing-app", "billing");
    await consume("ledger-app", "ledger");
  }

  function produce(): void {
    const cluster = clusterAt(places.get("checkout"));
    if (cluster === undefined) return;
    for (const topic of topics) {
      for (let partition = 0; partition < partitions; partition += 1) {
        const id = `${topic}:${produced.length}`;
        cluster.append(topic, partition, { key: id, value: id, timestamp: time }, by);
        produced.push(id);
      }
    }
  }

  async function consume(client: string, group: string): Promise<void> {
    const cluster = clusterAt(places.get(client));
    if (cluster === undefined) return;
    const starts = await cluster.cluster.offsets(topics, "start");
    const committed = (await cluster.cluster.committed([group])).get(group);
    for (const topic of topics) {
      for (let partition = 0; partition < partitions; partition += 1) {
        // As `auto.offset.reset=earliest` has it.
        const start = starts.get(topic)?.[partition] ?? 0;
        const from = Math.max(start, committed?.get(topic)?.[partition] ?? 0);
        const records = await cluster.cluster.read({ topic, partition }, from, { max: 100_000 });
        const last = records.at(-1);
        if (last === undefined) continue;
        read.get(group)?.push(...records.map(({ value }) => String(value)));
        const row: (number | undefined)[] = [];
        row[partition] = last.offset + 1;
        cluster.commitAs(group, new Map([[topic, row]]));
      }
    }
  }

  async function refuseTwoDirections(): Promise<void> {
    const running = (await engine.list("ferry-")).filter(({ state }) => state === "running");
    const kinds = new Set(running.map(({ kind }) => kind));
    if (kinds.has("forward") && kinds.has("reverse")) trouble.push("two directions run at once");
  }

  function switchTo(client: Client, place: ClientPlace): void {
    const before = clusterAt(places.get(client.name));
    if (places.get(client.name) === place) return;
    places.set(client.name, place);
    if (client.role !== "consumer") return;
    if (before !== undefined) before.removeMember(client.group);
    const now = clusterAt(place);
    if (now !== undefined) join(now, client.group);
  }

  function ports(wrap: <T extends object>(part: T) => T): World {
    const { world: absent } = createSmallWork();
    const wrapped = {
      source: wrap(source.cluster),
      target: wrap(target.cluster),
      engine: wrap<typeof engine>(engine),
    };
    return {
      ...Object.create(null),
      get msk() {
        return absent.msk;
      },
      get network() {
        return absent.network;
      },
      get prober() {
        return absent.prober;
      },
      source: wrapped.source,
      target: async () => wrapped.target,
      engine: async () => wrapped.engine,
      applications: async () => wrapped.source.access,
      client: (client) =>
        wrap({
          stop: async () => switchTo(client, "stopped"),
          start: async (place) => switchTo(client, place),
          status: async () => known(places.get(client.name) ?? "stopped"),
        }),
    };
  }

  return { source, target, engine, places, produced, read, trouble, tick, ports };
}

function join(cluster: FakeKafka, group: string): void {
  cluster.addMember(group, { clientId: group, host: "/10.0.0.7" });
}

/** Sleeping makes the world live for as long; nobody really waits. */
function createLivingClock(tick: (ms: number) => Promise<void>): Clock {
  let now = Date.UTC(2026, 10, 22, 14, 10, 0);
  return {
    now: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      now += ms;
      await tick(ms);
    },
  };
}

/** Puts the plan where jobs find it, and the wave's mirror to work. */
export async function startMirroring(sample: SampleMigration): Promise<void> {
  await sample.store.write(planKey("orders"), sample.plan);
  const flow = { topics, groups: [], tasks: 1 };
  await sample.engine.define({ ...flow, name: "ferry-orders-billing-forward", kind: "forward" }, "running");
  await sample.engine.define(
    {
      ...flow,
      name: "ferry-orders-billing-checkpoint",
      kind: "checkpoint",
      groups: ["billing", "ledger", "nightly"],
    },
    "running",
  );
  for (let round = 0; round < 5; round += 1) await sample.clock.sleep(200);
}
