import { describe, expect, it } from "vitest";
import {
  expressConfigKeys,
  recordedVersions,
  standardBrokers,
  standardConfigKeys,
  topicConfigKeys,
} from "#domain/msk/data.ts";
import { checkCluster, checkConfiguration } from "#domain/msk/rules.ts";
import type { ClusterRequest } from "#domain/msk.ts";
import { covers, overlap } from "#domain/network/cidr.ts";
import { BROKER_TYPES, EXPRESS_PROPERTIES, STANDARD_PROPERTIES } from "#lab/aws/msk-catalogue.ts";

const known = [...new Set([...recordedVersions.standard, ...recordedVersions.express])];
const good: ClusterRequest = {
  name: "t",
  kind: "standard",
  kafkaVersion: "3.9.x",
  instanceType: "kafka.m7g.large",
  brokers: 3,
  subnets: ["a", "b", "c"],
  securityGroups: ["g"],
  volumeGiB: 100,
  auth: "iam",
  transit: "tls",
  monitoring: "DEFAULT",
  prometheus: false,
  tags: {},
};
const { volumeGiB: _, ...rest } = good;
const express: ClusterRequest = {
  ...rest,
  kind: "express",
  kafkaVersion: "3.9.x.kraft",
  instanceType: "express.m7g.large",
};
const check = (change: Partial<ClusterRequest>, from = good) =>
  checkCluster({ ...from, ...change }, known, (change.subnets ?? from.subnets).length);

describe("what MSK demands of a cluster", () => {
  it.each([good, express])("finds nothing wrong with a good $kind request", (request) => {
    expect(check({}, request)).toEqual([]);
  });

  it.each<{ change: Partial<ClusterRequest>; from?: ClusterRequest; correction: string }>([
    { change: { kafkaVersion: "3.5.1" }, correction: "kafkaVersion: 3.9.x" },
    { change: { kafkaVersion: "4.2.x.kraft" }, correction: "kafkaVersion: 3.9.x" },
    { change: { kafkaVersion: "3.9.x" }, from: express, correction: "kafkaVersion: 3.9.x.kraft" },
    { change: { instanceType: "m5.large" }, correction: "instanceType: kafka.m7g.large" },
    { change: { instanceType: "express.m7g.large" }, correction: "instanceType: kafka.m7g.large" },
    {
      change: { instanceType: "kafka.t3.small", kafkaVersion: "3.9.x.kraft" },
      correction: "instanceType: kafka.m7g.large",
    },
    { change: { brokers: 4 }, correction: "brokers: 6" },
    { change: { brokers: 33 }, correction: "larger brokers, or a higher quota from AWS" },
    {
      change: { subnets: ["a", "b"] },
      from: { ...express, brokers: 4 },
      correction: "target.subnets: three subnets, each in another Availability Zone",
    },
    { change: { subnets: ["a", "b", "b"] }, correction: "name each subnet once" },
    { change: { volumeGiB: 20_000 }, correction: "volumeGiB: 16384" },
    {
      change: { volumeGiB: 100 },
      from: express,
      correction: "leave volumeGiB out: Express grows its storage by itself",
    },
    {
      change: { instanceType: "kafka.m5.large", provisionedThroughputMiBs: 250 },
      correction:
        "leave provisionedThroughputMiBs out, or take kafka.m5.4xlarge, kafka.m7g.2xlarge or larger",
    },
    {
      change: { instanceType: "kafka.m5.4xlarge", provisionedThroughputMiBs: 600 },
      correction: "provisionedThroughputMiBs: 593",
    },
    {
      change: { instanceType: "kafka.m5.4xlarge", provisionedThroughputMiBs: 100 },
      correction: "provisionedThroughputMiBs: 250",
    },
    {
      change: { instanceType: "kafka.m7g.2xlarge", provisionedThroughputMiBs: 300, volumeGiB: 5 },
      correction: "volumeGiB: 10 or more",
    },
    { change: { transit: "plaintext" }, correction: "target.transit: tls" },
    { change: { transit: "tls-plaintext" }, correction: "target.transit: tls" },
    {
      change: { auth: "tls" },
      correction: "target.certificateAuthorities: [arn:aws:acm-pca:…]",
    },
  ])("refuses $change with one correction", ({ change, from, correction }) => {
    expect(check(change, from).map((each) => each.correction)).toEqual([correction]);
  });

  it("leaves a version that it does not know to AWS", () => {
    expect(checkCluster({ ...good, kafkaVersion: "4.3.x.kraft" }, [...known, "4.3.x.kraft"], 3)).toEqual([]);
  });

  it("has the stand-in's types with the same limits", () => {
    const limits = standardBrokers.map(({ instanceType, partitionsMax, provisionedThroughput }) => ({
      instanceType,
      partitions: partitionsMax,
      throughput: provisionedThroughput?.maxMiBs,
    }));
    const theirs = [...BROKER_TYPES]
      .filter(([instanceType]) => instanceType.startsWith("kafka."))
      .map(([instanceType, { partitions, throughputMax }]) => ({
        instanceType,
        partitions,
        throughput: throughputMax === null ? undefined : Math.floor(throughputMax),
      }));
    expect(limits).toEqual(theirs);
  });
});

