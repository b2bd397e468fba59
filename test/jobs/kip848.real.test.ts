import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { tablesOf, translateGroups } from "#jobs/switch/translate-groups.ts";
import { eventually } from "#support/eventually.ts";
import { startJavaConsumer } from "#support/java-consumer.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { unique } from "#support/unique.ts";

/** A classic group of the source, and members of KIP-848 that go on for it on the target. */

const records = 500;
const read = 321;
const [topic, group] = [unique("ferry-kip848"), unique("ferry-kip848-group")];
let source: RealCluster;
let target: RealCluster;
let folder: string;

beforeAll(async () => {
  const { source: from, target: to } = inject("clusters");
  folder = await mkdtemp(join(tmpdir(), "ferry-kip848-"));
  source = await openRealCluster("source", { bootstrap: [from.bootstrap], protocol: "PLAINTEXT" });
  target = await openRealCluster("target", { bootstrap: [to.bootstrap], protocol: "PLAINTEXT" });
  const began = Date.now() - 60_000;
  const messages = Array.from({ length: records }, (_, index) => ({
    partition: 0,
    key: null,
    value: `record-${index}`,
    timestamp: `${began + index}`,
  }));
  for (const { cluster } of [source, target]) {
    await cluster.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, configs: {} }]);
  }
  // One that expired before the mirror began: each record lies one offset lower on the target.
  await source.send(topic, [{ partition: 0, value: "older", timestamp: `${began - 1}` }]);
  await source.send(topic, messages);
  await target.send(topic, messages);
});

afterAll(async () => {
  for (const side of [source, target]) {
    await side.cluster.deleteTopics([topic]);
    await side.close();
  }
  await rm(folder, { recursive: true });
});

it("lets members of KIP-848 go on at the exact record of a group that was absent on the target", async () => {
  await source.cluster.commit(new Map([[group, new Map([[topic, [read + 1]]])]]));
  const results = await translateGroups([group], [topic], source.cluster, target.cluster);
  const exact = results.filter((result) => result.kind === "exact");
  expect(exact).toHaveLength(1);
  const [absent] = await target.cluster.describeGroups([group]);
  expect(absent?.state).toBe("Dead");
  await target.cluster.commit(tablesOf(exact));

  const output = join(folder, "read.log");
  const stop = await startJavaConsumer({
    bootstrap: inject("clusters").target.bootstrap,
    group,
    topic,
    membership: { type: "consumer", instanceId: unique("instance") },
    output,
  });
  try {
    const seen = await eventually(
      "everything that was left is read",
      async () => {
        const lines = (await readFile(output, "utf8")).split("\n");
        const values = lines.filter((line) => line.startsWith("record-"));
        return values.at(-1) === `record-${records - 1}` ? values : undefined;
      },
      90_000,
    );
    expect(seen).toEqual(Array.from({ length: records - read }, (_, index) => `record-${read + index}`));
    const [described] = await target.cluster.describeGroups([group]);
    expect(described).toMatchObject({ type: "consumer", state: "Stable" });
    await expect(target.cluster.commit(tablesOf(exact))).rejects.toMatchObject({ code: "E_GROUP_ALIVE" });
  } finally {
    await stop();
  }
});
