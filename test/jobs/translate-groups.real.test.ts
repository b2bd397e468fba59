import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { OffsetTable } from "#domain/topology.ts";
import { translateGroups } from "#jobs/switch/translate-groups.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { unique } from "#support/unique.ts";

const partitions = 10;
const records = 2000;
const batch = 200;
const began = Date.now() - 3_600_000;

/** The copy begins one offset earlier: the source holds a record more, which expired before the mirror began. */
const shift = 1;

describe("translating many groups on real clusters", () => {
  const topic = unique("ferry-translate");
  let source: RealCluster;
  let target: RealCluster;

  beforeAll(async () => {
    const { source: from, target: to } = inject("clusters");
    source = await openRealCluster("source", { bootstrap: [from.bootstrap], protocol: "PLAINTEXT" });
    target = await openRealCluster("target", { bootstrap: [to.bootstrap], protocol: "PLAINTEXT" });
    for (const { cluster } of [source, target]) {
      await cluster.createTopics([{ name: topic, partitions, replicationFactor: 1, configs: {} }]);
    }
    for (let partition = 0; partition < partitions; partition += 1) {
      const messages = Array.from({ length: records }, (_, index) => ({
        partition,
        key: null,
        value: `record ${index} of ${partition}`,
        timestamp: String(began + Math.floor(index / 3)),
      }));
      const older = { partition, key: null, value: "older", timestamp: String(began - 10) };
      await source.send(topic, [older]);
      for (let from = 0; from < records; from += batch) {
        await source.send(topic, messages.slice(from, from + batch));
        await target.send(topic, messages.slice(from, from + batch));
      }
    }
  });

  afterAll(async () => {
    for (const side of [source, target]) {
      await side.cluster.deleteTopics([topic]);
      await side.close();
    }
  });

  /** Groups that stand wherever `behind` says, counted from the end of each partition. */
  async function misplaced(count: number, behind: (group: number, partition: number) => number) {
    const groups = Array.from({ length: count }, (_, index) => `group-${index}`);
    const snapshot = new Map<string, OffsetTable>(
      groups.map((group, index) => [
        group,
        new Map([
          [
            topic,
            Array.from({ length: partitions }, (_, partition) => records + shift - behind(index, partition)),
          ],
        ]),
      ]),
    );
    const results = await translateGroups(groups, [topic], source.cluster, target.cluster, snapshot);
    return results.flatMap((result) =>
      result.kind === "exact"
        ? result.offsets
            .filter(({ committed, offset }) => offset !== committed - shift)
            .map(({ partition, committed, offset }) => `${partition}: ${committed} to ${offset}`)
        : [result.why],
    );
  }

  it.each([
    { what: "one group at the end", groups: 1, behind: () => 0 },
    { what: "one group far behind", groups: 1, behind: () => 1900 },
    { what: "200 groups at the end", groups: 200, behind: () => 0 },
    {
      what: "30 groups, all elsewhere",
      groups: 30,
      behind: (group: number, partition: number) => (group * 61 + partition) % 1900,
    },
    {
      what: "the same groups a little later",
      groups: 30,
      behind: (group: number, partition: number) => (group * 61 + partition + 5) % 1900,
    },
  ])("is exact for $what", { timeout: 60_000 }, async ({ groups, behind }) => {
    expect(await misplaced(groups, behind)).toEqual([]);
  });
});
