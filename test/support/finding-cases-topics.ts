import { type Known, known, unknown } from "#domain/topology.ts";
import { type Case, cluster } from "./finding-cases.ts";
import { type Change, plainTopic, topicNamed } from "./finding-scene.ts";

/** Settings and names of topics. */

const longMax = "9223372036854775807";

export const settingCases: readonly Case[] = [
  {
    code: "TOPIC_SETTING_REFUSED",
    severity: "warning",
    evidence: /confluent\.placement\.constraints=.*not a topic setting of Apache Kafka/,
    provoked: { configs: { "confluent.placement.constraints": "{}" } },
    silent: { configs: { "segment.bytes": "2097152" } },
  },
  {
    code: "TOPIC_SETTING_REFUSED",
    severity: "warning",
    evidence: /segment\.bytes=2097152: Express/,
    provoked: { configs: { "segment.bytes": "2097152" }, shape: { kind: "express" } },
    silent: { configs: { "retention.bytes": "1000000" }, shape: { kind: "express" } },
  },
  {
    code: "EXPRESS_SETTING_REFUSED",
    severity: "info",
    evidence: /segment\.bytes=2097152: Express/,
    provoked: { configs: { "segment.bytes": "2097152" }, shape: { kind: undefined } },
    silent: { configs: { "segment.bytes": "2097152" } },
  },
  {
    code: "BROKER_SETTING_REFUSED",
    subject: cluster,
    severity: "info",
    evidence: /^1 broker setting that MSK does not take: log\.dirs$/,
    provoked: { subject: { brokerConfigs: { "log.dirs": "/secret", "num.partitions": "3" } } },
    silent: { subject: { brokerConfigs: { "num.partitions": "3" } } },
  },
  {
    code: "BROKER_SETTINGS",
    subject: "1 topic",
    severity: "info",
    evidence: /retention\.ms 172800000 comes from server\.properties/,
    provoked: { topic: { configs: { "retention.ms": { value: "172800000", origin: "broker-static" } } } },
    silent: { topic: { configs: { "retention.ms": { value: "604800000", origin: "broker-static" } } } },
  },
  {
    code: "MIN_ISR_HIGH",
    severity: "warning",
    evidence: /min\.insync\.replicas is 3; with 3 replicas on MSK/,
    provoked: { configs: { "min.insync.replicas": "3" } },
    silent: { configs: { "min.insync.replicas": "2" } },
  },
  {
    code: "MIN_ISR_HIGH",
    severity: "warning",
    evidence: /min\.insync\.replicas is 2 with 1 replicas: writes with acks=all are refused/,
    provoked: { configs: { "min.insync.replicas": "2" }, topic: { replicationFactor: 1 } },
    silent: { configs: { "min.insync.replicas": "2" }, topic: { replicationFactor: 2 } },
  },
  {
    code: "MIN_ISR_HIGH",
    state: "unknown",
    severity: "warning",
    evidence: /told no setting/,
    provoked: { topic: { configs: {} } },
    silent: { configs: { "min.insync.replicas": "1" } },
  },
  {
    code: "UNCLEAN_ELECTION",
    severity: "warning",
    evidence: /on the topic/,
    provoked: { configs: { "unclean.leader.election.enable": "true" } },
    silent: { configs: { "unclean.leader.election.enable": "false" } },
  },
  {
    code: "UNCLEAN_ELECTION",
    subject: cluster,
    severity: "warning",
    evidence: /on the brokers/,
    provoked: { subject: { brokerConfigs: { "unclean.leader.election.enable": "true" } } },
    silent: { subject: { brokerConfigs: { "unclean.leader.election.enable": "false" } } },
  },
  {
    code: "SINGLE_REPLICA",
    severity: "warning",
    evidence: /one replica on 3 brokers/,
    provoked: { topic: { replicationFactor: 1 } },
    silent: { topic: { replicationFactor: 2 } },
  },
  {
    code: "REPLICAS_MANY",
    severity: "info",
    evidence: /4 replicas; on MSK 3/,
    provoked: { topic: { replicationFactor: 4 } },
    silent: { topic: { replicationFactor: 3 } },
  },
  {
    code: "TIERED_STORAGE",
    severity: "warning",
    evidence: /remote\.storage\.enable=true/,
    provoked: { configs: { "remote.storage.enable": "true" } },
    silent: { configs: { "remote.storage.enable": "false" } },
  },
  {
    code: "RETENTION_UNLIMITED",
    severity: "info",
    evidence: /nothing is ever deleted/,
    provoked: { configs: { "retention.ms": "-1" } },
    silent: { configs: { "retention.ms": "-1", "retention.bytes": "1000000000" } },
  },
  {
    code: "TIMESTAMP_LIMITS",
    severity: "warning",
    evidence: /message\.timestamp\.before\.max\.ms=1000/,
    provoked: { configs: { "message.timestamp.before.max.ms": "1000" } },
    silent: {
      topic: { configs: { "message.timestamp.before.max.ms": { value: longMax, origin: "default" } } },
    },
  },
  {
    code: "SEGMENT_SMALL",
    severity: "info",
    evidence: /segment\.bytes is 1,048,575/,
    provoked: { configs: { "segment.bytes": "1048575" } },
    silent: { configs: { "segment.bytes": "1048576" } },
  },
  {
    code: "AUTO_CREATE",
    subject: cluster,
    severity: "warning",
    evidence: /true by default/,
    provoked: { subject: { brokerConfigs: {} } },
    silent: { subject: { brokerConfigs: { "auto.create.topics.enable": "false" } } },
  },
  {
    code: "AUTO_CREATE",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /do not tell auto\.create/,
    provoked: { subject: { brokerConfigs: { "auto.create.topics.enable": null } } },
    silent: { subject: { brokerConfigs: { "auto.create.topics.enable": "false" } } },
  },
];

