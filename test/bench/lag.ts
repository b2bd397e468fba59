import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { processEnvironment } from "#config";
import type { KafkaCluster } from "#domain/ports.ts";
import { createRunFolder } from "#lab/folders.ts";
import { startBroker } from "#lab/kafka.ts";
import { eventually } from "#lab/process.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { load, type Spread, spreadOf } from "./figures.ts";
import { fixtureOf, type LagFixture } from "./lag-fixture.ts";
import type { BenchTools } from "./main.ts";

/**
 * One look at all offsets and groups: starts, ends, committed offsets, group states. On a real broker, and on three brokers
 * that speak the protocol from memory, because 50,000 real partitions take minutes and gigabytes.
 */

const help = `npm run bench -- lag
  --sweeps N    measured on each; 40 when absent
  --groups N    500 when absent; each reads 20 topics of 20 partitions
  --only NAME   real or fake; both when absent
  --pause MS    between sweeps; 0 when absent. Metadata is asked for again when it is older than a second
`;

const sizes = { real: 500, fake: 2500 };

const Figures = z.object({
  sweeps: z.number(),
  coldMs: z.number(),
  ms: z.object({ median: z.number(), p95: z.number(), max: z.number() }),
  cpuMs: z.number(),
  requests: z.number(),
  bytes: z.object({ sent: z.number(), received: z.number() }),
  memoryMb: z.object({
    before: z.number(),
    warm: z.number(),
    after: z.number(),
    peak: z.number(),
    growth: z.number(),
  }),
  loopDelayMs: z.object({ p99: z.number(), max: z.number() }),
});

type Run = { readonly groups: number; readonly sweeps: number; readonly pauseMs: number };
type Tools = Pick<BenchTools, "say" | "signal">;

export async function lag({ args, say, signal }: BenchTools): Promise<object | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sweeps: { type: "string", default: "40" },
      groups: { type: "string", default: "500" },
      only: { type: "string" },
      pause: { type: "string", default: "0" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return undefined;
  }
  const run = {
    groups: Number(values.groups),
    sweeps: Number(values.sweeps),
    pauseMs: Number(values.pause),
  };
  const loadBefore = load();
  const fake = values.only === "real" ? undefined : await onFake(run, { say, signal });
  const real = values.only === "fake" ? undefined : await onReal(run, { say, signal });
  return { groups: run.groups, real, fake, load: [loadBefore, load()] };
}

async function onFake(run: Run, tools: Tools): Promise<object> {
  await using stack = new AsyncDisposableStack();
  const brokers = start(stack, new URL("./lag-brokers.ts", import.meta.url), [sizes.fake, run.groups]);
  const { bootstrap } = z.object({ bootstrap: z.array(z.string()) }).parse(JSON.parse(await brokers.line()));
  tools.say(`three fake brokers hold ${sizes.fake * 20} partitions`);
  return await measure({ bootstrap, topics: sizes.fake, run }, tools);
}

async function onReal(run: Run, { say, signal }: Tools): Promise<object> {
  await using stack = new AsyncDisposableStack();
  const folder = await createRunFolder(say);
  stack.defer(() => folder.remove());
  const options = { name: "lag", version: "4.1", security: "open", heapMb: 1500 } as const;
  const broker = await startBroker({ ...options, runFolder: folder.path, log: say, signal });
  stack.defer(() => broker.stop());
  await fill(broker.bootstrap, fixtureOf({ topics: sizes.real, groups: run.groups }), { say, signal });
  return await measure({ bootstrap: [broker.bootstrap], topics: sizes.real, run }, { say, signal });
}

/** A broker takes minutes until it knows all partitions that it has said to have created. */
async function fill(bootstrap: string, fixture: LagFixture, { say, signal }: Tools): Promise<void> {
  const cluster = createKafkaCluster({
    role: "source",
    access: { bootstrap: [bootstrap], protocol: "PLAINTEXT" },
    log: createQuietLog(),
    clock: realClock,
  });
  const partitions = fixture.partitionsPerTopic;
  try {
    for (let at = 0; at < fixture.topics.length; at += 25) {
      const names = fixture.topics.slice(at, at + 25);
      await patiently(signal, `topics ${at} to ${at + 25}`, () =>
        cluster.createTopics(names.map((name) => ({ name, partitions, replicationFactor: 1, configs: {} }))),
      );
    }
    say(`a real broker holds ${fixture.topics.length * partitions} partitions`);
    await commitAll(cluster, fixture, signal);
    say(`${fixture.groups.size} groups have committed ${fixture.rows} offsets`);
  } finally {
    await cluster.close();
  }
}

async function commitAll(cluster: KafkaCluster, fixture: LagFixture, signal: AbortSignal): Promise<void> {
  const groups = [...fixture.groups];
  for (let at = 0; at < groups.length; at += 50) {
    await patiently(signal, `groups ${at} to ${at + 50}`, () =>
      cluster.commit(new Map(groups.slice(at, at + 50))),
    );
  }
}

async function patiently(signal: AbortSignal, what: string, act: () => Promise<unknown>): Promise<void> {
  const attempt = async () => {
    await act();
    return true;
  };
  await eventually(attempt, { what, deadlineMs: 300_000, everyMs: 1000, signal });
}

async function measure(
  place: { readonly bootstrap: readonly string[]; readonly topics: number; readonly run: Run },
  { say, signal }: Tools,
): Promise<object> {
  const { bootstrap, topics, run } = place;
  await using stack = new AsyncDisposableStack();
  const sweeper = start(stack, new URL("./lag-sweeps.ts", import.meta.url), [
    bootstrap.join(","),
    topics,
    run.groups,
    run.sweeps,
    run.pauseMs,
  ]);
  const port = Number(await sweeper.line());
  const line = sweeper.line();
  const answerMs = await askWhile(port, line, signal);
  const figures = Figures.parse(JSON.parse(await line));
  const { ms, requests, memoryMb, loopDelayMs } = figures;
  say(
    `  a sweep takes ${ms.median} ms (p95 ${ms.p95}), ${requests} requests; memory grows by ${memoryMb.growth} MB`,
  );
  say(
    `  the event loop is late by ${loopDelayMs.p99} ms (p99); HTTP is answered in ${answerMs.p99} ms (p99)`,
  );
  return { partitions: topics * 20, ...figures, answerMs };
}

/** Milliseconds to a small HTTP answer of the process, one after the other, until `done`. */
async function askWhile(port: number, done: Promise<unknown>, signal: AbortSignal): Promise<Spread> {
  const took: number[] = [];
  const ended = new AbortController();
  const stop = () => ended.abort();
  done.then(stop, stop);
  while (!ended.signal.aborted) {
    const began = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal });
    await response.text();
    took.push(performance.now() - began);
    await pause(10, undefined, { signal });
  }
  return spreadOf(took);
}

type Started = { readonly line: () => Promise<string> };

/** A script of this folder; `line` reads its next line and fails when it has ended. */
function start(stack: AsyncDisposableStack, script: URL, args: readonly unknown[]): Started {
  const { PATH } = processEnvironment();
  const path = fileURLToPath(script);
  const child: ChildProcess = spawn(process.execPath, [path, ...args.map(String)], {
    env: { PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  if (!child.stdout) throw new Error(`${path} has no output`);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      if (next.done === true) throw new Error(`${path} has ended`);
      return next.value;
    },
  };
}
