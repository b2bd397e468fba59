import { expect, it } from "vitest";
import type { SampleQuestion } from "#domain/inventory.ts";
import { unique } from "#support/unique.ts";
import type { ClusterUnderTest } from "./kafka-cluster.ts";

/** The cases of a KafkaCluster's contract that only an assessment needs. */
export function describeInventoryCases({
  topic,
  under,
}: {
  /** Creates one with this many partitions. */
  readonly topic: (partitions?: number) => Promise<string>;
  readonly under: () => ClusterUnderTest;
}): void {
  const first = 1_700_000_000_000;

  it("tells what features and what kind of cluster it is", async () => {
    const { cluster } = under();
    const features = await cluster.features();
    expect(features).toMatchObject({ known: true });
    expect(features.known && features.value.map(({ name }) => name)).toContain("metadata.version");
    const { brokers } = await cluster.describe();
    const configs = await cluster.everyBrokersConfigs();
    expect(configs.known && [...configs.value.keys()]).toEqual(brokers.map(({ id }) => id));
  });

  it("finds the oldest timestamp of each partition, of those that hold something", async () => {
    const name = await topic(3);
    const { cluster } = under();
    await under().append(name, 0, [{ value: "a", timestamp: first + 5 }]);
    await under().append(name, 2, [{ value: "a", timestamp: first }]);
    await under().append(name, 2, [{ value: "b", timestamp: first + 9 }]);
    expect(await cluster.oldestTimestamps([name])).toEqual(new Map([[name, [first + 5, undefined, first]]]));
    await under().deleteBefore(name, 2, 1);
    expect((await cluster.oldestTimestamps([name])).get(name)?.[2]).toBe(first + 9);
    const absent = cluster.oldestTimestamps([unique("never-was")]);
    await expect(absent).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
  });

  it("samples records: sizes, keys, headers, timestamps, writers", async () => {
    const name = await topic(2);
    const { cluster } = under();
    await under().append(name, 0, [
      { key: "k1", value: "v", timestamp: first },
      { value: "value", headers: [["h", "x"]], timestamp: first + 2 },
      { key: "k3", value: "vv", timestamp: first + 1 },
    ]);
    await (await under().transaction(name, 1, [{ key: "t", value: "1", timestamp: first }]))("commit");
    const ask = (partition: number, from: number, max = 100): SampleQuestion => ({
      topic: name,
      partition,
      from,
      max,
      bytes: 16_384,
    });
    const [all, tail, one, end, other] = await cluster.samples([
      ask(0, 0),
      ask(0, 1),
      ask(0, 0, 1),
      ask(0, 3),
      ask(1, 0),
    ]);
    expect(all).toMatchObject({
      known: true,
      value: {
        records: 3,
        bytes: 3 + 7 + 4,
        largestRecord: 7,
        keyed: 2,
        withHeaders: 1,
        codecs: ["none"],
        batches: { plain: 1, idempotent: 0, transactional: 0 },
        firstTimestamp: first,
        newestTimestamp: first + 2,
        keys: ["k1", "k3"],
      },
    });
    expect(tail).toMatchObject({ known: true, value: { records: 2, firstTimestamp: first + 2 } });
    expect(one).toMatchObject({ known: true, value: { records: 1, newestTimestamp: first } });
    expect(end).toMatchObject({ known: true, value: { records: 0, codecs: [] } });
    expect(end?.known && end.value.firstTimestamp).toBeUndefined();
    expect(other).toMatchObject({
      known: true,
      value: { records: 1, batches: { plain: 0, idempotent: 1, transactional: 1 } },
    });
  });

  it("does not know what a log does not hold, and knows the others of the same question", async () => {
    const name = await topic(2);
    const { cluster } = under();
    await under().append(name, 1, [{ value: "a" }]);
    const rest = { topic: name, max: 10, bytes: 16_384 };
    const [beyond, found] = await cluster.samples([
      { ...rest, partition: 0, from: 7 },
      { ...rest, partition: 1, from: 0 },
    ]);
    expect(beyond).toMatchObject({ known: false, why: expect.stringContaining("OFFSET_OUT_OF_RANGE") });
    expect(found).toMatchObject({ known: true, value: { records: 1 } });
  });

  it("knows when a group committed last, and of which it does not", async () => {
    const [name, group, absent] = [await topic(2), unique("contract-group"), unique("never-was")];
    const { cluster } = under();
    const before = Date.now();
    await cluster.commit(new Map([[group, new Map([[name, [undefined, 0]]])]]));
    const commits = await cluster.lastCommits([group, absent]);
    const last = commits.get(group);
    expect(last).toEqual({ known: true, value: expect.any(Number) });
    // The broker's clock is this machine's.
    expect(Math.abs((last?.known ? last.value : 0) - before)).toBeLessThan(10_000);
    expect(commits.get(absent)).toMatchObject({ known: false, why: expect.stringContaining("no commit") });
  });

  it("lists quotas of every entity and SCRAM users", async () => {
    const id = unique("contract-client");
    const { cluster } = under();
    await cluster.limitProduce(id, 1_500_000);
    const quotas = await cluster.quotas();
    expect(quotas.known && quotas.value).toContainEqual({
      entity: [{ type: "client-id", name: id }],
      limits: { producer_byte_rate: 1_500_000 },
    });
    await cluster.limitProduce(id, undefined);
    const left = await cluster.quotas();
    expect(left.known && left.value.flatMap(({ entity }) => entity.map(({ name }) => name))).not.toContain(
      id,
    );
    expect(await cluster.scramUsers()).toEqual({ known: true, value: [] });
  });

  it("tells how full the brokers' disks are", async () => {
    const { cluster } = under();
    const disks = await cluster.disks();
    const { brokers } = await cluster.describe();
    if (!disks.known) throw new Error(disks.why);
    expect(disks.value.length).toBeGreaterThan(0);
    for (const { broker, total, usable } of disks.value) {
      expect(brokers.map(({ id }) => id)).toContain(broker);
      expect(total).toBeGreaterThan(1_000_000);
      expect(usable).toBeGreaterThanOrEqual(0);
      expect(usable).toBeLessThanOrEqual(total);
    }
  });
}
