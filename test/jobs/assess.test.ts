import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Assessment, assessmentKey } from "#domain/assessment.ts";
import type { Message } from "#domain/message.ts";
import type { KafkaCluster, Store, World } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import { windowKey } from "#jobs/assess-window.ts";
import type { Outcome, Work } from "#jobs/work.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";
import { createHandClock, type HandClock } from "#support/hand-clock.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { createSmallWork } from "#support/small-work.ts";

const job = { name: "assess", migration: "orders", by: "UANA" } as const;
const windowMs = 30_000;

/** A source with two topics, 100 and 20 records of 4 bytes, and one group that has read some. */
function sample() {
  const clock = createHandClock();
  const kafka = createFakeKafka({ role: "source", brokers: 3, now: () => clock.now() });
  kafka.addTopic("orders", { partitions: 2, replicas: 3 });
  kafka.addTopic("refunds", { replicas: 3 });
  write(100, "orders", 0);
  write(20, "refunds", 0);
  kafka.commitAs("billing", new Map([["orders", [40, undefined]]]));
  kafka.addMember("billing", { clientId: "b", host: "/10.0.0.2" });
  kafka.addMember("billing", { clientId: "a", host: "/10.0.0.1" });

  function write(records: number, topic: string, partition: number): void {
    for (let each = 0; each < records; each += 1) kafka.append(topic, partition, { key: "k", value: "abc" });
  }

  return { clock, kafka, write, store: createMemoryStore(clock) };
}

type Sample = ReturnType<typeof sample>;

/** What a process that was just started works with; card and files are its own, memory is not. */
function open(
  parts: {
    readonly clock: HandClock;
    readonly store: Store;
    readonly kafka: { readonly cluster: KafkaCluster };
  },
  changes: Partial<KafkaCluster> = {},
) {
  const small = createSmallWork(parts);
  const files = new Map<string, string>();
  const source = { ...parts.kafka.cluster, ...changes };
  const world: World = Object.create(small.world, { source: { value: source } });
  const work: Work = {
    ...small,
    world,
    card: {
      ...small.card,
      file: async ({ name, content }) => {
        files.set(name, content.toString());
        return name;
      },
    },
  };
  return { work, files, shown: small.card.shown };
}

/** Runs it as the queue does, turning the clock for as long as it asks. */
async function run({ clock }: Sample, work: Work): Promise<void> {
  for (let outcome = await assess(job, work); outcome.kind === "again"; outcome = await assess(job, work)) {
    await clock.advance(outcome.ms);
  }
}

async function assessed(
  parts: Sample,
  changes: Partial<KafkaCluster> = {},
): Promise<{ found: Assessment; files: Map<string, string>; last: Message | undefined }> {
  const { work, files, shown } = open(parts, changes);
  await run(parts, work);
  const found = Assessment.parse((await parts.store.read(assessmentKey("orders")))?.value);
  return { found, files, last: shown.at(-1) };
}

function topicOf({ topics }: Assessment, name: string) {
  return topics.find((topic) => topic.name === name) ?? expect.fail(`no topic ${name}`);
}

