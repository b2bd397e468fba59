import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createExecDriver } from "#adapters/clients/exec.ts";
import { createManualDriver } from "#adapters/clients/manual.ts";
import type { Message } from "#domain/message.ts";
import type { Clock } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { createFakeDriver } from "#support/fake-driver.ts";
import { createQuietLog } from "#support/quiet-log.ts";
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
