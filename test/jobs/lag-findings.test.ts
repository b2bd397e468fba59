import { beforeEach, describe, expect, it } from "vitest";
import { withinLimits } from "#adapters/slack/block-limits.ts";
import { render } from "#commands/blocks.ts";
import { sumLags } from "#domain/lag/lag.ts";
import type { Message } from "#domain/message.ts";
import { planKey } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { lag } from "#jobs/mirror/lag.ts";
import { readMigrationLag, sampleLag } from "#jobs/mirror/migration-lag.ts";
import { profileRates, quietEffect } from "#jobs/mirror/rate-profile.ts";
import { readingsOf } from "#jobs/mirror/readings.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { watchRetention } from "#jobs/mirror/retention-watch.ts";
import { status } from "#jobs/status.ts";
import { watch } from "#jobs/watch.ts";
import type { Work } from "#jobs/work.ts";
import { checkBlocks } from "#lab/slack/block-rules.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const from = { migration: "orders", by: "UANA" } as const;
const flow = "ferry-orders-shipping-forward";
let mirror: MirrorWork;

beforeEach(async () => {
  mirror = await createMirrorWork();
  mirror.source.appendMany("parcels", 0, 10);
  await replicate({ name: "replicate", ...from, action: "start" }, mirror.work);
  await look();
});

/** What the watch does every 15 s. */
async function look(work: Work = mirror.work): Promise<void> {
  await watch({ name: "watch", ...from }, work);
}

async function ask(
  subject?: string,
  action?: "evidence" | "acknowledge",
  work: Work = mirror.work,
): Promise<void> {
  const asked = { ...(subject !== undefined && { subject }), ...(action !== undefined && { action }) };
  await lag({ name: "lag", ...from, ...asked }, work);
}

async function parcels(partition: number, work: Work = mirror.work) {
  const { waves } = await readMigrationLag(work);
  return waves
    .flatMap(({ lags }) => lags)
    .find((each) => each.topic === "parcels" && each.partition === partition);
}

describe("a topic that is another one now", () => {
  it("is known by its id, also when it has grown beyond what was copied", async () => {
    mirror.engine.hold(true);
    mirror.source.addTopic("parcels", { partitions: 3 });
    mirror.source.appendMany("parcels", 0, 40);
    expect(await parcels(0)).toMatchObject({ state: "recreated", records: null });
    await ask();
    expect(mirror.said()).toContain("created anew under the mirror (topic id");
    expect(mirror.said()).not.toContain("Caught up");
    // The finding outlives the mirror's going on, and ends when somebody has seen to it.
    mirror.engine.hold(false);
    expect(await parcels(0)).toMatchObject({ state: "recreated" });
    await ask("parcels", "acknowledge");
    expect(mirror.said()).toContain("Acknowledged for parcels: that it was created anew");
    expect(await parcels(0)).toMatchObject({ state: "in-step", records: 0 });
  });

  it("is known by a start that fell, or an end before what was copied, where brokers tell no ids", async () => {
    const work = withoutIds(mirror.work);
    mirror.source.deleteBefore("parcels", 0, 4);
    await look(work);
    mirror.engine.hold(true);
    mirror.source.addTopic("parcels", { partitions: 3 });
    mirror.source.appendMany("parcels", 0, 40);
    expect((await parcels(0, work))?.why).toContain("parcels-0 begins at 0, it began at 4");
    await ask("parcels", "acknowledge", work);
    mirror.source.addTopic("parcels", { partitions: 3 });
    expect((await parcels(0, work))?.why).toContain("copied up to 9, but parcels-0 ends at 0");
  });

  it("is gone when it was deleted, and the others of the wave stay known", async () => {
    mirror.source.appendMany("payments", 0, 3);
    mirror.engine.hold(true);
    await mirror.source.cluster.deleteTopics(["invoices"]);
    const billing = (await readMigrationLag(mirror.work)).waves.find(({ wave }) => wave.name === "billing");
    expect(billing?.failure).toBeUndefined();
    const states = billing?.lags.map(({ topic, state, records }) => `${topic} ${state} ${records}`);
    expect(states).toEqual(["invoices gone null", "payments never-copied 3"]);
    await ask();
    expect(mirror.said()).toContain("invoices-0: the topic was deleted under the mirror");
  });
});

describe("a partition without a leader", () => {
  it("is incomplete, and says why, and has its number again with its next leader", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 7);
    mirror.source.setLeader({ topic: "parcels", partition: 0 }, -1);
    const away = await parcels(0);
    expect(away).toMatchObject({ state: "incomplete", records: null });
    expect(away?.why).toContain("no leader");
    expect((await sampleLag(mirror.work)).point.behind).toBeNull();
    mirror.source.setLeader({ topic: "parcels", partition: 0 }, 2);
    expect(await parcels(0)).toMatchObject({ state: "behind", records: 7, counted: true });
  });
});

