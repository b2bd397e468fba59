import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createConnectInventory } from "#adapters/connect/inventory.ts";
import { mirrorClientId } from "#domain/mirror/flow.ts";
import { type Plan, planKey } from "#domain/plan.ts";
import type { ReplicationEngine, World } from "#domain/ports.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { watch } from "#jobs/watch.ts";
import type { Work } from "#jobs/work.ts";
import { type Connect, startConnect } from "#lab/connect.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { createSampleMigration } from "#support/sample-migration.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/** A Connect worker of this test's own, with exactly-once, that is killed while it copies two waves. */

const name = unique("worker").toLowerCase();
const [first, second, later] = [`${name}-first`, `${name}-second`, `${name}-later`];
const from = { migration: name, by: "UANA" } as const;

let folder: string;
let source: RealCluster;
let target: RealCluster;
let connect: Connect;
let engine: ReplicationEngine;
let work: Work;

beforeAll(async () => {
  const clusters = inject("clusters");
  folder = await mkdtemp(join(tmpdir(), "ferry-worker-"));
  [source, target, connect] = await Promise.all([
    openRealCluster("source", plainAccess(clusters.source.bootstrap)),
    openRealCluster("target", plainAccess(clusters.target.bootstrap)),
    startConnect({
      bootstrap: clusters.target.bootstrap,
      runFolder: folder,
      exactlyOnce: true,
      name,
      log: () => {},
    }),
  ]);
  engine = realEngine(
    { ...clusters, connect: { ...clusters.connect, url: connect.url } },
    { clientId: mirrorClientId(name) },
  );
  work = realWork();
  const spec = { partitions: 2, replicationFactor: 1, configs: {} };
  await source.cluster.createTopics([first, second, later].map((topic) => ({ ...spec, name: topic })));
  await writePlan([first]);
  for (const topic of [first, second]) await source.append(topic, 0, drafts(topic, 0, 10));
  await replicate({ name: "replicate", ...from, action: "start" }, work);
});

afterAll(async () => {
  await target.cluster.limitProduce(mirrorClientId(name), undefined);
  for (const flow of await engine.list(`ferry-${name}-`)) await engine.remove(flow.name);
  await connect.stop();
  for (const side of [source, target]) {
    const own = (await side.cluster.listTopics()).filter((topic) => topic.name.includes(name));
    await side.cluster.deleteTopics(own.map((topic) => topic.name));
    await side.close();
  }
  await rm(folder, { recursive: true, force: true });
});

it("tells an assessment its connectors, whose settings hold no value that may be a secret", async () => {
  const inventory = createConnectInventory({ url: connect.url, clock: realClock, log: createQuietLog() });
  const own = (await inventory.connectors()).filter((each) => each.name.startsWith(`ferry-${name}-`));
  expect(own.map(({ type, className }) => [type, className])).toContainEqual([
    "source",
    "org.apache.kafka.connect.mirror.MirrorSourceConnector",
  ]);
  expect(own.every(({ topics, tasks }) => topics.known && tasks.failed === 0)).toBe(true);
  for (const { settings } of own) expect(settings["source.cluster.bootstrap.servers"]).toBeNull();
});

it("is reported away and back when it is killed in mid-copy, and nothing is lost or copied twice", async () => {
  const writing = keepWriting(first);
  await writing.wrote(2_000);
  await connect.kill();
  await watch({ name: "watch", ...from }, work);
  expect(await alarms()).toEqual(["unreadable:E_CONNECT_UNREACHABLE"]);
  await writing.wrote(2_000);
  await connect.restart();
  await writing.wrote(2_000);
  const written = await writing.end();
  await eventually(
    "all of it is copied",
    async () => (await idsOn(target, first)).length >= written || undefined,
    60_000,
  );
  const copied = await idsOn(target, first);
  expect(copied).toEqual(await idsOn(source, first));
  expect(copied).toHaveLength(written);
  await watch({ name: "watch", ...from }, work);
  expect(await alarms()).toEqual([]);
});