describe("what MSK demands of a configuration", () => {
  it("knows the same keys as the stand-in", () => {
    expect([...standardConfigKeys.keys()].toSorted()).toEqual([...STANDARD_PROPERTIES.keys()].toSorted());
    expect([...expressConfigKeys.keys()].toSorted()).toEqual([...EXPRESS_PROPERTIES.keys()].toSorted());
    expect(standardConfigKeys.size).toBe(49);
    expect(expressConfigKeys.size).toBe(27);
    expect(topicConfigKeys.express.size).toBe(11);
  });

  it("takes the guide's eight keys on Standard, and on Express refuses three of them", () => {
    const guide = {
      "auto.create.topics.enable": "false",
      "default.replication.factor": "3",
      "min.insync.replicas": "2",
      "num.partitions": "6",
      "log.retention.hours": "168",
      "log.retention.bytes": "-1",
      "message.max.bytes": "10485760",
      "replica.fetch.max.bytes": "10485760",
    };
    expect(checkConfiguration("standard", guide)).toEqual([]);
    expect(checkConfiguration("express", guide).map(({ saw }) => saw)).toEqual([
      "default.replication.factor=3",
      "min.insync.replicas=2",
      "log.retention.hours=168",
    ]);
  });

  it.each([
    ["broker.id", "1"],
    ["auto.create.topics.enable", "yes"],
    ["num.partitions", ""],
    ["num.partitions", "six"],
    ["log.cleaner.min.cleanable.ratio", "1.5"],
    ["replica.lag.time.max.ms", "5000"],
    ["log.cleanup.policy", "compact,shrink"],
  ])("refuses %s=%s", (key, value) => {
    expect(checkConfiguration("standard", { [key]: value })).toHaveLength(1);
  });
});

describe("address blocks", () => {
  it.each([
    ["10.20.0.0/16", "10.20.128.0/17", true],
    ["10.20.128.0/17", "10.20.0.0/16", true],
    ["10.10.0.0/16", "10.20.0.0/16", false],
    ["10.20.0.0/17", "10.20.128.0/17", false],
    ["0.0.0.0/0", "192.168.1.1/32", true],
    ["2001:db8::/32", "2001:db8:1::/48", true],
    ["2001:db8::/32", "2001:db9::/32", false],
    ["::/0", "10.0.0.0/8", false],
    ["10.0.0.0/33", "10.0.0.0/8", false],
    ["10.0.0/8", "10.0.0.0/8", false],
  ])("%s and %s overlap: %s", (left, right, expected) => {
    expect(overlap(left, right)).toBe(expected);
    expect(overlap(right, left)).toBe(expected);
  });

  it("covers what lies inside and nothing wider", () => {
    expect(covers("10.0.0.0/8", "10.10.0.0/16")).toBe(true);
    expect(covers("10.10.0.0/16", "10.10.0.0/16")).toBe(true);
    expect(covers("10.10.0.0/16", "10.0.0.0/8")).toBe(false);
  });
});
