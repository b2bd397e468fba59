import { describe, expect, it } from "vitest";
import { createConnectInventory } from "#adapters/connect/inventory.ts";
import { known } from "#domain/topology.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";

/** Answers in the forms of Kafka Connect 2.0, 2.3 and 3.9. */

const jdbc = {
  "connector.class": "io.confluent.connect.jdbc.JdbcSinkConnector",
  "tasks.max": "2",
  topics: "payments, orders",
  "connection.url": "jdbc:postgresql://db:5432/shop?password=hush",
  "connection.password": "hush",
  name: "shop",
};
const files = { "connector.class": "FileStreamSource", "tasks.max": "1", topic: "lines", name: "files" };
const running = (...states: readonly string[]) => ({
  connector: { state: "RUNNING", worker_id: "w:8083" },
  tasks: states.map((state, id) => ({ id, state, worker_id: "w:8083" })),
});

function inventoryThat(answers: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const inventory = createConnectInventory({
    url: "http://connect:8083",
    auth: { username: "bot", password: "restpass" },
    log: createQuietLog(),
    clock: realClock,
    fetch: async (url, init) => {
      const path = (typeof url === "string" ? url : "").replace(/^.*:8083/, "");
      asked.push(`${init?.method} ${path}`);
      const body = answers[path];
      if (body === undefined) return new Response("no such path for restpass", { status: 400 });
      return new Response(JSON.stringify(body), { status: 200 });
    },
  });
  return { inventory, asked };
}

describe("the connectors of a Kafka Connect cluster", () => {
  it("are told with state, tasks and topics, and with no value that may be a secret", async () => {
    const { inventory, asked } = inventoryThat({
      "/": { version: "3.9.2", commit: "x", kafka_cluster_id: "c" },
      "/connectors?expand=info&expand=status": {
        shop: { info: { type: "sink", config: jdbc }, status: running("RUNNING", "FAILED") },
        files: { info: { type: "source", config: files }, status: running("RUNNING") },
      },
      "/connectors/shop/topics": { shop: { topics: ["orders"] } },
      "/connectors/files/topics": { files: { topics: ["lines"] } },
    });
    const rows = await inventory.connectors();
    expect(rows).toMatchObject([
      { name: "files", type: "source", tasks: { total: 1, failed: 0 }, topics: known(["lines"]) },
      {
        cluster: "http://connect:8083",
        name: "shop",
        type: "sink",
        className: jdbc["connector.class"],
        state: "RUNNING",
        tasks: { total: 2, failed: 1 },
        topics: known(["orders", "payments"]),
      },
    ]);
    expect(Object.keys(rows[1]?.settings ?? {})).toEqual(Object.keys(jdbc).toSorted());
    expect(rows[1]?.settings).toMatchObject({ "tasks.max": "2", "connection.url": null });
    expect(JSON.stringify(rows)).not.toContain("hush");
    expect(asked.every((call) => call.startsWith("GET "))).toBe(true);
  });

  it("are asked for one by one where a listing has names only, and topics are not asked for before 2.5", async () => {
    const { inventory, asked } = inventoryThat({
      "/": { version: "2.0.1", commit: "x" },
      "/connectors?expand=info&expand=status": ["shop", "files"],
      "/connectors/shop": { name: "shop", config: jdbc, tasks: [] },
      "/connectors/shop/status": { name: "shop", ...running("RUNNING") },
      "/connectors/files": { name: "files", config: files, tasks: [] },
      "/connectors/files/status": { name: "files", ...running() },
    });
    const rows = await inventory.connectors();
    expect(rows.map(({ name, type, topics }) => [name, type, topics])).toEqual([
      ["files", "unknown", { known: false, why: "Kafka Connect tells them from 2.5 on (KIP-558)" }],
      ["shop", "unknown", known(["orders", "payments"])],
    ]);
    expect(asked.some((call) => call.endsWith("/topics"))).toBe(false);
  });

  it("are not taken for none where Connect refuses, and its password is in no error", async () => {
    const { inventory } = inventoryThat({ "/": { version: "3.9.2" } });
    const refused = await inventory.connectors().catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: "E_CONNECT" });
    expect(String(refused)).not.toContain("restpass");
  });
});
