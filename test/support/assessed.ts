import type { AssessedGroup, AssessedTopic, Assessment } from "#domain/assessment.ts";

/** Parts of an assessment: everything known and quiet, unless the test says otherwise. */

export function assessedTopic(name: string, change: Partial<AssessedTopic> = {}): AssessedTopic {
  return {
    name,
    topicId: { known: true, value: `id of ${name}` },
    internal: false,
    role: null,
    partitions: 3,
    replicationFactor: 1,
    underReplicated: 0,
    offline: 0,
    compacted: false,
    configs: { "retention.ms": { value: "604800000", origin: "default" } },
    timestampType: { known: true, value: "CreateTime" },
    offsetsHeld: { known: true, value: 1000 },
    bytesOnDisk: { known: true, value: 100_000 },
    oldestTimestamp: { known: true, value: "2026-11-20T14:00:00.000Z" },
    recordsPerSecond: { known: true, value: 0 },
    bytesPerSecond: { known: true, value: 0 },
    recordsOutPerSecond: { known: true, value: 0 },
    bytesOutPerSecond: { known: true, value: 0 },
    sampledRecords: 200,
    averageRecordBytes: { known: true, value: 100 },
    largestRecordBytes: { known: true, value: 150 },
    largestBatchBytes: { known: true, value: 1000 },
    compression: { known: true, value: ["none"] },
    keys: { known: true, value: "all" },
    headers: { known: true, value: "none" },
    newestTimestamp: { known: true, value: "2026-11-22T13:00:00.000Z" },
    writers: {
      idempotent: { known: true, value: false },
      transactional: { known: true, value: false },
      plain: { known: true, value: true },
    },
    openTransactions: { known: true, value: [] },
    ...change,
  };
}

export function assessedGroup(
  id: string,
  topics: readonly string[],
  change: Partial<AssessedGroup> = {},
): AssessedGroup {
  return {
    id,
    type: { known: true, value: "classic" },
    protocolType: "consumer",
    protocol: "range",
    state: "Stable",
    members: [{ clientId: "app", host: "10.0.0.1", instanceId: null, assignment: [] }],
    topics: [...topics],
    lag: { known: true, value: 0 },
    oldestUnread: { known: true, value: { at: null, looked: 0, lagging: 0 } },
    lastCommit: { known: true, value: "2026-11-22T13:59:00.000Z" },
    recordsPerSecond: { known: true, value: 0 },
    activity: { known: true, value: "active" },
    usesAssign: { known: true, value: false },
    application: null,
    ...change,
  };
}

export function assessmentOf(change: Partial<Assessment> = {}): Assessment {
  return {
    migration: "orders",
    taken: { at: "2026-11-22T14:00:00.000Z", windowMs: 30_000 },
    clusterId: "source-1",
    version: { known: true, value: "3.9" },
    mode: { known: true, value: "kraft" },
    features: { known: true, value: [] },
    brokers: [{ id: 1, host: "kafka-1", rack: null }],
    brokerConfigs: {},
    brokerSettings: { known: true, value: [] },
    topicDefaults: {},
    topics: [],
    groups: [],
    acls: { known: true, value: [] },
    scramUsers: { known: true, value: [] },
    quotas: { known: true, value: [] },
    transactions: { known: true, value: [] },
    clients: { consumers: [], producers: [], allowed: [], unknown: [] },
    findings: [],
    ...change,
  };
}
