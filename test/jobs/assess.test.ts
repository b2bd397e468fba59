import { describe, expect, it } from "vitest";
import { Assessment } from "#domain/assessment.ts";
import { known, unknown } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import { assessed, job, openAssess, sampleSource, topicOf, windowMs } from "#support/assess-work.ts";

describe("what assess finds", () => {
  it("is an inventory of cluster, topics and settings", async () => {
    const parts = sampleSource();
    parts.kafka.setConfig("orders", "cleanup.policy", "compact,delete");
    parts.kafka.setBrokerConfigs([
      { name: "log.retention.hours", value: "48", origin: "broker-static" },
      { name: "num.io.threads", value: "8", origin: "default" },
    ]);
    const { found } = await assessed(parts);
    expect(found).toMatchObject({ clusterId: "fake-source", version: known("3.9"), taken: { windowMs } });
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
    const parts = sampleSource();
    parts.kafka.deleteBefore("orders", 0, 10);
    const { work } = openAssess(parts);
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
    const { found } = await assessed(sampleSource());
    expect(found.groups).toEqual([
      expect.objectContaining({
        id: "billing",
        topics: ["orders"],
        members: [
          { clientId: "a", host: "/10.0.0.1", instanceId: null, assignment: [] },
          { clientId: "b", host: "/10.0.0.2", instanceId: null, assignment: [] },
        ],
        lag: known(60),
      }),
    ]);
  });

  it("has no lag for an offset beyond the end, as of a topic that was made anew", async () => {
    const parts = sampleSource();
    parts.kafka.commitAs("nightly", new Map([["refunds", [500]]]));
    const { found } = await assessed(parts);
    const group = found.groups.find(({ id }) => id === "nightly");
    expect(group?.lag).toEqual(unknown("offset 500 of refunds-0 is beyond its end, 20"));
  });

  it("leaves sizes that the broker does not tell unknown, with the reason, in report and finding", async () => {
    const why = "broker 1 refused DescribeLogDirs";
    const { found, files, last } = await assessed(sampleSource(), { logSizes: async () => unknown(why) });
    expect(found.findings).toContainEqual(
      expect.objectContaining({ code: "DISK_UNKNOWN", state: "unknown", subject: "2 topics", evidence: why }),
    );
    expect(found.topics.map(({ bytesOnDisk }) => bytesOnDisk)).toEqual([unknown(why), unknown(why)]);
    expect(files.get("assess-2026-11-22.md")).toContain("on disk unknown");
    expect(files.get("assess-2026-11-22.md")).toContain(
      `| bytes on disk | \`orders\`, \`refunds\` | ${why} |`,
    );
    expect(JSON.stringify(last)).toContain("on disk unknown");
  });

  it("has no record size where retention was faster than the sample", async () => {
    const parts = sampleSource();
    const { cluster } = parts.kafka;
    const { found } = await assessed(parts, {
      samples: async (questions) => {
        // Of groups only the next record is looked at.
        if (questions.some(({ max }) => max > 1)) parts.kafka.deleteBefore("orders", 0, 100);
        return cluster.samples(questions);
      },
    });
    expect(topicOf(found, "orders").averageRecordBytes).toMatchObject({
      known: false,
      why: expect.stringContaining("OFFSET_OUT_OF_RANGE"),
    });
  });
});

describe("what assess tells", () => {
  it("attaches the report twice, for people and for machines, and a picture", async () => {
    const { found, files } = await assessed(sampleSource());
    expect([...files.keys()]).toEqual(["assess-2026-11-22.md", "assess-2026-11-22.json", "topics.png"]);
    expect(Assessment.parse(JSON.parse(files.get("assess-2026-11-22.json") ?? ""))).toEqual(found);
    expect(files.get("assess-2026-11-22.md")).toContain("| `orders` | 2 | 3 | delete |");
  });

  it("shows findings and counts them", async () => {
    const parts = sampleSource();
    parts.kafka.setConfig("orders", "retention.ms", "3600000");
    parts.kafka.addTopic("old.heartbeats");
    const { found, last } = await assessed(parts);
    const shown = JSON.stringify(last);
    expect(last).toMatchObject({ tone: "done", next: ["plan"] });
    expect(shown).toContain("3 topics, 4 partitions, 1 group · ");
    expect(shown).toMatch(/1 blocker · [1-9]\d* warnings · \d+ unknown/);
    expect(shown).toContain("old.heartbeats: the name ends in");
    expect(found.findings).toContainEqual(
      expect.objectContaining({
        code: "RETENTION_SHORT",
        subject: "orders",
        evidence: expect.stringContaining("retention 1.0 h"),
      }),
    );
  });

  it("is the same to the byte, apart from the time, when nothing changed", async () => {
    const parts = sampleSource();
    const first = await assessed(parts);
    await parts.clock.advance(60_000);
    const second = await assessed(parts);
    const name = "assess-2026-11-22.json";
    const withoutTime = (files: Map<string, string>, found: Assessment) =>
      files.get(name)?.replace(found.taken.at, "");
    expect(second.found.taken.at).not.toBe(first.found.taken.at);
    expect(withoutTime(second.files, second.found)).toBe(withoutTime(first.files, first.found));
  });
});

describe("a partition without a leader", () => {
  const why = unknown("1 of 2 partitions of orders have no leader");

  it("is a blocker, and what cannot be measured there is unknown; the rest is measured", async () => {
    const parts = sampleSource();
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
    const dirty = found.findings.filter(({ state }) => state !== "not found").map(({ code }) => code);
    expect(dirty).not.toContain("DISK_UNKNOWN");
    expect(JSON.stringify(last)).toContain("orders: 1 of 2 partitions have no leader");
    expect(JSON.stringify(last)).toMatch(/at least 0 B.s in|in unknown/);
  });

  it("is not asked for its size: that would fail as a whole", async () => {
    const parts = sampleSource();
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, -1);
    const asked: string[] = [];
    const { found } = await assessed(parts, {
      logSizes: async (names) => {
        asked.push(...names);
        return known(new Map(names.map((name) => [name, [7]])));
      },
    });
    expect(asked).toEqual(["refunds"]);
    expect(topicOf(found, "refunds").bytesOnDisk).toEqual(known(7));
  });

  it("has no rate when it came back only while measuring", async () => {
    const parts = sampleSource();
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, -1);
    await assess(job, openAssess(parts).work);
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, 2);
    await parts.clock.advance(windowMs);
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders")).toMatchObject({
      offsetsHeld: known(100),
      recordsPerSecond: { known: false, why: expect.stringContaining("when measuring began") },
    });
  });
});
