import { randomBytes } from "node:crypto";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { unique } from "#support/unique.ts";

const { source, target } = inject("clusters");
const clusters = { source, target };

for (const role of ["source", "target"] as const) {
  const { bootstrap, version } = clusters[role];
  const access: ClusterAccess = { bootstrap: [bootstrap], protocol: "PLAINTEXT" };

  describe(`requests to Kafka ${version}`, () => {
    let real: RealCluster;
    const topics: string[] = [];

    async function topic(partitions: number, configs: Record<string, string> = {}): Promise<string> {
      const name = unique("requests");
      topics.push(name);
      await real.cluster.createTopics([{ name, partitions, replicationFactor: -1, configs }]);
      return name;
    }

    beforeAll(async () => {
      real = await openRealCluster(role, access);
    });
    afterAll(async () => {
      await real.cluster.deleteTopics(topics);
      await real.close();
    });

    it("reads few records of partitions whose batches do not fit a shared fetch", async () => {
      const name = await topic(40, { "max.message.bytes": "8000000" });
      for (let partition = 0; partition < 40; partition += 1) {
        const value = randomBytes(sizeIn(partition));
        await real.send(name, [
          { partition, value },
          { partition, value },
        ]);
        await real.send(name, [{ partition, value }]);
      }
      const reads = Array.from({ length: 40 }, (_, partition) =>
        real.cluster.read({ topic: name, partition }, 1, { max: 2 }),
      );
      const found = (await Promise.all(reads)).map((records) =>
        records.map(({ offset, value }) => [offset, value?.length]),
      );
      expect(found).toEqual(
        found.map((_, partition) => [
          [1, sizeIn(partition)],
          [2, sizeIn(partition)],
        ]),
      );
    });

    it("sends what is asked at once in few requests over one socket for each lane", async () => {
      const name = await topic(200);
      const partitions = Array.from({ length: 200 }, (_, partition) => ({ topic: name, partition }));
      // A broker leads the partitions of a new topic one after the other.
      await Promise.all(partitions.map((where) => real.cluster.read(where, 0, { max: 1 })));
      const before = openSockets();
      const sent = vi.spyOn(RequestQueue.prototype, "push");
      const cluster = createKafkaCluster({ role, access, log: createQuietLog(), clock: realClock });
      try {
        await Promise.all([
          ...partitions.map((where) => cluster.read(where, 0, { max: 1 })),
          ...partitions.map((where) => cluster.offsetAt(where, 1_700_000_000_000)),
          ...partitions.map(() => cluster.offsets([name], "end")),
        ]);
        expect(openSockets() - before).toBe(2);
        const names = sent.mock.calls.map(([{ entry }]) => entry.apiName);
        expect(names.filter((api) => api !== "ApiVersions").sort()).toEqual([
          "Fetch",
          "ListOffsets",
          "ListOffsets",
          ...names.filter((api) => api === "Metadata"),
        ]);
        expect(names.length).toBeLessThan(10);
      } finally {
        sent.mockRestore();
        await cluster.close();
      }
      await eventually("its sockets are closed", () => openSockets() === before || undefined);
    });

    it("commits more partitions than one request may hold", async () => {
      const [name, group] = [await topic(2500), unique("adapter-wide")];
      const offsets = Array.from({ length: 2500 }, (_, partition) => partition);
      await real.cluster.commit(new Map([[group, new Map([[name, offsets]])]]));
      expect((await real.cluster.committed([group])).get(group)?.get(name)).toEqual(offsets);
    });
  });
}

/** Bytes of a record: two batches fit the first fetch of a read, one does, the second fetch does, none does. */
function sizeIn(partition: number): number {
  return [10, 9000, 90_000, 2_000_000][partition % 4] ?? 10;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}
