import { describe, expect, it } from "vitest";
import { slowestRate } from "#domain/mirror/flow.ts";
import { connectorConfig, literal, literals, type Site } from "#domain/mirror/mirror-config.ts";
import { engineThat, forward, gone, secret, source, target } from "#support/connect-answers.ts";

const site: Site = {
  source,
  target,
  home: "target",
  exactlyOnce: true,
  offsetSyncs: "source",
  life: "1",
  replicationFactor: -1,
};
describe("a connector's configuration", () => {
  it("names topics as literals, keeps bytes, and leaves configs, ACLs and groups alone", () => {
    expect(connectorConfig(forward, site)).toMatchObject({
      topics: String.raw`a\.b,c-internal`,
      "topics.exclude": "",
      "tasks.max": "3",
      "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
      "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
      "header.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
      "sync.topic.configs.enabled": "false",
      "sync.topic.acls.enabled": "false",
      "source.consumer.isolation.level": "read_committed",
      "exactly.once.support": "required",
      "source.cluster.alias": "ferry-source",
      "heartbeats.replication.enabled": "false",
      "producer.override.transaction.timeout.ms": "180000",
    });
    const checkpoint = connectorConfig({ ...forward, kind: "checkpoint", groups: ["g,1"] }, site);
    expect(checkpoint).toMatchObject({ groups: String.raw`g\x2c1`, "sync.group.offsets.enabled": "false" });
    expect(checkpoint).not.toHaveProperty("exactly.once.support");
  });

  it("reaches each side with its own security", () => {
    const config = connectorConfig(forward, site);
    expect(config).toMatchObject({
      "source.cluster.bootstrap.servers": "s1:9094,s2:9094",
      "source.cluster.sasl.jaas.config": String.raw`org.apache.kafka.common.security.scram.ScramLoginModule required username="ferry" password="pa\"ss\\word";`,
      "source.cluster.ssl.truststore.type": "PEM",
      "target.cluster.sasl.mechanism": "AWS_MSK_IAM",
      "target.cluster.sasl.client.callback.handler.class":
        "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
    });
    expect(config).not.toHaveProperty("producer.override.bootstrap.servers");
  });

  it("points producer, offsets and admin to the destination where the workers live elsewhere", () => {
    const reverse = connectorConfig({ ...forward, kind: "reverse" }, site);
    expect(reverse).toMatchObject({
      "source.cluster.alias": "ferry-target",
      "producer.override.bootstrap.servers": "s1:9094,s2:9094",
      "producer.override.security.protocol": "SASL_SSL",
      "consumer.override.bootstrap.servers": "s1:9094,s2:9094",
      "admin.override.bootstrap.servers": "s1:9094,s2:9094",
      "offsets.storage.topic": "f-offsets-1",
      "refresh.topics.enabled": "false",
    });
    const once = connectorConfig({ ...forward, kind: "reverse" }, { ...site, exactlyOnce: false });
    expect(once).toHaveProperty("producer.override.bootstrap.servers");
    expect(once).not.toHaveProperty("offsets.storage.topic");
    expect(once).not.toHaveProperty("exactly.once.support");
    expect(connectorConfig(forward, { ...site, home: "elsewhere" })).toMatchObject({
      "producer.override.bootstrap.servers": "b-1:9098",
    });
  });

  it("lets one client quota hold to all forward producers, and to no others", () => {
    const named = { ...site, clientId: "ferry-orders-mirror" };
    const key = "producer.override.client.id";
    expect(connectorConfig(forward, named)[key]).toBe("ferry-orders-mirror");
    expect(connectorConfig({ ...forward, kind: "reverse" }, named)).not.toHaveProperty(key);
    expect(connectorConfig(forward, site)).not.toHaveProperty(key);
    // 4 tasks of 64 MiB within 3 min.
    expect(slowestRate(4)).toBe(Math.ceil((4 * 64 * 1024 * 1024) / 180));
  });

  it("gives names back as they were", () => {
    const names = ["plain", "a.b", "x-y_z", "g(1)", "a,b", "w*", "back\\slash"];
    expect(literals(names.map(literal).join(","))).toEqual(names);
    for (const name of names.filter((name) => !name.includes(","))) {
      expect(new RegExp(`^(?:${literal(name)})$`).test(name)).toBe(true);
      expect(new RegExp(`^(?:${literal(name)})$`).test(`${name}x`)).toBe(false);
    }
  });
});

