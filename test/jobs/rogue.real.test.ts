import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { planKey } from "#domain/plan.ts";
import type { ReplicationEngine, World } from "#domain/ports.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import { readStandby, Standby, standbyKey } from "#jobs/mirror/standby-record.ts";
import { watchStandby } from "#jobs/mirror/standby-watch.ts";
import { openOnes } from "#jobs/switch/open-transactions.ts";
import { flatEnds } from "#jobs/switch/wave-mirror.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { createSampleMigration } from "#support/sample-migration.ts";
import { createSmallWork, type SmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/** A standby of a real source behind a real reverse mirror with exactly-once, and a producer that ignores the switch. */

const name = unique("rogue").toLowerCase();
const topic = `${name}-payments`;
const wave = { name: "billing", topics: [topic], groups: [], why: "test" };
const plainTopic = `${name}-clicks`;
const plainWave = { name: "plain", topics: [plainTopic], groups: [], why: "test" };
const reverse = `ferry-${name}-billing-reverse`;
/** `watch` comes every 15 s, and 30 s are promised. */
const checkMayTakeMs = 10_000;

let source: RealCluster;
let target: RealCluster;
let engine: ReplicationEngine;
/** The same workers, without exactly-once. */
let plainEngine: ReplicationEngine;
let work: SmallWork;

beforeAll(async () => {
  const clusters = inject("clusters");
  source = await openRealCluster("source", plainAccess(clusters.source.bootstrap));
  target = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  engine = realEngine(clusters);
  plainEngine = realEngine(clusters, { exactlyOnce: false });
  for (const { cluster } of [source, target]) {
    const spec = { partitions: 2, replicationFactor: 1, configs: {} };
    const stamped = cluster.role === "source" ? { "message.timestamp.type": "LogAppendTime" } : {};
    await cluster.createTopics([
      { ...spec, name: topic },
      { ...spec, name: plainTopic, configs: stamped },
    ]);
  }
  work = realWork();
  const { plan } = createSampleMigration();
  await work.store.write(planKey(name), { ...plan, migration: name, waves: [wave, plainWave] });
  await turnAround(wave, engine);
  await turnAround(plainWave, plainEngine);
}, 120_000);

afterAll(async () => {
  await engine.remove(reverse);
  await plainEngine.remove(`ferry-${name}-plain-reverse`);
  for (const side of [source, target]) {
    const own = (await side.cluster.listTopics()).filter((each) => each.name.includes(name));
    await side.cluster.deleteTopics(own.map((each) => each.name));
    await side.close();
  }
});

it("is clean behind a mirror that writes, restarts and writes again", async () => {
  await writeAndWait(100);
  await watchStandby(work);
  expect(await readStandby(work, "billing")).toMatchObject({ state: "clean", records: 0 });
  await engine.stop(reverse);
  await engine.start(reverse);
  await writeAndWait(100);
  await watchStandby(work);
  expect(await readStandby(work, "billing")).toMatchObject({ state: "clean", records: 0 });
  expect(work.fake.posts).toEqual([]);
  const stored = Standby.parse((await work.store.read(standbyKey(name, "billing")))?.value);
  expect(stored.mirrorIds.length).toBeGreaterThan(0);
}, 60_000);

it("names a producer that ignores the switch at the next check", async () => {
  await source.append(topic, 1, [{ key: "stray", value: "plain" }]);
  await writeAndWait(50);
  const began = Date.now();
  await watchStandby(work);
  expect(Date.now() - began).toBeLessThan(checkMayTakeMs);
  expect(await readStandby(work, "billing")).toMatchObject({ state: "rogue", records: 1 });
  expect(shown()).toContain(`${topic}-1 (1 record`);
  expect(shown()).toContain("without idempotence");
  expect(shown()).toContain("in ferry.yaml: checkout");
  expect(shown()).not.toContain(`${topic}-0`);

  const stray = source.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await stray.connect();
  await stray.send({ topic, messages: [{ partition: 0, value: "idempotent" }] });
  await stray.disconnect();
  await watchStandby(work);
  expect(await readStandby(work, "billing")).toMatchObject({ state: "rogue", records: 2 });
  expect(shown()).toMatch(/producer id \d+/);
  expect(work.fake.posts).toHaveLength(1);
}, 60_000);

it("tells a stray from a mirror without exactly-once by content, on a topic that stamps its own times", async () => {
  await writeAndWait(200, plainWave);
  await watchStandby(work);
  expect(await readStandby(work, "plain")).toMatchObject({ state: "clean", records: 0 });
  await source.append(plainTopic, 1, [{ key: "stray", value: "plain" }]);
  await writeAndWait(50, plainWave);
  await watchStandby(work);
  expect(await readStandby(work, "plain")).toMatchObject({ state: "rogue", records: 1 });
  await writeAndWait(50, plainWave);
  await watchStandby(work);
  expect(await readStandby(work, "plain")).toMatchObject({ state: "rogue", records: 1 });
  expect(shown()).toContain(`${plainTopic}-1 (1 record`);
}, 60_000);

it("names a transaction that stays open, by its transactional id", async () => {
  const transactionalId = unique("checkout-tx");
  const stray = source.kafka.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await stray.connect();
  const transaction = await stray.transaction();
  await transaction.send({ topic, messages: [{ partition: 1, value: "open" }] });
  const open = await openOnes(source.cluster, [topic]);
  expect(open).toMatchObject({
    known: true,
    value: [
      expect.objectContaining({
        transactionalId: { known: true, value: transactionalId },
        state: "Ongoing",
        hanging: false,
        partitions: [expect.objectContaining({ topic, partition: 1 })],
      }),
    ],
  });
  await watchStandby(work);
  expect(shown()).toContain(`transactional id ${transactionalId}`);
  await transaction.abort();
  await stray.disconnect();
  await eventually("no transaction is open", async () => {
    const left = await openOnes(source.cluster, [topic]);
    return (left.known && left.value.length === 0) || undefined;
  });
}, 60_000);

it("names who still writes while silence is waited for", async () => {
  const id = unique("late");
  const stray = source.kafka.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 });
  await stray.connect();
  const stop = new AbortController();
  const writing = (async () => {
    while (!stop.signal.aborted) {
      const transaction = await stray.transaction();
      await transaction.send({ topic, messages: [{ partition: 0, value: "late" }] });
      await transaction.commit();
    }
  })();
  await expect(flatEnds(source.cluster, wave, work)).rejects.toMatchObject({
    code: "E_ROGUE_PRODUCER",
    message: expect.stringContaining(`transactional id ${id}`),
  });
  expect(JSON.stringify(work.card.threads)).toContain(`${topic}-0`);
  stop.abort();
  await writing;
  await stray.disconnect();
}, 60_000);

