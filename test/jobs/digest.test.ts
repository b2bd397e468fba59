import { beforeEach, describe, expect, it } from "vitest";
import { withinLimits } from "#adapters/slack/block-limits.ts";
import { render } from "#commands/blocks.ts";
import type { Message } from "#domain/message.ts";
import { planKey } from "#domain/plan.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { type Known, known, type PartitionTable, unknown } from "#domain/topology.ts";
import { clearAlarm, raiseAlarm } from "#jobs/mirror/alarm-message.ts";
import { createDigest } from "#jobs/mirror/digest.ts";
import { digestOnChange } from "#jobs/mirror/digest-on-change.ts";
import { lag } from "#jobs/mirror/lag.ts";
import { readMigrationLag, sampleLag } from "#jobs/mirror/migration-lag.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { scheduleDigest } from "#jobs/mirror/schedule-digest.ts";
import { measureRecords } from "#jobs/mirror/throughput.ts";
import { watch } from "#jobs/watch.ts";
import type { Work } from "#jobs/work.ts";
import { checkBlocks } from "#lab/slack/block-rules.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const from = { migration: "orders", by: "UANA" } as const;
const minute = 60_000;
let mirror: MirrorWork;

beforeEach(async () => {
  mirror = await createMirrorWork();
  mirror.source.appendMany("parcels", 0, 10);
  await replicate({ name: "replicate", ...from, action: "start" }, mirror.work);
});

async function digest(by = "schedule", waiting: readonly string[] = [], work: Work = mirror.work) {
  const before = mirror.small.card.shown.length;
  await createDigest(async () => waiting)({ name: "digest", migration: "orders", by }, work);
  return mirror.small.card.shown.slice(before).at(-1);
}

/** What BullMQ hands over for this time of a schedule. */
function slot(at: number): Work {
  return { ...mirror.work, jobId: `repeat:digest:orders:${at}` };
}

function withDigest(digest: object): Work {
  const { migration } = mirror.work;
  const settings = MigrationSettings.parse({
    ...migration.settings,
    audit: {},
    approvals: {},
    replication: { connect: { url: "http://connect:8083" } },
    cleanup: {},
    assess: {},
    cutover: {},
    alarms: {},
    digest: { cron: "0 * * * *", ...digest },
  });
  return { ...mirror.work, migration: { ...migration, settings } };
}

const texts = (message: Message | undefined, kind: "text" | "note") =>
  (message?.parts ?? []).flatMap((part) => (part.kind === kind ? [part.text] : []));

async function refuseSizes(): Promise<Known<PartitionTable<number>>> {
  return unknown("MSK Serverless refuses it");
}

/** A record, where there are 50. */
async function oneMegabyteEach(names: readonly string[]): Promise<Known<PartitionTable<number>>> {
  return known(new Map(names.map((name) => [name, [50_000_000, 1, 1]])));
}

