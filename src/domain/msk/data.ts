/**
 * What MSK offers and costs, as far as no API call tells. Read in September to November 2026; where a figure comes from
 * is said beside it. `guide` stands for the MSK developer guide.
 */
export const guide = "https://docs.aws.amazon.com/msk/latest/developerguide";

export type Range = { readonly recommended: number; readonly max: number };

/** One broker. Partitions are replicas, leaders and followers; rates are MB/s (10^6 bytes); US dollars in us-east-1. */
export type BrokerType = {
  readonly instanceType: string;
  readonly vcpu: number;
  readonly memoryGiB: number;
  readonly partitionsRecommended: number;
  /** Above it MSK refuses updates of configuration and version, and downsizing. */
  readonly partitionsMax: number;
  readonly ingressMBps: Range;
  readonly egressMBps: Range;
  readonly hourlyUsd: number;
  /** `undefined`: refused on this type. */
  readonly provisionedThroughput: { readonly minMiBs: number; readonly maxMiBs: number } | undefined;
};

type Pair = readonly [number, number];

function broker(
  instanceType: string,
  [vcpu, memoryGiB]: Pair,
  [partitionsRecommended, partitionsMax]: Pair,
  [inRecommended, inMax]: Pair,
  [outRecommended, outMax]: Pair,
  hourlyUsd: number,
  throughputMaxMiBs?: number,
): BrokerType {
  return {
    instanceType,
    vcpu,
    memoryGiB,
    partitionsRecommended,
    partitionsMax,
    ingressMBps: { recommended: inRecommended, max: inMax },
    egressMBps: { recommended: outRecommended, max: outMax },
    hourlyUsd,
    provisionedThroughput:
      throughputMaxMiBs === undefined ? undefined : { minMiBs: 250, maxMiBs: throughputMaxMiBs },
  };
}

/**
 * Standard brokers. Partitions: guide, bestpractices.html. Throughput: awslabs MSK MCP server. Prices: `prices.source`.
 * Highest provisioned throughput: guide, msk-provision-throughput-management.html, and the API's own refusals.
 */
export const standardBrokers: readonly BrokerType[] = [
  broker("kafka.t3.small", [2, 2], [300, 300], [4.8, 7.2], [9.6, 18], 0.0456),
  broker("kafka.m5.large", [2, 8], [1000, 1500], [4.8, 7.2], [9.6, 18], 0.21),
  broker("kafka.m5.xlarge", [4, 16], [1000, 1500], [9.6, 14.4], [19.2, 36], 0.42),
  broker("kafka.m5.2xlarge", [8, 32], [2000, 3000], [19.2, 28.8], [38.4, 72], 0.84),
  broker("kafka.m5.4xlarge", [16, 64], [4000, 6000], [38.4, 57.6], [76.8, 144], 1.68, 593),
  broker("kafka.m5.8xlarge", [32, 128], [4000, 6000], [76.9, 115.4], [153.8, 288.5], 3.36, 850),
  broker("kafka.m5.12xlarge", [48, 192], [4000, 6000], [115.4, 173.1], [230.8, 432.7], 5.04, 1000),
  broker("kafka.m5.16xlarge", [64, 256], [4000, 6000], [153.8, 230.7], [307.7, 576.9], 6.72, 1000),
  broker("kafka.m5.24xlarge", [96, 384], [4000, 6000], [153.8, 230.7], [307.7, 576.9], 10.08, 1000),
  broker("kafka.m7g.large", [2, 8], [1000, 1500], [4.8, 7.2], [9.6, 18], 0.204),
  broker("kafka.m7g.xlarge", [4, 16], [1000, 1500], [9.6, 14.4], [19.2, 36], 0.408),
  broker("kafka.m7g.2xlarge", [8, 32], [2000, 3000], [19.2, 28.8], [38.4, 72], 0.816, 312),
  broker("kafka.m7g.4xlarge", [16, 64], [4000, 6000], [38.4, 57.6], [76.8, 144], 1.632, 625),
  broker("kafka.m7g.8xlarge", [32, 128], [4000, 6000], [76.9, 115.4], [153.8, 288.5], 3.264, 1000),
  broker("kafka.m7g.12xlarge", [48, 192], [4000, 6000], [115.4, 173.1], [230.8, 432.7], 4.896, 1000),
  broker("kafka.m7g.16xlarge", [64, 256], [4000, 6000], [153.8, 230.7], [307.7, 576.9], 6.528, 1000),
];