function shown(): string {
  return JSON.stringify(work.fake.posts.map(({ message }) => message));
}

/** Writes to both partitions of the target and waits until the mirror has brought it back. */
async function writeAndWait(count: number, { name: of, topics: [on = ""] } = wave): Promise<void> {
  for (const partition of [0, 1]) {
    await target.append(
      on,
      partition,
      Array.from({ length: count }, (_, index) => ({ key: `${index}`, value: `${Date.now()}-${index}` })),
    );
  }
  await eventually(
    "everything is brought back",
    async () => {
      const [copied, ends] = [
        await engine.copied(`ferry-${name}-${of}-reverse`),
        await target.cluster.offsets([on], "end"),
      ];
      return (
        (ends.get(on) ?? []).every((end, partition) => (copied.get(on)?.[partition] ?? -1) + 1 === end) ||
        undefined
      );
    },
    30_000,
  );
}

/** As cutting over the producers leaves it. */
async function turnAround(moved: typeof wave, mirrors: ReplicationEngine): Promise<void> {
  const [on = ""] = moved.topics;
  for (const side of [source, target]) await side.append(on, 0, [{ key: "before", value: "both" }]);
  const ends = async ({ cluster }: RealCluster) => Object.fromEntries(await cluster.offsets([on], "end"));
  const at = new Date().toISOString();
  const boundary = { source: await ends(source), target: await ends(target), at };
  const state = { phase: "producers-moved", boundary, changedAt: at };
  await work.store.write(waveKey(name, moved.name), state);
  const flow = `ferry-${name}-${moved.name}-reverse`;
  await mirrors.define({ name: flow, kind: "reverse", topics: [on], groups: [], tasks: 1 }, "stopped");
  await mirrors.seed(flow, new Map([[on, [0, undefined]]]));
  await mirrors.start(flow);
}

function realWork(): SmallWork {
  const small = createSmallWork();
  const { settings } = small.migration;
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
  });
  const exec = { driver: "exec", timeout: 1000, environment: {} } as const;
  const checkout = { name: "checkout", role: "producer" } as const;
  const cutover = { ...settings.cutover, flatFor: 1000, patience: 5000 };
  const migration = {
    name,
    settings: {
      ...settings,
      cutover,
      clients: [{ ...checkout, topics: [topic], switch: { ...exec, command: ["switch"] } }],
    },
  };
  return { ...createSmallWork({ migration }), clock: { ...small.clock, ...realClock }, world };
}
