import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  prerequisites,
  type ReplicatorFacts,
  replicatorProblems,
  topicOf,
  topicPattern,
  topicProblems,
} from "#domain/mirror/replicator-rules.ts";
import type { MskCluster } from "#domain/msk.ts";
import { sameRecord } from "#domain/offsets/log-view.ts";
import { ReplicatorSettings } from "#domain/replicator-settings.ts";
import { known, unknown } from "#domain/topology.ts";
import { record } from "#support/log-views.ts";

const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:source";
const settings = ReplicatorSettings.parse({
  role: "arn:aws:iam::123456789012:role/replicator",
  scram: { mechanism: "SHA512", secretArn: secret },
});

const target: MskCluster = {
  arn: "arn:aws:kafka:us-east-1:123456789012:cluster/migrated/u-1",
  name: "migrated",
  state: "ACTIVE",
  createdAt: 0,
  kind: "standard",
  currentVersion: "K1",
  kafkaVersion: "3.9.x",
  instanceType: "kafka.m7g.large",
  brokers: 3,
  volumeGiB: 100,
  provisionedThroughputMiBs: undefined,
  monitoring: "DEFAULT",
  auth: ["iam"],
  transit: "tls",
  configurationArn: undefined,
  configurationRevision: undefined,
  subnets: ["a", "b", "c"],
  securityGroups: ["sg"],
  kmsKey: undefined,
  encryptsInCluster: true,
  certificateAuthorities: [],
  logs: {},
  prometheus: true,
  publicAccess: false,
  tags: {},
};

const good: ReplicatorFacts = {
  version: known("3.9"),
  security: { protocol: "SASL_SSL", mechanism: "SCRAM-SHA-512", username: "ferry", passwordEnv: "P" },
  settings,
  target,
};

const failing = (facts: ReplicatorFacts) =>
  prerequisites(facts)
    .filter(({ state }) => state === "fail")
    .map(({ name }) => name);

describe("what a Replicator asks of a migration", () => {
  it("is met by a source with TLS and SCRAM, and an MSK cluster of three brokers with IAM", () => {
    expect(replicatorProblems(good)).toEqual([]);
    const express = { ...target, kind: "express" as const, instanceType: "express.m7g.large" };
    expect(replicatorProblems({ ...good, target: express })).toEqual([]);
  });

  it.each([
    ["source-version", { version: known("2.8.0") }, "2.8.0"],
    ["source-version", { version: known("2.7") }, "2.7"],
    ["source-tls", { security: { protocol: "PLAINTEXT" } }, "PLAINTEXT"],
    ["source-authentication", { security: { ...good.security, mechanism: "PLAIN" } }, "PLAIN"],
    ["source-authentication", { settings: { ...settings, scram: undefined } }, "neither"],
    ["source-authentication", { settings: { ...settings, mtls: { secretArn: secret } } }, "both"],
    ["target-kind", { target: { ...target, kind: "serverless" } }, "serverless"],
    ["target-iam", { target: { ...target, auth: ["scram", "tls"] } }, "scram, tls"],
    ["target-brokers", { target: { ...target, brokers: 2 } }, "2 brokers"],
    ["target-brokers", { target: { ...target, subnets: ["a", "b"], brokers: 2 } }, "4 of them"],
    ["target-instance", { target: { ...target, instanceType: "kafka.t3.small" } }, "kafka.t3.small"],
    ["target-version", { target: { ...target, kafkaVersion: "2.6.2" } }, "2.6.2"],
    ["same-account", { settings: { ...settings, role: "arn:aws:iam::210987654321:role/r" } }, "210987654321"],
  ] as const)("lacks %s and names it with its value", (name, change, value) => {
    const facts = { ...good, ...change } as const satisfies ReplicatorFacts;
    expect(failing(facts)).toEqual([name]);
    expect(replicatorProblems(facts)).toEqual([expect.stringContaining(value)]);
  });

  it("is not known where the brokers do not tell enough", () => {
    for (const version of [known("2.8"), unknown("no broker answered")]) {
      expect(failing({ ...good, version })).toEqual([]);
      expect(replicatorProblems({ ...good, version })).toEqual([expect.stringContaining("2.8.1")]);
    }
  });

  it("takes the listener that is named in place of the bot's", () => {
    const named = { ...settings, bootstrap: ["kafka:9094"] };
    expect(replicatorProblems({ ...good, security: { protocol: "PLAINTEXT" }, settings: named })).toEqual([]);
  });

  it("compares releases as numbers", () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(12), fc.nat(5), (major, minor, patch) => {
        const old = major < 2 || (major === 2 && (minor < 8 || (minor === 8 && patch < 1)));
        const version = known(`${major}.${minor}.${patch}`);
        expect(failing({ ...good, version })).toEqual(old ? ["source-version"] : []);
      }),
    );
  });
});

const name = fc
  .array(fc.constantFrom("a", "b", "z", "A", "Z", "0", "9", ".", "_", "-"), { minLength: 1, maxLength: 249 })
  .map((letters) => letters.join(""));

describe("a wave's topics as patterns", () => {
  it("match the topic alone, and tell it again", () => {
    fc.assert(
      fc.property(name, name, (topic, other) => {
        const pattern = new RegExp(`^(?:${topicPattern(topic)})$`);
        expect(pattern.test(topic)).toBe(true);
        expect(pattern.test(other)).toBe(other === topic);
        expect(topicOf(topicPattern(topic))).toBe(topic);
      }),
    );
    expect(topicOf("orders.*")).toBeUndefined();
    expect(topicOf(".*")).toBeUndefined();
  });

  it("are refused where one Replicator cannot carry them, with the value", () => {
    const many = Array.from({ length: 751 }, (_, index) => ({ name: `t${index}` }));
    expect(topicProblems(many)).toEqual([expect.stringContaining("751")]);
    const long = `${"a".repeat(248)}.`;
    expect(topicProblems([{ name: long }])).toEqual([expect.stringContaining("250 characters")]);
    expect(topicProblems([{ name: "big", maxMessageBytes: 30_000_000 }])).toEqual([
      expect.stringContaining("30000000"),
    ]);
    expect(topicProblems([{ name: "stamped", timestampType: "LogAppendTime" }])).toEqual([
      expect.stringContaining("LogAppendTime"),
    ]);
    const fine = { name: "fine", maxMessageBytes: 1_048_588, timestampType: "CreateTime" };
    expect(topicProblems([fine])).toEqual([]);
  });
});

describe("the Replicator's mark", () => {
  it("is no part of a record's content, other headers are", () => {
    const plain = record(0, "a", 1);
    const mark = ["__mskmr", Buffer.from("x")] as const;
    const other = ["trace", Buffer.from("x")] as const;
    expect(sameRecord(plain, { ...plain, headers: [mark] })).toBe(true);
    expect(sameRecord({ ...plain, headers: [other] }, { ...plain, headers: [other, mark] })).toBe(true);
    expect(sameRecord(plain, { ...plain, headers: [other, mark] })).toBe(false);
  });
});
