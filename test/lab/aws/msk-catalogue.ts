/**
 * What MSK offers, as read live or in the documentation in September to November 2026 (see README.md, Sources).
 */

/** Versions that a cluster with Standard brokers can be created with. */
export const STANDARD_VERSIONS = [
  "3.6.0",
  "3.7.x",
  "3.7.x.kraft",
  "3.8.x",
  "3.8.x.kraft",
  "3.9.x",
  "3.9.x.kraft",
  "4.0.x.kraft",
  "4.1.x.kraft",
];

/** Versions that a cluster with Express brokers can be created with. */
export const EXPRESS_VERSIONS = ["3.8.x", "3.9.x.kraft", "4.2.x.kraft"];

/** Listed by ListKafkaVersions only as DEPRECATED: no cluster can be created with them. */
export const DEPRECATED_VERSIONS = [
  "1.1.1",
  "2.1.0",
  "2.2.1",
  "2.3.1",
  "2.4.1",
  "2.4.1.1",
  "2.5.1",
  "2.6.0",
  "2.6.1",
  "2.6.2",
  "2.6.3",
  "2.7.0",
  "2.7.1",
  "2.7.2",
  "2.8.0",
  "2.8.1",
  "2.8.2.tiered",
  "3.1.1",
  "3.2.0",
  "3.3.1",
  "3.3.2",
  "3.4.0",
  "3.5.1",
  "3.6.0.1",
  "3.8.link",
];

/** Versions with an ACTIVE row, oldest first. */
export const ACTIVE_VERSIONS = [...STANDARD_VERSIONS, "4.2.x.kraft"];

/** Rows of ListKafkaVersions. 3.9.x and 4.2.x.kraft come twice, with different status: of 3.9.x the DEPRECATED row comes last, of 4.2.x.kraft first. */
export function kafkaVersionRows(): { Version: string; Status: "ACTIVE" | "DEPRECATED" }[] {
  const rows: { Version: string; Status: "ACTIVE" | "DEPRECATED" }[] = [];
  for (const Version of DEPRECATED_VERSIONS) rows.push({ Version, Status: "DEPRECATED" });
  for (const Version of ACTIVE_VERSIONS) {
    if (Version === "4.2.x.kraft") rows.push({ Version, Status: "DEPRECATED" });
    rows.push({ Version, Status: "ACTIVE" });
    if (Version === "3.9.x") rows.push({ Version, Status: "DEPRECATED" });
  }
  return rows;
}

/**
 * Brokers. `throughputMax` is the highest provisioned EBS throughput in MiB/s, null where it is refused; `partitions` is
 * the number of replicas per broker above which MSK refuses updates.
 */
export const BROKER_TYPES = new Map<string, { partitions: number; throughputMax: number | null }>([
  ["kafka.t3.small", { partitions: 300, throughputMax: null }],
  ["kafka.m5.large", { partitions: 1500, throughputMax: null }],
  ["kafka.m5.xlarge", { partitions: 1500, throughputMax: null }],
  ["kafka.m5.2xlarge", { partitions: 3000, throughputMax: null }],
  ["kafka.m5.4xlarge", { partitions: 6000, throughputMax: 593.75 }],
  ["kafka.m5.8xlarge", { partitions: 6000, throughputMax: 850 }],
  ["kafka.m5.12xlarge", { partitions: 6000, throughputMax: 1000 }],
  ["kafka.m5.16xlarge", { partitions: 6000, throughputMax: 1000 }],
  ["kafka.m5.24xlarge", { partitions: 6000, throughputMax: 1000 }],
  ["kafka.m7g.large", { partitions: 1500, throughputMax: null }],
  ["kafka.m7g.xlarge", { partitions: 1500, throughputMax: null }],
  ["kafka.m7g.2xlarge", { partitions: 3000, throughputMax: 312.5 }],
  ["kafka.m7g.4xlarge", { partitions: 6000, throughputMax: 625 }],
  ["kafka.m7g.8xlarge", { partitions: 6000, throughputMax: 1000 }],
  ["kafka.m7g.12xlarge", { partitions: 6000, throughputMax: 1000 }],
  ["kafka.m7g.16xlarge", { partitions: 6000, throughputMax: 1000 }],
  ["express.m7g.large", { partitions: 1500, throughputMax: null }],
  ["express.m7g.xlarge", { partitions: 2000, throughputMax: null }],
  ["express.m7g.2xlarge", { partitions: 4000, throughputMax: null }],
  ["express.m7g.4xlarge", { partitions: 8000, throughputMax: null }],
  ["express.m7g.8xlarge", { partitions: 16000, throughputMax: null }],
  ["express.m7g.12xlarge", { partitions: 24000, throughputMax: null }],
  ["express.m7g.16xlarge", { partitions: 32000, throughputMax: null }],
]);

type Kind = "boolean" | "string" | "number";
/** Type of a broker property and, where the documentation gives one, its range or its allowed values. */
export type PropertyRule = { kind: Kind; min?: number; max?: number; oneOf?: readonly string[] };