describe("a task that failed", () => {
  it("is named with its cause, and what it left behind is counted", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 1, 4);
    mirror.engine.failTask(
      flow,
      "ConnectException: Unrecoverable exception\n\tat X\nCaused by: RecordTooLargeException: 2000",
    );
    await ask();
    expect(mirror.said()).toContain(
      "1 of 1 tasks failed (task 0): ConnectException: Unrecoverable exception; RecordTooLargeException: 2000",
    );
    expect(mirror.said()).toContain("Behind by 4 records");
    expect(mirror.said()).toContain("It is not catching up");
  });
});

describe("lag in time", () => {
  it("is the age of the next record to copy, with whose clock it is", async () => {
    mirror.engine.hold(true);
    mirror.source.append("parcels", 0, { value: "old", timestamp: mirror.small.clock.now() - 90_000 });
    mirror.source.append("parcels", 0, { value: "new" });
    mirror.source.append("invoices", 1, { value: "newer", timestamp: mirror.small.clock.now() - 5_000 });
    await ask();
    expect(mirror.said()).toContain("the oldest waiting record is 90 s old (CreateTime), on parcels-0");
    mirror.source.setConfig("parcels", "message.timestamp.type", "LogAppendTime");
    await ask("parcels");
    expect(mirror.said()).toContain("The oldest waiting record is 90 s old (LogAppendTime), on parcels-0");
  });

  it("is unknown where the record cannot be read, and says on how many", async () => {
    mirror.engine.hold(true);
    mirror.source.append("parcels", 0, { value: "open" }, "tx");
    await ask();
    expect(mirror.said()).toContain("the age of what waits is not known on 1 partition");
    expect(mirror.said()).toContain("a transaction is open since offset 10");
  });

  it("reads a bounded number of records, whatever waits", async () => {
    mirror.engine.hold(true);
    mirror.source.addPartitions("parcels", 300);
    for (let partition = 0; partition < 300; partition += 1)
      mirror.source.appendMany("parcels", partition, 200);
    const reading = await readMigrationLag(mirror.work);
    mirror.source.calls.length = 0;
    const { time } = await watchRetention(reading, mirror.work);
    expect(mirror.source.calls.filter((call) => call === "read")).toHaveLength(64);
    expect(time).toMatchObject({ unread: 236 });
    // Those that were not read come next.
    const next = await watchRetention(reading, mirror.work);
    const read = [...time.known, ...next.time.known].map(({ partition }) => partition);
    expect(new Set(read).size).toBe(96);
  });
});

describe("groups that read on MSK", () => {
  it("have their lag there, whole or said to be incomplete", async () => {
    mirror.source.appendMany("invoices", 0, 9);
    mirror.source.appendMany("invoices", 1, 2);
    await readMigrationLag(mirror.work);
    await mirror.work.store.write("wave:orders:billing", {
      phase: "consumers-moved",
      changedAt: "2026-11-22T14:00:00Z",
    });
    mirror.target.commitAs("billing-app", new Map([["invoices", [4, 2]]]));
    await ask();
    expect(mirror.said()).toContain("billing-app: 5, most on invoices-0 (5)");
    await look();
    expect(await groupReading()).toEqual({ "billing-app": 5 });
    mirror.target.commitAs("billing-app", new Map([["invoices", [4, undefined]]]));
    mirror.target.deleteGroup("billing-app");
    mirror.target.commitAs("billing-app", new Map([["invoices", [4, undefined]]]));
    await ask();
    expect(mirror.said()).toContain("billing-app: at least 5");
    await look();
    expect(await groupReading()).toEqual({ "billing-app": null });
  });
});

