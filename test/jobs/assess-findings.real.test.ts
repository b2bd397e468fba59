import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Assessment } from "#domain/assessment.ts";
import { known } from "#domain/topology.ts";
import { type AssessParts, assessed, topicOf } from "#support/assess-work.ts";
import { createHandClock } from "#support/hand-clock.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { unique } from "#support/unique.ts";

const { source, target } = inject("clusters");
const clusters = { source, target };

/** Other files use the same brokers at the same time: only what this one made is looked at. */
for (const role of ["source", "target"] as const) {
  const { bootstrap, version } = clusters[role];

  describe(`an assessment of Kafka ${version}`, () => {
    const [topic, state, group] = [unique("assessed"), unique("assessed"), unique("assessed-group")];
    const first = 1_700_000_000_000;
    let real: RealCluster;
    let parts: AssessParts;
    let open: (outcome: "commit" | "abort") => Promise<void>;

    beforeAll(async () => {
      real = await openRealCluster(role, { bootstrap: [bootstrap], protocol: "PLAINTEXT" });
      const spec = { partitions: 3, replicationFactor: 1 };
      await real.cluster.createTopics([
        { ...spec, name: topic, configs: { "retention.ms": "9000000000000" } },
        { ...spec, name: state, configs: { "cleanup.policy": "compact" } },
      ]);
      await real.append(topic, 0, [
        { key: "k", value: "v", timestamp: first },
        { value: "second", headers: [["h", "1"]], timestamp: first + 1000 },
      ]);
      const packed = [{ partition: 1, key: "k", value: "z".repeat(2000), timestamp: `${first + 5000}` }];
      await real.send(topic, packed, kafkajs.CompressionTypes.GZIP);
      await real.append(state, 0, [{ key: "connector-sink", value: "{}" }]);
      open = await real.transaction(topic, 2, [{ key: "k", value: "open", timestamp: first + 9000 }]);
      await real.cluster.commit(new Map([[group, new Map([[topic, [1, 1]]])]]));
      const clock = createHandClock();
      parts = { clock, store: createMemoryStore(clock), kafka: { cluster: real.cluster } };
    });
    afterAll(async () => {
      await open("abort");
      await real.cluster.deleteTopics([topic, state]);
      await real.close();
    });

    it("is what was done to it, and the same to the byte when it is taken again", async () => {
      const { found } = await assessed(parts);
      expect(found.mode).toEqual(known("kraft"));
      expect(topicOf(found, topic)).toMatchObject({
        configs: { "retention.ms": { value: "9000000000000", origin: "topic" } },
        offsetsHeld: known(4),
        recordsPerSecond: known(0),
        recordsOutPerSecond: known(0),
        oldestTimestamp: known("2023-11-14T22:13:20.000Z"),
        newestTimestamp: known("2023-11-14T22:13:29.000Z"),
        sampledRecords: 4,
        largestRecordBytes: known(2001),
        compression: known(["gzip", "none"]),
        keys: known("some"),
        headers: known("some"),
        writers: { idempotent: known(true), transactional: known(true), plain: known(true) },
        openTransactions: { known: true, value: [{ partition: 2, firstOffset: 0 }] },
      });
      expect(topicOf(found, state).role?.kind).toBe("connect-configs");
      expect(groupIn(found, group)).toMatchObject({
        type: known("classic"),
        lag: known(1),
        oldestUnread: known({ at: "2023-11-14T22:13:21.000Z", looked: 1, lagging: 1 }),
        lastCommit: known(expect.any(String)),
        activity: known("idle"),
      });
      const again = (await assessed(parts)).found;
      expect(JSON.stringify(topicOf(again, topic))).toBe(JSON.stringify(topicOf(found, topic)));
      expect(JSON.stringify(groupIn(again, group))).toBe(JSON.stringify(groupIn(found, group)));
      expect(JSON.stringify(again.brokerSettings)).toBe(JSON.stringify(found.brokerSettings));
    });
  });
}

function groupIn({ groups }: Assessment, id: string) {
  return groups.find((group) => group.id === id);
}