export const nameCases: readonly Case[] = [
  {
    code: "TOPIC_RENAMED",
    subject: "app.heartbeats",
    severity: "blocker",
    evidence: /source\.app\.heartbeats/,
    provoked: { topic: { name: "app.heartbeats" } },
    silent: { topic: { name: "heartbeats-of-app" } },
  },
  {
    code: "TOPIC_RENAMED",
    subject: "device-heartbeats",
    severity: "blocker",
    evidence: /heartbeats/,
    provoked: { topic: { name: "device-heartbeats" } },
    silent: { topic: { name: "device-heartbeats" }, topics: ["orders.*"] },
  },
  {
    code: "TOPIC_NOT_MIRRORED",
    subject: "stock-internal",
    severity: "warning",
    evidence: /up to 3\.9/,
    provoked: { topic: { name: "stock-internal" } },
    silent: { topic: { name: "internal-stock" } },
  },
  {
    code: "TOPIC_NOT_MIRRORED",
    subject: "stock.internal",
    severity: "warning",
    evidence: /up to 3\.9/,
    provoked: { topic: { name: "stock.internal" } },
    silent: { topic: { name: "stock.internals" } },
  },
  {
    code: "TOPIC_NOT_MIRRORED",
    subject: ".hidden",
    severity: "warning",
    evidence: /up to 3\.9/,
    provoked: { topic: { name: ".hidden" } },
    silent: { topic: { name: "not.hidden" } },
  },
  {
    code: "TOPIC_EXCLUDED",
    subject: "stock.replica",
    severity: "warning",
    evidence: /excludes by default/,
    provoked: { topic: { name: "stock.replica" } },
    silent: { topic: { name: "replica-stock" } },
  },
  {
    code: "TOPIC_EXCLUDED",
    subject: "mm2-stock",
    severity: "warning",
    evidence: /excludes by default/,
    provoked: { topic: { name: "mm2-stock" } },
    silent: { topic: { name: "stock-mm2-" } },
  },
  {
    code: "MIRRORMAKER_PRESENT",
    subject: "mm2-offset-syncs.b.internal",
    severity: "warning",
    evidence: /its name/,
    provoked: role("mm2-offset-syncs.b.internal", "mirrormaker"),
    silent: role("mm2-offset-syncs.b.internal", "connect-status"),
  },
  {
    code: "TOPIC_PATTERN",
    subject: "a.b",
    severity: "info",
    evidence: /also matches a-b/,
    provoked: { subject: { topics: [topicNamed("a.b"), topicNamed("a-b")] } },
    silent: { subject: { topics: [topicNamed("a.b"), topicNamed("a--b")] } },
  },
  {
    code: "TOPIC_COLLISION",
    subject: "a.b",
    severity: "blocker",
    evidence: /a\.b and a_b differ only/,
    provoked: { subject: { topics: [topicNamed("a.b"), topicNamed("a_b")] } },
    silent: { subject: { topics: [topicNamed("a.b"), topicNamed("a-b")] } },
  },
  {
    code: "TOPIC_NAME_LONG",
    subject: "n".repeat(243),
    severity: "info",
    evidence: /243 characters;.*250 of 249/,
    provoked: { topic: { name: "n".repeat(243) } },
    silent: { topic: { name: "n".repeat(242) } },
  },
  {
    code: "STREAMS_INTERNALS",
    subject: "app-store-changelog",
    severity: "warning",
    evidence: /streams-changelog of app: its name/,
    provoked: role("app-store-changelog", "streams-changelog"),
    silent: role("app-store-changelog", "schema-registry"),
  },
  {
    code: "CONNECT_INTERNALS",
    subject: "connect-offsets",
    severity: "warning",
    evidence: /connect-offsets: its name/,
    provoked: role("connect-offsets", "connect-offsets"),
    silent: role("connect-offsets", "streams-changelog"),
  },
  {
    code: "SCHEMA_REGISTRY",
    subject: "_schemas",
    severity: "warning",
    evidence: /its name/,
    provoked: role("_schemas", "schema-registry"),
    silent: { topic: { name: "_schemas", role: null } },
  },
  {
    code: "TARGET_TOPIC_EXISTS",
    severity: "blocker",
    evidence: /on the target with 7 records/,
    provoked: { context: { target: known(there(1, known(7))) } },
    silent: { context: { target: known(there(1, known(0))) } },
  },
  {
    code: "TARGET_TOPIC_EXISTS",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /MSK does not answer/,
    provoked: { context: { target: unknown("MSK does not answer") } },
    silent: { context: { target: known(new Map()) } },
  },
  {
    code: "TARGET_PARTITIONS_DIFFER",
    severity: "blocker",
    evidence: /3 partitions on the source, 4 on the target/,
    provoked: { topic: { partitions: 3 }, context: { target: known(there(4, known(0))) } },
    silent: { topic: { partitions: 3 }, context: { target: known(there(3, known(0))) } },
  },
];

function role(name: string, kind: NonNullable<ReturnType<typeof topicNamed>["role"]>["kind"]): Change {
  return {
    topic: { name, role: { kind, owner: kind.startsWith("streams") ? "app" : null, evidence: "its name" } },
  };
}

function there(partitions: number, records: Known<number>) {
  return new Map([[plainTopic, { partitions, records }]]);
}