describe("a digest", () => {
  it("lets what has changed since the last one stand out, and makes small what it told before", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 1, 3);
    const first = await digest();
    expect(JSON.stringify(first)).toContain("parcels-1: no record of it was copied yet");
    expect(texts(first, "text").some((text) => text.startsWith("Since"))).toBe(false);
    mirror.source.appendMany("payments", 0, 5_000);
    await mirror.small.clock.advance(60 * minute);
    const second = await digest("schedule", ["wave billing for one more ✅ (request 7K3Q, 40 min left)"]);
    const since = texts(second, "text").find((text) => text.startsWith("Since the digest of 14:10:"));
    expect(since).toContain("• *new* payments-0: no record of it was copied yet");
    expect(since).toContain("• *billing: 5,000 behind* (before: none)");
    expect(texts(second, "text")).toContain(
      "Waiting: *new* wave billing for one more ✅ (request 7K3Q, 40 min left)",
    );
    expect(since).not.toContain("parcels-1");
    expect(texts(second, "note").join()).toContain("As before: parcels-1: no record of it was copied yet");
    mirror.engine.hold(false);
    await mirror.small.clock.advance(60 * minute);
    const third = await digest();
    expect(texts(third, "text").join()).toContain("over: payments-0: no record");
    expect(texts(third, "text").join()).toContain("*billing caught up* (before: 5,000 behind)");
    expect(texts(third, "text").join()).toContain(
      "waits no more: wave billing for one more ✅ (request 7K3Q)",
    );
  });

  it("takes the minutes that a request has left for no news", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 3);
    await digest("schedule", ["wave billing for one more ✅ (request 7K3Q, 40 min left)"]);
    const second = await digest("schedule", ["wave billing for one more ✅ (request 7K3Q, 10 min left)"]);
    expect(texts(second, "text").join()).not.toContain("Since");
  });

  it("names tasks, retention and disks, and says of disks that are not known why", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 3);
    const shown = await digest();
    const facts = shown?.parts.find(({ kind }) => kind === "facts");
    expect(facts).toMatchObject({
      rows: expect.arrayContaining([
        { label: "Tasks", value: "2 of 2 run" },
        { label: "MSK's disks", value: expect.stringMatching(/^unknown: /) },
        { label: "Retention", value: expect.any(String) },
      ]),
    });
  });

  it("has what AWS reports of a Replicator beside the bot's own numbers", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 3);
    const note = "AWS's own numbers: MessageLag 3 records, ReplicationLatency 40 ms";
    const status = async (name: string) => ({ ...(await mirror.engine.status(name)), note });
    const engine = async () => ({ ...mirror.engine, status });
    expect(texts(await digest("schedule", [], withWorld(mirror.work, { engine })), "note").join()).toContain(
      note,
    );
  });

  it("tells throughput in bytes where rates and sizes are known, and not where one is not", async () => {
    const throughput = async (work = mirror.work) => {
      const facts = (await digest("schedule", [], work))?.parts.find(({ kind }) => kind === "facts");
      return facts?.kind === "facts" ? facts.rows.find(({ label }) => label === "Throughput") : undefined;
    };
    await sampleLag(mirror.work);
    await mirror.small.clock.advance(10_000);
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 40);
    await sampleLag(mirror.work);
    const { source } = mirror.work.world;
    // 50 records, four of which come a second.
    const logSizes = oneMegabyteEach;
    const sized = withWorld(mirror.work, { source: { ...source, logSizes } });
    expect((await throughput(sized))?.value).toBe("0 MB/s copied, 4.0 arriving, as on disk");
    const none = { ...source, logSizes: refuseSizes };
    expect(await throughput(withWorld(mirror.work, { source: none }))).toBeUndefined();
  });

  it("keeps points in bytes once the sizes of logs were read, and unknown ones without", async () => {
    await sampleLag(mirror.work);
    await mirror.small.clock.advance(10_000);
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 40);
    const { source } = mirror.work.world;
    const untold = withWorld(mirror.work, { source: { ...source, logSizes: refuseSizes } });
    const sized = withWorld(mirror.work, { source: { ...source, logSizes: oneMegabyteEach } });
    expect(await point(mirror.work)).toEqual({ arriving: null, copying: 0 });
    await measureRecords(await readMigrationLag(untold), untold);
    expect(await point(mirror.work)).toEqual({ arriving: null, copying: 0 });
    // Not asked again at once.
    await measureRecords(await readMigrationLag(sized), sized);
    expect(await point(mirror.work)).toEqual({ arriving: null, copying: 0 });
    await mirror.small.clock.advance(300_000);
    await measureRecords(await readMigrationLag(sized), sized);
    const records = (await readMigrationLag(mirror.work)).point.arriving ?? Number.NaN;
    const { arriving } = (await point(mirror.work)) ?? {};
    expect(arriving).toBeCloseTo(records * 1_000_000, 1);
  });

  it("is no single line while an alarm stands, and is posted on schedule for one that is new or over", async () => {
    const work = withDigest({ quiet: true });
    await digest("schedule", [], work);
    const alarm = { key: "target-disk", title: "MSK's disks fill up", text: "86 %" };
    await raiseAlarm(alarm, work);
    const second = await digest("schedule", [], work);
    expect(texts(second, "text").join()).toContain("• *new* alarm: MSK's disks fill up");
    expect(second?.parts.some(({ kind }) => kind === "table")).toBe(true);
    expect(await digest("schedule", [], work)).toBeUndefined();
    expect(texts(await digest("UANA", [], work), "note").join()).toContain("As before: alarm: MSK's disks");
    await clearAlarm(alarm.key, work);
    expect(texts(await digest("schedule", [], work), "text").join()).toContain("over: alarm: MSK's disks");
  });

  it("tells what expired uncopied until it is acknowledged, also when the mirror has gone on", async () => {
    await digest();
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 50);
    mirror.source.deleteBefore("parcels", 0, 30);
    await watch({ name: "watch", ...from }, mirror.work);
    mirror.engine.hold(false);
    await watch({ name: "watch", ...from }, mirror.work);
    const lost = "parcels-0: offsets 10 to 29 (20 offsets) expired before they were copied";
    expect(texts(await digest(), "text").join()).toContain(`• *new* ${lost}`);
    expect(texts(await digest(), "note").join()).toContain(`As before: ${lost}`);
    await lag({ name: "lag", ...from, action: "acknowledge", subject: "parcels" }, mirror.work);
    expect(texts(await digest(), "text").join()).toContain(`over: ${lost}`);
  });

  it("is not posted on schedule when nothing has changed, if so configured; is when asked for", async () => {
    const work = withDigest({ quiet: true });
    expect(await digest("schedule", [], work)).toBeDefined();
    expect(await digest("schedule", [], work)).toBeUndefined();
    expect(await digest("UANA", [], work)).toBeDefined();
    expect(await digest("schedule", [], mirror.work)).toBeDefined();
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: one");
    expect(await digest("schedule", [], work)).toBeDefined();
    expect(await digest("schedule", [], work)).toBeUndefined();
  });

  it("is posted once after an outage in which several became due: the newest", async () => {
    const noon = 1_795_348_800_000;
    expect(await digest("schedule", [], slot(noon + 60 * minute))).toBeDefined();
    expect(await digest("schedule", [], slot(noon))).toBeUndefined();
    // The same job again, after a crash.
    expect(await digest("schedule", [], slot(noon + 60 * minute))).toBeDefined();
    expect(await digest("schedule", [], slot(noon + 120 * minute))).toBeDefined();
  });

  it("keeps to Slack's limits with 5,000 topics in 50 waves, and has all of them in a file", async () => {
    const plan = (await mirror.work.store.read(planKey("orders")))?.value;
    const waves = Array.from({ length: 50 }, (_, wave) => ({
      name: `wave-${wave}`,
      topics: Array.from({ length: 100 }, (_, topic) => `topic-of-a-longer-name-${wave}-${topic}`),
      groups: [],
      why: "test",
    }));
    for (const { topics } of waves)
      for (const topic of topics) mirror.source.addTopic(topic, { partitions: 1 });
    for (const { topics } of waves.slice(0, 20))
      for (const topic of topics) mirror.source.appendMany(topic, 0, 2);
    await mirror.work.store.write(planKey("orders"), { ...Object(plan), waves });
    const files: Buffer[] = [];
    const card = {
      ...mirror.work.card,
      file: async ({ content }: { content: Buffer }) => `F${files.push(content)}`,
    };
    const shown = await digest("schedule", ["a request (request 7K3Q)"], { ...mirror.work, card });
    if (shown === undefined) throw new Error("nothing was posted");
    const { blocks, problems } = withinLimits(render(shown));
    expect(problems).toEqual([]);
    expect(checkBlocks([...blocks], () => true)).toHaveLength(blocks.length);
    expect(JSON.stringify(blocks)).toContain("38 more waves");
    const lines = files[0]?.toString().split("\r\n") ?? [];
    expect(lines.filter((line) => /^wave-\d+,,,/.test(line))).toHaveLength(50);
    expect(lines).toContain("wave-0,topic-of-a-longer-name-0-0,0,2,no record of it was copied yet");
  });
});