describe("what assess finds", () => {
  it("is an inventory of cluster, topics and settings", async () => {
    const parts = sample();
    parts.kafka.setConfig("orders", "cleanup.policy", "compact,delete");
    parts.kafka.setBrokerConfigs([
      { name: "log.retention.hours", value: "48", origin: "broker-static" },
      { name: "num.io.threads", value: "8", origin: "default" },
    ]);
    const { found } = await assessed(parts);
    expect(found).toMatchObject({ clusterId: "fake-source", version: known("3.9"), windowMs });
    expect(found.brokers.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(found.brokerConfigs).toEqual({ "log.retention.hours": "48" });
    expect(found.topics.map(({ name }) => name)).toEqual(["orders", "refunds"]);
    expect(topicOf(found, "orders")).toMatchObject({
      partitions: 2,
      replicationFactor: 3,
      underReplicated: 0,
      offline: 0,
      compacted: true,
      configs: { "cleanup.policy": { value: "compact,delete", origin: "topic" } },
    });
  });

  it("is the measured rate, records held and their size", async () => {
    const parts = sample();
    parts.kafka.deleteBefore("orders", 0, 10);
    const { work } = open(parts);
    expect(await assess(job, work)).toEqual({ kind: "again", ms: windowMs });
    parts.write(45, "orders", 0);
    parts.write(15, "orders", 1);
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders")).toMatchObject({
      recordsPerSecond: known(2),
      offsetsHeld: known(150),
      averageRecordBytes: known(4),
    });
    expect(topicOf(found, "refunds")).toMatchObject({ recordsPerSecond: known(0), offsetsHeld: known(20) });
  });

  it("is each group with its members and its lag", async () => {
    const { found } = await assessed(sample());
    expect(found.groups).toEqual([
      expect.objectContaining({
        id: "billing",
        topics: ["orders"],
        members: [
          { clientId: "a", host: "/10.0.0.1" },
          { clientId: "b", host: "/10.0.0.2" },
        ],
        lag: known(60),
      }),
    ]);
  });

  it("has no lag for an offset beyond the end, as of a topic that was made anew", async () => {
    const parts = sample();
    parts.kafka.commitAs("nightly", new Map([["refunds", [500]]]));
    const { found } = await assessed(parts);
    const group = found.groups.find(({ id }) => id === "nightly");
    expect(group?.lag).toEqual(unknown("offset 500 of refunds-0 is beyond its end, 20"));
  });

  it("leaves sizes that the broker does not tell unknown, with the reason, in report and finding", async () => {
    const why = "broker 1 refused DescribeLogDirs";
    const { found, files, last } = await assessed(sample(), { logSizes: async () => unknown(why) });
    expect(found.topics.map(({ bytesOnDisk }) => bytesOnDisk)).toEqual([unknown(why), unknown(why)]);
    expect(files.get("assess-2026-11-22.md")).toContain("bytes on disk unknown");
    expect(files.get("assess-2026-11-22.md")).toContain(`unknown (${why})`);
    expect(JSON.stringify(last)).toContain(`2 topics: ${why}`);
    expect(JSON.stringify(last)).toContain("disk size not fully known");
  });

  it("has no record size where retention was faster than the sample", async () => {
    const parts = sample();
    const { cluster } = parts.kafka;
    const { found } = await assessed(parts, {
      read: async (where, from, options) => {
        parts.kafka.deleteBefore("orders", 0, 100);
        return cluster.read(where, from, options);
      },
    });
    expect(topicOf(found, "orders").averageRecordBytes).toMatchObject({
      known: false,
      why: expect.stringContaining("OFFSET_OUT_OF_RANGE"),
    });
  });
});

describe("what assess tells", () => {
  it("attaches the report twice, for people and for machines", async () => {
    const { found, files } = await assessed(sample());
    expect([...files.keys()]).toEqual(["assess-2026-11-22.md", "assess-2026-11-22.json"]);
    expect(Assessment.parse(JSON.parse(files.get("assess-2026-11-22.json") ?? ""))).toEqual(found);
    expect(files.get("assess-2026-11-22.md")).toContain("| orders | 2 | 3 | delete | 100 | 0.0 | 4 |");
  });

  it("shows findings and counts them", async () => {
    const parts = sample();
    parts.kafka.setConfig("orders", "retention.ms", "3600000");
    parts.kafka.addTopic("old.heartbeats");
    const { last } = await assessed(parts);
    const shown = JSON.stringify(last);
    expect(last).toMatchObject({ tone: "done", next: ["plan"] });
    expect(shown).toContain("3 topics, 4 partitions, 1 group · 0.0 records/s over 30 s");
    expect(shown).toContain("1 blocker · 1 warning · 1 unknown");
    expect(shown).toContain("orders: retention 1.0 h");
  });

  it("is the same to the byte, apart from the time, when nothing changed", async () => {
    const parts = sample();
    const first = await assessed(parts);
    await parts.clock.advance(60_000);
    const second = await assessed(parts);
    const name = "assess-2026-11-22.json";
    const withoutTime = (files: Map<string, string>, found: Assessment) =>
      files.get(name)?.replace(found.takenAt, "");
    expect(second.found.takenAt).not.toBe(first.found.takenAt);
    expect(withoutTime(second.files, second.found)).toBe(withoutTime(first.files, first.found));
  });
});

