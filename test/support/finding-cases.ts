import type { Severity } from "#domain/findings/check.ts";
import { known, unknown } from "#domain/topology.ts";
import { type Change, plainGroup, topicNamed } from "./finding-scene.ts";

/** What provokes each finding, and what looks like it and must not. */

export type Case = {
  readonly code: string;
  /** The plain topic when absent. */
  readonly subject?: string;
  /** "found" when absent. */
  readonly state?: "unknown";
  readonly severity: Severity;
  /** The values that the evidence must hold. */
  readonly evidence: RegExp;
  readonly provoked: Change;
  /** The near miss. */
  readonly silent: Change;
};

export const cluster = "cluster";
export const group = plainGroup;

export const versionCases: readonly Case[] = [
  {
    code: "SOURCE_VERSION",
    subject: cluster,
    severity: "blocker",
    evidence: /Kafka 2\.0;.*2\.1 or newer \(KIP-896\).*workers are of 4\.1/,
    provoked: { subject: { version: known("2.0") }, context: { workers: known("4.1.0") } },
    silent: { subject: { version: known("2.1") }, context: { workers: known("4.1.0") } },
  },
  {
    code: "SOURCE_VERSION",
    subject: cluster,
    severity: "warning",
    evidence: /Kafka 2\.0;.*that of 3\.9 takes it; the workers are of 3\.9/,
    provoked: { subject: { version: known("2.0") }, context: { workers: known("3.9.2") } },
    silent: { subject: { version: known("2.0") }, engine: "replicator" },
  },
  {
    code: "SOURCE_VERSION",
    subject: cluster,
    severity: "warning",
    evidence: /of which release the workers are is not known: nobody answers/,
    provoked: { subject: { version: known("2.0") }, context: { workers: unknown("nobody answers") } },
    silent: { subject: { version: known("2.1") } },
  },
  {
    code: "SOURCE_VERSION",
    subject: cluster,
    severity: "blocker",
    evidence: /Kafka 1\.1; ferry is tried with sources from 2\.0 on/,
    provoked: { subject: { version: known("1.1") }, context: { workers: known("3.9.2") } },
    silent: { subject: { version: known("2.1") }, context: { workers: known("3.9.2") } },
  },
  {
    code: "SOURCE_VERSION",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /no broker answered ApiVersions/,
    provoked: { subject: { version: unknown("no broker answered ApiVersions") } },
    silent: { subject: { version: known("4.1") }, shape: { kafkaVersion: "4.1.x.kraft" } },
  },
  {
    code: "REPLICATOR_VERSION",
    subject: cluster,
    severity: "blocker",
    evidence: /Kafka 2\.7;.*2\.8\.1/,
    provoked: { subject: { version: known("2.7") }, engine: "replicator" },
    silent: { subject: { version: known("2.7") } },
  },
  {
    code: "TARGET_VERSION",
    subject: cluster,
    severity: "warning",
    evidence: /Kafka 4\.2; the newest that MSK offers on standard brokers is 4\.1\.x\.kraft/,
    provoked: { subject: { version: known("4.2") } },
    silent: { subject: { version: known("4.2") }, shape: { kind: "express", kafkaVersion: "4.2.x.kraft" } },
  },
  {
    code: "TARGET_VERSION",
    subject: cluster,
    severity: "warning",
    evidence: /Kafka 3\.9 moves to MSK 3\.6\.0, which is older/,
    provoked: { subject: { version: known("3.9") }, shape: { kafkaVersion: "3.6.0" } },
    silent: { subject: { version: known("3.6") }, shape: { kafkaVersion: "3.6.0" } },
  },
  {
    code: "CLIENTS_OLD",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /MSK 4\.0\.x\.kraft refuses clients older than 2\.1/,
    provoked: { shape: { kafkaVersion: "4.0.x.kraft" } },
    silent: { shape: { kafkaVersion: "3.9.x" } },
  },
  {
    code: "CLIENTS_OLD",
    subject: cluster,
    severity: "warning",
    evidence: /log\.message\.format\.version=0\.10/,
    provoked: {
      shape: { kafkaVersion: "4.0.x.kraft" },
      subject: { brokerConfigs: { "log.message.format.version": "0.10" } },
    },
    silent: { shape: { kafkaVersion: "4.0.x.kraft" }, subject: { version: known("4.0") } },
  },
  {
    code: "MESSAGE_FORMAT",
    severity: "warning",
    evidence: /message\.format\.version=0\.10\.2/,
    provoked: { configs: { "message.format.version": "0.10.2" } },
    silent: { configs: { "message.timestamp.type": "CreateTime" } },
  },
  {
    code: "MESSAGE_FORMAT",
    subject: cluster,
    severity: "warning",
    evidence: /log\.message\.format\.version=2\.8/,
    provoked: { subject: { brokerConfigs: { "log.message.format.version": "2.8" } } },
    silent: { subject: { brokerConfigs: { "log.message.timestamp.type": "CreateTime" } } },
  },
  {
    code: "PROTOCOL_BEHIND",
    subject: cluster,
    severity: "warning",
    evidence: /inter\.broker\.protocol\.version=3\.4 on Kafka 3\.9/,
    provoked: {
      subject: { version: known("3.9"), brokerConfigs: { "inter.broker.protocol.version": "3.4-IV0" } },
    },
    silent: {
      subject: { version: known("3.9"), brokerConfigs: { "inter.broker.protocol.version": "3.9-IV0" } },
    },
  },
  {
    code: "ZOOKEEPER_MODE",
    subject: cluster,
    severity: "info",
    evidence: /in ZooKeeper/,
    provoked: { subject: { mode: known("zookeeper") } },
    silent: { subject: { mode: known("kraft") } },
  },
  {
    code: "ZOOKEEPER_MODE",
    subject: cluster,
    state: "unknown",
    severity: "info",
    evidence: /the answer is not clear/,
    provoked: { subject: { mode: unknown("the answer is not clear") } },
    silent: { subject: { mode: known("kraft") } },
  },
];

