import { existsSync } from "node:fs";
import { Redis as RedisClient } from "ioredis";
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { startClusters } from "#lab/cluster.ts";
import { createRunFolder, type RunFolder } from "#lab/folders.ts";
import { type Broker, startBroker } from "#lab/kafka.ts";
import { eventually } from "#lab/process.ts";
import { startRedis } from "#lab/redis.ts";
import type { ProvidedBroker } from "#support/lab-for-tests.ts";
import { isRunning } from "#support/running.ts";
import { unique } from "#support/unique.ts";

const deadlineMs = 30_000;
const silent = (): void => undefined;

function kafka(bootstrap: string): Kafka {
  return new Kafka({ brokers: [bootstrap], clientId: "lab-base", logLevel: logLevel.NOTHING });
}

async function connectAdmin(client: Kafka): Promise<Admin> {
  const admin = client.admin();
  await admin.connect();
  onTestFinished(async () => await admin.disconnect());
  return admin;
}

async function produce(client: Kafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = client.producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

async function firstValue(client: Kafka, topic: string): Promise<string | undefined> {
  const consumer = client.consumer({ groupId: unique("reader") });
  await consumer.connect();
  onTestFinished(async () => await consumer.disconnect());
  await consumer.subscribe({ topic, fromBeginning: true });
  const read = Promise.withResolvers<string | undefined>();
  await consumer.run({ eachMessage: async ({ message }) => read.resolve(message.value?.toString()) });
  return await read.promise;
}

describe("the clusters of the real tests", () => {
  test("carry a record from source to target through a connector made by REST", async () => {
    const { source, target, connect } = inject("clusters");
    const topic = unique("carried");
    const name = unique("forward");
    const admin = await connectAdmin(kafka(source.bootstrap));
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
    const targetAdmin = await connectAdmin(kafka(target.bootstrap));
    onTestFinished(async () => {
      await fetch(`${connect.url}/connectors/${name}`, { method: "DELETE" });
      await admin.deleteTopics({ topics: [topic] });
      await targetAdmin.deleteTopics({ topics: [topic] });
    });
    await produce(kafka(source.bootstrap), topic, ["one"]);

    const created = await fetch(`${connect.url}/connectors`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, config: forward(topic, source.admin, target.bootstrap) }),
    });
    expect({ status: created.status, body: await created.text() }).toMatchObject({ status: 201 });

    await eventually(async () => (await targetAdmin.listTopics()).includes(topic), {
      deadlineMs,
      what: topic,
    });
    expect(await firstValue(kafka(target.bootstrap), topic)).toBe("one");
  });

  test("let the bot in as super user where applications may not write", async () => {
    const { source } = inject("clusters");
    const { security, bootstrap } = source.admin;
    if (security.protocol !== "SASL_PLAINTEXT") throw new Error("the source has no SASL listener");
    const { username, password } = security;
    const client = new Kafka({
      brokers: [bootstrap],
      logLevel: logLevel.NOTHING,
      sasl: { mechanism: "plain", username, password },
    });
    const admin = await connectAdmin(client);
    const described = await admin.describeCluster();
    expect(described.clusterId).toBe(source.clusterId);
    expect((await admin.describeAcls(everyAcl)).resources).toEqual([]);
  });
});

test("clusters outlast a killed worker, stop together, and leave nothing", async () => {
  const lab = await startClusters({ log: silent, persistence: true });
  onTestFinished(async () => await lab.stop());
  await lab.connect.kill();
  await lab.connect.restart();
  const connectors = await fetch(`${lab.connect.url}/connectors`);
  expect(await connectors.json()).toEqual([]);
  const pids = [lab.source.pid(), lab.target.pid(), lab.connect.pid()];

  await Promise.all([lab.stop(), lab.stop()]);

  expect(await Promise.all(pids.map(isRunning))).toEqual([false, false, false]);
  expect(existsSync(lab.runFolder.path)).toBe(false);
});

const everyAcl = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
};

function forward(topic: string, admin: ProvidedBroker["admin"], target: string): Record<string, string> {
  if (admin.security.protocol !== "SASL_PLAINTEXT") throw new Error("the source has no SASL listener");
  const { username, password } = admin.security;
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${username}" password="${password}";`;
  return {
    "connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector",
    "exactly.once.support": "required",
    "source.cluster.alias": "source",
    "target.cluster.alias": "target",
    "source.cluster.bootstrap.servers": admin.bootstrap,
    "source.cluster.security.protocol": admin.security.protocol,
    "source.cluster.sasl.mechanism": "PLAIN",
    "source.cluster.sasl.jaas.config": login,
    "target.cluster.bootstrap.servers": target,
    topics: topic,
    "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
    "replication.factor": "1",
    "offset-syncs.topic.replication.factor": "1",
    "sync.topic.acls.enabled": "false",
    "source.consumer.isolation.level": "read_committed",
    "source.consumer.poll.timeout.ms": "100",
  };
}

describe("a broker", () => {
  let folder: RunFolder;
  let broker: Broker;

  beforeAll(async () => {
    folder = await createRunFolder(silent);
    broker = await startBroker({
      name: "single",
      version: "3.9",
      security: "acl",
      runFolder: folder.path,
      log: silent,
    });
  });

  afterAll(async () => {
    await broker.stop();
    await folder.remove();
  });

  test.each(["stopped", "killed"])(
    "keeps ports, cluster and data when it is %s and started again",
    async (how) => {
      const topic = unique("kept");
      const before = await connectAdmin(kafka(broker.bootstrap));
      await before.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
      await produce(kafka(broker.bootstrap), topic, ["still here"]);
      const pid = broker.pid();

      await (how === "killed" ? broker.kill() : broker.stop());
      expect(await isRunning(pid)).toBe(false);
      await broker.restart();

      const after = await connectAdmin(kafka(broker.bootstrap));
      expect((await after.describeCluster()).clusterId).toBe(broker.clusterId);
      expect(await firstValue(kafka(broker.bootstrap), topic)).toBe("still here");
    },
  );

  test("leaves no process and no folder when it is stopped", async () => {
    const own = await createRunFolder(silent);
    const other = await startBroker({
      name: "gone",
      version: "4.1",
      security: "open",
      runFolder: own.path,
      log: silent,
    });
    const pid = other.pid();
    await other.stop();
    await other.stop();
    await own.remove();
    expect(await isRunning(pid)).toBe(false);
    expect(existsSync(own.path)).toBe(false);
  });
});

describe("Redis", () => {
  test.each(["path", "wheel", "maven"] as const)(
    "comes by the route %s and keeps what it acknowledged",
    async (route) => {
      const folder = await createRunFolder(silent);
      onTestFinished(async () => await folder.remove());
      const redis = await startRedis({
        runFolder: folder.path,
        log: silent,
        persistence: true,
        routes: [route],
      });
      onTestFinished(async () => await redis.stop());
      const client = new RedisClient(redis.url);
      client.on("error", silent);
      onTestFinished(() => client.disconnect());
      await client.set("journal", "written");

      await redis.kill();
      await redis.restart();

      expect(redis.route).toBe(route);
      expect(await client.get("journal")).toBe("written");
      expect(await client.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
    },
  );
});