describe("the evidence of being caught up", () => {
  it("shows offsets and digests of last records of both sides, and all of them in a file", async () => {
    const files: string[] = [];
    const work: Work = {
      ...atOnce(mirror.work),
      card: {
        ...mirror.work.card,
        file: async ({ content }) => {
          files.push(content.toString());
          return "F9";
        },
      },
    };
    await ask("shipping", "evidence", work);
    expect(mirror.said()).toContain("Wave shipping: caught up, read at");
    expect(mirror.said()).toContain("tasks running 1 of 1");
    const [evidence] = JSON.parse(files[0] ?? "[]");
    expect(evidence).toMatchObject({ wave: "shipping", caughtUp: true, flow });
    expect(evidence.partitions[0]).toMatchObject({
      topic: "parcels",
      partition: 0,
      copied: 9,
      endBefore: 10,
      end: 10,
      stable: 10,
      originLast: { offset: 9 },
      destinationLast: { offset: 9 },
      equal: true,
    });
    expect(evidence.partitions[0].originLast.sha256).toBe(evidence.partitions[0].destinationLast.sha256);
    mirror.target.append("parcels", 0, { value: "somebody else" });
    await ask("shipping", "evidence", work);
    expect(mirror.said()).toContain("Wave shipping: NOT caught up");
    expect(mirror.said()).toContain("last records of parcels-0 differ");
    expect(JSON.parse(files[1] ?? "[]")[0].partitions[0]).toMatchObject({ equal: false });
  });

  it("keeps to Slack's limits with 5,000 topics in 50 waves: each partition is in the file", async () => {
    const { store } = mirror.work;
    const plan = (await store.read(planKey("orders")))?.value;
    const waves = Array.from({ length: 50 }, (_, wave) => ({
      name: `wave-${wave}`,
      topics: Array.from({ length: 100 }, (_, topic) => `topic-of-a-longer-name-${wave}-${topic}`),
      groups: [],
      why: "test",
    }));
    for (const { topics } of waves)
      for (const topic of topics) mirror.source.addTopic(topic, { partitions: 1 });
    for (const topic of waves[7]?.topics ?? []) mirror.source.appendMany(topic, 0, 2);
    await store.write(planKey("orders"), { ...Object(plan), waves });
    const files: Buffer[] = [];
    const file = async ({ content }: { content: Buffer }) => `F${files.push(content)}`;
    const finished: Message[] = [];
    const finish = async (message: Message) => void finished.push(message);
    const card = { ...mirror.work.card, file, finish };
    await ask(undefined, "evidence", { ...atOnce(mirror.work), card });
    const [message] = finished;
    if (message === undefined) throw new Error("nothing was said");
    const { blocks, problems } = withinLimits(render(message));
    expect(problems).toEqual([]);
    expect(checkBlocks([...blocks], () => true)).toHaveLength(blocks.length);
    expect(JSON.stringify(blocks)).toContain("… 44 more waves, ");
    const told: ReadonlyArray<{ wave: string; partitions?: unknown[] }> = JSON.parse(
      files[0]?.toString() ?? "[]",
    );
    expect(told.map(({ wave }) => wave)).toEqual(waves.map(({ name }) => name));
    expect(told.flatMap(({ partitions = [] }) => partitions)).toHaveLength(5000);
  });

  it("says of each wave what was missing", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 1, 3);
    await ask(undefined, "evidence", atOnce(mirror.work));
    expect(mirror.said()).toContain("Wave billing: caught up");
    expect(mirror.said()).toContain("Wave shipping: NOT caught up");
    expect(mirror.said()).toContain("parcels-1: no record of it was copied yet");
    await expect(ask("shiping", "evidence", atOnce(mirror.work))).rejects.toMatchObject({
      code: "E_UNKNOWN_WAVE",
    });
  });
});

describe("what is kept", () => {
  it("is bounded, whatever time is watched", async () => {
    for (let index = 0; index < 60; index += 1) {
      await mirror.small.clock.advance(15_000);
      await sampleLag(mirror.work);
    }
    expect(await mirror.work.store.list(`lag-samples:${flow}`)).toHaveLength(40);
    expect(sumLags((await readMigrationLag(mirror.work)).waves.flatMap(({ lags }) => lags)).records).toBe(0);
  });
});

describe("the quietest hour", () => {
  it("is learnt by the watch, and said in status and in a request", async () => {
    const { clock } = mirror.small;
    const quietest = async () => (await quietEffect("shipping", mirror.work)).value;
    expect(await quietest()).toContain("not known yet");
    for (let index = 0; index < 2 * 25; index += 1) {
      const isNight = new Date(clock.now()).getUTCHours() === 3;
      mirror.source.appendMany("parcels", 0, isNight ? 1 : 20);
      await clock.advance(30 * 60_000);
      await profileRates(await readMigrationLag(mirror.work), mirror.work);
    }
    expect(await quietest()).toMatch(/^03:\d\d to 04:\d\d UTC, next on/);
    await status({ name: "status", ...from }, mirror.work);
    expect(mirror.said()).toMatch(/Quietest hour: 03:\d\d to 04:\d\d UTC/);
  });
});

/** What Prometheus is told of the groups of wave billing. */
async function groupReading() {
  const { lag: known } = await readingsOf("orders", { store: mirror.work.store, clock: mirror.work.clock });
  return known?.waves.find((each) => each.wave === "billing")?.groups;
}

/** Ends need not stand still for any time. */
function atOnce(work: Work): Work {
  const { settings } = work.migration;
  const cutover = { ...settings.cutover, flatFor: 0 };
  return { ...work, migration: { ...work.migration, settings: { ...settings, cutover } } };
}

/** As a broker before 2.8 answers. */
function withoutIds(work: Work): Work {
  const { source } = work.world;
  const plain: KafkaCluster = {
    ...source,
    listTopics: async () => (await source.listTopics()).map(({ id: _id, ...topic }) => topic),
  };
  const world = Object.create(work.world, { source: { value: plain } });
  return { ...work, world };
}