describe("a partition without a leader", () => {
  const why = unknown("1 of 2 partitions of orders have no leader");

  it("is a blocker, and what cannot be measured there is unknown; the rest is measured", async () => {
    const parts = sample();
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, -1);
    const { found, last } = await assessed(parts);
    expect(topicOf(found, "orders")).toMatchObject({
      offline: 1,
      recordsPerSecond: why,
      offsetsHeld: why,
      averageRecordBytes: why,
      bytesOnDisk: why,
    });
    expect(topicOf(found, "refunds")).toMatchObject({ recordsPerSecond: known(0), offsetsHeld: known(20) });
    expect(found.groups[0]?.lag).toEqual(why);
    expect(found.findings[0]).toMatchObject({ code: "PARTITIONS_OFFLINE", subject: "orders" });
    expect(found.findings.map(({ code }) => code)).not.toContain("DISK_UNKNOWN");
    expect(JSON.stringify(last)).toContain("orders: 1 of 2 partitions have no leader");
    expect(JSON.stringify(last)).toContain("at least 0.0 records/s");
  });

  it("has no rate when it came back only while measuring", async () => {
    const parts = sample();
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, -1);
    await assess(job, open(parts).work);
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, 2);
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders")).toMatchObject({
      offsetsHeld: known(100),
      recordsPerSecond: { known: false, why: expect.stringContaining("when measuring began") },
    });
  });
});

describe("the measuring window", () => {
  const First = z.object({ at: z.number(), ends: z.record(z.string(), z.array(z.number())) });
  const kept = async ({ store }: Sample) => (await store.read(windowKey("orders")))?.value;

  it("keeps the first reading, says how long it takes, and gives the worker back", async () => {
    const parts = sample();
    const { work, shown } = open(parts);
    const began = parts.clock.now();
    expect(await assess(job, work)).toEqual({ kind: "again", ms: windowMs } satisfies Outcome);
    expect(parts.clock.sleepers()).toBe(0);
    expect(First.parse(await kept(parts))).toEqual({ at: began, ends: { orders: [100, 0], refunds: [20] } });
    expect(shown.at(-1)?.parts).toMatchObject([
      { kind: "progress", step: "measuring throughput, 30 s left" },
    ]);
  });

  it("goes on after a restart, and is gone at the end", async () => {
    const parts = sample();
    await assess(job, open(parts).work);
    parts.write(30, "orders", 0);
    await parts.clock.advance(20_000);
    const next = open(parts);
    expect(await assess(job, next.work)).toEqual({ kind: "again", ms: 10_000 });
    expect(JSON.stringify(next.shown.at(-1))).toContain("measuring throughput, 10 s left");
    await parts.clock.advance(40_000);
    const { found, last } = await assessed(parts);
    expect(found.windowMs).toBe(60_000);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(known(0.5));
    expect(last?.note).toContain("done in 60 s");
    expect(await kept(parts)).toBeUndefined();
  });

  it("starts anew on a reading older than three windows", async () => {
    const parts = sample();
    await assess(job, open(parts).work);
    parts.write(1000, "orders", 0);
    await parts.clock.advance(3 * windowMs + 1);
    expect(await assess(job, open(parts).work)).toEqual({ kind: "again", ms: windowMs });
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(found.windowMs).toBe(windowMs);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(known(0));
  });

  it("starts anew on another cluster, and on a reading it cannot use", async () => {
    const parts = sample();
    await assess(job, open(parts).work);
    await parts.clock.advance(windowMs);
    const { cluster } = parts.kafka;
    const moved = { describe: async () => ({ ...(await cluster.describe()), clusterId: "other" }) };
    expect(await assess(job, open(parts, moved).work)).toEqual({ kind: "again", ms: windowMs });
    await parts.store.write(windowKey("orders"), { at: "yesterday" });
    expect(await assess(job, open(parts).work)).toEqual({ kind: "again", ms: windowMs });
  });

  it("is kept when the source goes away at its end: the next try goes on from it", async () => {
    const parts = sample();
    const { work } = open(parts);
    await assess(job, work);
    await parts.clock.advance(windowMs);
    parts.kafka.fail("listGroups", new Error("away"), 1);
    await expect(assess(job, work)).rejects.toThrow("away");
    expect(await assess(job, work)).toEqual({ kind: "done" });
  });

  it("has no rate for a topic that was made anew meanwhile, or is new", async () => {
    const parts = sample();
    await assess(job, open(parts).work);
    parts.kafka.addTopic("orders", { partitions: 2 });
    parts.kafka.addTopic("fresh");
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders").recordsPerSecond).toEqual(
      unknown("the end of partition 0 went back while measuring"),
    );
    expect(topicOf(found, "fresh").recordsPerSecond).toMatchObject({ known: false });
  });
});
