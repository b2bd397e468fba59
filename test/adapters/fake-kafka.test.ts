import { expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";
import { unique } from "#support/unique.ts";
import { kafkaClusterContract } from "../contract/kafka-cluster.ts";

kafkaClusterContract("in memory", async () => {
  const fake = createFakeKafka({ role: "source" });
  return {
    cluster: fake.cluster,
    async append(topic, partition, drafts) {
      for (const draft of drafts) fake.append(topic, partition, draft);
    },
    async transaction(topic, partition, drafts) {
      const id = unique("tx");
      for (const draft of drafts) fake.append(topic, partition, draft, id);
      return async (outcome) => fake.endTransaction(id, outcome);
    },
    deleteBefore: async (...where) => fake.deleteBefore(...where),
    async join(group, topic) {
      fake.addMember(group, { clientId: "contract-app", assignment: [{ topic, partition: 0 }] });
      return async () => fake.removeMember(group);
    },
    async joinAs(group, topic, membership) {
      const assignment = [0, 1].map((partition) => ({ topic, partition }));
      fake.addMember(group, { clientId: "contract-app", assignment, ...membership });
      return async () => fake.removeMember(group);
    },
    close: async () => {},
  };
}, ["classic", "consumer"]);

it("leaves gaps where a test asks for them", async () => {
  const fake = createFakeKafka({ role: "source" });
  fake.addTopic("orders");
  fake.append("orders", 0, { value: "a" });
  fake.skip("orders", 0, 5);
  fake.append("orders", 0, { value: "b" });
  const records = await fake.cluster.read({ topic: "orders", partition: 0 }, 1, { max: 10 });
  expect(records.map(({ offset }) => offset)).toEqual([6]);
});

it("fails as often as it was told and then heals", async () => {
  const fake = createFakeKafka({ role: "target" });
  fake.fail("listTopics", new FerryError("E_TARGET_UNREACHABLE", "down"), 1);
  await expect(fake.cluster.listTopics()).rejects.toMatchObject({ code: "E_TARGET_UNREACHABLE" });
  expect(await fake.cluster.listTopics()).toEqual([]);
  expect(fake.calls).toEqual(["listTopics", "listTopics"]);
});

it("describes no group that a test makes Unknown and still refuses to commit for it", async () => {
  const fake = createFakeKafka({ role: "target" });
  fake.addTopic("orders");
  fake.addMember("billing", { type: "consumer" });
  fake.setState("billing", "Unknown");
  expect(await fake.cluster.describeGroups(["billing"])).toEqual([
    { id: "billing", type: "unknown", state: "Unknown", protocolType: "consumer", members: [] },
  ]);
  await expect(fake.cluster.commit(new Map([["billing", new Map([["orders", [1]]])]]))).rejects.toMatchObject(
    { code: "E_GROUP_ALIVE" },
  );
});

it("has no offsets for a topic with an offline partition", async () => {
  const fake = createFakeKafka({ role: "source" });
  fake.addTopic("orders", { partitions: 2 });
  fake.setLeader({ topic: "orders", partition: 1 }, -1);
  await expect(fake.cluster.offsets(["orders"], "end")).rejects.toMatchObject({ code: "E_INCOMPLETE" });
});
