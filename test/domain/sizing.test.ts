import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Load, loadOf } from "#domain/assess/sizing-load.ts";
import { chooseShape } from "#domain/plan/shape-choice.ts";
import { candidates, utilisation } from "#domain/plan/sizing.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic } from "#support/assessed.ts";

const gib = 2 ** 30;
const site = { zones: 3, replicationFactor: 3 };
const creatable = known(["3.8.x", "3.9.x", "3.9.x.kraft", "4.1.x.kraft"]);

function load(change: Partial<Load> = {}): Load {
  return {
    partitions: 300,
    ingressMBps: known(1),
    egressMBps: known(2),
    storedBytes: known(100 * gib),
    ...change,
  };
}

describe("what the target has to carry", () => {
  it("counts each reader once, and retention at the measured rate", () => {
    const topics = [
      assessedTopic("a", {
        recordsPerSecond: known(1000),
        averageRecordBytes: known(500),
        configs: { "retention.ms": { value: "3600000", origin: "topic" } },
        bytesOnDisk: known(1),
      }),
    ];
    const groups = [assessedGroup("x", ["a"]), assessedGroup("y", ["a"])];
    const carried = loadOf(topics, groups);
    expect(carried.ingressMBps).toEqual(known(0.5));
    expect(carried.egressMBps).toEqual(known(1));
    expect(carried.storedBytes).toEqual(known(1000 * 500 * 3600));
  });

  it("does not let one unknown topic count as nothing", () => {
    const topics = [
      assessedTopic("a", { recordsPerSecond: known(5), averageRecordBytes: unknown("no record was read") }),
      assessedTopic("b", { compacted: true, bytesOnDisk: unknown("no DESCRIBE") }),
    ];
    const carried = loadOf(topics, []);
    expect(carried.ingressMBps).toEqual(unknown("a: no record was read"));
    expect(carried.storedBytes).toEqual(unknown("b: no DESCRIBE"));
  });

  it("does not take a rate that is not known for silence", () => {
    const topics = [assessedTopic("a", { recordsPerSecond: unknown("no leader") }), assessedTopic("b")];
    const carried = loadOf(topics, [assessedGroup("x", ["a"])]);
    expect(carried.ingressMBps).toEqual(unknown("a: no leader"));
    expect(carried.egressMBps).toEqual(unknown("a: no leader"));
  });

  it("counts as read what groups will read of it, or what they were seen to read while catching up", () => {
    const busy = { recordsPerSecond: known(1000), averageRecordBytes: known(1000) };
    const read = (bytesOutPerSecond: ReturnType<typeof known<number>> | ReturnType<typeof unknown>) =>
      loadOf([assessedTopic("a", { ...busy, bytesOutPerSecond })], [assessedGroup("x", ["a"])]).egressMBps;
    expect(read(known(0))).toEqual(known(1));
    expect(read(known(7_000_000))).toEqual(known(7));
    expect(read(unknown("no commit was read"))).toEqual(known(1));
  });

  it("needs no size of records that nobody writes", () => {
    const topics = [assessedTopic("a", { averageRecordBytes: unknown("the topic holds no record") })];
    expect(loadOf(topics, []).ingressMBps).toEqual(known(0));
  });
});