it("lets one wave's tasks be while another wave's topics change", async () => {
  const created = async () =>
    (await readFile(connect.logFile, "utf8")).split(`Creating task ferry-${name}-two-forward-`).length;
  const before = await created();
  await source.append(later, 0, drafts("later", 0, 5));
  await writePlan([first, later]);
  await replicate({ name: "replicate", ...from, action: "start" }, work);
  await eventually(
    "the new topic is copied",
    async () => (await idsOn(target, later)).length === 5 || undefined,
    30_000,
  );
  expect(await created()).toBe(before);
  expect((await engine.status(`ferry-${name}-two-forward`)).topics).toEqual([second]);
});

it("copies no faster than a client quota lets its producers, and freely again without it", async () => {
  const limited = 150_000;
  await target.cluster.limitProduce(mirrorClientId(name), limited);
  const records = 260;
  const slow = await copyTime(records);
  await target.cluster.limitProduce(mirrorClientId(name), undefined);
  const quick = await copyTime(records);
  // Ten seconds' worth passes at once, the rest at the rate.
  const least = (records * recordBytes - 11 * limited) / limited;
  expect(slow / 1000).toBeGreaterThan(least);
  expect(quick).toBeLessThan(slow);
  expect((await engine.status(`ferry-${name}-two-forward`)).state).toBe("running");
});

const recordBytes = 10_000;

/** Milliseconds until so many records that do not compress are on the target. */
async function copyTime(records: number): Promise<number> {
  const before = (await idsOn(target, second)).length;
  const began = performance.now();
  // One request may not hold more than a megabyte; what compresses would not show a rate.
  for (let sent = 0; sent < records; sent += 52) {
    const noise = Array.from({ length: 52 }, () => ({ key: "k", value: randomBytes(recordBytes) }));
    await source.append(second, 1, noise);
  }
  await eventually(
    "they are copied",
    async () => (await idsOn(target, second)).length === before + records || undefined,
    60_000,
  );
  return performance.now() - began;
}

async function alarms(): Promise<readonly string[]> {
  const prefix = `alarm:${name}:`;
  return (await work.store.keys(prefix)).map((key) => key.slice(prefix.length));
}

function drafts(topic: string, start: number, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    key: `${index}`,
    value: `${topic}:${start + index}`,
  }));
}

function keepWriting(topic: string) {
  const ended = new AbortController();
  let written = 10;
  const running = (async () => {
    while (!ended.signal.aborted) {
      await source.append(topic, written % 2, drafts(topic, written, 50));
      written += 50;
    }
  })();
  return {
    wrote: (more: number) => {
      const enough = written + more;
      return eventually("so many are written", () => written >= enough || undefined, 60_000);
    },
    end: async () => {
      ended.abort();
      await running;
      return written;
    },
  };
}

/** Values in the order of each partition, read committed. */
async function idsOn({ cluster }: RealCluster, topic: string): Promise<readonly string[]> {
  const rows = await Promise.all(
    [0, 1].map((partition) => cluster.read({ topic, partition }, 0, { max: 1_000_000 })),
  );
  return rows.flat().map(({ value }) => value?.subarray(0, 80).toString("latin1") ?? "");
}

async function writePlan(topics: readonly string[]): Promise<void> {
  const planned = [first, second, later].map((topic) => ({
    name: topic,
    partitions: 2,
    replicationFactor: 1,
    configs: {},
    adjusted: [],
  }));
  const wave = { groups: [], why: "test" };
  const waves = [
    { ...wave, name: "one", topics: [...topics] },
    { ...wave, name: "two", topics: [second] },
  ];
  const plan: Plan = { ...createSampleMigration().plan, migration: name, topics: planned, waves };
  await work.store.write(planKey(name), plan);
}

function realWork(): Work {
  const small = createSmallWork();
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
  });
  return { ...small, clock: realClock, world, migration: { ...small.migration, name } };
}
