import { waveKey } from "#domain/switch/wave-state.ts";
import { readStandby, type StandbyVerdict } from "#jobs/mirror/standby-record.ts";
import { watchStandby } from "#jobs/mirror/standby-watch.ts";
import type { FakeClient } from "./fake-producers.ts";
import { createMirrorWork, type MirrorWork } from "./mirror-work.ts";

/** A wave whose producers have moved, with a reverse mirror that a test plays by hand. */
export type StandbyBench = MirrorWork & {
  /** Producers write so many records to each partition of the target. */
  produce(count: number): Promise<void>;
  /** The reverse mirror brings back what it has not yet; under a transactional id, in one transaction. */
  copyBack(by?: FakeClient): Promise<void>;
  /** A stray producer writes to the source; returns the offset. */
  stray(by?: FakeClient, partition?: number): number;
  /** One check of the watch, this long after the one before. */
  watch(afterMs?: number): Promise<StandbyVerdict>;
  /** The alarms of the channel as they are shown now. */
  alarms(): readonly string[];
};

export const mirrorId = "connect-cluster-ferry-orders-billing-reverse-0";
const topic = "invoices";

export async function createStandbyBench(): Promise<StandbyBench> {
  const bench = await createMirrorWork();
  const { source, target, work, small } = bench;
  const copied = [0, 0];
  let made = 0;
  for (const [name, partitions] of [
    ["invoices", 2],
    ["payments", 1],
    ["parcels", 3],
  ] as const) {
    target.addTopic(name, { partitions });
  }
  // What forward has copied: markers make the offsets differ.
  for (const cluster of [source, target]) cluster.appendMany(topic, 0, 10);
  target.skip(topic, 0, 3);
  copied[0] = 13;
  await work.store.write(waveKey("orders", "billing"), {
    phase: "producers-moved",
    boundary: {
      source: { invoices: [10, 0], payments: [0] },
      target: { invoices: [13, 0], payments: [0] },
      at: new Date(work.clock.now()).toISOString(),
    },
    changedAt: new Date(work.clock.now()).toISOString(),
  });

  async function produce(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      await small.clock.advance(10);
      made += 1;
      for (const partition of [0, 1])
        target.append(topic, partition, { key: `k${made}`, value: `made ${made}` });
    }
  }

  async function copyBack(by: FakeClient = {}): Promise<void> {
    for (const partition of [0, 1]) {
      const records = await target.cluster.read({ topic, partition }, copied[partition] ?? 0, {
        max: 10_000,
      });
      for (const { timestamp, key, value, headers } of records) {
        source.append(topic, partition, { timestamp, key, value, headers }, by);
      }
      copied[partition] = (records.at(-1)?.offset ?? (copied[partition] ?? 0) - 1) + 1;
    }
    if (by.transactionalId !== undefined) source.endTransaction(by.transactionalId, "commit");
  }

  return {
    ...bench,
    produce,
    copyBack,
    stray: (by = {}, partition = 1) =>
      source.append(topic, partition, { key: "stray", value: `stray ${made}` }, by),
    async watch(afterMs = 15_000) {
      await small.clock.advance(afterMs);
      await watchStandby(work);
      return await readStandby(work, "billing");
    },
    alarms: () => small.fake.posts.map(({ message }) => JSON.stringify(message)),
  };
}
