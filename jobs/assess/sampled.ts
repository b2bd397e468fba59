import type { AssessedTopic } from "#domain/assessment.ts";
import type { RecordSample } from "#domain/inventory.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import type { TopicSamples } from "./topic-samples.ts";

/** What the samples of one topic come to. */

export type Sampled = Pick<
  AssessedTopic,
  | "sampledRecords"
  | "averageRecordBytes"
  | "largestRecordBytes"
  | "largestBatchBytes"
  | "compression"
  | "keys"
  | "headers"
  | "newestTimestamp"
>;

export function sampledOf({ samples, why }: TopicSamples): Sampled {
  const records = sum(samples, (sample) => sample.records);
  const from = <T>(value: () => T): Known<T> => (records === 0 ? unknown(why) : known(value()));
  const times = samples.flatMap(({ newestTimestamp }) =>
    newestTimestamp === undefined ? [] : [newestTimestamp],
  );
  return {
    sampledRecords: records,
    averageRecordBytes: from(() => Math.round(sum(samples, ({ bytes }) => bytes) / records)),
    largestRecordBytes: from(() => Math.max(...samples.map(({ largestRecord }) => largestRecord))),
    largestBatchBytes: from(() => Math.max(...samples.map(({ largestBatch }) => largestBatch))),
    compression: from(() => [...new Set(samples.flatMap(({ codecs }) => codecs))].sort()),
    keys: from(() =>
      use(
        sum(samples, ({ keyed }) => keyed),
        records,
      ),
    ),
    headers: from(() =>
      use(
        sum(samples, ({ withHeaders }) => withHeaders),
        records,
      ),
    ),
    newestTimestamp: newestOf(times, records === 0 ? why : "its records have no timestamp"),
  };
}

function newestOf(times: readonly number[], why: string): Known<string> {
  return times.length === 0 ? unknown(why) : known(new Date(Math.max(...times)).toISOString());
}

function sum(samples: readonly RecordSample[], of: (sample: RecordSample) => number): number {
  return samples.reduce((total, sample) => total + of(sample), 0);
}

function use(some: number, all: number): "all" | "some" | "none" {
  if (some === 0) return "none";
  return some === all ? "all" : "some";
}
