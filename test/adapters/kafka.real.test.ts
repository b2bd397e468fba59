import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { createConnections, type Request } from "#adapters/kafka/connection.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { unique } from "#support/unique.ts";
import { kafkaClusterContract } from "../contract/kafka-cluster.ts";

const { source, target } = inject("clusters");
const clusters = { source, target };
const { None, GZIP, Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes;

function plaintext(bootstrap: string): ClusterAccess {
  return { bootstrap: [bootstrap], protocol: "PLAINTEXT" };
}

function open(role: "source" | "target", access: ClusterAccess) {
  return createKafkaCluster({ role, access, log: createQuietLog(), clock: realClock });
}

for (const role of ["source", "target"] as const) {
  const { bootstrap, version } = clusters[role];
  const types = role === "source" ? (["classic"] as const) : (["classic", "consumer"] as const);
  kafkaClusterContract(`Kafka ${version}`, () => openRealCluster(role, plaintext(bootstrap)), types);

  describe(`Kafka ${version}`, () => {
    let real: RealCluster;
    const topics: string[] = [];

    async function topic(configs: Record<string, string> = {}): Promise<string> {
      const name = unique("adapter");
      topics.push(name);
      await real.cluster.createTopics([{ name, partitions: 1, replicationFactor: -1, configs }]);
      return name;
    }

    beforeAll(async () => {
      real = await openRealCluster(role, plaintext(bootstrap));
    });
    afterAll(async () => {
      await real.cluster.deleteTopics(topics);
      await real.close();
    });

    it("knows its release", async () => {
      const { version: found } = await real.cluster.describe();
      expect(found).toEqual({ known: true, value: version.split(".").slice(0, 2).join(".") });
    });

    it("reads all codecs in one log, in order", async () => {
      const name = await topic();
      const values: string[] = [];
      for (const codec of [None, GZIP, Snappy, LZ4, ZSTD, None]) {
        const batch = Array.from({ length: 50 }, (_, n) => `${codec}-${n}-${"x".repeat(2000)}`);
        await real.send(
          name,
          batch.map((value) => ({ value })),
          codec,
        );
        values.push(...batch);
      }
      const records = await real.cluster.read({ topic: name, partition: 0 }, 0, { max: 1000 });
      expect(records.map(({ value }) => value?.toString())).toEqual(values);
      expect(records.map(({ offset }) => offset)).toEqual(values.map((_, offset) => offset));
    });

    it("reads a batch larger than a fetch, and logs longer than one", async () => {
      const name = await topic({ "max.message.bytes": "8000000" });
      const value = randomBytes(3_000_000);
      await real.send(name, [{ value: "before" }]);
      await real.send(name, [{ value }, { value: "beside" }]);
      for (let batch = 0; batch < 4; batch += 1)
        await real.send(name, [{ value: value.subarray(0, 900_000) }]);
      const records = await real.cluster.read({ topic: name, partition: 0 }, 1, { max: 100 });
      expect(records.map((record) => record.value?.length)).toEqual([
        3_000_000, 6, 900_000, 900_000, 900_000, 900_000,
      ]);
      expect(records[0]?.value?.equals(value)).toBe(true);
    });

    it("gives each record the broker's time where the topic says so", async () => {
      const name = await topic({ "message.timestamp.type": "LogAppendTime" });
      const before = Date.now();
      await real.send(name, [{ value: "a", timestamp: "1000" }]);
      const [record] = await real.cluster.read({ topic: name, partition: 0 }, 0, { max: 1 });
      expect(record?.timestamp).toBeGreaterThanOrEqual(before - 1000);
    });

    it("refuses to commit for a topic that does not exist", async () => {
      const missing = unique("never-was");
      const committing = real.cluster.commit(new Map([[unique("adapter-group"), new Map([[missing, [1]]])]]));
      await expect(committing).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
    });

    it("asks for a hundred groups at once", async () => {
      const name = await topic();
      const groups = Array.from({ length: 120 }, () => unique("adapter-many"));
      await real.cluster.commit(new Map(groups.map((group, n) => [group, new Map([[name, [n]]])])));
      const committed = await real.cluster.committed(groups);
      expect(groups.map((group) => committed.get(group)?.get(name)?.[0])).toEqual(groups.map((_, n) => n));
      const described = await real.cluster.describeGroups(groups);
      expect(described.map(({ id, state }) => [id, state])).toEqual(groups.map((id) => [id, "Empty"]));
      const admin = real.kafka.admin();
      await admin.connect();
      await admin.deleteGroups(groups);
      await admin.disconnect();
    });

    it("goes on after its sockets were cut, and stops after close", async () => {
      const proxy = await openProxy(bootstrap);
      const cluster = open(role, plaintext(proxy.address));
      try {
        const { clusterId } = await cluster.describe();
        expect(proxy.cut()).toBeGreaterThan(0);
        expect(await cluster.describe()).toMatchObject({ clusterId });
        await cluster.close();
        await expect(cluster.describe()).rejects.toMatchObject({ code: "E_INTERNAL" });
      } finally {
        await cluster.close();
        await proxy.close();
      }
    });

    it("shows where the broker's settings come from", async () => {
      const entries = await real.cluster.brokerConfigs();
      const origins = new Map(entries.map(({ name, origin }) => [name, origin]));
      expect(origins.get("offsets.topic.replication.factor")).toBe("broker-static");
      expect(origins.get("log.retention.hours")).toBe("default");
    });
  });
}

it("describes a KIP-848 group, does not overwrite it, and commits once it is empty", async () => {
  const access = plaintext(target.bootstrap);
  const [name, group] = [unique("adapter"), unique("adapter-848")];
  const cluster = open("target", access);
  const connections = createConnections({
    role: "target",
    access,
    log: createQuietLog(),
    clock: realClock,
    clientId: "contract-app",
  });
  try {
    await cluster.createTopics([{ name, partitions: 1, replicationFactor: 1, configs: {} }]);
    const node = await connections.any([]);
    const joined = await eventually("the group joined", async () => {
      const answer = await node.send(heartbeat(group, name, "", 0));
      return answer.error === 0 ? answer : undefined;
    });
    expect(await cluster.describeGroups([group])).toEqual([
      {
        id: group,
        type: "consumer",
        state: expect.stringMatching(/^(PreparingRebalance|CompletingRebalance|Stable)$/),
        protocolType: "consumer",
        members: [
          {
            memberId: joined.member,
            instanceId: null,
            clientId: "contract-app",
            host: "127.0.0.1",
            subscription: [name],
            assignment: expect.any(Array),
          },
        ],
      },
    ]);
    const committing = cluster.commit(new Map([[group, new Map([[name, [1]]])]]));
    await expect(committing).rejects.toMatchObject({ code: "E_GROUP_ALIVE" });
    await node.send(heartbeat(group, name, joined.member, -1));
    expect(await cluster.describeGroups([group])).toEqual([
      { id: group, type: "consumer", state: "Empty", protocolType: "consumer", members: [] },
    ]);
    await cluster.commit(new Map([[group, new Map([[name, [1]]])]]));
    expect(await cluster.committed([group])).toEqual(new Map([[group, new Map([[name, [1]]])]]));
  } finally {
    await cluster.deleteTopics([name]);
    await Promise.all([cluster.close(), connections.close()]);
  }
});

it("shows ACLs where there is an authorizer, and says so where there is none", async () => {
  const { username, password } = credentials();
  const admin = open("source", {
    bootstrap: [source.admin.bootstrap],
    protocol: "SASL_PLAINTEXT",
    sasl: { mechanism: "PLAIN", username, password },
  });
  const plain = open("target", plaintext(target.bootstrap));
  try {
    expect(await admin.acls()).toMatchObject({ known: true });
    expect(await plain.acls()).toEqual({ known: false, why: expect.stringContaining("no authorizer") });
  } finally {
    await Promise.all([admin.close(), plain.close()]);
  }
});

it("gives up on a broker that takes the connection and says nothing", async () => {
  const server = createServer(() => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cluster = open("source", plaintext(addressOf(server)));
  try {
    const started = Date.now();
    await expect(cluster.listTopics()).rejects.toMatchObject({ code: "E_SOURCE_UNREACHABLE" });
    expect(Date.now() - started).toBeLessThan(15_000);
  } finally {
    await cluster.close();
    server.close();
  }
});

it("tells a wrong password from a dead broker", async () => {
  const { username } = credentials();
  const wrong = open("source", {
    bootstrap: [source.admin.bootstrap],
    protocol: "SASL_PLAINTEXT",
    sasl: { mechanism: "PLAIN", username, password: "wrong" },
  });
  const dead = open("target", plaintext("127.0.0.1:1"));
  try {
    await expect(wrong.listTopics()).rejects.toMatchObject({
      code: "E_KAFKA_AUTH",
      message: expect.not.stringContaining("wrong"),
    });
    const started = Date.now();
    await expect(dead.listTopics()).rejects.toMatchObject({
      code: "E_TARGET_UNREACHABLE",
      message: expect.stringContaining("127.0.0.1:1"),
    });
    expect(Date.now() - started).toBeLessThan(12_000);
  } finally {
    await Promise.all([wrong.close(), dead.close()]);
  }
});

function credentials(): { readonly username: string; readonly password: string } {
  const { security } = source.admin;
  if (security.protocol === "PLAINTEXT") throw new Error("the lab's source has a SASL listener");
  return security;
}

/** ConsumerGroupHeartbeat: epoch 0 joins, -1 leaves. */
function heartbeat(
  group: string,
  topic: string,
  member: string,
  epoch: number,
): Request<{ readonly error: number; readonly member: string }> {
  return {
    key: 68,
    name: "ConsumerGroupHeartbeat",
    min: 0,
    max: 0,
    flexibleFrom: 0,
    encode(writer) {
      writer.compactText(group);
      writer.compactText(member);
      writer.i32(epoch);
      writer.compactText(null); // instance
      writer.compactText(null); // rack
      writer.i32(60_000);
      writer.compactArray([topic], writer.compactText);
      writer.compactText(null); // assignor
      writer.compactArray([], () => {});
      writer.tags();
    },
    decode(reader) {
      reader.throttle();
      const error = reader.i16();
      reader.compactNullableText();
      return { error, member: reader.compactNullableText() ?? "" };
    },
  };
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("the server does not listen on a port");
  return `127.0.0.1:${address.port}`;
}

/** Passes bytes to a broker until `cut`, which resets what is open and tells how many that were. */
async function openProxy(
  bootstrap: string,
): Promise<{ readonly address: string; cut(): number; close(): Promise<void> }> {
  const [host, port] = bootstrap.split(":");
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(Number(port), host ?? "");
    for (const end of [socket, upstream]) {
      open.add(end);
      end.on("error", () => {}).on("close", () => open.delete(end));
    }
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    const count = open.size;
    for (const socket of open) socket.destroy();
    return count;
  };
  return {
    address: addressOf(server),
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
