import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { processEnvironment } from "#config";
import { freePort } from "#lab/process.ts";
import { startRedis } from "#lab/redis.ts";
import { team } from "#lab/slack/default-world.ts";
import { signatureOf } from "#lab/slack/delivery-http.ts";
import { eventually } from "#support/eventually.ts";
import { channel, openWorkspace, tokens } from "#support/slack-workspace.ts";
import { load, round, type Spread, spreadOf, wordsOf } from "./figures.ts";
import type { BenchTools } from "./main.ts";

/**
 * From a slash command to its acknowledgement, as Slack sees it: signed HTTP on a kept connection, one command after
 * the other, by turns to the bot, to a bare Bolt app, and to one that only queues a job with BullMQ first, as the bot
 * does so that its answer means that the job exists. Each is a process of its own; the bot runs with `--only chat`, so
 * that what it queues stays in Redis and is not worked on in between.
 */

const help = `npm run bench -- ack
  --commands N     measured for each app; 2000 when absent
  --warm-up N      before, not measured; 300 when absent
  --text TEXT      what is typed after /ferry; "lag" when absent: it is queued before it is acknowledged
`;

const aim = 1.2;

type App = {
  readonly name: string;
  readonly port: number;
  readonly agent: Agent;
  /** In every answer that is not a refusal. */
  readonly mark: string;
};

export async function ack({ args, say, signal }: BenchTools): Promise<object | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      commands: { type: "string", default: "2000" },
      "warm-up": { type: "string", default: "300" },
      text: { type: "string", default: "lag" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return undefined;
  }
  const commands = wholeOf("--commands", values.commands);
  const warmUp = wholeOf("--warm-up", values["warm-up"]);
  const { text } = values;
  await using stack = new AsyncDisposableStack();
  const apps = await startApps(stack, say);
  say(`warming up: ${warmUp} commands each`);
  await series(apps, warmUp, text, signal);
  say(`measuring: "/ferry ${text}", ${commands} commands each, by turns`);
  const loadBefore = load();
  const samples = await series(apps, commands, text, signal);
  const bot = spreadOf(samples.ours);
  const bare = spreadOf(samples.bare);
  const queueing = spreadOf(samples.queueing);
  const ratio = ratioOf(bot, bare);
  const ratioToQueueing = ratioOf(bot, queueing);
  say(`the bot             ${wordsOf(bot)}`);
  say(`bare Bolt           ${wordsOf(bare)}`);
  say(`bare Bolt, queueing ${wordsOf(queueing)}`);
  say(`to bare Bolt        ${factors(ratio)} (aim: p99 at most ${aim})`);
  say(`to the queueing one ${factors(ratioToQueueing)}`);
  return { commands, text, bot, bare, queueing, ratio, ratioToQueueing, aim, load: [loadBefore, load()] };
}

function wholeOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`${option} ${text} is not a whole number above 0`);
}

type Ratio = Omit<Spread, "max">;

function factors({ p50, p95, p99 }: Ratio): string {
  return `p50 ${p50} times, p95 ${p95}, p99 ${p99}`;
}

function ratioOf(bot: Spread, bare: Spread): Ratio {
  return { p50: round(bot.p50 / bare.p50), p95: round(bot.p95 / bare.p95), p99: round(bot.p99 / bare.p99) };
}

type Apps = { readonly ours: App; readonly bare: App; readonly queueing: App };

/** Redis and a Slack workspace, and a folder for both. */
type Lab = { readonly folder: string; readonly apiUrl: string; readonly redisUrl: string };

export async function openLab(stack: AsyncDisposableStack, say: BenchTools["say"]): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), "ferry-ack-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const redis = await startRedis({ runFolder: folder, log: say });
  stack.defer(() => redis.stop());
  const workspace = await openWorkspace();
  stack.defer(() => workspace.stop());
  return { folder, apiUrl: workspace.apiUrl, redisUrl: redis.url };
}

async function startApps(stack: AsyncDisposableStack, say: BenchTools["say"]): Promise<Apps> {
  const lab = await openLab(stack, say);
  const bare = await startBare(stack, "bare Bolt", [lab.apiUrl]);
  const queueing = await startBare(stack, "bare Bolt, queueing", [lab.apiUrl, lab.redisUrl]);
  const { app: ours } = await startBot(stack, lab);
  say("the three apps are ready");
  return { ours, bare, queueing };
}

async function startBare(
  stack: AsyncDisposableStack,
  name: string,
  [apiUrl, ...redis]: readonly [string, ...string[]],
): Promise<App> {
  const file = fileURLToPath(new URL("./bare-app.ts", import.meta.url));
  const read = startProcess(stack, file, [apiUrl, tokens.botToken, tokens.signingSecret, ...redis], {});
  const { port } = await firstLine(read, z.object({ port: z.number() }));
  return openApp(stack, { name, port, mark: "heard" });
}

