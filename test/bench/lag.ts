import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { createRunFolder } from "#lab/folders.ts";
import { startBroker } from "#lab/kafka.ts";
import { fill } from "./broker-fill.ts";
import { startScript } from "./child-script.ts";
import { load, type Spread, spreadOf } from "./figures.ts";
import { ackWhileSweeping } from "./lag-ack.ts";
import { fixtureOf } from "./lag-fixture.ts";
import type { BenchTools } from "./main.ts";

/**
 * One look at all offsets and groups: starts, ends, committed offsets, group states. On a real broker, and on three brokers
 * that speak the protocol from memory, because 50,000 real partitions take minutes and gigabytes.
 */

const help = `npm run bench -- lag
  --sweeps N    measured on each; 40 when absent
  --groups N    500 when absent; each reads 20 topics of 20 partitions
  --only NAME   real or fake; both when absent
  --commands N  slash commands to a bot that sweeps the fake brokers; 1000 when absent, 0 for none
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

type Run = {
  readonly groups: number;
  readonly sweeps: number;
  readonly pauseMs: number;
  readonly commands: number;
};
type Tools = Pick<BenchTools, "say" | "signal">;

export async function lag({ args, say, signal }: BenchTools): Promise<object | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sweeps: { type: "string", default: "40" },
      groups: { type: "string", default: "500" },
      only: { type: "string" },
      commands: { type: "string", default: "1000" },
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
    commands: Number(values.commands),
  };
  const loadBefore = load();
  const fake = values.only === "real" ? undefined : await onFake(run, { say, signal });
  const real = values.only === "fake" ? undefined : await onReal(run, { say, signal });
  return { groups: run.groups, real, fake, load: [loadBefore, load()] };
}

async function onFake(run: Run, tools: Tools): Promise<object> {
  await using stack = new AsyncDisposableStack();
  const brokers = startScript(stack, new URL("./lag-brokers.ts", import.meta.url), [sizes.fake, run.groups]);
  const { bootstrap } = z.object({ bootstrap: z.array(z.string()) }).parse(JSON.parse(await brokers.line()));
  tools.say(`three fake brokers hold ${sizes.fake * 20} partitions`);
  const figures = await measure({ bootstrap, topics: sizes.fake, run }, tools);
  if (run.commands === 0) return figures;
  const place = { bootstrap, topics: sizes.fake, groups: run.groups };
  return { ...figures, ackMs: await ackWhileSweeping(place, run.commands, tools) };
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

async function measure(
  place: { readonly bootstrap: readonly string[]; readonly topics: number; readonly run: Run },
  { say, signal }: Tools,
): Promise<object> {
  const { bootstrap, topics, run } = place;
  await using stack = new AsyncDisposableStack();
  const sweeper = startScript(stack, new URL("./lag-sweeps.ts", import.meta.url), [
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
