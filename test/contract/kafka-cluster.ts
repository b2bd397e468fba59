import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KafkaCluster } from "#domain/ports.ts";
import { at } from "#domain/topology.ts";
import type { RecordDraft } from "#support/fake-log.ts";
import type { Membership } from "#support/java-consumer.ts";
import { unique } from "#support/unique.ts";
import { describeGroupCases } from "./kafka-groups.ts";
import { describeInventoryCases } from "./kafka-inventory.ts";

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
  /** Starts a static member with the client id "contract-app"; it need not have joined yet. */
  joinAs(group: string, topic: string, membership: Membership): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

/** What every KafkaCluster must do; run on the fake and on real brokers. `types`: the group protocols it knows. */
export function kafkaClusterContract(
  name: string,
  open: () => Promise<ClusterUnderTest>,
  types: ReadonlyArray<Membership["type"]>,
): void {
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

    it("sweeps offsets and groups in one look, and names what it did not learn", async () => {
      const [name, absent, group] = [await topic(2), unique("never-was"), unique("contract-group")];
      await under.append(name, 1, [{ value: "a" }, { value: "b" }]);
      await cluster.commit(new Map([[group, new Map([[name, [undefined, 1]]])]]));
      const sweep = await cluster.sweep({ topics: [name, absent], groups: [group] });
      expect(sweep.starts).toEqual(new Map([[name, [0, 0]]]));
      expect(sweep.ends).toEqual(new Map([[name, [0, 2]]]));
      expect(sweep.committed).toEqual(new Map([[group, new Map([[name, [undefined, 1]]])]]));
      expect(sweep.groups.get(group)).toMatchObject({ state: "Empty", members: [] });
      expect([...new Set(sweep.missing.map((piece) => piece.topic))]).toEqual([absent]);
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

    it("answers many small reads at once, each with its own records", async () => {
      const name = await topic(30);
      const other = await topic();
      for (let partition = 0; partition < 30; partition += 1) {
        const drafts = Array.from({ length: 5 }, (_, n) => ({
          value: `${partition}/${n}`,
          timestamp: 1_700_000_000_000 + n,
        }));
        await under.append(name, partition, drafts);
      }
      const asked = Array.from({ length: 150 }, (_, n) => ({
        where: { topic: name, partition: n % 30 },
        from: (n * 7) % 5,
        max: 1 + (n % 3),
      }));
      const empty = cluster.read({ topic: other, partition: 0 }, 0, { max: 1 });
      const beyond = cluster.read({ topic: name, partition: 0 }, 99, { max: 1 });
      const missing = cluster.read({ topic: name, partition: 30 }, 0, { max: 1 });
      const outcomes = Promise.allSettled([empty, beyond, missing]);
      const found = await Promise.all(
        asked.map(({ where, from, max }) => cluster.read(where, from, { max })),
      );
      expect(found.map((records) => records.map(({ value }) => `${value?.toString()}`))).toEqual(
        asked.map(({ where, from, max }) =>
          Array.from({ length: Math.min(max, 5 - from) }, (_, n) => `${where.partition}/${from + n}`),
        ),
      );
      expect(await outcomes).toMatchObject([
        { status: "fulfilled", value: [] },
        { status: "rejected", reason: { code: "E_KAFKA" } },
        { status: "rejected", reason: { code: "E_KAFKA" } },
      ]);
      const times = asked.map(({ where, from }) => cluster.offsetAt(where, 1_700_000_000_000 + from));
      expect(await Promise.all(times)).toEqual(asked.map(({ from }) => from));
      const ends = Promise.all([name, other, name].map((topic) => cluster.offsets([topic], "end")));
      const [full, none] = [Array.from({ length: 30 }, () => 5), [0]];
      expect(await ends).toEqual([
        new Map([[name, full]]),
        new Map([[other, none]]),
        new Map([[name, full]]),
      ]);
    });

    it("reads both isolations at the same moment", async () => {
      const name = await topic(2);
      await under.append(name, 0, [{ value: "plain" }]);
      await under.append(name, 1, [{ value: "plain" }]);
      const finish = await under.transaction(name, 0, [{ value: "open" }]);
      const isolations = ["read-committed", "read-uncommitted", "read-committed"] as const;
      const reads = isolations.map((isolation) =>
        cluster.read({ topic: name, partition: 0 }, 0, { max: 9, isolation }),
      );
      const found = (await Promise.all(reads)).map((records) =>
        records.map(({ value }) => value?.toString()),
      );
      await finish("abort");
      expect(found).toEqual([["plain"], ["plain", "open"], ["plain"]]);
    });

    describeGroupCases({ topic, under: () => under, types });
    describeInventoryCases({ topic, under: () => under });

    it("limits what clients of one id may produce, and takes the limit away", async () => {
      const id = unique("contract-client");
      expect(await cluster.produceQuota(id)).toEqual({ known: true, value: undefined });
      await cluster.limitProduce(id, 1_500_000);
      expect(await cluster.produceQuota(id)).toEqual({ known: true, value: 1_500_000 });
      await cluster.limitProduce(id, 20_000_000);
      expect(await cluster.produceQuota(id)).toEqual({ known: true, value: 20_000_000 });
      expect(await cluster.produceQuota(`${id}-other`)).toEqual({ known: true, value: undefined });
      for (const _ of ["once", "twice"]) await cluster.limitProduce(id, undefined);
      expect(await cluster.produceQuota(id)).toEqual({ known: true, value: undefined });
    });

    it("sets and takes away limits of users, client ids, both and defaults, and leaves others alone", async () => {
      const name = unique("contract-quota");
      const user = { type: "user", name };
      const both = [{ type: "client-id", name: `${name}-app` }, user];
      const ofName = async () => {
        const all = await cluster.quotas();
        if (!all.known) throw new Error(all.why);
        return all.value.filter(({ entity }) => entity.some((part) => part.name === name));
      };
      await cluster.alterQuotas([
        { entity: [user], limits: { producer_byte_rate: 1_000_000, request_percentage: 50 } },
        { entity: both, limits: { consumer_byte_rate: 2_000_000 } },
        { entity: [user, { type: "client-id", name: null }], limits: { consumer_byte_rate: 3_000_000 } },
      ]);
      await cluster.alterQuotas([{ entity: [user], limits: { request_percentage: null } }]);
      const held = (await ofName()).map(({ entity, limits }) => [entity.length, limits] as const);
      expect(held.toSorted(([a], [b]) => a - b)[0]).toEqual([1, { producer_byte_rate: 1_000_000 }]);
      expect(held.filter(([parts]) => parts === 2).map(([, limits]) => limits)).toEqual(
        expect.arrayContaining([{ consumer_byte_rate: 2_000_000 }, { consumer_byte_rate: 3_000_000 }]),
      );
      for (const { entity, limits } of await ofName()) {
        const none = Object.fromEntries(Object.keys(limits).map((key) => [key, null]));
        await cluster.alterQuotas([{ entity, limits: none }]);
      }
      expect(await ofName()).toEqual([]);
    });

    it("tells what one may do to the cluster and to topics; one that does not exist is absent", async () => {
      const name = await topic(1);
      const rights = await cluster.rights([name, unique("absent")]);
      if (!rights.known) throw new Error(rights.why);
      expect(rights.value.cluster).toEqual(expect.arrayContaining(["ALTER", "DESCRIBE", "DESCRIBE_CONFIGS"]));
      expect([...rights.value.topics.keys()]).toEqual([name]);
      expect(rights.value.topics.get(name)).toEqual(expect.arrayContaining(["READ", "WRITE", "DESCRIBE"]));
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