/** `flags`: Node's, before the bot's file. `lines`: what it has printed so far, parsed. */
export async function startBot(
  stack: AsyncDisposableStack,
  { folder, apiUrl, redisUrl }: Lab,
  { flags, environment }: { readonly flags: readonly string[]; readonly environment: object } = {
    flags: [],
    environment: {},
  },
): Promise<{ readonly app: App; readonly lines: () => readonly unknown[] }> {
  const orders = {
    channel,
    approvers: { users: ["U0ANA", "U0BEN"] },
    source: { bootstrap: ["127.0.0.1:1"] },
    target: { cluster: "t", region: "eu-west-1", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
    replication: { connect: { url: "http://127.0.0.1:1" } },
  };
  const config = join(folder, "ferry.yaml");
  await writeFile(config, JSON.stringify({ migrations: { orders } }));
  const port = await freePort();
  const file = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const [script, ...args] = [...flags, file, "--only", "chat"];
  const read = startProcess(stack, script, args, {
    ...environment,
    FERRY_CONFIG: config,
    REDIS_URL: redisUrl,
    SLACK_API_URL: apiUrl,
    SLACK_BOT_TOKEN: tokens.botToken,
    SLACK_SIGNING_SECRET: tokens.signingSecret,
    PORT: String(port),
  });
  await firstLine(read, z.looseObject({ msg: z.literal("msk-ferry is ready") }));
  return {
    app: openApp(stack, { name: "the bot", port, mark: '"blocks":[{' }),
    lines: () => linesOf(read()),
  };
}

function openApp(stack: AsyncDisposableStack, app: Omit<App, "agent">): App {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  stack.defer(() => agent.destroy());
  return { ...app, agent };
}

/** Returns what reads its standard output so far. */
function startProcess(
  stack: AsyncDisposableStack,
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): () => string {
  const { PATH } = processEnvironment();
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, file, ...args], {
    env: { PATH, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  return () => output;
}

/** The first line of this shape. */
async function firstLine<T>(read: () => string, shape: z.ZodType<T>): Promise<T> {
  return await eventually(
    "a process to be ready",
    () =>
      linesOf(read())
        .map((line) => shape.safeParse(line))
        .find(({ success }) => success)?.data,
    60_000,
  );
}

/** Each whole line, as JSON. */
function linesOf(output: string): readonly unknown[] {
  return output
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}

type Samples = { readonly [Name in keyof Apps]: number[] };

const turns = [
  ["ours", "bare", "queueing"],
  ["bare", "queueing", "ours"],
  ["queueing", "ours", "bare"],
] as const;

/** Which one comes first changes with every round. */
async function series(apps: Apps, rounds: number, text: string, signal: AbortSignal): Promise<Samples> {
  const samples: Samples = { ours: [], bare: [], queueing: [] };
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    for (const name of turns[round % 3] ?? turns[0]) samples[name].push(await type(apps[name], text));
  }
  return samples;
}

let typed = 0;

/** One command; ms until its acknowledgement has been read whole. Throws when there is none. */
export async function type({ name, port, agent, mark }: App, text: string): Promise<number> {
  typed += 1;
  const body = new URLSearchParams({
    token: "legacy",
    team_id: team.id,
    channel_id: channel,
    user_id: "U0ANA",
    command: "/ferry",
    text,
    api_app_id: "A0FERRY",
    is_enterprise_install: "false",
    response_url: "http://127.0.0.1:1/",
    trigger_id: `bench.${typed}`,
  }).toString();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(body),
    "x-slack-request-timestamp": timestamp,
    "x-slack-signature": signatureOf(tokens.signingSecret, timestamp, body),
  };
  const began = performance.now();
  const answer = await send({ port, agent, headers }, body);
  const took = performance.now() - began;
  if (answer.status === 200 && answer.body.includes(mark) && !answer.body.includes("E_")) return took;
  throw new Error(`${name} answered ${answer.status} ${answer.body}`);
}

async function send(
  { port, agent, headers }: { readonly port: number; readonly agent: Agent; readonly headers: object },
  body: string,
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>();
  const options = {
    host: "127.0.0.1",
    port,
    agent,
    method: "POST",
    path: "/slack/events",
    headers: { ...headers },
  };
  const outgoing = request(options, (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => void parts.push(part));
    response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(parts).toString() }));
    response.on("error", reject);
  });
  outgoing.on("error", reject);
  outgoing.end(body);
  return await promise;
}
