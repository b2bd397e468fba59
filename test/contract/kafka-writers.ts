import { describe, expect, it } from "vitest";
import { eventually } from "#support/eventually.ts";
import { unique } from "#support/unique.ts";
import { type Draft, end, type FenceUnderTest, openScene } from "./fence-scene.ts";

const one = [{ value: "x" }] as const;

/** What tells who writes; any cluster. */
export function kafkaWritersContract(name: string, open: () => Promise<FenceUnderTest>): void {
  describe(`${name}: the contract of writers`, () => {
    const { under, cluster, topic } = openScene(open);
    const me = "User:ANONYMOUS";
    const time = 1_700_000_000_000;

    function drafts(count: number, from = time): Draft[] {
      return Array.from({ length: count }, (_, index) => ({ value: `${index}`, timestamp: from + index }));
    }

    async function writers(topic: string, from: number, until: number) {
      return cluster().writers({ topic, partition: 0 }, from, until);
    }

    it("tells plain, idempotent and transactional writers apart, aborted records included", async () => {
      const name = await topic();
      await under().send(me, name, drafts(10));
      await under().send(me, name, drafts(5, time + 100), "idempotent");
      const committed = await under().transaction(me, name, drafts(3, time + 200));
      await committed.finish("commit");
      await eventually("the marker", async () => ((await end(cluster(), name)) === 19 ? true : undefined));
      const aborted = await under().transaction(me, name, drafts(2, time + 300));
      await aborted.finish("abort");
      await eventually("the marker", async () => ((await end(cluster(), name)) === 22 ? true : undefined));
      await under().send(me, name, drafts(1, time + 50));
      const found = await writers(name, 0, 23);
      const some = { producerId: expect.any(Number) };
      expect(found).toEqual([
        {
          producerId: -1,
          transactional: false,
          records: 11,
          firstOffset: 0,
          lastOffset: 22,
          lastTimestamp: time + 50,
        },
        {
          ...some,
          transactional: false,
          records: 5,
          firstOffset: 10,
          lastOffset: 14,
          lastTimestamp: time + 104,
        },
        {
          ...some,
          transactional: true,
          records: 3,
          firstOffset: 15,
          lastOffset: 17,
          lastTimestamp: time + 202,
        },
        {
          ...some,
          transactional: true,
          records: 2,
          firstOffset: 19,
          lastOffset: 20,
          lastTimestamp: time + 301,
        },
      ]);
      expect(new Set(found.map(({ producerId }) => producerId)).size).toBe(4);
    });

    it("counts a range that begins and ends inside batches", async () => {
      const name = await topic();
      await under().send(me, name, drafts(10));
      await under().send(me, name, drafts(10, time + 100));
      const writer = { producerId: -1, transactional: false };
      expect(await writers(name, 4, 12)).toEqual([
        { ...writer, records: 8, firstOffset: 4, lastOffset: 11, lastTimestamp: time + 101 },
      ]);
      expect(await writers(name, 2, 5)).toEqual([
        { ...writer, records: 3, firstOffset: 2, lastOffset: 4, lastTimestamp: time + 4 },
      ]);
      expect(await writers(name, 15, 1000)).toMatchObject([{ records: 5, lastOffset: 19 }]);
      expect(await writers(name, 20, 20)).toEqual([]);
      expect(await writers(name, 20, 30)).toEqual([]);
      await expect(writers(name, 21, 30)).rejects.toMatchObject({ code: "E_KAFKA" });
    });

    it("remembers idempotent producers, and where an open transaction of theirs begins", async () => {
      const [name, silent] = [await topic(), await topic()];
      await under().send(me, name, drafts(4));
      await under().send(me, name, drafts(2, time + 10), "idempotent");
      const open = await under().transaction(me, name, drafts(2, time + 20));
      const [, idempotent, transactional] = await writers(name, 0, 8);
      const found = await cluster().producers([silent, name]);
      const place = { topic: name, partition: 0 };
      const expected = [
        { ...place, producerId: idempotent?.producerId, lastTimestamp: time + 11 },
        { ...place, producerId: transactional?.producerId, lastTimestamp: time + 21, openSince: 6 },
      ];
      expect(found.known && found.value).toHaveLength(2);
      expect(found).toEqual({ known: true, value: expect.arrayContaining(expected) });
      await open.finish("abort");
      const done = await eventually("the marker", async () => {
        const now = await cluster().producers([name]);
        return now.known && now.value.every((each) => each.openSince === undefined) ? now.value : undefined;
      });
      expect(done).toHaveLength(2);
      await expect(cluster().producers([unique("never-was")])).rejects.toMatchObject({
        code: "E_UNKNOWN_TOPIC",
      });
    });

    it("lists transactional ids with their state, partitions and start", async () => {
      const name = await topic();
      const started = Date.now();
      const { id, finish } = await under().transaction(me, name, drafts(1));
      const state = async () => {
        const all = await cluster().transactions();
        return all.known ? all.value.find(({ transactionalId }) => transactionalId === id) : undefined;
      };
      const [writer] = await writers(name, 0, 1);
      const open = await state();
      expect(open).toEqual({
        transactionalId: id,
        producerId: writer?.producerId,
        state: "Ongoing",
        startedAt: expect.any(Number),
        timeoutMs: 60_000,
        partitions: [{ topic: name, partition: 0 }],
      });
      expect(Math.abs((open?.startedAt ?? 0) - started)).toBeLessThan(10_000);
      await finish("commit");
      const done = await eventually("the end of the transaction", async () => {
        const now = await state();
        return now?.state === "CompleteCommit" ? now : undefined;
      });
      expect(done).toMatchObject({ partitions: [] });
      expect(done).not.toHaveProperty("startedAt");
    });
  });
}

