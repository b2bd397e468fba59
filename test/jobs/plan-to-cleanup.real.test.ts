import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { Verified, verifiedKey } from "#domain/offsets/verification.ts";
import { Plan, planKey } from "#domain/plan.ts";
import type { ReplicationEngine, World } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import { cleanup } from "#jobs/cleanup/cleanup.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { plan } from "#jobs/plan.ts";
import { createRun } from "#jobs/run/run.ts";
import { runSteps, type StepsResult } from "#jobs/run/steps.ts";
import { verify } from "#jobs/verify/verify.ts";
import type { Work } from "#jobs/work.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/** The jobs at both ends of a migration, against real clusters and a real mirror. */

const name = unique("ends").toLowerCase();
const [plainTopic, compactTopic] = [`${name}-plain`, `${name}-compact`];
const topics = [plainTopic, compactTopic];

let source: RealCluster;
let target: RealCluster;
let engine: ReplicationEngine;
let work: Work;

beforeAll(async () => {
  const clusters = inject("clusters");
  source = await openRealCluster("source", plainAccess(clusters.source.bootstrap));
  target = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  engine = realEngine(clusters);
  work = realWork();
  await source.cluster.createTopics([
    {
      name: plainTopic,
      partitions: 3,
      replicationFactor: 1,
      configs: {
        "message.timestamp.type": "LogAppendTime",
        "segment.bytes": "100000",
        "retention.ms": "86400000",
      },
    },
    { name: compactTopic, partitions: 1, replicationFactor: 1, configs: { "cleanup.policy": "compact" } },
  ]);
});

afterAll(async () => {
  for (const flow of await engine.list(`ferry-${name}-`)) await engine.remove(flow.name);
  for (const side of [source, target]) {
    const own = (await side.cluster.listTopics()).filter((topic) => topic.name.includes(name));
    await side.cluster.deleteTopics(own.map((topic) => topic.name));
    await side.close();
  }
});

it("assesses, plans, mirrors, compares and leaves nothing behind", async () => {
  for (const partition of [0, 1, 2]) await source.append(plainTopic, partition, drafts(400));
  const finish = await source.transaction(plainTopic, 0, drafts(5));
  await finish("abort");
  await source.append(compactTopic, 0, drafts(300));
  const from = { migration: name, by: "UANA" };

  for (;;) {
    const outcome = await assess({ name: "assess", ...from }, work);
    if (outcome.kind === "done") break;
    await realClock.sleep(outcome.ms);
  }
  await plan({ name: "plan", ...from }, work);
  const made = Plan.parse((await work.store.read(planKey(name)))?.value);
  expect(made.topics.map((topic) => topic.name)).toEqual(topics.toSorted());
  const [wave] = made.waves;
  expect(made.waves.map((each) => each.name)).toEqual(["rest"]);

  await replicate({ name: "replicate", action: "start", ...from }, work);
  await eventually(
    "everything is copied",
    async () => {
      const ends = await target.cluster.offsets(topics, "end");
      return sum(ends) >= 1500 || undefined;
    },
    60_000,
  );
  await verify({ name: "verify", ...from }, work);
  const verified = Verified.parse((await work.store.read(verifiedKey(name, "rest")))?.value);
  expect(verified).toMatchObject({ partitions: 4, differences: [] });

  await turnAround(wave?.name ?? "");
  const run = await createRun({
    id: `${name}-R1`,
    migration: name,
    store: work.store,
    clock: realClock,
    log: work.log,
  });
  let result: StepsResult = { kind: "again", ms: 0 };
  const proposal = await cleanup.propose({ by: "UANA" }, work);
  while (result.kind === "again") {
    await realClock.sleep(result.ms);
    const steps = await cleanup.steps(proposal, work, run);
    result = await runSteps({ steps, run, work, subject: "cleanup" });
  }
  await run.leave(0);
  expect(result).toEqual({ kind: "done" });
  expect(await engine.list(`ferry-${name}-`)).toEqual([]);
  for (const { cluster } of [source, target]) {
    const left = (await cluster.listTopics())
      .map((topic) => topic.name)
      .filter((topic) => topic.includes(name));
    expect(left.toSorted()).toEqual(topics.toSorted());
  }
}, 300_000);

/** As cutting over the producers leaves it. */
async function turnAround(wave: string): Promise<void> {
  await engine.stop(`ferry-${name}-${wave}-forward`);
  const ends = async ({ cluster }: RealCluster) => Object.fromEntries(await cluster.offsets(topics, "end"));
  const at = new Date().toISOString();
  const boundary = { source: await ends(source), target: await ends(target), at };
  await work.store.write(`wave:${name}:${wave}`, { phase: "producers-moved", boundary, changedAt: at });
  const reverse = {
    name: `ferry-${name}-${wave}-reverse`,
    kind: "reverse",
    topics,
    groups: [],
    tasks: 1,
  } as const;
  await engine.define(reverse, "stopped");
  const last = Object.entries(boundary.target).map(
    ([topic, row]) =>
      [topic, row.map((end) => (end === undefined || end === 0 ? undefined : end - 1))] as const,
  );
  await engine.seed(reverse.name, new Map(last));
  await engine.start(reverse.name);
}

function realWork(): Work {
  const small = createSmallWork();
  const { settings } = small.migration;
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
  });
  return {
    ...small,
    clock: realClock,
    world,
    migration: {
      name,
      settings: {
        ...settings,
        target: { ...settings.target, replicationFactor: 1 },
        replication: { ...settings.replication, topics: [`${name}-.*`] },
        assess: { window: 500 },
        cleanup: { watch: 2_000 },
      },
    },
  };
}

function drafts(count: number): ReadonlyArray<{ key: string; value: string }> {
  return Array.from({ length: count }, (_, index) => ({ key: `${index % 100}`, value: `value ${index}` }));
}

function sum(table: OffsetTable): number {
  return [...table.values()].flat().reduce<number>((total, end) => total + (end ?? 0), 0);
}