describe("Connect's answers", () => {
  it("that do not come are E_CONNECT_UNREACHABLE, without a secret", async () => {
    const { engine } = engineThat(
      () => new TypeError(`fetch failed for http://user:urlpass@connect ${secret}`),
    );
    const failure = await engine.status("x").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "E_CONNECT_UNREACHABLE", retryable: true });
    expect(String(failure)).not.toMatch(/urlpass|ss\\word/);
  });

  it("that refuse are E_CONNECT with Connect's sentence, without a secret, also not in the log", async () => {
    const { engine, log } = engineThat((method, path) => {
      if (path === "/") return { status: 200, body: { version: "3.9.2", kafka_cluster_id: "c" } };
      if (path.endsWith("/validate")) return { status: 200, body: { configs: [] } };
      if (method === "POST") {
        const message = String.raw`Invalid value password="pa\"ss\\word" restpass`;
        return { status: 400, body: { error_code: 400, message } };
      }
      return gone;
    });
    const failure = await engine.define(forward, "running").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "E_CONNECT" });
    expect(String(failure)).toContain("Invalid value");
    expect(`${String(failure)}${JSON.stringify(log.lines)}`).not.toMatch(/restpass|ss\\\\word/);
  });

  it("of a rebalance are asked again", async () => {
    let refused = 0;
    const { engine } = engineThat(() => {
      refused += 1;
      return refused > 2
        ? { status: 200, body: {} }
        : { status: 409, body: { error_code: 409, message: "rebalance" } };
    });
    expect(await engine.list("ferry-")).toEqual([]);
    expect(refused).toBe(3);
  });

  it("that nothing is found, while a worker starts, say nothing about connectors", async () => {
    const starting = [
      { status: 404, body: { servlet: "rest", message: "Not Found", url: "/connectors/x", status: "404" } },
      { status: 404, body: { error_code: 404, message: "HTTP 404 Not Found" } },
    ];
    const running = { name: "x", connector: { state: "RUNNING", worker_id: "w" }, tasks: [] };
    const { engine } = engineThat((_, path) => {
      const found = { status: 200, body: path.endsWith("/status") ? running : {} };
      return starting.shift() ?? found;
    });
    expect((await engine.status("x")).state).not.toBe("absent");
    expect((await engineThat(() => gone).engine.status("x")).state).toBe("absent");
  });

  it("that never reach the state end with what was seen", async () => {
    const status = { name: "x", connector: { state: "RUNNING", worker_id: "w" }, tasks: [] };
    const { engine } = engineThat((method, path) => {
      if (method === "PUT") return { status: 204 };
      return { status: 200, body: path.endsWith("/status") ? status : { "connector.class": "other" } };
    });
    await expect(engine.stop("x")).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringContaining("x is starting without tasks and not stopped"),
    });
  });

  it("to offsets are read back: 200 alone proves nothing", async () => {
    const config = {
      name: "x",
      "connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector",
      "source.cluster.alias": "ferry-source",
      topics: "t",
    };
    const stopped = { name: "x", connector: { state: "STOPPED", worker_id: "w" }, tasks: [] };
    const { engine, calls } = engineThat((_method, path) => {
      if (path.endsWith("/status")) return { status: 200, body: stopped };
      if (path.endsWith("/config")) return { status: 200, body: config };
      return { status: 200, body: { offsets: [] } };
    });
    await expect(engine.seed("x", new Map([["t", [4]]]))).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringContaining("t-0 is unset, not 4"),
    });
    expect(calls).toContain("PATCH /connectors/x/offsets");
  });
});
