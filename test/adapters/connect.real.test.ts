import { inject } from "vitest";
import { createConnectEngine } from "#adapters/connect/engine.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { openRealCluster } from "#support/kafkajs-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { replicationEngineContract } from "../contract/replication-engine.ts";

replicationEngineContract("Kafka Connect", async () => {
  const { source, target, connect } = inject("clusters");
  const from = await openRealCluster("source", plain(source.bootstrap));
  const to = await openRealCluster("target", plain(target.bootstrap));
  const engine = createConnectEngine({
    url: connect.url,
    source: plain(source.bootstrap),
    target: plain(target.bootstrap),
    exactlyOnce: true,
    clusterIds: async () => ({ source: source.clusterId, target: target.clusterId }),
    patienceMs: 40_000,
    log: createQuietLog(),
    clock: realClock,
  });
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
      const topics = (await from.cluster.listTopics()).map(({ name }) => name);
      await from.cluster.deleteTopics(topics.filter((name) => name.startsWith("ferry-contract")));
      await from.close();
      await to.close();
    },
  };
});

function plain(bootstrap: string): ClusterAccess {
  return { bootstrap: [bootstrap], protocol: "PLAINTEXT" };
}
