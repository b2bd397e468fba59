import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, vi } from "vitest";
import { createExecDriver } from "#adapters/clients/exec.ts";
import { createKubernetesDriver } from "#adapters/clients/kubernetes.ts";
import { createManualDriver } from "#adapters/clients/manual.ts";
import { createWebhookDriver } from "#adapters/clients/webhook.ts";
import type { Message } from "#domain/message.ts";
import type { Clock } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { createFakeDriver } from "#support/fake-driver.ts";
import { startFakeKubernetes } from "#support/fake-kubernetes.ts";
import { startFakeWebhook } from "#support/fake-webhook.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { clientDriverContract } from "../contract/client-driver.ts";

const app = { name: "contract-app", role: "producer", topics: ["orders"] } as const;

clientDriverContract("in memory", async () => {
  const fake = createFakeDriver(app.name);
  return {
    driver: fake.driver,
    told: async () => fake.told,
    refuse: async (next) => fake.refuse(next),
    close: async () => {},
  };
});

/** An application that is a file with its place in it, switched by the command of its team. */
const script = `
  const { appendFileSync, existsSync, readFileSync, writeFileSync } = require("node:fs");
  const { FERRY_ACTION: action, FERRY_CLUSTER: cluster, ...env } = process.env;
  process.chdir(__dirname);
  if (action === "status") console.log(readFileSync("place", "utf8"));
  else {
    const told = Object.keys(env).filter((name) => name.startsWith("FERRY_")).map((name) => env[name]);
    appendFileSync("told", [action, cluster, ...told].join(" ") + "\\n");
    if (existsSync("refuse")) throw new Error("refused");
    writeFileSync("place", action === "stop" ? "stopped" : cluster);
  }`;

clientDriverContract("by a command", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ferry-driver-"));
  const file = (name: string) => join(folder, name);
  await writeFile(file("switch.cjs"), script);
  const settings = {
    driver: "exec",
    command: [process.execPath, file("switch.cjs")],
    timeout: 30_000,
    environment: {},
  } as const;
  const client: Client = {
    ...app,
    topics: [...app.topics],
    switch: { ...settings, command: [...settings.command] },
  };
  return {
    driver: createExecDriver(client, { ...settings, command: [...settings.command] }, {}, createQuietLog()),
    told: async () => (await readFile(file("told"), "utf8")).split("\n"),
    refuse: (next) => (next ? writeFile(file("refuse"), "") : rm(file("refuse"))),
    close: () => rm(folder, { recursive: true }),
  };
});

clientDriverContract("by a webhook", async () => {
  const secret = "hunter2-signs";
  const webhook = await startFakeWebhook(secret);
  webhook.takes(2);
  const settings = {
    driver: "webhook",
    url: webhook.url,
    secretEnv: "SWITCH",
    timeout: 30_000,
    poll: 5,
  } as const;
  const client: Client = { ...app, topics: [...app.topics], switch: settings };
  return {
    driver: createWebhookDriver(client, settings, secret, { clock: realClock, log: createQuietLog() }),
    told: async () => webhook.told.map(({ body, headers }) => JSON.stringify({ body, headers })),
    refuse: async (next) => webhook.refuse(next),
    close: () => webhook.close(),
  };
});

async function nowhere() {
  return { bootstrap: [], protocol: "PLAINTEXT" } as const;
}

for (const kind of ["deployment", "statefulset"] as const) {
  clientDriverContract(`by a ${kind}`, async () => {
    const kubernetes = await startFakeKubernetes({ kind, replicas: 2, env: [] });
    vi.stubEnv("KUBECONFIG", kubernetes.kubeconfig);
    const settings = {
      driver: "kubernetes",
      namespace: "shop",
      workload: `${kind}/billing`,
      environment: { bootstrap: "BROKERS", security: "PROTOCOL" },
      timeout: 30_000,
      poll: 5,
    } as const;
    const client: Client = { ...app, topics: [...app.topics], switch: settings };
    return {
      driver: createKubernetesDriver(client, settings, nowhere, { clock: realClock, log: createQuietLog() }),
      told: async () => kubernetes.patches,
      refuse: async (next) => kubernetes.forbid(next ? "patch" : undefined),
      close: () => kubernetes.close(),
    };
  });
}

afterAll(() => {
  vi.unstubAllEnvs();
});

clientDriverContract("by hand", async () => {
  const fake = createFakeChat();
  const settings = { driver: "manual", owner: "U0OLA", timeout: 60_000 } as const;
  let answer = "white_check_mark";
  let now = 0;
  // While the driver waits, the owner reads the channel and answers.
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      now += ms;
      const last = fake.posts.at(-1);
      if (last?.message.tone === "waiting") fake.react(last.ref, "U0OLA", answer);
    },
  };
  return {
    driver: createManualDriver(
      { ...app, topics: [...app.topics], switch: settings },
      settings,
      fake.chat,
      "C0MIGRATION",
      clock,
    ),
    told: async () => fake.posts.flatMap(({ history }) => history.map(wordsOf)),
    refuse: async (next) => {
      answer = next ? "x" : "white_check_mark";
    },
    close: async () => {},
  };
});

function wordsOf(message: Message): string {
  return JSON.stringify(message);
}