/** Express brokers: guide, limits.html. Recommended rates are sustained ones; above `max` the broker throttles. */
export const expressBrokers: readonly BrokerType[] = [
  broker("express.m7g.large", [2, 8], [1000, 1500], [15.6, 23.4], [31.2, 58.5], 0.408),
  broker("express.m7g.xlarge", [4, 16], [1000, 2000], [31.2, 46.8], [62.5, 117], 0.816),
  broker("express.m7g.2xlarge", [8, 32], [2500, 4000], [62.5, 93.7], [125, 234.2], 1.632),
  broker("express.m7g.4xlarge", [16, 64], [6000, 8000], [124.9, 187.5], [249.8, 468.7], 3.264),
  broker("express.m7g.8xlarge", [32, 128], [12_000, 16_000], [250, 375], [500, 937.5], 6.528),
  broker("express.m7g.12xlarge", [48, 192], [16_000, 24_000], [375, 562.5], [750, 1406.2], 9.792),
  broker("express.m7g.16xlarge", [64, 256], [20_000, 32_000], [500, 750], [1000, 1875], 13.056),
];

export function brokerType(instanceType: string): BrokerType | undefined {
  return [...standardBrokers, ...expressBrokers].find((each) => each.instanceType === instanceType);
}

/** US dollars. `perGiB` prices are a month's storage or one transfer; broker prices stand with the brokers. */
export const prices = {
  asOf: "2026-11-22",
  region: "us-east-1",
  source: "https://github.com/aws/agent-toolkit-for-aws (msk_sizing.py); t3.small: Infracost's golden file",
  hoursPerMonth: 730,
  standard: { storagePerGiBMonth: 0.1, throughputPerMiBsMonth: 0.08, tieredStoragePerGiBMonth: 0.06 },
  express: { storagePerGiBMonth: 0.1, ingressPerGiB: 0.01 },
  serverless: {
    perClusterHour: 0.75,
    perPartitionHour: 0.0015,
    ingressPerGiB: 0.1,
    egressPerGiB: 0.05,
    storagePerGiBMonth: 0.1,
    /** Not in the source above: check https://aws.amazon.com/msk/pricing/ before relying on them. */
    confirmed: false,
  },
  crossZonePerGiB: 0.02,
  /** Not in the source above either. */
  replicator: { perHour: 0.3, perGiB: 0.08, confirmed: false },
} as const;

/** Limits of one cluster and of the account: guide, limits.html and msk-create-cluster.html. */
export const limits = {
  volumeGiB: { min: 1, max: 16_384, throughputMin: 10 },
  brokersPerAccount: 90,
  brokersPerCluster: { zookeeper: 30, kraft: 60 },
  /** msk-password.html */
  scramUsers: 1000,
  serverless: {
    partitions: 2400,
    compactedPartitions: 120,
    compactedPartitionGB: 250,
    groups: 500,
    ingressMBps: 200,
    egressMBps: 400,
    partitionInMBps: 5,
    partitionOutMBps: 10,
    messageBytes: 8_388_608,
  },
  /** Hours that must pass between two changes of the storage: manually-expand-storage.html. */
  storageCooldownHours: 6,
} as const;

/**
 * Versions that only one kind of broker can be created with; ListKafkaVersions does not tell. From the API's refusals on
 * 2026-09-14; a version that is not here is left to AWS.
 */
export const recordedVersions = {
  standard: [
    "3.6.0",
    "3.7.x",
    "3.7.x.kraft",
    "3.8.x",
    "3.8.x.kraft",
    "3.9.x",
    "3.9.x.kraft",
    "4.0.x.kraft",
    "4.1.x.kraft",
  ],
  express: ["3.8.x", "3.9.x.kraft", "4.2.x.kraft"],
} as const satisfies Record<string, readonly string[]>;

/** What MSK recommends: guide, supported-kafka-versions.html. On Standard, 3.9.x is its ZooKeeper form. */
export const recommendedVersion = { standard: "3.9.x", express: "3.9.x.kraft" } as const;

/** ISO dates after which AWS upgrades by itself: guide, version-support.html. */
export const endOfSupport: ReadonlyMap<string, string> = new Map([
  ["3.4.0", "2025-08-04"],
  ["3.5.1", "2025-10-23"],
  ["3.6.0", "2026-06-01"],
  ["3.7.x", "2026-09-01"],
  ["3.7.x.kraft", "2026-09-01"],
]);

/** Port of the brokers per way to authenticate: guide, port-info.html. */
export const brokerPorts = { plaintext: 9092, tls: 9094, scram: 9096, iam: 9098 } as const;

export type KeyRule =
  | { readonly kind: "boolean" }
  | { readonly kind: "number"; readonly min?: number; readonly max?: number }
  /** `oneOf`: each of the comma-separated parts. */
  | { readonly kind: "text"; readonly oneOf?: readonly string[] };

const flag: KeyRule = { kind: "boolean" };
const number: KeyRule = { kind: "number" };
const text: KeyRule = { kind: "text" };
const codecs: KeyRule = {
  kind: "text",
  oneOf: ["gzip", "snappy", "lz4", "zstd", "uncompressed", "producer"],
};
const timestampType: KeyRule = { kind: "text", oneOf: ["CreateTime", "LogAppendTime"] };
const cleanup: KeyRule = { kind: "text", oneOf: ["delete", "compact"] };

