import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { processEnvironment } from "#config";
import { type Redis, startRedis } from "#lab/redis.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { createDoor, type Door } from "#support/outage.ts";
import { act, channel, messages, openWorkspace, tokens } from "#support/slack-workspace.ts";

/** The bot as a process, with what it needs away at first. Each start loads every SDK: seconds on a busy machine. */

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const startsWithinMs = 60_000;
const Line = z.looseObject({ level: z.number(), msg: z.string() });
const Reply = z.looseObject({ reply: z.object({ text: z.string(), response_type: z.string() }) });
const Homes = z.object({ homes: z.record(z.string(), z.object({ blocks: z.array(z.unknown()) })) });
const nowhere = "redis://127.0.0.1:1";

let folder: string;
let workspace: Workspace;
let redis: Redis;
const closers: Array<() => Promise<unknown>> = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ferry-start-"));
  workspace = await openWorkspace();
  redis = await startRedis({ runFolder: folder, log: () => undefined, routes: ["path", "wheel", "maven"] });
  const orders = {
    channel,
    approvers: { users: ["U0ANA", "U0BEN"] },
    source: { bootstrap: ["127.0.0.1:1"] },
    target: { cluster: "t", region: "eu-west-1", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
    replication: { connect: { url: "http://127.0.0.1:1" } },
  };
  await writeFile(join(folder, "ferry.yaml"), JSON.stringify({ migrations: { orders } }));
}, 60_000);
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(async () => {
  await redis.stop();
  await workspace.stop();
  await rm(folder, { recursive: true });
});

type Bot = {
  line(message: string, deadlineMs?: number): Promise<z.infer<typeof Line>>;
  count(message: string): number;
  /** Of the process when it has ended by itself or was told to stop. */
  ended(): Promise<{ readonly code: number | null; readonly stderr: string }>;
  stop(): Promise<{ readonly code: number | null; readonly stderr: string }>;
};

