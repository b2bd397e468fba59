import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Assessment, assessmentKey } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import { windowKey } from "#jobs/assess-window.ts";
import type { Outcome } from "#jobs/work.ts";
import {
  assessed,
  job,
  openAssess,
  type SampleSource,
  sampleSource,
  topicOf,
  windowMs,
} from "#support/assess-work.ts";

const First = z.object({ at: z.number(), ends: z.record(z.string(), z.array(z.number())) });

async function kept({ store }: SampleSource): Promise<unknown> {
  return (await store.read(windowKey("orders")))?.value;
}

describe("the measuring window", () => {
  it("keeps the first reading, says how long it takes, and gives the worker back", async () => {
    const parts = sampleSource();
    const { work, shown } = openAssess(parts);
    const began = parts.clock.now();
    expect(await assess(job, work)).toEqual({ kind: "again", ms: windowMs } satisfies Outcome);
    expect(parts.clock.sleepers()).toBe(0);
    expect(First.parse(await kept(parts))).toEqual({ at: began, ends: { orders: [100, 0], refunds: [20] } });
    expect(shown.at(-1)?.parts).toMatchObject([
      { kind: "progress", step: "measuring throughput, 30 s left" },
    ]);
  });

  it("goes on after a restart, and is gone at the end", async () => {
    const parts = sampleSource();
    await assess(job, openAssess(parts).work);
    parts.write(30, "orders", 0);
    await parts.clock.advance(20_000);
    const next = openAssess(parts);
    expect(await assess(job, next.work)).toEqual({ kind: "again", ms: 10_000 });
    expect(JSON.stringify(next.shown.at(-1))).toContain("measuring throughput, 10 s left");
    await parts.clock.advance(40_000);
    const { found, last } = await assessed(parts);
    expect(found.taken.windowMs).toBe(60_000);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(known(0.5));
    expect(last?.note).toContain("done in 60 s");
    expect(await kept(parts)).toBeUndefined();
  });

  it("starts anew on a reading older than three windows", async () => {
    const parts = sampleSource();
    await assess(job, openAssess(parts).work);
    parts.write(1000, "orders", 0);
    await parts.clock.advance(3 * windowMs + 1);
    expect(await assess(job, openAssess(parts).work)).toEqual({ kind: "again", ms: windowMs });
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(found.taken.windowMs).toBe(windowMs);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(known(0));
  });

  it("starts anew on another cluster, and on a reading it cannot use", async () => {
    const parts = sampleSource();
    await assess(job, openAssess(parts).work);
    await parts.clock.advance(windowMs);
    const { cluster } = parts.kafka;
    const moved = { describe: async () => ({ ...(await cluster.describe()), clusterId: "other" }) };
    expect(await assess(job, openAssess(parts, moved).work)).toEqual({ kind: "again", ms: windowMs });
    await parts.store.write(windowKey("orders"), { at: "yesterday" });
    expect(await assess(job, openAssess(parts).work)).toEqual({ kind: "again", ms: windowMs });
  });

  it("is kept when the source goes away at its end: the next try goes on from it", async () => {
    const parts = sampleSource();
    const { work } = openAssess(parts);
    await assess(job, work);
    await parts.clock.advance(windowMs);
    parts.kafka.fail("listGroups", new Error("away"), 1);
    await expect(assess(job, work)).rejects.toThrow("away");
    expect(await assess(job, work)).toEqual({ kind: "done" });
  });

  it("has no rate for a topic that was made anew meanwhile, or is new", async () => {
    const parts = sampleSource();
    await assess(job, openAssess(parts).work);
    parts.kafka.addTopic("orders", { partitions: 2 });
    parts.kafka.addTopic("fresh");
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(
      unknown("the end of partition 0 went back while measuring"),
    );
    expect(topicOf(found, "fresh").recordsPerSecond).toMatchObject({ known: false });
  });

  it("has no rate for a topic that lost partitions, and counts those that were added from 0", async () => {
    const parts = sampleSource();
    parts.kafka.addTopic("shrunk", { partitions: 3 });
    await assess(job, openAssess(parts).work);
    parts.kafka.addTopic("shrunk", { partitions: 1 });
    parts.kafka.addPartitions("orders", 1);
    parts.write(60, "orders", 2);
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(topicOf(found, "shrunk").recordsPerSecond).toMatchObject({ known: false });
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(known(2));
  });

  it("measures nothing over no time, and says so", async () => {
    const parts = sampleSource();
    const { work } = openAssess(parts);
    const settings = { ...work.migration.settings, assess: { window: 0 } };
    await assess(job, { ...work, migration: { ...work.migration, settings } });
    const found = Assessment.parse((await parts.store.read(assessmentKey("orders")))?.value);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(
      unknown("no time passed between the two readings"),
    );
  });

  it("leaves a topic out that was deleted meanwhile, and names it", async () => {
    const parts = sampleSource();
    await assess(job, openAssess(parts).work);
    await parts.kafka.cluster.deleteTopics(["refunds"]);
    await parts.clock.advance(windowMs);
    expect(told(await assessed(parts))).toEqual(withoutRefunds);
  });

  const calls = ["offsets", "topicConfigs", "logSizes", "oldestTimestamps", "samples", "producers"] as const;
  it.each(calls)("leaves a topic out that is deleted just before %s", async (call) => {
    const parts = sampleSource();
    await assess(job, openAssess(parts).work);
    await parts.clock.advance(windowMs);
    const { cluster } = parts.kafka;
    const deleted = (): Promise<void> => cluster.deleteTopics(["refunds"]);
    const changes = {
      offsets: { offsets: (...given) => deleted().then(() => cluster.offsets(...given)) },
      topicConfigs: { topicConfigs: (...given) => deleted().then(() => cluster.topicConfigs(...given)) },
      logSizes: { logSizes: (...given) => deleted().then(() => cluster.logSizes(...given)) },
      oldestTimestamps: {
        oldestTimestamps: (...given) => deleted().then(() => cluster.oldestTimestamps(...given)),
      },
      samples: { samples: (...given) => deleted().then(() => cluster.samples(...given)) },
      producers: { producers: (...given) => deleted().then(() => cluster.producers(...given)) },
    } satisfies Record<(typeof calls)[number], Partial<KafkaCluster>>;
    expect(told(await assessed(parts, changes[call]))).toEqual(withoutRefunds);
  });

  it("begins without a topic that is deleted while the first reading is taken", async () => {
    const parts = sampleSource();
    const { cluster } = parts.kafka;
    const { work } = openAssess(parts, {
      offsets: (...given) => cluster.deleteTopics(["refunds"]).then(() => cluster.offsets(...given)),
    });
    expect(await assess(job, work)).toEqual({ kind: "again", ms: windowMs });
    expect(First.parse(await kept(parts)).ends).toEqual({ orders: [100, 0] });
  });

  it("gives up on a topic that is listed and that no other request knows", async () => {
    const parts = sampleSource();
    const { work } = openAssess(parts);
    await assess(job, work);
    await parts.clock.advance(windowMs);
    parts.kafka.fail("offsets", new FerryError("E_UNKNOWN_TOPIC", "no topic refunds"));
    await expect(assess(job, work)).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
  });
});

function told({ found, files }: Awaited<ReturnType<typeof assessed>>) {
  return {
    rates: found.topics.map(({ name, recordsPerSecond }) => [name, recordsPerSecond]),
    vanished: found.findings
      .filter(({ code }) => code === "TOPIC_VANISHED")
      .map(({ subject, state, evidence }) => ({ subject, state, evidence })),
    inReport: files.get("assess-2026-11-22.md")?.includes("refunds"),
  };
}

const withoutRefunds: ReturnType<typeof told> = {
  rates: [["orders", known(0)]],
  vanished: [
    {
      subject: "refunds",
      state: "unknown",
      evidence: "it was deleted while the assessment measured; nothing is known of it, and it is left out",
    },
  ],
  inReport: true,
};
