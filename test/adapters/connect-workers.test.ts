import { once } from "node:events";
import { createServer } from "node:https";
import { describe, expect, it } from "vitest";
import type { ConnectOptions } from "#adapters/connect/engine.ts";
import { createRest, Nothing } from "#adapters/connect/rest.ts";
import { createTrustingFetch } from "#adapters/connect/trusting-fetch.ts";
import { readWorker } from "#adapters/connect/worker.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import { selfSigned } from "#support/certificate.ts";
import { engineThat, forward, gone } from "#support/connect-answers.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { createSmallWork } from "#support/small-work.ts";
import { openEngine } from "../../src/engine.ts";

/** The configuration that a definition sends, where the connector exists with `existing` or does not. */
async function defined(options: Partial<ConnectOptions>, existing?: Record<string, string>) {
  let sent: unknown;
  const { engine } = engineThat((method, path, body) => {
    if (path === "/") return { status: 200, body: { version: "3.9.2", kafka_cluster_id: "c" } };
    if (path.endsWith("/validate")) return { status: 200, body: { configs: [] } };
    if (method === "POST" || (method === "PUT" && path.endsWith("/config"))) {
      sent = JSON.parse(body);
      return { status: 400, body: { error_code: 400, message: "enough" } };
    }
    return existing !== undefined && path.endsWith("/config") ? { status: 200, body: existing } : gone;
  }, options);
  await engine.define(forward, "running").catch(() => undefined);
  return JSON.stringify(sent);
}

function on(side: string): string {
  return `"offset-syncs.topic.location":"${side}"`;
}

describe("where offset syncs go", () => {
  it("is what the settings say, else what the flow has, else found out once", async () => {
    let asked = 0;
    const detectOffsetSyncs = async () => {
      asked += 1;
      return "target" as const;
    };
    expect(await defined({})).toContain(on("source"));
    expect(await defined({ detectOffsetSyncs })).toContain(on("target"));
    expect(asked).toBe(1);
    expect(await defined({ detectOffsetSyncs, offsetSyncs: "source" })).toContain(on("source"));
    const existing = { "offset-syncs.topic.location": "source" };
    expect(await defined({ detectOffsetSyncs }, existing)).toContain(on("source"));
    expect(asked).toBe(1);
  });
});

const basic = `Basic ${Buffer.from("bot:restpass").toString("base64")}`;

