import type { LastRecords } from "#domain/lag/caught-up.ts";
import { type LagReading, type PartitionLag, partitionLags } from "#domain/lag/lag.ts";
import { sameRecord } from "#domain/offsets/log-view.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { KafkaRecord, OffsetTable, PartitionTable, TopicPartition } from "#domain/topology.ts";
import { inTurns } from "./in-turns.ts";
import type { CaughtUpQuestion } from "./mirror-readings.ts";

/** The last records of both sides: equal ones are the proof that a copy is one. */

/** Last data record of both sides, of every partition. */
export async function lastRecords(
  question: CaughtUpQuestion,
  lag: LagReading,
): Promise<PartitionTable<LastRecords>> {
  const starts = await question.destination.offsets(question.topics, "start");
  const ends = await question.destination.offsets(question.topics, "end");
  const table = emptyTable<LastRecords>(lag.partitions);
  await inTurns(partitionLags(lag), async ({ topic, partition }: PartitionLag) => {
    const row = table.get(topic);
    if (row === undefined) return;
    const where = { topic, partition };
    const origin = await lastRecord(question.origin, where, lag.starts, lag.ends);
    if (origin === undefined) return;
    const last = await lastRecord(question.destination, where, starts, ends);
    if (last === undefined) return;
    const isOther = origin !== null && last !== null && !sameRecord(origin, last);
    const copy =
      isOther && question.destinationShared === true
        ? await copyBefore(question.destination, where, origin, last.offset)
        : undefined;
    row[partition] = { origin, destination: copy ?? last };
  });
  return table;
}

/** Offsets that are searched for a copy behind which others have written. */
const searched = 50_000;
const searchStep = 2000;

/** The newest record before `until` that is equal to the original, within reach. */
async function copyBefore(
  cluster: KafkaCluster,
  where: TopicPartition,
  original: KafkaRecord,
  until: number,
): Promise<KafkaRecord | undefined> {
  const lowest = Math.max(0, until - searched);
  for (let end = until; end > lowest; end -= searchStep) {
    const from = Math.max(lowest, end - searchStep);
    const records = await cluster.read(where, from, {
      max: searchStep,
      until: end,
      isolation: "read-committed",
    });
    const copy = records.findLast((record) => sameRecord(record, original));
    if (copy !== undefined) return copy;
  }
  return undefined;
}

/**
 * The last data record, looked for in windows that double from the end; `null` when the log holds none, `undefined`
 * when its bounds are not known.
 */
async function lastRecord(
  cluster: KafkaCluster,
  where: TopicPartition,
  starts: OffsetTable,
  ends: OffsetTable,
): Promise<KafkaRecord | null | undefined> {
  const start = starts.get(where.topic)?.[where.partition];
  const end = ends.get(where.topic)?.[where.partition];
  if (start === undefined || end === undefined) return undefined;
  let until = end;
  for (let window = 16; until > start; window *= 4) {
    const from = Math.max(start, until - window);
    const found = await cluster.read(where, from, { max: window, until, isolation: "read-committed" });
    const last = found.at(-1);
    if (last !== undefined) return last;
    until = from;
  }
  return null;
}

/** A row for each topic, with nothing known in it. */
export function emptyTable<T>(partitions: ReadonlyMap<string, number>): Map<string, Array<T | undefined>> {
  return new Map(
    [...partitions].map(([topic, count]) => [topic, Array.from<T | undefined>({ length: count })]),
  );
}
