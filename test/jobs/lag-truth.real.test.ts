import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import { forwardFlow } from "#domain/mirror/flow.ts";
import { flowName, planKey, type Wave } from "#domain/plan.ts";
import type { ReplicationEngine, World } from "#domain/ports.ts";
import { lag } from "#jobs/mirror/lag.ts";
import { lostRanges } from "#jobs/mirror/lost-ranges.ts";
import { type MigrationLag, readMigrationLag, sampleLag } from "#jobs/mirror/migration-lag.ts";
import { watchRetention } from "#jobs/mirror/retention-watch.ts";
import type { Work } from "#jobs/work.ts";
import { plaintext } from "#lab/apps/connection.ts";
import { readTopics } from "#lab/count/read-cluster.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { smallPlan } from "#support/small-plan.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/**
 * Lag against a count of records by somebody else: KafkaJS reads both clusters, and what is on the source and not on the
 * target is what is missing. A leader that moves is in lag-leader.real.test.ts: this lab's source is one broker.
 */

const name = unique("truth").toLowerCase();
const [live, tx, compact, short, again, idle, big] = [
  `${name}-live`,
  `${name}-tx`,
  `${name}-compact`,
  `${name}-short`,
  `${name}-again`,
  `${name}-idle`,
  `${name}-big`,
] as const;
const main: Wave = { name: "main", topics: [live, tx, compact, short, again, idle], groups: [], why: "test" };
const failing: Wave = { name: "failing", topics: [big], groups: [], why: "test" };
const mainFlow = flowName(name, main.name, "forward");
const failingFlow = flowName(name, failing.name, "forward");
/** More than is counted record by record otherwise. */
const counted = { offsets: 5_000, partitions: 100 };

let source: RealCluster;
let target: RealCluster;
let engine: ReplicationEngine;
let work: Work;
let said: () => string;
let written = 0;

beforeAll(async () => {
  const clusters = inject("clusters");
  source = await openRealCluster("source", plainAccess(clusters.source.bootstrap));
  target = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  engine = realEngine(clusters);
  const small = createSmallWork();
  said = () => JSON.stringify(small.card.shown.at(-1));
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
  });
  const charts = { ...small.charts, lag: async () => Buffer.from("") };
  work = { ...small, charts, clock: realClock, world, migration: { ...small.migration, name } };
  await work.store.write(planKey(name), smallPlan(name, [main, failing]));
  for (const side of [source, target]) await side.cluster.createTopics(specs());
  await target.cluster.alterTopicConfigs([{ topic: big, name: "max.message.bytes", value: "2000" }]);
});

afterAll(async () => {
  for (const flow of await engine.list(`ferry-${name}-`)) await engine.remove(flow.name);
  for (const side of [source, target]) {
    const own = (await side.cluster.listTopics()).filter((topic) => topic.name.includes(name));
    await side.cluster.deleteTopics(own.map((topic) => topic.name));
    await side.close();
  }
});