/** Rates in bytes per second, as they are kept. */
async function point(work: Work) {
  return (await readMigrationLag(work)).point.bytes;
}

/** What the watch does after each reading. */
async function look(work: Work = withDigest({})) {
  await digestOnChange(await sampleLag(work), work);
  return mirror.small.queue.jobs.filter(({ job }) => job.name === "digest");
}

describe("a digest on a change of state", () => {
  it("is asked for when a wave has moved, stopped, gone on or caught up first, not at the first look", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 3);
    expect(await look()).toEqual([]);
    mirror.engine.hold(false);
    const [asked] = await look();
    expect(asked).toMatchObject({ id: "digest-change-orders", job: { by: "change" } });
    mirror.small.queue.jobs.length = 0;
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 3);
    expect(await look()).toEqual([]);
    mirror.engine.hold(false);
    expect(await look()).toEqual([]);
    await mirror.engine.pause("ferry-orders-shipping-forward");
    expect(await look()).toHaveLength(1);
    mirror.small.queue.jobs.length = 0;
    expect(await look()).toEqual([]);
    await mirror.work.store.write("wave:orders:billing", {
      phase: "consumers-moved",
      changedAt: "2026-11-22T14:00:00Z",
    });
    expect(await look()).toHaveLength(1);
  });

  it("is left out where it was turned off", async () => {
    const off = { name: "schedule-digest", ...from } as const;
    for (const work of [withDigest({ onChange: false }), mirror.work, withDigest({})]) {
      await mirror.engine.start("ferry-orders-shipping-forward");
      if (work.migration.settings.digest?.onChange === true) await scheduleDigest(off, work);
      await look(work);
      await mirror.engine.pause("ferry-orders-shipping-forward");
      expect(await look(work)).toEqual([]);
    }
  });

  it("is not posted when another digest has told it meanwhile", async () => {
    mirror.engine.hold(true);
    await digest();
    mirror.source.appendMany("parcels", 0, 2_000);
    expect(JSON.stringify(await digest("change"))).toContain("orders · changed at 14:10");
    expect(await digest("change")).toBeUndefined();
    expect((await readMigrationLag(mirror.work)).point.behind).toBe(2_000);
  });
});
