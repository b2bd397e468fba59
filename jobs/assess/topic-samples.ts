import type { RecordSample, SampleQuestion } from "#domain/inventory.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type Known, type Topic, unknown } from "#domain/topology.ts";
import { type Measured, offlineOf } from "#jobs/assess-window.ts";

/** The newest records of a few partitions of each topic, in a bounded number of bytes for all. */

/** Newest offsets of a partition that are read. */
const sampleRecords = 200;
const partitionsPerTopic = 3;
const bytesForAll = 64 * 1_048_576;
const leastBytes = 4096;
const mostBytes = 65_536;
/** A batch may be larger than what is fetched of a partition: so many topics are asked again for a whole one. */
const askedAgain = 200;
const wholeBatch = 1_048_576;

/** What was read of one topic; `undefined` where there is no record. */
export type TopicSamples = { readonly samples: readonly RecordSample[]; readonly why: string };

type Picked = { readonly topic: string; readonly partition: number; readonly from: number };

export async function sampleTopics(
  topics: readonly Topic[],
  measured: Measured,
  source: KafkaCluster,
): Promise<ReadonlyMap<string, TopicSamples>> {
  const picked = topics.flatMap((topic) => pick(topic, measured));
  const bytes = Math.min(mostBytes, Math.max(leastBytes, Math.floor(bytesForAll / picked.length)));
  const found = new Map<string, TopicSamples>();
  for (const { name, internal } of topics) {
    const why = internal ? "not read: an internal topic" : "the topic holds no record";
    found.set(name, { samples: [], why });
  }
  add(found, picked, await source.samples(picked.map((where) => question(where, bytes))));
  const empty = [...Map.groupBy(picked, ({ topic }) => topic)]
    .filter(([topic]) => found.get(topic)?.samples.length === 0)
    .flatMap(([, places]) => places.slice(0, 1))
    .slice(0, askedAgain);
  add(found, empty, await source.samples(empty.map((where) => question(where, wholeBatch))));
  return found;
}

function question(where: Picked, bytes: number): SampleQuestion {
  return { ...where, max: sampleRecords, bytes };
}

/** The partitions that hold most: by number, then by id, so that the choice stays the same. */
function pick(topic: Topic, { starts, ends }: Measured): readonly Picked[] {
  const { name, internal } = topic;
  if (internal || offlineOf(topic) > 0) return [];
  return (ends.get(name) ?? [])
    .map((end = 0, partition) => ({ partition, end, start: starts.get(name)?.[partition] ?? 0 }))
    .filter(({ start, end }) => end > start)
    .toSorted((a, b) => b.end - b.start - (a.end - a.start) || a.partition - b.partition)
    .slice(0, partitionsPerTopic)
    .map(({ partition, start, end }) => ({
      topic: name,
      partition,
      from: Math.max(start, end - sampleRecords),
    }));
}

function add(
  found: Map<string, TopicSamples>,
  places: readonly Picked[],
  answers: ReadonlyArray<Known<RecordSample>>,
): void {
  for (const [index, { topic, partition }] of places.entries()) {
    const answer = answers[index] ?? unknown("no answer");
    const before = found.get(topic)?.samples ?? [];
    if (answer.known && answer.value.records > 0) {
      found.set(topic, { samples: [...before, answer.value], why: "" });
    } else if (before.length === 0) {
      const none = `no data record among the newest ${sampleRecords} offsets of ${topic}-${partition}`;
      found.set(topic, { samples: [], why: answer.known ? none : answer.why });
    }
  }
}