/** Single values of topics; any cluster. */
export function kafkaConfigChangeContract(name: string, open: () => Promise<FenceUnderTest>): void {
  describe(`${name}: the contract of configuration changes`, () => {
    const { under, cluster, topic } = openScene(open);
    const limit = "max.message.bytes";

    async function values(topic: string): Promise<Record<string, string | null>> {
      const own = (await cluster().topicConfigs([topic])).get(topic) ?? [];
      const set = own.filter(({ origin }) => origin === "topic");
      return Object.fromEntries(set.map(({ name, value }) => [name, value]));
    }

    it("changes one value, leaves the others alone, and takes it back", async () => {
      const [first, second] = [await topic(), await topic()];
      const before = await values(first);
      await cluster().alterTopicConfigs([
        { topic: first, name: limit, value: "2000" },
        { topic: second, name: limit, value: "3000" },
        { topic: first, name: "retention.bytes", value: "4000" },
      ]);
      await eventually("the new values", async () =>
        (await values(first))[limit] === "2000" && (await values(second))[limit] === "3000"
          ? true
          : undefined,
      );
      expect(await values(first)).toEqual({ ...before, [limit]: "2000", "retention.bytes": "4000" });
      await cluster().alterTopicConfigs([
        { topic: first, name: limit, value: null },
        { topic: first, name: "retention.bytes", value: null },
      ]);
      await eventually("the old values", async () => (limit in (await values(first)) ? undefined : true));
      expect(await values(first)).toEqual(before);
      await cluster().alterTopicConfigs([]);
    });

    it("refuses writes while the largest batch allowed is smaller than any", async () => {
      const name = await topic();
      await under().send("User:ANONYMOUS", name, one);
      await cluster().alterTopicConfigs([{ topic: name, name: limit, value: "1" }]);
      const large = { message: expect.stringMatching(/larger|too.large/i) };
      await eventually("the limit", async () => (limit in (await values(name)) ? true : undefined));
      await expect(under().send("User:ANONYMOUS", name, one)).rejects.toMatchObject(large);
      const held = await end(cluster(), name);
      await cluster().alterTopicConfigs([{ topic: name, name: limit, value: null }]);
      await eventually("writes again", async () => {
        await under().send("User:ANONYMOUS", name, one);
        return true;
      });
      expect(await end(cluster(), name)).toBe((held ?? 0) + 1);
    });

    it("names what the broker refuses", async () => {
      const name = await topic();
      await expect(
        cluster().alterTopicConfigs([{ topic: name, name: limit, value: "many" }]),
      ).rejects.toMatchObject({ code: "E_KAFKA", message: expect.stringContaining(limit) });
      await expect(
        cluster().alterTopicConfigs([{ topic: unique("never-was"), name: limit, value: "1" }]),
      ).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
    });
  });
}
