import type { AssessedGroup, AssessedTopic, Assessment } from "#domain/assessment.ts";

/** Parts of an assessment: everything known and quiet, unless the test says otherwise. */

export function assessedTopic(name: string, change: Partial<AssessedTopic> = {}): AssessedTopic {
  return {
    name,
    internal: false,
    partitions: 3,
    replicationFactor: 1,
    underReplicated: 0,
    offline: 0,
    compacted: false,
    configs: { "retention.ms": { value: "604800000", origin: "default" } },
    offsetsHeld: { known: true, value: 1000 },
    recordsPerSecond: { known: true, value: 0 },
    averageRecordBytes: { known: true, value: 100 },
    bytesOnDisk: { known: true, value: 100_000 },
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
    protocolType: "consumer",
    state: "Stable",
    members: [{ clientId: "app", host: "10.0.0.1" }],
    topics: [...topics],
    lag: { known: true, value: 0 },
    ...change,
  };
}

export function assessmentOf(change: Partial<Assessment> = {}): Assessment {
  return {
    migration: "orders",
    takenAt: "2026-11-22T14:00:00.000Z",
    clusterId: "source-1",
    version: { known: true, value: "3.9" },
    brokers: [{ id: 1, host: "kafka-1", rack: null }],
    brokerConfigs: {},
    windowMs: 30_000,
    topics: [],
    groups: [],
    acls: { known: true, value: 0 },
    findings: [],
    ...change,
  };
}
