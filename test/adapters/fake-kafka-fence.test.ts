import { expect, it } from "vitest";
import { createFakeKafka, type FakeKafka } from "#support/fake-kafka.ts";
import { unique } from "#support/unique.ts";
import type { FenceUnderTest } from "../contract/fence-scene.ts";
import {
  aclOn,
  everybody,
  kafkaAclContract,
  kafkaWithoutAuthorizerContract,
} from "../contract/kafka-fence.ts";
import { kafkaConfigChangeContract, kafkaWritersContract } from "../contract/kafka-writers.ts";

const superUser = "User:ferry";

function under(fake: FakeKafka): FenceUnderTest {
  let producers = 0;
  return {
    cluster: fake.cluster,
    async as(principal, work) {
      fake.actAs(principal);
      try {
        return await work(fake.cluster);
      } finally {
        fake.actAs(superUser);
      }
    },
    async send(principal, topic, drafts, kind = "plain") {
      producers += 1;
      const by = kind === "plain" ? { principal } : { principal, producerId: producers };
      for (const draft of drafts) fake.append(topic, 0, draft, by);
    },
    async transaction(principal, topic, drafts) {
      const transactionalId = unique("fence-tx");
      for (const draft of drafts) fake.append(topic, 0, draft, { principal, transactionalId });
      return {
        id: transactionalId,
        finish: async (outcome) => fake.endTransaction(transactionalId, outcome),
      };
    },
    close: async () => {},
  };
}

const open = async () => under(createFakeKafka({ role: "source" }));
const guarded = async () =>
  under(createFakeKafka({ role: "source", authorizer: { superUsers: [superUser] }, principal: superUser }));

kafkaAclContract("in memory", guarded);
kafkaWithoutAuthorizerContract("in memory", open);
kafkaWritersContract("in memory", open);
kafkaConfigChangeContract("in memory", open);

it("lets nobody in without an ACL where the default is closed", () => {
  const fake = createFakeKafka({ role: "source", authorizer: { everyone: false } });
  fake.addTopic("orders");
  expect(fake.allowed("READ", "orders")).toBe(false);
  fake.setAcls([aclOn("orders", "ALLOW", "WRITE", "User:checkout")]);
  const checkout = { principal: "User:checkout" };
  expect(fake.allowed("WRITE", "orders", checkout)).toBe(true);
  expect(fake.allowed("DESCRIBE", "orders", checkout)).toBe(true);
  expect(fake.allowed("READ", "orders", checkout)).toBe(false);
  expect(fake.allowed("WRITE", "orders")).toBe(false);
  fake.setAcls([
    aclOn("orders", "ALLOW", "WRITE", "User:checkout"),
    aclOn("orders", "DENY", "ALL", everybody),
  ]);
  expect(fake.allowed("WRITE", "orders", checkout)).toBe(false);
});

it("does not know all transactions without the right to see all", async () => {
  const fake = createFakeKafka({ role: "source", authorizer: { everyone: false } });
  fake.addTopic("orders");
  expect(await fake.cluster.transactions()).toMatchObject({ known: false });
  await expect(fake.cluster.producers(["orders"])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
});

it("does not know what the release that it plays cannot tell", async () => {
  const fake = createFakeKafka({ role: "source" });
  fake.addTopic("orders");
  fake.setVersion({ known: true, value: "2.8" });
  expect(await fake.cluster.producers(["orders"])).toEqual({ known: true, value: [] });
  expect(await fake.cluster.transactions()).toMatchObject({ known: false });
  fake.setVersion({ known: true, value: "2.7" });
  expect(await fake.cluster.producers(["orders"])).toMatchObject({ known: false });
});

it("knows a transactional id that has no transaction yet", async () => {
  const fake = createFakeKafka({ role: "source" });
  fake.addTopic("orders");
  const producerId = fake.initTransactions("tx");
  expect(await fake.cluster.transactions()).toMatchObject({
    value: [{ transactionalId: "tx", producerId, state: "Empty", partitions: [] }],
  });
  fake.append("orders", 0, { value: "x" }, "tx");
  expect(await fake.cluster.writers({ topic: "orders", partition: 0 }, 0, 1)).toMatchObject([{ producerId }]);
});