describe("choosing a shape", () => {
  it("takes the cheapest that carries the load with one zone down", () => {
    const { shape } = chooseShape({ load: load(), site, wanted: {}, creatable });
    expect(shape).toMatchObject({
      kind: "standard",
      instanceType: "kafka.m7g.large",
      brokers: 3,
      volumeGiB: Math.ceil((100 * 3) / 3 / 0.6),
      kafkaVersion: "3.9.x",
    });
    expect(shape.monthlyUsd).toBeCloseTo(3 * 0.204 * 730 + 3 * 167 * 0.1, 2);
  });

  it("always leaves room, whatever the load", () => {
    const rates = fc.double({ min: 0, max: 400, noNaN: true });
    fc.assert(
      fc.property(rates, rates, fc.integer({ min: 1, max: 9000 }), (ingress, egress, partitions) => {
        const asked = load({ ingressMBps: known(ingress), egressMBps: known(egress), partitions });
        const usable = candidates(asked, site).filter(({ refused }) => refused === undefined);
        for (const { type, brokers } of usable) {
          expect(brokers % 3).toBe(0);
          const left = (brokers * 2) / 3;
          expect(ingress).toBeLessThanOrEqual(left * type.ingressMBps.recommended * utilisation + 1e-6);
          expect(egress).toBeLessThanOrEqual(left * type.egressMBps.recommended * utilisation + 1e-6);
          expect(partitions * 3).toBeLessThanOrEqual(brokers * type.partitionsRecommended);
        }
        expect(usable.length).toBeGreaterThan(0);
      }),
    );
  });

  it("says what decided the number of brokers", () => {
    const many = candidates(load({ partitions: 4000 }), site).find(
      ({ type }) => type.instanceType === "kafka.m7g.large",
    );
    expect(many).toMatchObject({ brokers: 12, bottleneck: "partitions" });
    const loud = candidates(load({ egressMBps: known(60) }), site).find(
      ({ type }) => type.instanceType === "kafka.m7g.large",
    );
    expect(loud).toMatchObject({ brokers: 15, bottleneck: "egress" });
  });

  it("leaves out the volume when the size is not known, and says that the price lacks it", () => {
    const choice = chooseShape({ load: load({ storedBytes: unknown("x") }), site, wanted: {}, creatable });
    expect(choice.shape.volumeGiB).toBeUndefined();
    expect(choice.partial).toBe(true);
  });

  it("takes what ferry.yaml fixes, field by field, and says what it lacks", () => {
    const wanted = {
      instanceType: "kafka.m7g.xlarge",
      brokers: 3,
      volumeGiB: 50,
      kafkaVersion: "4.1.x.kraft",
    };
    const choice = chooseShape({ load: load({ ingressMBps: known(40) }), site, wanted, creatable });
    expect(choice.shape).toMatchObject(wanted);
    expect(choice.short.map(({ limit }) => limit)).toEqual(["ingress", "storage"]);
  });

  it("takes the newest line that AWS lists when the recommended one is gone", () => {
    const listed = known(["3.8.x", "4.0.x.kraft", "4.1.x.kraft"]);
    expect(chooseShape({ load: load(), site, wanted: {}, creatable: listed }).shape.kafkaVersion).toBe(
      "4.1.x.kraft",
    );
  });

  it("offers Express only where it can be", () => {
    const two = candidates(load(), { zones: 2, replicationFactor: 2 });
    expect(two.filter(({ kind }) => kind === "express").every(({ refused }) => refused !== undefined)).toBe(
      true,
    );
    const wanted = { kind: "express" } as const;
    expect(chooseShape({ load: load(), site, wanted, creatable }).shape).toMatchObject({
      instanceType: "express.m7g.large",
      kafkaVersion: "3.9.x.kraft",
    });
  });

  it.each([
    { wanted: { instanceType: "kafka.m7g.larg" }, says: "did you mean kafka.m7g.large?" },
    { wanted: { brokers: 4 }, says: "no multiple of the 3 subnets" },
    { wanted: { brokers: 33 }, says: "A cluster has at most 30 brokers with this metadata mode" },
    { wanted: { brokers: 63, kafkaVersion: "3.9.x.kraft" }, says: "at most 60 brokers" },
    { wanted: { kind: "express", instanceType: "kafka.m7g.large" }, says: "is no express broker" },
    { wanted: { kind: "serverless" }, says: "serverless cannot be planned" },
    {
      wanted: { instanceType: "kafka.t3.small", kafkaVersion: "3.9.x.kraft" },
      says: "KRaft metadata mode is not supported on kafka.t3.small",
    },
    {
      wanted: { instanceType: "kafka.m7g.2xlarge", provisionedThroughputMiBs: 500 },
      says: "the maximum value for VolumeThroughput cannot exceed 312 MiB/s",
    },
  ] as const)("refuses $wanted", ({ wanted, says }) => {
    expect(() => chooseShape({ load: load(), site, wanted, creatable })).toThrow(
      expect.objectContaining({ code: "E_SETTINGS", message: expect.stringContaining(says) }),
    );
  });

  it("counts the brokers that the metadata of the version allow", () => {
    const many = load({ partitions: 12_000 });
    const wanted = { instanceType: "kafka.m7g.large" };
    expect(() => chooseShape({ load: many, site, wanted, creatable })).toThrow("36 brokers");
    const kraft = { ...wanted, kafkaVersion: "3.9.x.kraft" };
    expect(chooseShape({ load: many, site, wanted: kraft, creatable }).shape.brokers).toBe(36);
    const express = { kind: "express", instanceType: "express.m7g.large" } as const;
    expect(chooseShape({ load: many, site, wanted: express, creatable }).shape.brokers).toBe(36);
    const few = { ...express, brokers: 3 };
    expect(() => chooseShape({ load: many, site, wanted: few, creatable })).toThrow(
      "3 × express.m7g.large hold 4500 partition replicas at most (limits.html), and 36000 are to be carried",
    );
  });

  // What the published guide asks for.
  it.each([
    {
      wanted: { kafkaVersion: "3.5.1" },
      says: "target.shape.kafkaVersion: Standard instance types are not supported for Kafka version 3.5.1. Valid values: [3.8.x, 3.9.x, 3.9.x.kraft, 4.1.x.kraft] Seen: kafkaVersion 3.5.1, whose support ended on 2025-10-23. Correction: kafkaVersion: 3.9.x.",
    },
    {
      wanted: { kind: "express", kafkaVersion: "3.9.x" },
      says: "target.shape.kafkaVersion: Express instance types are not supported for Kafka version 3.9.x. Valid values: [3.8.x, 3.9.x.kraft] Seen: kafkaVersion 3.9.x. Correction: kafkaVersion: 3.9.x.kraft.",
    },
    {
      wanted: { instanceType: "kafka.m5.large", provisionedThroughputMiBs: 250 },
      says: "target.shape.provisionedThroughputMiBs: Provisioned throughput is not supported for the specified broker type. Seen: provisionedThroughputMiBs 250 on kafka.m5.large. Correction: leave provisionedThroughputMiBs out, or take kafka.m5.4xlarge, kafka.m7g.2xlarge or larger.",
    },
  ] as const)("refuses $wanted in AWS's words, with what to write instead", ({ wanted, says }) => {
    expect(() => chooseShape({ load: load(), site, wanted, creatable })).toThrow(
      expect.objectContaining({ code: "E_SETTINGS", message: says }),
    );
  });
});
