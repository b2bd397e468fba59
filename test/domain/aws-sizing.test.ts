import { describe, expect, it } from "vitest";
import { type Load, loadOf } from "#domain/assess/sizing-load.ts";
import { brokerType, expressBrokers, standardBrokers } from "#domain/msk/data.ts";
import { awsSize } from "#domain/plan/aws-sizing.ts";
import { migrationCosts, monthlyCosts, priceAge } from "#domain/plan/costs.ts";
import { serverless } from "#domain/plan/serverless.ts";
import { bottleneckText, candidates, sizedByAws } from "#domain/plan/sizing.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic } from "#support/assessed.ts";

/** What `msk_sizing.py` itself gives: average and peak in, average and peak out (MiB/s), partitions with replicas, replicas, hours kept. */
const cases = `
kafka.m5.large 5 5 400 400 900 3 72 15 ingress
kafka.m7g.large 5 5 400 400 900 3 72 12 ingress
kafka.m7g.xlarge 5 5 400 400 900 3 72 6 ingress
express.m7g.large 5 5 400 400 900 3 72 12 egress
kafka.m5.large 20 40 40 80 3000 3 24 9 ingress
kafka.m7g.large 20 40 40 80 3000 3 24 9 ingress
kafka.m7g.xlarge 20 40 40 80 3000 3 24 6 ingress
express.m7g.large 20 40 40 80 3000 3 24 6 ingress
kafka.m5.large 1 1 1 1 30000 3 24 30 partitions
kafka.m5.4xlarge 1 1 1 1 30000 3 24 9 partitions
kafka.m7g.large 1 1 1 1 30000 3 24 30 partitions
kafka.m7g.xlarge 1 1 1 1 30000 3 24 30 partitions
kafka.m7g.2xlarge 1 1 1 1 30000 3 24 15 partitions
kafka.m7g.16xlarge 1 1 1 1 30000 3 24 9 partitions
express.m7g.large 1 1 1 1 30000 3 24 30 partitions
express.m7g.4xlarge 1 1 1 1 30000 3 24 6 partitions
kafka.m5.large 200 300 400 900 6000 3 168 66 ingress
kafka.m5.4xlarge 200 300 400 900 6000 3 168 45 storage
kafka.m7g.large 200 300 400 900 6000 3 168 54 ingress
kafka.m7g.xlarge 200 300 400 900 6000 3 168 45 storage
kafka.m7g.2xlarge 200 300 400 900 6000 3 168 45 storage
kafka.m7g.16xlarge 200 300 400 900 6000 3 168 45 storage
express.m7g.large 200 300 400 900 6000 3 168 27 ingress
express.m7g.4xlarge 200 300 400 900 6000 3 168 6 ingress
kafka.m7g.2xlarge 20 40 40 80 3000 3 24 3 ingress
kafka.m5.large 5 5 50 50 900 3 72 3 ingress
kafka.m5.4xlarge 1 2 2 4 300 3 168 3 ingress
express.m7g.large 5 5 50 50 900 3 72 3 ingress
kafka.m5.large 0.5 0.5 0.5 0.5 150 2 720 3 ingress
kafka.m7g.2xlarge 1 2 2 4 300 3 168 3 ingress
`
  .trim()
  .split("\n")
  .map((line) => line.split(" "));

describe("AWS's sizing", () => {
  it.each(cases)("of %s at %s/%s in, %s/%s out, %s partitions, %s replicas, %s h", (...columns) => {
    const [type = "", average, ingress, , egress, partitions, replicas, hours, brokers, bottleneck] = columns;
    const stored = (Number(average) * Number(hours) * 3600 * Number(replicas)) / 1024;
    const load = { ingress: Number(ingress), egress: Number(egress), partitions: Number(partitions), stored };
    expect(awsSize(type, load)).toEqual({ brokers: Number(brokers), bottleneck });
  });

  it("knows every type that this bot plans with, but for the burstable one", () => {
    const load = { ingress: 1, egress: 1, partitions: 300, stored: 1 };
    const all = [...standardBrokers, ...expressBrokers].map(({ instanceType }) => instanceType);
    expect(all.filter((type) => awsSize(type, load) === undefined)).toEqual(["kafka.t3.small"]);
  });

  it("is not given for a load that is not known, nor for silence", () => {
    const type = brokerType("kafka.m7g.large");
    const site = { zones: 3, replicationFactor: 3 };
    const load: Load = {
      partitions: 300,
      ingressMBps: known(1),
      egressMBps: known(1),
      storedBytes: known(1),
    };
    expect(type && sizedByAws(type, load, site)).toEqual({ brokers: 3, bottleneck: "ingress" });
    expect(type && sizedByAws(type, { ...load, storedBytes: unknown("x") }, site)).toBeUndefined();
    expect(type && sizedByAws(type, { ...load, egressMBps: known(0) }, site)).toBeUndefined();
  });
});

const gib = 2 ** 30;
const load: Load = {
  partitions: 300,
  ingressMBps: known(10),
  egressMBps: known(20),
  storedBytes: known(1000 * gib),
};
const site = { zones: 3, replicationFactor: 3 };
const standard = {
  kind: "standard",
  instanceType: "kafka.m7g.4xlarge",
  brokers: 3,
  volumeGiB: 1667,
  provisionedThroughputMiBs: 400,
  kafkaVersion: "3.9.x",
  monthlyUsd: 4170.18,
} as const;

