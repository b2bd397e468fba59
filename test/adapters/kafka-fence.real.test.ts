import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ClusterAccess } from "#domain/topology.ts";
import { createRunFolder, type RunFolder } from "#lab/folders.ts";
import { type Broker, startBroker } from "#lab/kafka.ts";
import { openRealFence } from "#support/fence-under-test.ts";
import { unique } from "#support/unique.ts";
import type { FenceUnderTest } from "../contract/fence-scene.ts";
import { aclOn, kafkaAclContract, kafkaWithoutAuthorizerContract } from "../contract/kafka-fence.ts";
import { kafkaConfigChangeContract, kafkaWritersContract } from "../contract/kafka-writers.ts";

const { source, target } = inject("clusters");
const silent = () => {};

for (const { version, bootstrap } of [source, target]) {
  const open = async () => openRealFence({ bootstrap });
  kafkaWritersContract(`Kafka ${version}`, open);
  kafkaConfigChangeContract(`Kafka ${version}`, open);
}
kafkaWithoutAuthorizerContract(`Kafka ${target.version}`, async () =>
  openRealFence({ bootstrap: target.bootstrap }),
);

function adminOf({ admin: { bootstrap, security } }: Broker): ClusterAccess {
  if (security.protocol === "PLAINTEXT") throw new Error("a broker with an authorizer has a SASL listener");
  const { protocol, mechanism, username, password } = security;
  return { bootstrap: [bootstrap], protocol, sasl: { mechanism, username, password } };
}

/** ACLs of the wildcard and of the cluster would reach the other tests of the shared lab. */
let folder: RunFolder;
const brokers: Broker[] = [];

async function begin(version: "3.9" | "4.1", security: "acl" | "closed"): Promise<FenceUnderTest> {
  const name = unique("fence");
  const broker = await startBroker({ name, version, security, runFolder: folder.path, log: silent });
  brokers.push(broker);
  return openRealFence({ bootstrap: broker.bootstrap, admin: adminOf(broker) });
}

beforeAll(async () => {
  folder = await createRunFolder(silent);
});
afterAll(async () => {
  await Promise.all(brokers.map((broker) => broker.stop(3000)));
  await folder.remove();
});

for (const version of ["3.9", "4.1"] as const) {
  kafkaAclContract(`Kafka ${version}`, () => begin(version, "acl"));
}

describe("a broker whose default is closed", () => {
  it("lets in whom an ACL names, and DENY beats it", async () => {
    const under = await begin("4.1", "closed");
    const { cluster } = under;
    const topic = unique("fence");
    const one = [{ value: "x" }];
    await cluster.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, configs: {} }]);
    const refused = { message: expect.stringMatching(/authoriz/i) };
    await expect(under.send("User:ANONYMOUS", topic, one)).rejects.toMatchObject(refused);
    await cluster.addAcls([aclOn(topic, "ALLOW", "WRITE", "User:checkout")]);
    await under.send("User:checkout", topic, one);
    await expect(under.send("User:mirror", topic, one)).rejects.toMatchObject(refused);
    await cluster.addAcls([aclOn(topic, "DENY", "WRITE", "User:*")]);
    await expect(under.send("User:checkout", topic, one)).rejects.toMatchObject(refused);
    await under.as("User:checkout", async (mine) => {
      await expect(mine.addAcls([])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
      await expect(mine.producers([topic])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
      expect(await mine.transactions()).toMatchObject({ known: false });
    });
    await under.close();
  });
});