function atLeast(min: number, max?: number): KeyRule {
  return { kind: "number", min, ...(max === undefined ? {} : { max }) };
}

const onBoth: ReadonlyArray<readonly [string, KeyRule]> = [
  ["allow.everyone.if.no.acl.found", flag],
  ["auto.create.topics.enable", flag],
  ["compression.type", codecs],
  ["connections.max.idle.ms", number],
  ["custom.advertised.listeners", text],
  ["delete.topic.enable", flag],
  ["group.initial.rebalance.delay.ms", number],
  ["group.max.session.timeout.ms", number],
  ["leader.imbalance.per.broker.percentage", number],
  ["log.cleanup.policy", cleanup],
  ["log.message.timestamp.type", timestampType],
  ["log.retention.bytes", number],
  ["log.retention.ms", number],
  ["max.incremental.fetch.session.cache.slots", number],
  ["message.max.bytes", number],
  ["num.partitions", number],
  ["offsets.retention.minutes", number],
  ["replica.fetch.max.bytes", number],
  ["replica.selector.class", text],
  ["socket.receive.buffer.bytes", atLeast(-1)],
  ["socket.request.max.bytes", number],
  ["socket.send.buffer.bytes", atLeast(-1)],
  ["transaction.max.timeout.ms", number],
  ["transactional.id.expiration.ms", atLeast(1)],
];

/** The 49 keys that a configuration for Standard brokers may hold: guide, msk-configuration-properties.html. */
export const standardConfigKeys: ReadonlyMap<string, KeyRule> = new Map([
  ...onBoth,
  ["default.replication.factor", number],
  ["group.min.session.timeout.ms", number],
  ["log.cleaner.delete.retention.ms", atLeast(0)],
  ["log.cleaner.min.cleanable.ratio", atLeast(0, 1)],
  ["log.flush.interval.messages", number],
  ["log.flush.interval.ms", atLeast(0)],
  ["log.message.timestamp.difference.max.ms", number],
  ["log.retention.hours", number],
  ["log.retention.minutes", number],
  ["log.roll.ms", atLeast(1)],
  ["log.segment.bytes", number],
  ["min.insync.replicas", number],
  ["num.io.threads", number],
  ["num.network.threads", number],
  ["num.recovery.threads.per.data.dir", number],
  ["num.replica.fetchers", number],
  ["offsets.topic.replication.factor", number],
  ["replica.fetch.response.max.bytes", number],
  ["replica.lag.time.max.ms", atLeast(10_000, 30_000)],
  ["replica.socket.receive.buffer.bytes", number],
  ["transaction.state.log.min.isr", number],
  ["transaction.state.log.replication.factor", number],
  ["unclean.leader.election.enable", flag],
  ["zookeeper.connection.timeout.ms", atLeast(6000, 18_000)],
  ["zookeeper.session.timeout.ms", atLeast(6000, 18_000)],
]);

/** The 27 static keys for Express brokers: guide, msk-configuration-express-read-write.html. */
export const expressConfigKeys: ReadonlyMap<string, KeyRule> = new Map([
  ...onBoth,
  ["log.message.timestamp.after.max.ms", number],
  ["log.message.timestamp.before.max.ms", number],
  ["max.connections.per.ip", number],
]);

/**
 * Keys of a topic per kind of cluster; `undefined`: whatever Kafka takes. Express: as above. Serverless:
 * serverless-config.html.
 */
export const topicConfigKeys: {
  readonly standard: undefined;
  readonly express: ReadonlyMap<string, KeyRule>;
  readonly serverless: ReadonlyMap<string, KeyRule>;
} = {
  standard: undefined,
  express: new Map<string, KeyRule>([
    ["cleanup.policy", cleanup],
    ["compression.type", codecs],
    ["delete.retention.ms", number],
    ["max.compaction.lag.ms", atLeast(7 * 86_400_000)],
    ["max.message.bytes", number],
    ["message.timestamp.after.max.ms", number],
    ["message.timestamp.before.max.ms", number],
    ["message.timestamp.type", timestampType],
    ["min.compaction.lag.ms", number],
    ["retention.bytes", number],
    ["retention.ms", number],
  ]),
  serverless: new Map<string, KeyRule>([
    ["cleanup.policy", cleanup],
    ["compression.type", codecs],
    ["max.message.bytes", atLeast(0, limits.serverless.messageBytes)],
    ["message.timestamp.difference.max.ms", number],
    ["message.timestamp.type", timestampType],
    ["retention.bytes", number],
    ["retention.ms", number],
  ]),
};
