import { at, type KafkaRecord } from "#domain/topology.ts";
import { eventually } from "./eventually.ts";
import type { RealCluster } from "./kafkajs-under-test.ts";
import { realClock } from "./real-clock.ts";
import { type KindName, kindNames, seqOf } from "./record-kinds.ts";
import type { RecordWriter } from "./record-writer.ts";

/** What the logs of both clusters hold, for tests that count records. */

type Side = Pick<RealCluster, "cluster">;

/** Every record of a topic that is held, by partition, in order. */
export async function heldIn(
  { cluster }: Side,
  topic: string,
): Promise<ReadonlyArray<readonly KafkaRecord[]>> {
  const starts = await cluster.offsets([topic], "start");
  return await Promise.all(
    [0, 1].map((partition) =>
      cluster.read({ topic, partition }, at(starts, topic, partition) ?? 0, { max: 1_000_000 }),
    ),
  );
}

/** Numbers of the records in a log. */
export function seqsOf(records: readonly KafkaRecord[]): readonly number[] {
  return records.map(({ key, value, headers }) => {
    const seq = headers.find(([name]) => name === "seq")?.[1];
    return seqOf({ key, value, ...(seq !== undefined && seq !== null && { headers: { seq } }) });
  });
}

/** How many of the first offsets of a topic hold no record any more: what compaction has taken, as far as 10,000 records. */
async function gapsIn({ cluster }: Side, topic: string): Promise<number> {
  const starts = await cluster.offsets([topic], "start");
  const rows = [0, 1].map(async (partition) => {
    const start = at(starts, topic, partition) ?? 0;
    const records = await cluster.read({ topic, partition }, start, { max: 5000 });
    return (records.at(-1)?.offset ?? start) + 1 - start - records.length;
  });
  return (await Promise.all(rows)).reduce((sum, gap) => sum + gap, 0);
}

/** Waits until more than 1,000 of the first records are compacted away on both sides; brokers look every 15 s. */
export async function untilBothCompacted(
  source: Side,
  target: Side,
  topic: string,
): Promise<{ readonly source: number; readonly target: number }> {
  let gaps = { source: 0, target: 0 };
  return await eventually(
    "both sides are compacted",
    async () => {
      gaps = { source: await gapsIn(source, topic), target: await gapsIn(target, topic) };
      if (gaps.source > 1000 && gaps.target > 1000) return gaps;
      await realClock.sleep(500);
      return undefined;
    },
    120_000,
  ).catch((cause: unknown) => {
    throw new Error(`compacted away on the source ${gaps.source}, on the target ${gaps.target}`, { cause });
  });
}

/** Waits until the last record that was written to each partition is in the copy. */
export async function untilCopied(
  copy: Side,
  writer: RecordWriter,
  topicOf: (kind: KindName) => string,
): Promise<void> {
  const missing = async () => {
    const each = kindNames.map(async (kind) => {
      const tails = await Promise.all([0, 1].map((partition) => tail(copy, topicOf(kind), partition)));
      const seqs = new Set(tails.flat());
      return [writer.last(kind), writer.last(kind) - 1].every((seq) => seqs.has(seq)) ? [] : [kind];
    });
    return (await Promise.all(each)).flat();
  };
  await eventually(
    "everything is copied",
    async () => ((await missing()).length === 0 ? true : await realClock.sleep(300).then(() => undefined)),
    90_000,
  );
}

async function tail({ cluster }: Side, topic: string, partition: number): Promise<readonly number[]> {
  const end = at(await cluster.offsets([topic], "stable"), topic, partition) ?? 0;
  return seqsOf(
    await cluster.read({ topic, partition }, Math.max(0, end - 20), { max: 20, isolation: "read-committed" }),
  );
}
