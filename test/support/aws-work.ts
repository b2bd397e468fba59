import { FerryError } from "#domain/errors.ts";
import { type Plan, planKey } from "#domain/plan.ts";
import type { World } from "#domain/ports.ts";
import { type Migration, MigrationSettings } from "#domain/settings.ts";
import type { Outcome, Work } from "#jobs/work.ts";
import { createFakeKafka } from "./fake-kafka.ts";
import { createFakeMsk } from "./fake-msk.ts";
import { createFakeNetwork, createFakeProber } from "./fake-network.ts";
import { createHandClock, type HandClock } from "./hand-clock.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createSmallWork } from "./small-work.ts";

type Changes = {
  readonly target?: object;
  readonly source?: object;
  readonly shape?: Partial<Plan["shape"]>;
  readonly configuration?: Plan["configuration"];
  /** Of the settings: waves and the like. */
  readonly settings?: object;
  /** In place of those in memory. */
  readonly ports?: (clock: HandClock) => Promise<Pick<World, "msk" | "network">>;
  /** Layers that fail: "tcp source.test:9092". */
  readonly failing?: ReadonlyMap<string, string>;
};

/** A migration whose AWS, clusters and sockets are in memory, on a hand-turned clock, with a plan in the store. */
export async function createAwsWork(changes: Changes = {}) {
  const clock = createHandClock();
  const store = createMemoryStore(clock);
  const migration = awsMigration(changes);
  const msk = createFakeMsk(clock);
  const network = createFakeNetwork(clock);
  const source = createFakeKafka({ role: "source" });
  const target = createFakeKafka({ role: "target" });
  const ports = (await changes.ports?.(clock)) ?? { msk: msk.msk, network: network.network };
  const prober = createFakeProber(changes.failing);
  await store.write(planKey(migration.name), awsPlan(changes));
  const world: World = {
    source: source.cluster,
    target: async () => {
      if ((await ports.msk.findCluster("migrated"))?.state === "ACTIVE") return target.cluster;
      throw new FerryError("E_TARGET_ABSENT", "There is no MSK cluster migrated in us-east-1.");
    },
    msk: ports.msk,
    network: ports.network,
    prober,
    engine: absent,
    client: absent,
    applications: absent,
  };
  const open = (jobId = "job-1") => ({ ...createSmallWork({ clock, store, migration, jobId }), world });

  /** Calls a job until it is done, with the pauses that it asks for; a crash ends one attempt, as it would. */
  async function carryOut(
    job: (work: Work) => Promise<Outcome>,
    isCrash: (thrown: unknown) => boolean = () => false,
    jobId = "job-1",
  ) {
    for (let attempt = 0; attempt < 500; attempt += 1) {
      const work = open(jobId);
      const outcome = await job(work).catch((thrown: unknown): Outcome => {
        if (isCrash(thrown)) return { kind: "again", ms: 1000 };
        throw thrown;
      });
      if (outcome.kind === "done") return work.card.shown;
      await clock.advance(outcome.ms);
    }
    throw new Error("the job is never done");
  }

  return { clock, store, migration, world, msk, network, source, target, open, carryOut };
}

function absent(): never {
  throw new FerryError("E_INTERNAL", "this test has no such thing");
}

function awsMigration({ target = {}, source = {}, settings = {} }: Changes): Migration {
  return {
    name: "orders",
    settings: MigrationSettings.parse({
      channel: "C1",
      approvers: { users: ["UBEN"] },
      source: { bootstrap: ["source.test:9092"], ...source },
      target: {
        cluster: "migrated",
        region: "us-east-1",
        auth: "iam",
        subnets: ["subnet-a", "subnet-b", "subnet-c"],
        securityGroups: ["sg-1"],
        ...target,
      },
      replication: { connect: { url: "http://connect:8083" } },
      ...settings,
    }),
  };
}

function awsPlan({ shape = {}, configuration }: Changes): Plan {
  return {
    migration: "orders",
    madeAt: "2026-11-22T14:00:00.000Z",
    hash: "0".repeat(64),
    sourceClusterId: "source",
    shape: {
      kind: "standard",
      instanceType: "kafka.m7g.large",
      brokers: 3,
      volumeGiB: 100,
      kafkaVersion: "3.9.x",
      monthlyUsd: 477,
      ...shape,
    },
    configuration: configuration ?? { "auto.create.topics.enable": "false", "min.insync.replicas": "2" },
    topics: [
      { name: "orders", partitions: 12, replicationFactor: 3, configs: {}, adjusted: [] },
      { name: "payments", partitions: 6, replicationFactor: 3, configs: {}, adjusted: [] },
    ],
    waves: [],
    reasons: [],
    corrections: [],
    alternatives: [],
  };
}
