import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type OffsetTable } from "#domain/topology.ts";
import type { RecordDraft } from "#support/fake-log.ts";
import { unique } from "#support/unique.ts";

export type ClusterUnderTest = {
  readonly cluster: KafkaCluster;
  append(topic: string, partition: number, drafts: readonly RecordDraft[]): Promise<void>;
  /** Appends in a transaction and leaves it open. */
  transaction(
    topic: string,
    partition: number,
    drafts: readonly RecordDraft[],
  ): Promise<(outcome: "commit" | "abort") => Promise<void>>;
  /** Deletes the records before this offset. */
  deleteBefore(topic: string, partition: number, offset: number): Promise<void>;
  /** Joins the group with the client id "contract-app"; resolves with a way out once a partition is assigned. */
  join(group: string, topic: string): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

/** What every KafkaCluster must do; run on the fake and on real brokers. */
export function kafkaClusterContract(name: string, open: () => Promise<ClusterUnderTest>): void {
  describe(`${name}: the Kafka cluster's contract`, () => {
    let under: ClusterUnderTest;
    let cluster: KafkaCluster;
    const topics: string[] = [];

    async function topic(partitions = 1): Promise<string> {
      const name = unique("contract");
      topics.push(name);
      await cluster.createTopics([{ name, partitions, replicationFactor: 1, configs: {} }]);
      return name;
    }

    beforeAll(async () => {
      under = await open();
      cluster = under.cluster;
    });
    afterAll(async () => {
      await cluster.deleteTopics(topics);
      await under.close();
    });

    it("describes itself", async () => {
      const { clusterId, brokers, version } = await cluster.describe();
      expect(clusterId).not.toBe("");
      expect(brokers.length).toBeGreaterThan(0);
      expect(version).toMatchObject({ known: true });
    });

    it("creates topics that are ready, leaves existing ones alone, and deletes them", async () => {
      const name = unique("contract");
      const spec = { name, partitions: 3, replicationFactor: 1, configs: { "retention.ms": "12345678" } };
      expect(await cluster.createTopics([spec])).toEqual([name]);
      expect(await cluster.createTopics([{ ...spec, partitions: 5 }])).toEqual([]);
      const found = (await cluster.listTopics()).find((topic) => topic.name === name);
      expect(found?.internal).toBe(false);
      expect(found?.partitions.map(({ id }) => id)).toEqual([0, 1, 2]);
      expect(found?.partitions.every(({ leader }) => leader >= 0)).toBe(true);
      const configs = (await cluster.topicConfigs([name])).get(name);
      expect(configs).toContainEqual({ name: "retention.ms", value: "12345678", origin: "topic" });
      expect(configs?.find(({ name }) => name === "cleanup.policy")?.origin).toBe("default");
      await cluster.deleteTopics([name, unique("never-was")]);
      expect((await cluster.listTopics()).map((topic) => topic.name)).not.toContain(name);
    });

    it("knows the offsets of many partitions, empty ones too", async () => {
      const [one, two] = [await topic(2), await topic()];
      await under.append(one, 1, [{ value: "a" }, { value: "b" }]);
      expect(await cluster.offsets([one, two], "end")).toEqual(
        new Map([
          [one, [0, 2]],
          [two, [0]],
        ]),
      );
      expect(await cluster.offsets([one], "start")).toEqual(new Map([[one, [0, 0]]]));
      expect(await cluster.read({ topic: two, partition: 0 }, 0, { max: 10 })).toEqual([]);
    });

    it("names a topic that does not exist", async () => {
      const name = unique("never-was");
      await expect(cluster.offsets([name], "end")).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
      await expect(cluster.topicConfigs([name])).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
      await expect(cluster.read({ topic: name, partition: 0 }, 0, { max: 1 })).rejects.toMatchObject({
        code: "E_UNKNOWN_TOPIC",
      });
    });

    it("reads records as they were written: tombstones, no key, headers in order with duplicates", async () => {
      const name = await topic();
      const headers: RecordDraft["headers"] = [
        ["b", "1"],
        ["b", "2"],
        ["a", "3"],
        ["c", ""],
      ];
      await under.append(name, 0, [
        { key: "k", value: "v", headers, timestamp: 1_700_000_000_000 },
        { key: "k", value: null, timestamp: 1_700_000_000_001 },
        { key: null, value: "", timestamp: 1_700_000_005_000 },
      ]);
      expect(await cluster.read({ topic: name, partition: 0 }, 0, { max: 10 })).toEqual([
        {
          offset: 0,
          timestamp: 1_700_000_000_000,
          key: Buffer.from("k"),
          value: Buffer.from("v"),
          headers: [
            ["b", Buffer.from("1")],
            ["b", Buffer.from("2")],
            ["a", Buffer.from("3")],
            ["c", Buffer.from("")],
          ],
        },
        { offset: 1, timestamp: 1_700_000_000_001, key: Buffer.from("k"), value: null, headers: [] },
        { offset: 2, timestamp: 1_700_000_005_000, key: null, value: Buffer.from(""), headers: [] },
      ]);
    });

    it("reads a range: from the middle of a batch, up to a limit, up to an offset, at the end", async () => {
      const name = await topic();
      const where = { topic: name, partition: 0 };
      await under.append(
        name,
        0,
        Array.from({ length: 20 }, (_, index) => ({ value: `${index}` })),
      );
      await under.append(name, 0, [{ value: "20" }]);
      const read = async (...args: [number, { max: number; until?: number }]) =>
        (await cluster.read(where, ...args)).map(({ offset, value }) => `${offset}=${value?.toString()}`);
      expect(await read(7, { max: 2 })).toEqual(["7=7", "8=8"]);
      expect(await read(18, { max: 100 })).toEqual(["18=18", "19=19", "20=20"]);
      expect(await read(3, { max: 100, until: 5 })).toEqual(["3=3", "4=4"]);
      expect(await read(21, { max: 100 })).toEqual([]);
      expect(await read(4, { max: 0 })).toEqual([]);
      await expect(read(22, { max: 1 })).rejects.toMatchObject({ code: "E_KAFKA" });
    });

    it("does not hide that records were deleted", async () => {
      const name = await topic();
      await under.append(name, 0, [{ value: "a" }, { value: "b" }, { value: "c" }]);
      await under.deleteBefore(name, 0, 2);
      expect(at(await cluster.offsets([name], "start"), name, 0)).toBe(2);
      const where = { topic: name, partition: 0 };
      await expect(cluster.read(where, 0, { max: 1 })).rejects.toMatchObject({ code: "E_KAFKA" });
      expect((await cluster.read(where, 2, { max: 9 })).map(({ offset }) => offset)).toEqual([2]);
    });

    it("finds the first offset at or after a time", async () => {
      const name = await topic();
      const times = [1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000];
      for (const timestamp of times) await under.append(name, 0, [{ value: "x", timestamp }]);
      const where = { topic: name, partition: 0 };
      expect(await cluster.offsetAt(where, 1_700_000_000_500)).toBe(1);
      expect(await cluster.offsetAt(where, 1_700_000_002_000)).toBe(2);
      expect(await cluster.offsetAt(where, 1_700_000_002_001)).toBeUndefined();
    });

    it("keeps aborted and open transactions from a read-committed reader", async () => {
      const name = await topic();
      const where = { topic: name, partition: 0 };
      const values = async (isolation?: "read-committed" | "read-uncommitted") =>
        (await cluster.read(where, 0, { max: 100, ...(isolation ? { isolation } : {}) })).map(({ value }) =>
          value?.toString(),
        );
      await (await under.transaction(name, 0, [{ value: "yes-1" }, { value: "yes-2" }]))("commit");
      await (await under.transaction(name, 0, [{ value: "no" }]))("abort");
      await under.append(name, 0, [{ value: "plain" }]);
      const finish = await under.transaction(name, 0, [{ value: "open" }]);
      // 2 records and a marker, 1 and a marker, 1, 1
      expect(at(await cluster.offsets([name], "end"), name, 0)).toBe(7);
      expect(at(await cluster.offsets([name], "stable"), name, 0)).toBe(6);
      expect(await values()).toEqual(["yes-1", "yes-2", "plain"]);
      expect(await values("read-uncommitted")).toEqual(["yes-1", "yes-2", "no", "plain", "open"]);
      await finish("commit");
      expect(at(await cluster.offsets([name], "stable"), name, 0)).toBe(8);
      expect(await values("read-committed")).toEqual(["yes-1", "yes-2", "plain", "open"]);
    });

    it("tells an absent group from an empty one", async () => {
      const name = await topic(3);
      const [empty, absent] = [unique("contract-group"), unique("never-was")];
      await cluster.commit(one(empty, name, [0, undefined, 0]));
      expect(await cluster.describeGroups([absent, empty])).toMatchObject([
        { id: absent, state: "Dead", members: [] },
        { id: empty, state: "Empty", members: [] },
      ]);
      const listed = (await cluster.listGroups()).map(({ id }) => id);
      expect(listed).toContain(empty);
      expect(listed).not.toContain(absent);
      expect(await cluster.committed([absent, empty])).toEqual(
        new Map([
          [absent, new Map()],
          [empty, new Map([[name, [0, undefined, 0]]])],
        ]),
      );
    });

    it("commits forwards and back, and leaves the other partitions alone", async () => {
      const name = await topic(2);
      const group = unique("contract-group");
      await cluster.commit(one(group, name, [7, 8]));
      await cluster.commit(one(group, name, [3]));
      expect((await cluster.committed([group])).get(group)).toEqual(new Map([[name, [3, 8]]]));
    });

    it("refuses to commit for a group that lives and names its members", async () => {
      const name = await topic();
      const group = unique("contract-group");
      const leave = await under.join(group, name);
      try {
        const [described] = await cluster.describeGroups([group]);
        expect(described).toMatchObject({ state: "Stable", protocolType: "consumer" });
        expect(described?.members).toMatchObject([
          { clientId: "contract-app", assignment: [{ topic: name, partition: 0 }] },
        ]);
        await expect(cluster.commit(one(group, name, [1]))).rejects.toMatchObject({
          code: "E_GROUP_ALIVE",
          message: expect.stringContaining("contract-app"),
        });
      } finally {
        await leave();
      }
      await cluster.commit(one(group, name, [1]));
      expect(at((await cluster.committed([group])).get(group) ?? new Map(), name, 0)).toBe(1);
    });

    it("knows the bytes on disk", async () => {
      const name = await topic(2);
      await under.append(name, 1, [{ value: "x".repeat(1000) }]);
      const sizes = await cluster.logSizes([name]);
      const table = sizes.known ? sizes.value : new Map<string, readonly number[]>();
      expect(table.get(name)).toEqual([0, expect.any(Number)]);
      expect(at(table, name, 1)).toBeGreaterThan(1000);
    });
  });
}

function one(
  group: string,
  topic: string,
  offsets: ReadonlyArray<number | undefined>,
): ReadonlyMap<string, OffsetTable> {
  return new Map([[group, new Map([[topic, offsets]])]]);
}