export const limitCases: readonly Case[] = [
  {
    code: "PARTITIONS_TOO_MANY",
    subject: cluster,
    severity: "blocker",
    evidence: /4,503 partitions with their replicas; 3 brokers of kafka\.m7g\.large take at most 4,500/,
    provoked: { topic: { partitions: 1501 }, shape: { instanceType: "kafka.m7g.large", brokers: 3 } },
    silent: { topic: { partitions: 1500 }, shape: { instanceType: "kafka.m7g.large", brokers: 3 } },
  },
  {
    code: "PARTITIONS_TOO_MANY",
    subject: cluster,
    severity: "blocker",
    evidence: /30 brokers of kafka\.m7g\.16xlarge take at most 180,000/,
    provoked: { topic: { partitions: 60_001 } },
    silent: { topic: { partitions: 60_000 } },
  },
  {
    code: "PARTITIONS_ADVICE",
    subject: cluster,
    severity: "warning",
    evidence: /are meant for 3,000/,
    provoked: { topic: { partitions: 1001 }, shape: { instanceType: "kafka.m7g.large", brokers: 3 } },
    silent: { topic: { partitions: 1001 } },
  },
  {
    code: "BROKERS_MANY",
    subject: cluster,
    severity: "warning",
    evidence: /61 brokers; an MSK cluster takes 60/,
    provoked: { subject: { brokers: brokers(61) } },
    silent: { subject: { brokers: brokers(60) } },
  },
  {
    code: "SERVERLESS_LIMITS",
    subject: cluster,
    severity: "blocker",
    evidence: /2,401 partitions; MSK Serverless takes 2400/,
    provoked: { topic: { partitions: 2401 }, shape: { kind: "serverless" } },
    silent: { topic: { partitions: 2400 }, shape: { kind: "serverless" } },
  },
  {
    code: "SERVERLESS_LIMITS",
    subject: cluster,
    severity: "blocker",
    evidence: /121 partitions of compacted topics/,
    provoked: { topic: { partitions: 121, compacted: true }, shape: { kind: "serverless" } },
    silent: { topic: { partitions: 121, compacted: true } },
  },
  {
    code: "SERVERLESS_LIMITS",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /the rate of 1 topics is not known/,
    provoked: { topic: { bytesPerSecond: unknown("no") }, shape: { kind: "serverless" } },
    silent: { topic: { bytesPerSecond: known(1) }, shape: { kind: "serverless" } },
  },
  {
    code: "EXPRESS_PARTITION_RATE",
    severity: "warning",
    evidence: /15\.5 MB\/s into each of 2 partitions/,
    provoked: { topic: { partitions: 2, bytesPerSecond: known(31e6) }, shape: { kind: "express" } },
    silent: { topic: { partitions: 2, bytesPerSecond: known(31e6) } },
  },
  {
    code: "EXPRESS_PARTITION_RATE",
    state: "unknown",
    severity: "warning",
    evidence: /no size known/,
    provoked: { topic: { bytesPerSecond: unknown("no size known") }, shape: { kind: "express" } },
    silent: { topic: { bytesPerSecond: known(0) }, shape: { kind: "express" } },
  },
  {
    code: "REPLICATOR_LIMITS",
    subject: cluster,
    severity: "blocker",
    evidence: /751 topics; one Replicator takes 750/,
    provoked: { subject: { topics: many(751) }, engine: "replicator" },
    silent: { subject: { topics: many(750) }, engine: "replicator" },
  },
  {
    code: "REPLICATOR_RECORD_SIZE",
    severity: "warning",
    evidence: /max\.message\.bytes is 10000001/,
    provoked: { configs: { "max.message.bytes": "10000001" }, engine: "replicator" },
    silent: { configs: { "max.message.bytes": "10000000" }, engine: "replicator" },
  },
  {
    code: "IAM_CONNECTIONS",
    subject: cluster,
    state: "unknown",
    severity: "info",
    evidence: /members of groups are seen; how many connections/,
    provoked: { auth: "iam" },
    silent: { auth: "scram" },
  },
];

function brokers(count: number) {
  return Array.from({ length: count }, (_, id) => ({ id, host: `kafka-${id}`, rack: "a" }));
}

function many(count: number) {
  return Array.from({ length: count }, (_, index) => topicNamed(`many-${index}`));
}
