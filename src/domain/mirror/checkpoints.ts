import type { CheckpointReader } from "#domain/ports.ts";
import { type KafkaRecord, type Known, known, type OffsetTable, unknown } from "#domain/topology.ts";
import { type ConnectorConfig, literals } from "./mirror-config.ts";

/** MirrorMaker's checkpoints: what its group sync commits on the target (KIP-545). Layout: mirror-client's Checkpoint. */

/** Checkpoints kept from one reading to the next, by group, topic and partition; the newest wins, as in the topic. */
type Kept = { next: number; readonly downstream: Map<string, Map<string, Array<number | undefined>>> };

type Checkpoint = {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly downstream: number;
};

const chunk = 5000;

/**
 * Reads the checkpoints of a flow, given its configuration. Later readings go on where the last one ended, which is
 * why it is made once per engine.
 */
export function createCheckpoints() {
  const topics = new WeakMap<CheckpointReader, Map<string, Kept>>();

  function keptFor(target: CheckpointReader, topic: string): Kept {
    const kept = topics.get(target) ?? new Map<string, Kept>();
    topics.set(target, kept);
    const found = kept.get(topic) ?? { next: 0, downstream: new Map() };
    kept.set(topic, found);
    return found;
  }

  async function catchUp(kept: Kept, topic: string, target: CheckpointReader): Promise<void> {
    const start = (await target.offsets([topic], "start")).get(topic)?.[0] ?? 0;
    // Not the end: a checkpoint of an open transaction would be passed over and never read.
    const end = (await target.offsets([topic], "stable")).get(topic)?.[0] ?? 0;
    // A shorter topic is another one.
    if (end < kept.next) {
      kept.next = 0;
      kept.downstream.clear();
    }
    for (let from = Math.max(start, kept.next); from < end; ) {
      const records = await target.read({ topic, partition: 0 }, from, { max: chunk, until: end });
      for (const record of records) keep(kept, record);
      from = (records.at(-1)?.offset ?? end - 1) + 1;
    }
    kept.next = end;
  }

  return async (
    config: ConnectorConfig | undefined,
    target: CheckpointReader,
  ): Promise<Known<ReadonlyMap<string, OffsetTable>>> => {
    if (config === undefined) return unknown("there is no checkpoint connector");
    const topic = `${config["source.cluster.alias"]}.checkpoints.internal`;
    const exists = (await target.listTopics()).some(({ name }) => name === topic);
    if (!exists) return unknown(`there is no topic ${topic} on MSK`);
    const kept = keptFor(target, topic);
    await catchUp(kept, topic, target);
    const carried = new Set(literals(config["topics"]));
    const groups = literals(config["groups"]);
    return known(
      new Map(
        groups.map((group) => {
          const tables = [...(kept.downstream.get(group) ?? [])].filter(([name]) => carried.has(name));
          return [group, new Map(tables.map(([name, row]) => [name, [...row]]))];
        }),
      ),
    );
  };
}

function keep(kept: Kept, record: KafkaRecord): void {
  const checkpoint = decodeCheckpoint(record);
  if (checkpoint === undefined) return;
  const { group, topic, partition, downstream } = checkpoint;
  const table = kept.downstream.get(group) ?? new Map<string, Array<number | undefined>>();
  const row = table.get(topic) ?? [];
  while (row.length <= partition) row.push(undefined);
  row[partition] = downstream;
  kept.downstream.set(group, table.set(topic, row));
}

/** Key: STRING group, STRING topic, INT32 partition. Value: INT16 version 0, INT64 upstream, INT64 downstream, STRING metadata. */
export function decodeCheckpoint({ key, value }: Pick<KafkaRecord, "key" | "value">): Checkpoint | undefined {
  if (key === null || value === null || value.length < 18 || value.readInt16BE(0) !== 0) return undefined;
  const group = text(key, 0);
  const topic = group && text(key, group.end);
  if (group === undefined || topic === undefined || topic.end + 4 > key.length) return undefined;
  return {
    group: group.text,
    topic: topic.text,
    partition: key.readInt32BE(topic.end),
    downstream: Number(value.readBigInt64BE(10)),
  };
}

function text(buffer: Buffer, at: number): { readonly text: string; readonly end: number } | undefined {
  if (at + 2 > buffer.length) return undefined;
  const end = at + 2 + buffer.readInt16BE(at);
  return end > buffer.length ? undefined : { text: buffer.toString("utf8", at + 2, end), end };
}
