import { inject } from "vitest";
import { openRealCluster } from "#support/kafkajs-under-test.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { replicationEngineContract } from "../contract/replication-engine.ts";

replicationEngineContract("Kafka Connect", async () => {
  const clusters = inject("clusters");
  const from = await openRealCluster("source", plainAccess(clusters.source.bootstrap));
  const to = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  const engine = realEngine(clusters, { patienceMs: 40_000 });
  return {
    engine,
    source: from,
    target: to,
    breakFlow: async (_flow, topic) => {
      // The target refuses the record for good, whatever the producer's own limit says.
      const configs = { "max.message.bytes": "200" };
      await to.cluster.createTopics([{ name: topic, partitions: 3, replicationFactor: 1, configs }]);
      const noise = Buffer.from(Array.from({ length: 4_000 }, () => Math.floor(Math.random() * 256)));
      await from.append(topic, 0, [{ key: "k", value: noise }]);
    },
    close: async () => {
      await from.close();
      await to.close();
    },
  };
});