describe("lag", () => {
  it("is zero when every record is on the target", async () => {
    for (const [topic, count] of [
      [live, 100],
      [tx, 20],
      [compact, 30],
      [short, 100],
      [again, 50],
    ] as const) {
      await source.append(topic, 0, drafts(count));
    }
    await source.append(big, 0, [{ key: "big", value: randomBytes(5_000).toString("base64") }]);
    // It fails by itself while the other one copies.
    const failed = engine.define(forwardFlow(name, failing, 1), "running").catch(() => undefined);
    await engine.define(forwardFlow(name, main, 6), "running");
    const reading = await untilCaughtUp();
    await sampleLag(work);
    await failed;
    expect(await missing([live, tx, compact, short, again, idle])).toEqual(new Map());
    expect(sumLags(lagsOf(reading, "main"))).toMatchObject({ records: 0, findings: [], partitions: 6 });
  });

  it("is the count of records, whatever markers, aborted records and compaction do to offsets", async () => {
    await engine.stop(mainFlow);
    await compactedTail();
    await (await source.transaction(tx, 0, drafts(7)))("commit");
    await (await source.transaction(tx, 0, drafts(5)))("abort");
    await source.append(tx, 0, drafts(3));
    await (await source.transaction(tx, 0, drafts(4)))("commit");
    await source.append(live, 0, drafts(25));
    await eventually(
      "the log is compacted",
      async () => ((await gaps(compact)) > 0 ? true : undefined),
      40_000,
    );
    const reading = await readMigrationLag(work, counted);
    const truth = await missing([live, tx, compact, idle]);
    expect(truth).toEqual(
      new Map([
        [live, 25],
        [tx, 14],
        [compact, truth.get(compact)],
      ]),
    );
    for (const topic of [live, tx, compact]) {
      expect(lagOf(reading, topic)).toMatchObject({ state: "behind", records: truth.get(topic) });
    }
    // Offsets are more than records here, or the count would prove nothing.
    const ends = await source.cluster.offsets([tx, compact], "end");
    expect((ends.get(tx)?.[0] ?? 0) - 20).toBeGreaterThan(14);
    expect((ends.get(compact)?.[0] ?? 0) - 30).toBeGreaterThan(truth.get(compact) ?? 0);
    expect(lagOf(reading, idle)).toMatchObject({ state: "in-step", records: 0 });
  });

  it("names a task that failed, and counts what it did not copy", async () => {
    await eventually(
      "the task has failed",
      async () => (await engine.status(failingFlow)).state === "failed" || undefined,
      60_000,
    );
    const reading = await readMigrationLag(work, counted);
    const failed = reading.waves.find(({ wave }) => wave.name === "failing");
    expect(failed?.flow.state).toBe("failed");
    expect(failed?.eta).toMatchObject({ state: "not-catching-up" });
    const truth = await missing([big]);
    expect(sumLags(failed?.lags ?? []).records).toBe(truth.get(big));
    await lag({ name: "lag", migration: name, by: "UANA" }, work);
    expect(said()).toContain("wave failing: 1 of 1 tasks failed (task 0)");
    expect(said()).toMatch(/RecordTooLarge/);
    expect(said()).toContain("CreateTime");
  });

  it("names what an open transaction holds up, and counts it until it is decided", async () => {
    const finish = await source.transaction(tx, 0, drafts(6));
    const held = lagOf(await readMigrationLag(work, counted), tx);
    expect(held?.why).toContain("a transaction is open since offset");
    await finish("abort");
    expect(lagOf(await readMigrationLag(work, counted), tx)).toMatchObject({ records: 14 });
    expect((await missing([tx])).get(tx)).toBe(14);
  });

  it("never lies below what was acknowledged, while producers run", async () => {
    let acknowledged = 25;
    const over = new AbortController();
    const producing = (async () => {
      while (!over.signal.aborted) {
        await source.append(live, 0, drafts(10));
        acknowledged += 10;
      }
    })();
    for (let look = 0; look < 5; look += 1) {
      const before = acknowledged;
      const shown = lagOf(await readMigrationLag(work, counted), live)?.records ?? Number.NaN;
      // What is on its way when the look ends is not acknowledged yet.
      expect(shown).toBeGreaterThanOrEqual(before);
      expect(shown).toBeLessThanOrEqual(acknowledged + 10);
    }
    over.abort();
    await producing;
    const reading = await readMigrationLag(work, counted);
    expect(lagOf(reading, live)?.records).toBe((await missing([live])).get(live));
  });

  it("says a lost race before it is lost, and keeps what retention took, also when the mirror has gone on", async () => {
    await source.append(short, 0, drafts(30));
    await source.cluster.alterTopicConfigs([{ topic: short, name: "retention.ms", value: "600000" }]);
    const early = await watchRetention(await sampleLag(work), work);
    expect(early.races.atRisk).toEqual([]);
    expect(early.each.find(({ topic }) => topic === short)).toMatchObject({
      state: "safe",
      by: "time",
      limit: 600_000,
    });
    await source.cluster.alterTopicConfigs([{ topic: short, name: "retention.ms", value: "2000" }]);
    await eventually("the alarm", async () => {
      const { alarms } = await watchRetention(await sampleLag(work), work);
      return alarms.some(({ key }) => key === `retention-race:${mainFlow}`) || undefined;
    });
    // Nothing has expired so far.
    expect((await source.cluster.offsets([short], "start")).get(short)).toEqual([0]);
    await source.deleteBefore(short, 0, 110);
    const reading = await sampleLag(work);
    expect(lagOf(reading, short)).toMatchObject({ state: "truncated", lost: 10, records: 20 });
    expect((await missing([short])).get(short)).toBe(20);
    await watchRetention(reading, work);
    expect(await lostRanges(work)).toMatchObject([{ topic: short, partition: 0, from: 100, until: 110 }]);
  });

  it("knows a topic that was deleted, and one that was created anew beyond its old end", async () => {
    await source.cluster.deleteTopics([again]);
    expect(lagOf(await readMigrationLag(work, counted), again)).toMatchObject({
      state: "gone",
      records: null,
    });
    await source.cluster.createTopics(specs().filter((spec) => spec.name === again));
    await source.append(again, 0, drafts(80));
    const anew = lagOf(await readMigrationLag(work, counted), again);
    expect(anew).toMatchObject({ state: "recreated", records: null });
    expect(anew?.why).toContain("created anew under the mirror (topic id");
  });

  it("comes back to the truth when the mirror goes on, with its findings", async () => {
    await engine.start(mainFlow);
    const reading = await eventually(
      "all but the findings is copied",
      async () => {
        const now = await sampleLag(work);
        const left = lagsOf(now, "main").filter(({ state }) => state !== "in-step");
        return left.every(({ topic }) => topic === again) ? now : undefined;
      },
      60_000,
    );
    expect(await missing([live, tx, short, idle])).toEqual(new Map());
    expect(lagOf(reading, again)).toMatchObject({ state: "recreated" });
    await watchRetention(reading, work);
    expect(await lostRanges(work)).toMatchObject([{ topic: short, from: 100, until: 110 }]);
    await lag({ name: "lag", migration: name, by: "UANA" }, work);
    expect(said()).toContain(`${short}-0: offsets 100 to 109 (10 offsets) expired before they were copied`);
    await lag({ name: "lag", migration: name, by: "UANA", action: "acknowledge", subject: short }, work);
    expect((await watchRetention(reading, work)).losses).toEqual([]);
  });

  it("finds out what retention took while nobody looked and MirrorMaker silently went on behind it", async () => {
    await engine.stop(mainFlow);
    const [from = 0] = (await source.cluster.offsets([live], "end")).get(live) ?? [];
    await source.append(live, 0, drafts(40));
    expect((await missing([live])).get(live)).toBe(40);
    await watchRetention(await sampleLag(work), work);
    await source.deleteBefore(live, 0, from + 30);
    await engine.start(mainFlow);
    const isCopied = async () => (await engine.copied(mainFlow)).get(live)?.[0] === from + 39 || undefined;
    await eventually("the rest is copied", isCopied, 60_000);
    const { losses } = await watchRetention(await sampleLag(work), work);
    expect(losses).toMatchObject([{ topic: live, from, until: from + 30 }]);
  });
});

