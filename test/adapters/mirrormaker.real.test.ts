import { openMirrorMakerLab } from "#support/mirrormaker-under-test.ts";
import { replicationEngineContract } from "../contract/replication-engine.ts";

replicationEngineContract("MirrorMaker's own processes", async () => {
  const lab = await openMirrorMakerLab();
  return {
    engine: lab.bot(),
    source: lab.source,
    target: lab.target,
    breakFlow: async (_flow, topic) => {
      // The target refuses the record for good, whatever the producer's own limit says.
      const configs = { "max.message.bytes": "200" };
      await lab.target.cluster.createTopics([{ name: topic, partitions: 3, replicationFactor: 1, configs }]);
      const noise = Buffer.from(Array.from({ length: 4_000 }, () => Math.floor(Math.random() * 256)));
      await lab.source.append(topic, 0, [{ key: "k", value: noise }]);
    },
    close: () => lab.close(),
  };
});
