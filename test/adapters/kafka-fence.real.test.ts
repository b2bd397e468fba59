import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Acl, ClusterAccess } from "#domain/topology.ts";
import { createRunFolder, type RunFolder } from "#lab/folders.ts";
import { type Broker, startBroker } from "#lab/kafka.ts";
import { accessOn } from "#support/access-on-brokers.ts";
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

type Release = "3.9" | "4.1";

/** One broker of each release and kind: what ends leaves it as it was. */
async function begin(version: Release, security: "acl" | "closed"): Promise<FenceUnderTest> {
  const running = started.get(`${version} ${security}`) ?? (await start(version, security));
  return openRealFence({ bootstrap: running.bootstrap, admin: adminOf(running) });
}

const started = new Map<string, Broker>();

async function start(version: Release, security: "acl" | "closed"): Promise<Broker> {
  const name = unique("fence");
  const broker = await startBroker({ name, version, security, runFolder: folder.path, log: silent });
  brokers.push(broker);
  started.set(`${version} ${security}`, broker);
  return broker;
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

describe("access from one broker with an authorizer to another", () => {
  it("is the same after the copy, keeps the mirror's rights and foreign ACLs, and is taken back exactly", async () => {
    const [source, target] = [await begin("3.9", "acl"), await begin("4.1", "acl")];
    const prefix = unique("access");
    const topic = `${prefix}-orders`;
    const spec = [{ name: topic, partitions: 1, replicationFactor: 1, configs: {} }];
    for (const { cluster } of [source, target]) await cluster.createTopics(spec);
    const wanted: readonly Acl[] = [
      { ...on("TOPIC", prefix, "READ"), patternType: "PREFIXED" },
      { ...on("GROUP", prefix, "READ"), patternType: "PREFIXED" },
      on("TRANSACTIONAL_ID", `${prefix}-1`, "WRITE"),
      on("CLUSTER", "kafka-cluster", "IDEMPOTENT_WRITE"),
      { ...aclOn(topic, "DENY", "READ", "User:checkout"), host: "203.0.113.9" },
    ];
    const foreign = aclOn(`${prefix}-foreign`, "ALLOW", "READ", "User:stranger");
    await source.cluster.addAcls(wanted);
    await target.cluster.addAcls([foreign]);
    const quota = { entity: [{ type: "user", name: prefix }], limits: { consumer_byte_rate: 1_000_000 } };
    await source.cluster.alterQuotas([quota]);
    const before = JSON.stringify(await target.cluster.acls());
    const quotas = async () => {
      const all = await target.cluster.quotas();
      return all.known ? all.value.filter(({ entity }) => entity[0]?.name === prefix) : all.why;
    };

    await target.as("User:mirror", async (bot) => {
      const { carryOut, diff } = await accessOn(source.cluster, bot, "mirror");
      expect(await diff()).toContain("not copied yet");
      expect(await carryOut("copy")).toBe("done");
      const held = await target.cluster.acls();
      expect(held).toMatchObject({ value: expect.arrayContaining([...wanted, foreign]) });
      expect(await quotas()).toEqual([quota]);
      const one = [{ value: "x" }];
      await target.send("User:mirror", topic, one, "idempotent");
      await expect(target.send("User:ANONYMOUS", topic, one)).rejects.toThrow(/authoriz/i);
      const read = (mine: KafkaCluster) => mine.read({ topic, partition: 0 }, 0, { max: 1 });
      expect(await target.as("User:checkout", read)).toHaveLength(1);
      expect(await diff()).toContain("the target's own ACL");
      await target.cluster.removeAcls([foreign]);
      expect(await diff()).toContain("Empty");
      await target.cluster.addAcls([foreign]);
      expect(await carryOut("withdraw")).toBe("done");
    });
    expect(JSON.stringify(await target.cluster.acls())).toBe(before);
    expect(await quotas()).toEqual([]);
    await source.cluster.alterQuotas([{ ...quota, limits: { consumer_byte_rate: null } }]);
    await source.cluster.removeAcls(wanted);
    await target.cluster.removeAcls([foreign]);
    await Promise.all([source.close(), target.close()]);
  }, 60_000);
});

function on(resourceType: string, resourceName: string, operation: string): Acl {
  return { ...aclOn(resourceName, "ALLOW", operation, "User:checkout"), resourceType };
}