function said(type: string, change: Partial<Load> = {}): string | undefined {
  const asked = { ...load, ...change };
  const found = candidates(asked, site).find((each) => each.type.instanceType === type);
  return found && `${found.brokers}: ${bottleneckText(found, asked, site)}`;
}

describe("what is paid for", () => {
  it("adds up to the price of the shape", () => {
    const rows = monthlyCosts(standard, load, site);
    expect(rows.map(({ what, usd }) => [what, usd])).toEqual([
      ["brokers", 3574.08],
      ["storage", 500.1],
      ["data in", 0],
      ["provisioned throughput", 96],
      ["monitoring", 0],
      ["traffic of clients between zones", 326.34],
    ]);
    const priced = rows.slice(0, -1).reduce((sum, { usd }) => sum + (usd ?? 0), 0);
    expect(priced).toBeCloseTo(standard.monthlyUsd, 2);
  });

  it("is unknown where the load is, never zero", () => {
    const dark = { ...load, ingressMBps: unknown("no leader") };
    const express = { ...standard, kind: "express", instanceType: "express.m7g.large" } as const;
    const rows = [...monthlyCosts(express, dark, site), ...migrationCosts(express, dark, site)];
    expect(rows.filter(({ usd }) => usd === null).map(({ what, why }) => `${what}: ${why}`)).toEqual([
      "data in: no leader",
      "traffic of clients between zones: no leader",
      "the source, a day: what it costs is not known to the bot",
      "the mirror's workers, a day: they are the team's; their machines are not known to the bot",
      "mirroring, traffic between zones, a day: no leader",
      "instead of the workers: MSK Replicator, a day: no leader",
    ]);
  });

  it("knows no price of the monitoring levels that CloudWatch bills, nor of another Region", () => {
    const rows = monthlyCosts(standard, load, site, { region: "eu-west-1", monitoring: "PER_BROKER" });
    expect(rows.filter(({ usd }) => usd === null).map(({ what }) => what)).toEqual([
      "prices in eu-west-1",
      "monitoring",
    ]);
  });

  it("includes the migration: both clusters, the first copy, the mirror", () => {
    const rows = new Map(migrationCosts(standard, load, site).map(({ what, usd }) => [what, usd]));
    expect(rows.get("MSK beside the source, a day")).toBe(137.1);
    expect(rows.get("first copy, traffic between zones")).toBe(13.33);
    expect(rows.get("instead of the workers: MSK Replicator, the first copy")).toBe(80);
  });

  it("says that the table is old, not that it is young", () => {
    expect(priceAge("2026-12-24T00:00:00Z")).toBeUndefined();
    expect(priceAge("2027-03-01T00:00:00Z")).toContain("99 days old");
  });

  it("shows Serverless with the limit that is nearest", () => {
    expect(serverless(load).why).toMatch(/^fits: nearest limit partitions, 300 of 2,400;.*not confirmed$/);
    expect(serverless({ ...load, ingressMBps: known(250) }).why).toMatch(
      /^does not fit: nearest limit ingress, 250 of 200/,
    );
  });

  it("holds what moves to every quota of Serverless, and names each that is broken", () => {
    const topic = (change: Parameters<typeof assessedTopic>[1]) =>
      serverless(load, {
        topics: [assessedTopic("a", { partitions: 2, ...change })],
        groups: [],
      }).why;
    expect(topic({ compacted: true, partitions: 121 })).toContain(
      "partitions of compacted topics, 121 of 120",
    );
    expect(topic({ compacted: true, bytesOnDisk: known(600e9) })).toContain(
      "GB in a compacted partition, 300 of 250",
    );
    expect(topic({ bytesPerSecond: known(14e6) })).toContain("MB/s into one partition, 7 of 5");
    expect(topic({ bytesOutPerSecond: known(24e6) })).toContain("MB/s out of one partition, 12 of 10");
    const large = { "max.message.bytes": { value: "10485760", origin: "topic" } };
    expect(topic({ configs: large })).toContain("bytes a message, 10,485,760 of 8,388,608");
    const groups = Array.from({ length: 501 }, (_, at) => assessedGroup(`g${at}`, []));
    const both = serverless({ ...load, partitions: 2401 }, { topics: [], groups }).why;
    expect(both).toContain("does not fit: nearest limit groups, 501 of 500; partitions, 2,401 of 2,400; IAM");
    expect(topic({})).toMatch(/^fits/);
  });

  it("shows the bottleneck of every type, and how full the tightest limit is", () => {
    expect(said("kafka.m7g.large")).toBe("6: ingress, 70 % used");
    expect(said("express.m7g.large")).toBe("3: zones; the next is ingress, 43 % used");
    expect(said("kafka.t3.small", { partitions: 1000 })).toBe("12: partitions, 84 % used");
    const kept = { storedBytes: known(30_000 * gib) };
    expect(said("kafka.m7g.16xlarge", kept)).toBe("12: storage, 77 % used");
    for (const each of candidates(load, site)) expect(bottleneckText(each, load, site)).toMatch(/\d+ %/);
  });
});

describe("the load of a large cluster", () => {
  it("counts a group once for a topic that it lists twice", () => {
    const topics = [assessedTopic("a", { recordsPerSecond: known(1000), averageRecordBytes: known(1000) })];
    expect(loadOf(topics, [assessedGroup("x", ["a", "a"])]).egressMBps).toEqual(known(1));
  });
});