/** Ten keys again and again; a record of a second later lets the broker close the segment, however quick all this was. */
async function compactedTail(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await source.append(
      compact,
      0,
      drafts(50).map((draft, index) => ({ ...draft, key: `${index % 10}` })),
    );
  }
  await source.append(compact, 0, [
    { key: "last", value: "closes the segment", timestamp: Date.now() + 1000 },
  ]);
}

/** Offsets of a partition that hold no record. */
async function gaps(topic: string): Promise<number> {
  const held = await source.cluster.read({ topic, partition: 0 }, 0, { max: 1_000 });
  const [end] = (await source.cluster.offsets([topic], "end")).get(topic) ?? [];
  return (end ?? 0) - held.length;
}

/** Records that are on the source and not on the target, by topic, where there are any. */
async function missing(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const [from, to] = await Promise.all([
    readTopics(connection(source), topics),
    readTopics(connection(target), topics),
  ]);
  const counts = topics.map((topic) => {
    const copied = new Set((to.get(topic) ?? []).flat().map(({ digest }) => digest));
    const left = (from.get(topic) ?? []).flat().filter(({ digest }) => !copied.has(digest));
    return [topic, left.length] as const;
  });
  return new Map(counts.filter(([, count]) => count > 0));
}

function connection({ cluster }: RealCluster) {
  return { bootstrap: cluster.access.bootstrap, security: plaintext };
}

async function untilCaughtUp(): Promise<MigrationLag> {
  return await eventually(
    "everything is copied",
    async () => {
      const reading = await readMigrationLag(work, counted);
      return lagsOf(reading, "main").every(({ state }) => state === "in-step") ? reading : undefined;
    },
    60_000,
  );
}

function lagsOf(reading: MigrationLag, wave: string): readonly PartitionLag[] {
  return reading.waves.find((each) => each.wave.name === wave)?.lags ?? [];
}

function lagOf(reading: MigrationLag, topic: string): PartitionLag | undefined {
  return reading.waves.flatMap(({ lags }) => lags).find((each) => each.topic === topic);
}

/** No two are equal. */
function drafts(count: number): ReadonlyArray<{ key: string; value: string }> {
  return Array.from({ length: count }, () => {
    written += 1;
    return { key: `${written}`, value: `record ${written}` };
  });
}

function specs() {
  const quick = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
  };
  return [live, tx, compact, short, again, idle, big].map((topic) => ({
    name: topic,
    partitions: 1,
    replicationFactor: 1,
    configs: topic === compact ? quick : {},
  }));
}
