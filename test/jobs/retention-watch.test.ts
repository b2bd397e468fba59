import { beforeEach, describe, expect, it } from "vitest";
import { lag } from "#jobs/mirror/lag.ts";
import { readMigrationLag } from "#jobs/mirror/migration-lag.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { watchRetention } from "#jobs/mirror/retention-watch.ts";
import { mirrorFact } from "#jobs/switch/gate-facts.ts";
import { watch } from "#jobs/watch.ts";
import type { Work } from "#jobs/work.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const from = { migration: "orders", by: "UANA" } as const;
const minute = 60_000;
const hour = 60 * minute;
const flow = "ferry-orders-shipping-forward";
let mirror: MirrorWork;

/** What the watch does every 15 s. */
async function look(work: Work = mirror.work): Promise<void> {
  await watch({ name: "watch", ...from }, work);
}

async function ask(subject?: string, action?: "acknowledge", work: Work = mirror.work): Promise<void> {
  const asked = { ...(subject !== undefined && { subject }), ...(action !== undefined && { action }) };
  await lag({ name: "lag", ...from, ...asked }, work);
}

/** Lets the watch look every minute. */
async function pass(minutes: number): Promise<void> {
  for (let index = 0; index < minutes; index += 1) {
    await mirror.small.clock.advance(minute);
    await look();
  }
}

const posts = () => mirror.small.fake.posts;
const alarms = (text: string) => posts().filter(({ message }) => JSON.stringify(message).includes(text));

describe("the race against retention", () => {
  beforeEach(async () => {
    mirror = await createMirrorWork();
    mirror.source.appendMany("parcels", 0, 10);
    await replicate({ name: "replicate", ...from, action: "start" }, mirror.work);
    await look();
    mirror.source.setConfig("parcels", "retention.ms", `${2 * hour}`);
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 50);
  });

  it("is said before the first record expires, once, with both remedies, and clears when it is won", async () => {
    await pass(30);
    expect(alarms("retention race")).toHaveLength(0);
    await pass(35);
    const [alarm] = alarms("retention race");
    expect(alarms("retention race")).toHaveLength(1);
    expect(alarm?.message).toMatchObject({ tone: "alarm" });
    const text = JSON.stringify(alarm?.message);
    expect(text).toContain("parcels-0 may lose records from");
    expect(text).toContain(
      "kafka-configs.sh --bootstrap-server source.test:9092 --alter --entity-type topics --entity-name parcels",
    );
    expect(text).toContain("tasks.max");
    // The truth: nothing has expired yet, there is still an hour.
    await ask();
    expect(mirror.said()).toContain("RETENTION RACE: parcels-0");
    mirror.engine.hold(false);
    await pass(1);
    expect(alarms("retention race").map(({ message }) => message.tone)).toEqual(["done"]);
  });

  it("stays said while the source does not answer", async () => {
    await pass(70);
    mirror.source.fail("offsets", new Error("boom"), 1);
    mirror.source.fail("listTopics", new Error("boom"));
    await pass(1);
    expect(alarms("retention race").map(({ message }) => message.tone)).toEqual(["alarm"]);
    mirror.source.heal();
    mirror.source.setConfig("parcels", "retention.ms", "604800000");
    await pass(1);
    expect(alarms("retention race").map(({ message }) => message.tone)).toEqual(["done"]);
  });

  it("is won or lost by size as well", async () => {
    mirror.source.setConfig("parcels", "retention.ms", "-1");
    mirror.source.setConfig("parcels", "retention.bytes", "3000");
    for (let index = 0; index < 6; index += 1) {
      mirror.source.appendMany("parcels", 0, 20);
      await pass(1);
    }
    expect(alarms("retention race")).toHaveLength(1);
    expect(JSON.stringify(alarms("retention race")[0]?.message)).toContain("retention.bytes=3000");
  });

  it.each([
    ["is absent", "parcels", "retention.ms", undefined],
    ["is not told", "parcels", "retention.ms", null],
    ["is no number", "parcels", "retention.ms", "soon"],
    ["by size is absent", "parcels", "retention.bytes", undefined],
  ] as const)("is not known where a limit %s", async (_, topic, key, value) => {
    const { source } = mirror.work.world;
    const topicConfigs: typeof source.topicConfigs = async (names) => {
      const told = await source.topicConfigs(names);
      const others = (told.get(topic) ?? []).filter(({ name }) => name !== key);
      const entry = value === undefined ? [] : [{ name: key, value, origin: "topic" as const }];
      return new Map([...told, [topic, [...others, ...entry]]]);
    };
    const work = withWorld(mirror.work, { source: { ...source, topicConfigs } });
    const { each, races } = await watchRetention(await readMigrationLag(work), work);
    expect(each.map(({ state, why }) => [state, why])).toEqual([
      ["unknown", expect.stringContaining(`its ${key} is not known`)],
    ]);
    expect(races).toMatchObject({ unknown: 1, atRisk: [] });
  });

  it("leaves a finding with the range when it was lost, until it is acknowledged", async () => {
    mirror.source.deleteBefore("parcels", 0, 30);
    await look();
    const lost = "parcels-0: offsets 10 to 29 (20 offsets) expired before they were copied";
    expect(alarms(lost)).toHaveLength(1);
    // The mirror goes on behind the hole, and another process of the bot looks: the hole stays.
    mirror.engine.hold(false);
    await pass(2);
    const other: Work = { ...mirror.work, jobId: "job-of-another-process" };
    await look(other);
    await ask(undefined, undefined, other);
    expect(mirror.said()).toContain(lost);
    expect(alarms(lost).map(({ message }) => message.tone)).toEqual(["alarm"]);
    await ask("parcels", "acknowledge");
    await look();
    expect(alarms(lost).map(({ message }) => message.tone)).toEqual(["done"]);
    await ask();
    expect(mirror.said()).not.toContain("expired before");
    const trail = await mirror.work.store.auditTrail("orders");
    expect(trail.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["records.lost", "loss.acknowledged"]),
    );
  });

  it("sees what expired of a partition that was never copied, too", async () => {
    mirror.source.appendMany("parcels", 2, 20);
    await look();
    mirror.source.deleteBefore("parcels", 2, 12);
    await look();
    expect(alarms("parcels-2: offsets 0 to 11 (12 offsets) expired before they were copied")).toHaveLength(1);
  });

  it("forgets a hole when the topic is copied anew", async () => {
    mirror.source.deleteBefore("parcels", 0, 30);
    await look();
    await mirror.engine.remove(flow);
    await look();
    expect((await watchRetention(await readMigrationLag(mirror.work), mirror.work)).losses).toEqual([]);
  });
});

