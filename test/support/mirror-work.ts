import { type Plan, planKey, type Wave } from "#domain/plan.ts";
import type { LagPoint } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";
import { createFakeEngine, type FakeEngine } from "./fake-engine.ts";
import { createFakeKafka, type FakeKafka } from "./fake-kafka.ts";
import { createSmallWork, type SmallWork } from "./small-work.ts";

export type MirrorWork = {
  readonly work: Work;
  readonly small: SmallWork;
  readonly source: FakeKafka;
  readonly target: FakeKafka;
  readonly engine: FakeEngine;
  /** Points of every chart that was drawn. */
  readonly charts: Array<readonly LagPoint[]>;
  /** Everything the card showed last, as text. */
  said(): string;
};

/** Two fake clusters with a mirror between them, and a plan of two waves: billing (2 topics, 1 group), shipping (1). */
export async function createMirrorWork(): Promise<MirrorWork> {
  const small = createSmallWork();
  const source = createFakeKafka({ role: "source", now: () => small.clock.now() });
  const target = createFakeKafka({ role: "target", now: () => small.clock.now() });
  const engine = createFakeEngine(source, target);
  const charts: Array<readonly LagPoint[]> = [];
  for (const [name, partitions] of topics) source.addTopic(name, { partitions });
  await small.store.write(planKey("orders"), plan);
  const work: Work = {
    ...small,
    charts: {
      ...small.charts,
      lag: async (_title, points) => {
        charts.push(points);
        return Buffer.from("png");
      },
    },
    world: {
      source: source.cluster,
      target: async () => target.cluster,
      applications: async () => target.cluster.access,
      engine: async () => engine,
      get msk() {
        return small.world.msk;
      },
      get network() {
        return small.world.network;
      },
      get prober() {
        return small.world.prober;
      },
      client: (client) => small.world.client(client),
    },
  };
  return { work, small, source, target, engine, charts, said: () => JSON.stringify(small.card.shown.at(-1)) };
}

const topics: ReadonlyArray<readonly [string, number]> = [
  ["invoices", 2],
  ["payments", 1],
  ["parcels", 3],
];

function wave(name: string, carried: readonly string[], groups: readonly string[]): Wave {
  return { name, topics: [...carried], groups: [...groups], why: "test" };
}

const plan: Plan = {
  migration: "orders",
  madeAt: "2026-11-22T14:00:00.000Z",
  hash: "a91f",
  sourceClusterId: "fake-source",
  shape: {
    kind: "standard",
    instanceType: "kafka.m7g.large",
    brokers: 3,
    kafkaVersion: "3.9.x",
    monthlyUsd: 500,
  },
  configuration: {},
  topics: topics.map(([name, partitions]) => ({
    name,
    partitions,
    replicationFactor: 1,
    configs: {},
    adjusted: [],
  })),
  waves: [wave("billing", ["invoices", "payments"], ["billing-app"]), wave("shipping", ["parcels"], [])],
  reasons: [],
  corrections: [],
  alternatives: [],
};
