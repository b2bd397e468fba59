import { createFakeEngine } from "#support/fake-engine.ts";
import { createFakeKafka, type FakeKafka } from "#support/fake-kafka.ts";
import { replicationEngineContract } from "../contract/replication-engine.ts";

replicationEngineContract("in memory", async () => {
  const source = createFakeKafka({ role: "source" });
  const target = createFakeKafka({ role: "target" });
  const engine = createFakeEngine(source, target);
  return {
    engine,
    source: side(source),
    target: side(target),
    breakFlow: async (flow, topic) => {
      await engine.define({ name: flow, kind: "forward", topics: [topic], groups: [], tasks: 2 }, "running");
      engine.failTask(
        flow,
        "org.apache.kafka.common.errors.RecordTooLargeException: too large\n\tat somewhere",
      );
    },
    close: async () => {},
  };
});

function side(fake: FakeKafka) {
  return {
    cluster: fake.cluster,
    append: async (
      topic: string,
      partition: number,
      drafts: ReadonlyArray<{ value?: string | Buffer | null }>,
    ) => {
      for (const draft of drafts) fake.append(topic, partition, draft);
    },
  };
}
