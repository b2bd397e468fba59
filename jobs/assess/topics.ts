import { roleOf } from "#domain/assess/topic-roles.ts";
import type { AssessedTopic } from "#domain/assessment.ts";
import {
  type ConfigEntry,
  type Known,
  known,
  type PartitionTable,
  type Topic,
  unknown,
} from "#domain/topology.ts";
import { type Measured, offlineOf } from "#jobs/assess-window.ts";
import { type Advance, perSecond } from "./advances.ts";
import { offlineWhy } from "./groups.ts";
import { sampledOf } from "./sampled.ts";
import type { TopicSamples } from "./topic-samples.ts";
import type { WritersOf } from "./topic-writers.ts";

export type TopicParts = {
  readonly configs: ReadonlyMap<string, readonly ConfigEntry[]>;
  readonly measured: Measured;
  readonly sizes: Known<PartitionTable<number>>;
  readonly oldest: PartitionTable<number>;
  readonly samples: ReadonlyMap<string, TopicSamples>;
  readonly writersOf: WritersOf;
  /** Between the two readings of committed offsets. */
  readonly commitsMs: number;
  /** Ids of groups: Streams names its topics by them. */
  readonly applications: readonly string[];
};

/** What topics have where nobody wrote another value down; the same for all of them. */
export function topicDefaults(
  configs: ReadonlyMap<string, readonly ConfigEntry[]>,
): Record<string, string | null> {
  const defaults = new Map<string, string | null>();
  for (const entries of configs.values()) {
    for (const { name, value, origin } of entries) if (origin === "default") defaults.set(name, value);
  }
  return Object.fromEntries([...defaults].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** By topic, what all groups' commits advanced by. */
export function readsOf(
  advances: ReadonlyMap<string, Advance>,
): ReadonlyMap<string, readonly Known<number>[]> {
  const rows = [...advances.values()].flatMap(({ topics }) => [...topics]);
  return new Map(
    [...Map.groupBy(rows, ([topic]) => topic)].map(([topic, parts]) => [
      topic,
      parts.map(([, part]) => part),
    ]),
  );
}

export function assessTopic(
  topic: Topic,
  reads: ReadonlyMap<string, readonly Known<number>[]>,
  parts: TopicParts,
): AssessedTopic {
  const { name, id, internal, partitions } = topic;
  const configs = parts.configs.get(name) ?? [];
  const effective = (key: string) => configs.find((entry) => entry.name === key)?.value ?? undefined;
  const samples = samplesOf(topic, parts);
  const compacted = (effective("cleanup.policy") ?? "delete").includes("compact");
  const keys = samples.samples.flatMap((sample) => sample.keys);
  const timestampType = effective("message.timestamp.type");
  const kept = configs.filter((entry) => entry.origin !== "default" || entry.name === "retention.ms");
  return {
    name,
    topicId: id === undefined ? unknown("the broker tells no topic ids (KIP-516, Kafka 2.8)") : known(id),
    internal,
    role:
      roleOf({ name, internal, compacted, partitions: partitions.length, keys }, parts.applications) ?? null,
    partitions: partitions.length,
    replicationFactor: partitions[0]?.replicas.length ?? 0,
    underReplicated: partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
    offline: offlineOf(topic),
    compacted,
    configs: Object.fromEntries(kept.map(({ name, value, origin }) => [name, { value, origin }])),
    timestampType:
      timestampType === undefined
        ? unknown("the broker has no message.timestamp.type for it")
        : known(timestampType),
    ...measurements(topic, reads.get(name) ?? [], samples, parts),
    ...parts.writersOf(name, samples, offlineOf(topic) > 0 ? offlineWhy(topic) : undefined),
  };
}

function samplesOf(topic: Topic, { samples }: TopicParts): TopicSamples {
  if (offlineOf(topic) > 0) return { samples: [], why: offlineWhy(topic) };
  return samples.get(topic.name) ?? { samples: [], why: "not read" };
}

function measurements(
  topic: Topic,
  reads: readonly Known<number>[],
  samples: TopicSamples,
  { measured, sizes, oldest, commitsMs }: TopicParts,
) {
  const { name } = topic;
  const sampled = sampledOf(samples);
  const out = perSecond(reads, commitsMs);
  const why = offlineOf(topic) > 0 ? unknown(offlineWhy(topic)) : undefined;
  const incoming = why ?? measured.perSecond(name);
  return {
    ...sampled,
    offsetsHeld: why ?? known(total(measured.ends.get(name)) - total(measured.starts.get(name))),
    bytesOnDisk: why ?? (sizes.known ? sizeOf(sizes.value.get(name)) : sizes),
    oldestTimestamp: why ?? oldestOf(name, measured, oldest),
    recordsPerSecond: incoming,
    bytesPerSecond: inBytes(incoming, sampled.averageRecordBytes),
    recordsOutPerSecond: out,
    bytesOutPerSecond: inBytes(out, sampled.averageRecordBytes),
  };
}

/** Nothing is no bytes, whatever the size of a record. */
function inBytes(records: Known<number>, size: Known<number>): Known<number> {
  if (!records.known || records.value === 0) return records;
  return size.known ? known(records.value * size.value) : size;
}

function total(row: ReadonlyArray<number | undefined> | undefined): number {
  return (row ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function sizeOf(row: ReadonlyArray<number | undefined> | undefined): Known<number> {
  if (row === undefined || row.some((bytes) => bytes === undefined)) {
    return unknown("the leader's broker did not report this topic");
  }
  return known(total(row));
}

function oldestOf(topic: string, { starts, ends }: Measured, oldest: PartitionTable<number>): Known<string> {
  const times = (oldest.get(topic) ?? []).flatMap((time) => (time === undefined ? [] : [time]));
  if (times.length > 0) return known(new Date(Math.min(...times)).toISOString());
  const held = total(ends.get(topic)) - total(starts.get(topic));
  return unknown(held === 0 ? "the topic holds no record" : "its records have no timestamp");
}
