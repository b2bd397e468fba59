import { onInterrupt } from "#lab/interrupt.ts";
import { ack } from "./ack.ts";
import { approval } from "./approval.ts";
import { assess } from "./assess.ts";
import { cutover } from "./cutover.ts";
import { lag } from "./lag.ts";
import { plan } from "./plan.ts";

/** `npm run bench -- NAME`: one benchmark on a lab of its own; its last line is JSON. */

export type BenchTools = {
  readonly args: readonly string[];
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

type Bench = { readonly title: string; readonly run: (tools: BenchTools) => Promise<unknown> };

const benches: Readonly<Record<string, Bench>> = {
  ack: { title: "slash command to acknowledgement, beside a bare Bolt app", run: ack },
  approval: { title: "second approval to start of execution, beside Slack's own answer time", run: approval },
  assess: {
    title: "an assessment of 2,000 topics, 20,000 partitions and 1,000 groups on one broker",
    run: assess,
  },
  cutover: { title: "pause per group and duration of each step, by groups and records", run: cutover },
  plan: { title: "planning 2,000 topics, 20,000 partitions and 1,000 groups, without a cluster", run: plan },
  lag: { title: "one look at offsets and groups of 10,000 and of 50,000 partitions", run: lag },
};

const began = Date.now();

function say(line: string): void {
  const seconds = ((Date.now() - began) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

function help(): string {
  const names = Object.entries(benches).map(([name, { title }]) => `  ${name.padEnd(10)} ${title}\n`);
  return `npm run bench -- NAME [options]; NAME --help lists its options\n${names.join("")}`;
}

process.removeAllListeners("warning");
const [name, ...args] = process.argv.slice(2);
const bench = Object.entries(benches).find(([known]) => known === name)?.[1];
if (bench === undefined) {
  const asked = name === undefined || name === "--help" || name === "-h";
  if (!asked) process.stderr.write(`no bench is called ${name}\n\n`);
  process.stderr.write(help());
  process.exit(asked && name !== undefined ? 0 : 2);
}
const signal = onInterrupt(say);
try {
  const result = await bench.run({ args, say, signal });
  if (result !== undefined) process.stdout.write(`${JSON.stringify({ bench: name, ...asObject(result) })}\n`);
  process.exit(0);
} catch (error) {
  if (signal.aborted) process.exit(130);
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

function asObject(result: unknown): object {
  return typeof result === "object" && result !== null ? result : { result };
}
