import type { AssessedGroup, AssessedTopic, Assessment } from "#domain/assessment.ts";
import { type Known, known, unknown } from "#domain/topology.ts";

/** What the target has to carry, from what was measured on the source. A part that is not known makes the whole unknown. */

export type Load = {
  /** Without replicas; with Kafka's own topics. */
  readonly partitions: number;
  /** MB/s, 10^6 bytes, uncompressed, as measured. */
  readonly ingressMBps: Known<number>;
  /** MB/s to consumers, without replication: each group reads what is written, or more while it catches up. */
  readonly egressMBps: Known<number>;
  /** One copy of what is kept once retention is full. */
  readonly storedBytes: Known<number>;
};

/** __consumer_offsets and __transaction_state with Kafka's defaults of 50 each. */
const ownPartitions = 100;

/** `defaults`: what a topic has where its own settings do not tell. */
export function loadOf(
  topics: readonly AssessedTopic[],
  groups: readonly AssessedGroup[],
  defaults: Assessment["topicDefaults"] = {},
): Load {
  const readersOf = new Map<string, number>();
  for (const topic of groups.flatMap((group) => [...new Set(group.topics)]))
    readersOf.set(topic, (readersOf.get(topic) ?? 0) + 1);
  const readers = (topic: string) => readersOf.get(topic) ?? 0;
  return {
    partitions: topics.reduce((sum, { partitions }) => sum + partitions, ownPartitions),
    ingressMBps: total(topics.map((topic) => inMegabytes(bytesPerSecond(topic), 1))),
    egressMBps: total(topics.map((topic) => inMegabytes(bytesRead(topic, readers(topic.name)), 1))),
    storedBytes: total(topics.map((topic) => stored(topic, defaults))),
  };
}

function inMegabytes(bytes: Known<number>, times: number): Known<number> {
  return bytes.known ? known((bytes.value / 1e6) * times) : bytes;
}

/** What its groups read once they keep up, or what they were seen to read where that is more. */
function bytesRead(topic: AssessedTopic, readers: number): Known<number> {
  const written = bytesPerSecond(topic);
  const seen = topic.bytesOutPerSecond;
  if (!written.known) return written;
  return known(Math.max(written.value * readers, seen.known ? seen.value : 0));
}

/** Nothing written is nothing, even where the size of a record is not known. */
function bytesPerSecond({ name, recordsPerSecond, averageRecordBytes }: AssessedTopic): Known<number> {
  if (!recordsPerSecond.known) return unknown(`${name}: ${recordsPerSecond.why}`);
  if (recordsPerSecond.value <= 0) return known(0);
  if (!averageRecordBytes.known) return unknown(`${name}: ${averageRecordBytes.why}`);
  return known(recordsPerSecond.value * averageRecordBytes.value);
}

/** The larger of what is on disk now and what retention will keep at the measured rate. */
function stored(topic: AssessedTopic, defaults: Assessment["topicDefaults"]): Known<number> {
  const disk = topic.bytesOnDisk;
  const expected = topic.compacted ? undefined : retained(topic, defaults);
  if (!disk.known) return expected === undefined ? unknown(`${topic.name}: ${disk.why}`) : known(expected);
  return known(Math.max(disk.value, expected ?? 0));
}

/** `undefined` when time does not bound it or the rate in bytes is not known. */
function retained(topic: AssessedTopic, defaults: Assessment["topicDefaults"]): number | undefined {
  const rate = bytesPerSecond(topic);
  const setting = (key: string) => Number(topic.configs[key]?.value ?? defaults[key] ?? Number.NaN);
  const [ms, cap] = [setting("retention.ms"), setting("retention.bytes")];
  const capped = cap > 0 ? cap * topic.partitions : Number.POSITIVE_INFINITY;
  const byTime = rate.known && ms > 0 ? rate.value * (ms / 1000) : Number.POSITIVE_INFINITY;
  const least = Math.min(capped, byTime);
  return Number.isFinite(least) ? least : undefined;
}

function total(values: ReadonlyArray<Known<number>>): Known<number> {
  let sum = 0;
  const missing: string[] = [];
  for (const value of values) {
    if (value.known) sum += value.value;
    else missing.push(value.why);
  }
  const [first] = missing;
  if (first === undefined) return known(sum);
  return unknown(missing.length === 1 ? first : `${first}; and ${missing.length - 1} more topics`);
}