describe("a REST API behind TLS", () => {
  it("is reached with the team's own authority and login, and not without that authority", async () => {
    const { key, cert } = selfSigned();
    const seen: string[] = [];
    const server = createServer({ key, cert }, (request, response) => {
      seen.push(`${request.method} ${request.headers.authorization}`);
      if (request.method === "PUT") return void response.writeHead(204).end();
      response.end(JSON.stringify(request.url === "/" ? { version: "3.9.2", kafka_cluster_id: "c" } : {}));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `https://localhost:${typeof address === "object" ? address?.port : 0}`;
    const auth = { username: "bot", password: "restpass" };
    const common = { url, auth, clock: realClock, log: createQuietLog(), secrets: [] };
    try {
      const trusting = createRest({ ...common, fetch: createTrustingFetch(async () => cert) });
      expect((await readWorker(trusting)).version).toBe("3.9.2");
      expect(await trusting.call("PUT", "/connectors/x/stop", Nothing, { a: 1 })).toBeUndefined();
      expect(seen).toEqual([`GET ${basic}`, `PUT ${basic}`]);
      await expect(createRest(common).call("GET", "/", Nothing)).rejects.toMatchObject({
        code: "E_CONNECT_UNREACHABLE",
        message: expect.stringContaining("certificate"),
      });
      expect(
        await listed({ url, username: "bot", passwordEnv: "REST", caFile: "connect.pem" }, cert),
      ).toEqual([]);
      expect(seen.at(-1)).toBe(`GET ${basic}`);
      const other = createRest({ ...common, fetch: createTrustingFetch(async () => selfSigned().cert) });
      await expect(other.call("GET", "/", Nothing)).rejects.toMatchObject({ code: "E_CONNECT_UNREACHABLE" });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

/** What the engine of these settings of ferry.yaml lists. */
async function listed(connect: MigrationSettings["replication"]["connect"], cert: string) {
  const { migration, store, log } = createSmallWork();
  const { settings } = migration;
  const replication = { ...settings.replication, connect };
  const engine = openEngine("connect", {
    migration: { ...migration, settings: { ...settings, replication } },
    config: Object.assign(Object.create(null), {
      secret: (name: string) => (name === "REST" ? "restpass" : ""),
      certificate: async (_key: string, path: string) => (path === "connect.pem" ? cert : ""),
    }),
    source: createFakeKafka({ role: "source" }).cluster,
    target: createFakeKafka({ role: "target" }).cluster,
    environment: {},
    chat: createFakeChat().chat,
    clock: realClock,
    store,
    log,
  });
  return await engine.list("ferry-");
}

describe("the check of the workers", () => {
  it("names a plugin of another release, and says what a crash doubles where exactly-once is off", async () => {
    const { engine } = engineThat(
      (_method, path) => {
        if (path === "/") return { status: 200, body: { version: "4.1.2", kafka_cluster_id: "c" } };
        if (path !== "/connector-plugins") {
          return { status: 200, body: { configs: [errors("exactly.once.support", "not enabled")] } };
        }
        const body = [plugin("MirrorSourceConnector", "4.0.0"), plugin("MirrorCheckpointConnector", "3.8.0")];
        return { status: 200, body };
      },
      { exactlyOnce: false, target: { bootstrap: ["t:9092"], protocol: "PLAINTEXT" } },
    );
    const { problems } = await engine.check();
    expect(problems).toEqual([
      expect.stringContaining("MirrorMaker 2 is 4.0.0 on workers of 4.1.2"),
      expect.stringContaining("MirrorCheckpointConnector is 3.8.0; 3.9.2 or newer is needed"),
      expect.stringContaining(
        "replication.exactlyOnce is false: a worker that is killed copies again what it had",
      ),
    ]);
  });

  it("names what the workers' override policy refuses of the mirrors' producers", async () => {
    const { engine } = engineThat((_method, path, body) => {
      if (path === "/") return { status: 200, body: { version: "3.9.2", kafka_cluster_id: "c" } };
      if (path === "/connector-plugins") {
        const names = ["MirrorSourceConnector", "MirrorCheckpointConnector"];
        return { status: 200, body: names.map((name) => plugin(name, "3.9.2")) };
      }
      const asked = Object.keys(JSON.parse(body)).filter((name) => name.startsWith("producer.override."));
      const configs = asked.map((name) => errors(name, `The 'None' policy doesn't allow '${name}'`));
      return { status: 200, body: { configs } };
    });
    const { problems } = await engine.check();
    expect(problems).toEqual([expect.stringContaining("connector.client.config.override.policy=All")]);
    expect(problems[0]).toContain("producer.override.enable.idempotence");
    expect(problems[0]).toContain("producer.override.client.id");
  });

  it("names an old release, missing exactly-once and the missing IAM library", async () => {
    const { engine } = engineThat((_method, path) => {
      if (path === "/") return { status: 200, body: { version: "3.7.1", kafka_cluster_id: "c" } };
      if (path === "/connector-plugins") {
        const names = ["MirrorSourceConnector", "MirrorCheckpointConnector"];
        return {
          status: 200,
          body: names.map((name) => ({ class: `org.apache.kafka.connect.mirror.${name}` })),
        };
      }
      const found = [
        errors("exactly.once.support", "This worker does not have exactly-once source support enabled."),
        errors("topic.filter.class", "Class x could not be found."),
      ];
      return { status: 200, body: { configs: found } };
    });
    const { problems, exactlyOnce } = await engine.check();
    expect(exactlyOnce).toBe(false);
    expect(problems.join("\n")).toMatch(/3\.7\.1[^]*exactly\.once\.source\.support[^]*aws-msk-iam-auth/);
  });
});

function errors(name: string, text: string) {
  return { value: { name, errors: [text] } };
}

function plugin(name: string, version: string) {
  return { class: `org.apache.kafka.connect.mirror.${name}`, version };
}
