import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import { forwardFlow } from "#domain/mirror/flow.ts";
import { flowName, planKey, type Wave } from "#domain/plan.ts";
import type { ReplicationEngine, World } from "#domain/ports.ts";
import { readMigrationLag } from "#jobs/mirror/migration-lag.ts";
import type { Work } from "#jobs/work.ts";
import { plaintext } from "#lab/apps/connection.ts";
import { readTopics } from "#lab/count/read-cluster.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { smallPlan } from "#support/small-plan.ts";
import { createSmallWork } from "#support/small-work.ts";
import { startTwoBrokers, type TwoBrokers } from "#support/two-brokers.ts";
import { unique } from "#support/unique.ts";

/** Lag against somebody else's count of records, while the leaders of a real source move from a broker that dies. */

const name = unique("leader").toLowerCase();
const topic = `${name}-moved`;
const wave: Wave = { name: "main", topics: [topic], groups: [], why: "test" };
const flow = flowName(name, wave.name, "forward");
const partitions = 4;

let brokers: TwoBrokers;
let source: RealCluster;
let target: RealCluster;
let engine: ReplicationEngine;
let work: Work;
let written = 0;

beforeAll(async () => {
  const clusters = inject("clusters");
  brokers = await startTwoBrokers();
  const access = { bootstrap: brokers.bootstrap, protocol: "PLAINTEXT" } as const;
  source = await openRealCluster("source", access);
  target = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  engine = realEngine(clusters, { source: access });
  const small = createSmallWork();
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
  });
  work = { ...small, clock: realClock, world, migration: { ...small.migration, name } };
  await work.store.write(planKey(name), smallPlan(name, [wave]));
  await source.cluster.createTopics([{ name: topic, partitions, replicationFactor: 2, configs: {} }]);
  await target.cluster.createTopics([{ name: topic, partitions, replicationFactor: 1, configs: {} }]);
});

afterAll(async () => {
  await engine.remove(flow);
  await target.cluster.deleteTopics([topic]);
  await target.close();
  await source.close();
  await brokers.close();
});

it("is what is missing on the target before and after a leader has moved, and never less in between", async () => {
  await write(10);
  await engine.define(forwardFlow(name, wave, partitions), "running");
  await eventually("all is copied", async () => (await lag()).records === 0 || undefined, 60_000);
  await engine.stop(flow);
  await write(5);
  expect(await lag()).toMatchObject({ records: 20, findings: [] });
  expect(await missing()).toBe(20);
  const before = await leaders();
  expect(new Set(before)).toEqual(new Set([1, 2]));
  await brokers.second.kill();
  await eventually(
    "all leaders have moved to the broker that is left",
    async () => {
      // What is not known in between is said so: no partition is ever shown with fewer than it has.
      const low = (await lags()).filter(({ records }) => records !== null && records < 5);
      expect(low).toEqual([]);
      return (await leaders()).every((leader) => leader === 1) || undefined;
    },
    60_000,
  );
  await write(5);
  await eventually("every partition tells its end", async () => (await lag()).unknown === 0 || undefined);
  expect(await lag()).toMatchObject({ records: 40, findings: [] });
  expect(await missing()).toBe(40);
  await engine.start(flow);
  await eventually("all is copied again", async () => (await lag()).records === 0 || undefined, 60_000);
  expect(await missing()).toBe(0);
});

async function lags(): Promise<readonly PartitionLag[]> {
  const { waves } = await readMigrationLag(work);
  return waves.flatMap((each) => each.lags);
}

async function lag() {
  return sumLags(await lags());
}

async function leaders(): Promise<readonly number[]> {
  const found = (await source.cluster.listTopics()).find((each) => each.name === topic);
  return found?.partitions.map(({ leader }) => leader) ?? [];
}

/** So many to each partition; no two are equal. */
async function write(count: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition += 1) {
    const drafts = Array.from({ length: count }, () => {
      written += 1;
      return { key: `${written}`, value: `record ${written}` };
    });
    await source.append(topic, partition, drafts);
  }
}

/** Records that are on the source and not on the target, as KafkaJS reads them. */
async function missing(): Promise<number> {
  const [from, to] = await Promise.all(
    [source, target].map(async ({ cluster: { access } }) => {
      const held = await readTopics({ bootstrap: access.bootstrap, security: plaintext }, [topic]);
      return (held.get(topic) ?? []).flat().map(({ digest }) => digest);
    }),
  );
  const copied = new Set(to);
  return from?.filter((digest) => !copied.has(digest)).length ?? Number.NaN;
}