const flag: PropertyRule = { kind: "boolean" };
const text: PropertyRule = { kind: "string" };
const number: PropertyRule = { kind: "number" };
const shared: [string, PropertyRule][] = [
  ["allow.everyone.if.no.acl.found", flag],
  ["auto.create.topics.enable", flag],
  [
    "compression.type",
    { kind: "string", oneOf: ["gzip", "snappy", "lz4", "zstd", "uncompressed", "producer"] },
  ],
  ["connections.max.idle.ms", number],
  ["custom.advertised.listeners", text],
  ["delete.topic.enable", flag],
  ["group.initial.rebalance.delay.ms", number],
  ["group.max.session.timeout.ms", number],
  ["leader.imbalance.per.broker.percentage", number],
  ["log.cleanup.policy", { kind: "string", oneOf: ["delete", "compact"] }],
  ["log.message.timestamp.type", { kind: "string", oneOf: ["CreateTime", "LogAppendTime"] }],
  ["log.retention.bytes", number],
  ["log.retention.ms", number],
  ["max.incremental.fetch.session.cache.slots", number],
  ["message.max.bytes", number],
  ["num.partitions", number],
  ["offsets.retention.minutes", number],
  ["replica.fetch.max.bytes", number],
  ["replica.selector.class", text],
  ["socket.receive.buffer.bytes", { kind: "number", min: -1 }],
  ["socket.request.max.bytes", number],
  ["socket.send.buffer.bytes", { kind: "number", min: -1 }],
  ["transaction.max.timeout.ms", number],
  ["transactional.id.expiration.ms", { kind: "number", min: 1 }],
];

/** The 49 broker properties of Standard brokers (developer guide, msk-configuration-properties). */
export const STANDARD_PROPERTIES = new Map<string, PropertyRule>([
  ...shared,
  ["default.replication.factor", number],
  ["group.min.session.timeout.ms", number],
  ["log.cleaner.delete.retention.ms", { kind: "number", min: 0 }],
  ["log.cleaner.min.cleanable.ratio", { kind: "number", min: 0, max: 1 }],
  ["log.flush.interval.messages", number],
  ["log.flush.interval.ms", { kind: "number", min: 0 }],
  ["log.message.timestamp.difference.max.ms", number],
  ["log.retention.hours", number],
  ["log.retention.minutes", number],
  ["log.roll.ms", { kind: "number", min: 1 }],
  ["log.segment.bytes", number],
  ["min.insync.replicas", number],
  ["num.io.threads", number],
  ["num.network.threads", number],
  ["num.recovery.threads.per.data.dir", number],
  ["num.replica.fetchers", number],
  ["offsets.topic.replication.factor", number],
  ["replica.fetch.response.max.bytes", number],
  ["replica.lag.time.max.ms", { kind: "number", min: 10_000, max: 30_000 }],
  ["replica.socket.receive.buffer.bytes", number],
  ["transaction.state.log.min.isr", number],
  ["transaction.state.log.replication.factor", number],
  ["unclean.leader.election.enable", flag],
  ["zookeeper.connection.timeout.ms", { kind: "number", min: 6000, max: 18_000 }],
  ["zookeeper.session.timeout.ms", { kind: "number", min: 6000, max: 18_000 }],
]);

/** The 27 static broker properties of Express brokers (developer guide, msk-configuration-express-read-write). */
export const EXPRESS_PROPERTIES = new Map<string, PropertyRule>([
  ...shared,
  ["log.message.timestamp.after.max.ms", number],
  ["log.message.timestamp.before.max.ms", number],
  ["max.connections.per.ip", number],
]);

/** Topic configurations that Express brokers take (developer guide, msk-configuration-express-read-write). */
export const EXPRESS_TOPIC_PROPERTIES: readonly string[] = [
  "cleanup.policy",
  "compression.type",
  "delete.retention.ms",
  "max.message.bytes",
  "message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms",
  "message.timestamp.type",
  "min.compaction.lag.ms",
  "max.compaction.lag.ms",
  "retention.bytes",
  "retention.ms",
];

/** Enumerated members of the model: the SDK's schemas have them as plain strings. From botocore, kafka 2018-11-14. */
export const ENUMS = new Map<string, readonly string[]>([
  ["BrokerAZDistribution", ["DEFAULT"]],
  ["ClientBroker", ["TLS", "TLS_PLAINTEXT", "PLAINTEXT"]],
  ["EnhancedMonitoring", ["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"]],
  ["NetworkType", ["IPV4", "DUAL"]],
  ["StorageMode", ["LOCAL", "TIERED"]],
]);

/** Account and cluster quotas (developer guide, limits); of EC2 (VPC user guide, amazon-vpc-limits.html). */
export const QUOTAS = {
  rulesPerSecurityGroup: 60,
  routesPerTable: 500,
  activePeeringsPerVpc: 50,
  outstandingPeerings: 25,
  brokersPerAccount: 90,
  brokersPerClusterZooKeeper: 30,
  brokersPerClusterKRaft: 60,
  configurations: 100,
  configurationRevisions: 50,
  scramSecretsPerCall: 10,
  serverlessClusters: 10,
  replicators: 15,
};
export type Quotas = typeof QUOTAS;