function start(
  environment: Readonly<Record<string, string>>,
  before: readonly string[] = [],
  options: readonly string[] = [],
): Bot {
  const { PATH } = processEnvironment();
  const env = {
    PATH,
    FERRY_CONFIG: join(folder, "ferry.yaml"),
    REDIS_URL: nowhere,
    SLACK_API_URL: workspace.apiUrl,
    SLACK_BOT_TOKEN: tokens.botToken,
    SLACK_APP_TOKEN: tokens.appToken,
    ...environment,
  };
  const child = spawn(process.execPath, [...before, main, ...options], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return read(child);
}

function read(child: ChildProcess): Bot {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => void (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
  const closed = once(child, "close");
  closers.push(async () => {
    child.kill("SIGKILL");
    await closed;
  });

  function lines() {
    const whole = stdout
      .slice(0, stdout.lastIndexOf("\n") + 1)
      .split("\n")
      .filter(Boolean);
    return whole.map((line) => Line.parse(JSON.parse(line)));
  }
  async function ended() {
    await closed;
    return { code: child.exitCode, stderr };
  }
  return {
    line: (message, deadlineMs = startsWithinMs) =>
      eventually(
        `"${message}" on standard output`,
        () => lines().find(({ msg }) => msg === message),
        deadlineMs,
      ),
    count: (message) => lines().filter(({ msg }) => msg === message).length,
    ended,
    stop() {
      child.kill("SIGTERM");
      return ended();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

async function shutDoor(url: string): Promise<Door> {
  const door = await createDoor(url);
  closers.push(() => door.close());
  await door.shut();
  return door;
}

async function command(text: string) {
  return Reply.parse(await act(workspace, "command", { channel, user: "U0ANA", command: "/ferry", text }))
    .reply;
}

/** How many jobs workers have completed in this Redis. */
async function workDone(): Promise<number> {
  const client = new Client(redis.url);
  try {
    return await client.zcard("{ferry}:work:completed");
  } finally {
    client.disconnect();
  }
}

const fields = { code: expect.any(String), error: expect.any(String), remedy: expect.any(String) };

describe("the bot", { timeout: 150_000 }, () => {
  test("starts while Redis is away, answers E_QUEUE, and goes on when it is back", async () => {
    const door = await shutDoor(redis.url);
    const port = await freePort();
    const bot = start({
      REDIS_URL: door.url,
      FERRY_METRICS_PORT: `${port}`,
      FERRY_METRICS_HOST: "127.0.0.1",
    });
    const metrics = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(await bot.line("redis is not reachable; it is tried again")).toMatchObject({
      ...fields,
      level: 40,
      code: "E_STORE",
    });
    expect(await bot.line("schedules wait for redis")).toMatchObject({ ...fields, code: "E_QUEUE" });
    await bot.line("msk-ferry is ready");
    expect(await command("status")).toEqual({
      response_type: "ephemeral",
      text: expect.stringContaining("E_QUEUE"),
    });
    expect(await command("")).toEqual({
      response_type: "ephemeral",
      text: expect.stringContaining("E_STORE"),
    });
    expect(await metrics()).toContain("mskferry_redis_up 0\n");
    await door.open();
    await bot.line("redis is back");
    await bot.line("schedules are set");
    expect(await metrics()).toContain("mskferry_redis_up 1\n");
    expect(await metrics()).toContain('mskferry_approvals_pending{migration="orders",action="rollback"} 0\n');
    expect(await metrics()).toContain('mskferry_queue_jobs{state="failed"} 0\n');
    expect((await command("audit")).text).toContain("queued · job");
    await eventually("the job's message, by the worker that waited too", async () =>
      (await messages(workspace)).find(({ text }) => text.includes("orders · audit")),
    );
    expect((await command("")).text).toContain("orders · where it stands");
    await act(workspace, "open-home", { user: "U0BEN" });
    const home = await eventually("the Home tab", async () => {
      const state = Homes.parse(await (await fetch(`${workspace.url}/_control/state`)).json());
      return state.homes["U0BEN"];
    });
    expect(JSON.stringify(home.blocks)).toContain("Nothing waits for you.");
    await act(workspace, "command", { channel, user: "U0ANA", command: "/ferry", text: "plan answer" });
    await act(workspace, "view", { user: "U0ANA", values: { owners: { answer: "team shop" } } });
    await eventually("what was written into the form", async () =>
      (await messages(workspace)).find(({ text }) => text.includes("not answered → team shop")),
    );
    expect(bot.count("redis is not reachable; it is tried again")).toBe(1);
    expect(await bot.stop()).toEqual({ code: 0, stderr: "" });
  });

  test("works while Slack is away, and takes commands when it is back", async () => {
    const door = await shutDoor(workspace.url);
    const bot = start({ REDIS_URL: redis.url, SLACK_API_URL: `${door.url.replace("redis", "http")}/api/` });
    expect(await bot.line("slack is not reachable; it is tried again")).toMatchObject({
      ...fields,
      level: 40,
      code: "E_SLACK",
    });
    const before = await workDone();
    await eventually("more work done", async () => (await workDone()) > before || undefined, startsWithinMs);
    expect(bot.count("msk-ferry is ready")).toBe(0);
    await door.open();
    await bot.line("slack is back");
    await bot.line("msk-ferry is ready");
    expect(bot.count("slack is not reachable; it is tried again")).toBe(1);
    expect(await bot.stop()).toEqual({ code: 0, stderr: "" });
  });

  test("logs a failure that nobody waited for, and stays up", async () => {
    // As soon as somebody listens for it.
    const careless = `process.on("newListener", (name) => {
      if (name === "unhandledRejection") setImmediate(() => Promise.reject(new Error("lost")));
    });`;
    const module = `data:text/javascript,${encodeURIComponent(careless)}`;
    const bot = start({ REDIS_URL: redis.url }, ["--import", module]);
    expect(await bot.line("a failure that nobody waited for")).toMatchObject({
      ...fields,
      level: 50,
      code: "E_INTERNAL",
      error: "lost",
    });
    await bot.line("msk-ferry is ready");
    expect((await command("help")).text).toContain("/ferry");
    expect(await bot.stop()).toEqual({ code: 0, stderr: "" });
  });

  test("ends when Slack refuses its token, and says which", async () => {
    const bot = start({ SLACK_BOT_TOKEN: "xoxb-other" });
    expect(await bot.ended()).toEqual({
      code: 1,
      stderr:
        "E_SETTINGS SLACK_BOT_TOKEN: Slack refuses the token (invalid_auth); it must be a token of the app as it is installed now.\n" +
        "Correct the key in ferry.yaml or the environment and start again.\n",
    });
  });

  test("ends when its port is taken, and says which", async () => {
    const other = createServer().listen(0);
    await once(other, "listening");
    closers.push(async () => other.close());
    const PORT = String(z.object({ port: z.number() }).parse(other.address()).port);
    const bot = start({ PORT, SLACK_APP_TOKEN: "", SLACK_SIGNING_SECRET: tokens.signingSecret });
    const { code, stderr } = await bot.ended();
    expect(stderr).toContain(`E_SETTINGS PORT: saw ${PORT}; another process listens there`);
    expect(code).toBe(1);
  });

  test.each([
    [
      ["--chek"],
      "--chek: unknown option; did you mean --check? Allowed are --only chat, --only worker and --check.",
    ],
    [["--only"], "--only: no value; allowed are chat and worker."],
    [["--only", "both"], '--only: saw "both"; allowed are chat and worker.'],
    [["check"], '"check": no option; allowed are --only chat, --only worker and --check.'],
    [["--check=yes"], "--check: takes no value."],
  ])("refuses %s", async (options, message) => {
    const { code, stderr } = await start({}, [], options).ended();
    expect(stderr.split("\n")[0]).toBe(`E_SETTINGS ${message}`);
    expect(code).toBe(1);
  });
});
