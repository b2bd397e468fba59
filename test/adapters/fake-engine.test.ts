import { expect, it } from "vitest";
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

it("fails the task when the destination refuses the mirror, and goes on once it does not", async () => {
  const source = createFakeKafka({ role: "source" });
  const target = createFakeKafka({ role: "target", authorizer: { everyone: true } });
  const engine = createFakeEngine(source, target, { principal: "User:mirror" });
  source.addTopic("orders");
  target.addTopic("orders");
  source.appendMany("orders", 0, 3);
  const all = { resourceType: "TOPIC", resourceName: "orders", patternType: "LITERAL", host: "*" } as const;
  target.setAcls([{ ...all, principal: "User:mirror", operation: "WRITE", permission: "DENY" }]);
  const flow = { name: "m", kind: "forward", topics: ["orders"], groups: [], tasks: 1 } as const;
  await engine.define(flow, "running");
  const { state, tasks } = await engine.status("m");
  expect(state).toBe("failed");
  expect(tasks[0]?.trace).toContain("User:mirror has no WRITE on orders");
  target.setAcls([]);
  await engine.restartFailed("m");
  expect((await engine.status("m")).state).toBe("running");
  expect(await target.cluster.offsets(["orders"], "end")).toEqual(new Map([["orders", [3]]]));
});