describe("what expires between two looks, so that a mirror goes on behind it silently", () => {
  let written = 0;

  /** No two are equal. */
  function write(partition: number, count: number, transaction?: string): void {
    for (let index = 0; index < count; index += 1) {
      written += 1;
      mirror.source.append("parcels", partition, { value: `${written}` }, transaction);
    }
  }

  beforeEach(async () => {
    mirror = await createMirrorWork();
    write(0, 10);
    await replicate({ name: "replicate", ...from, action: "start" }, mirror.work);
    mirror.engine.hold(true);
    write(0, 50);
    await look();
  });

  it("is found out by what waited at the look before, which has no copy", async () => {
    mirror.source.deleteBefore("parcels", 0, 30);
    await copy();
    await look();
    const lost = "parcels-0: offsets 10 to 29 (20 offsets) expired before they were copied";
    expect(alarms(lost)).toHaveLength(1);
    await pass(2);
    expect(alarms(lost).map(({ message }) => message.tone)).toEqual(["alarm"]);
    await ask();
    expect(mirror.said()).toContain(lost);
  });

  it("keeps a gate closed until somebody has acknowledged it", async () => {
    const shipping = { name: "shipping", topics: ["parcels"], groups: [], why: "test" };
    await copy();
    expect(await mirrorFact(shipping, mirror.work)).toMatchObject({ state: "pass" });
    write(0, 20);
    await look();
    mirror.source.deleteBefore("parcels", 0, 75);
    await copy();
    await look();
    const closed = await mirrorFact(shipping, mirror.work);
    expect(closed).toMatchObject({ state: "fail", pinned: "fail" });
    expect(closed.text).toContain("lag 0 on 3 partitions; parcels-0: offsets 60 to 74 (15 offsets) expired");
    await ask("parcels", "acknowledge");
    expect(await mirrorFact(shipping, mirror.work)).toMatchObject({ state: "pass" });
  });

  it("is counted by the copies since: what is not among them was lost", async () => {
    await copy();
    write(0, 40);
    mirror.source.deleteBefore("parcels", 0, 80);
    await copy();
    await look();
    expect(alarms("parcels-0: offsets 60 to 79 (20 offsets) expired")).toHaveLength(1);
  });

  it("is also found when nothing is left of the log", async () => {
    mirror.source.deleteBefore("parcels", 0, 60);
    write(0, 1);
    await copy();
    mirror.source.deleteBefore("parcels", 0, 61);
    await look();
    expect(alarms("parcels-0: offsets 10 to 60 (51 offsets) expired")).toHaveLength(1);
  });

  it("is nothing where all of it was copied, of transactions as well, or where the copies expired, too", async () => {
    await copy();
    mirror.source.deleteBefore("parcels", 0, 60);
    for (const name of ["a", "b", "c"]) {
      write(1, 1, name);
      mirror.source.endTransaction(name, "commit");
    }
    write(2, 9);
    await look();
    await copy();
    mirror.source.deleteBefore("parcels", 1, 4);
    mirror.source.deleteBefore("parcels", 2, 5);
    mirror.target.deleteBefore("parcels", 2, 5);
    await pass(2);
    expect(alarms("expired before")).toHaveLength(0);
  });

  it("is not told by offsets that large transactions leave unused, though no marker is among those that are left", async () => {
    write(1, 4, "a");
    mirror.source.endTransaction("a", "commit");
    write(1, 4, "b");
    mirror.source.endTransaction("b", "commit");
    write(1, 300, "c");
    mirror.source.endTransaction("c", "commit");
    await look();
    await copy();
    mirror.source.deleteBefore("parcels", 1, 20);
    await look();
    expect(alarms("expired before")).toHaveLength(0);
  });

  it("is told by what waits of everything, whatever topic somebody asks for meanwhile", async () => {
    await ask("invoices");
    mirror.source.deleteBefore("parcels", 0, 30);
    await copy();
    await look();
    expect(alarms("offsets 10 to 29")).toHaveLength(1);
  });
});

/** The mirror copies what there is, and nobody looks. */
async function copy(): Promise<void> {
  mirror.engine.hold(false);
  await mirror.engine.status(flow);
  mirror.engine.hold(true);
}
