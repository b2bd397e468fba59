import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { onInterrupt } from "#lab/interrupt.ts";
import { type Campaign, learnBaselines, playAll } from "./campaign.ts";
import { type Case, matrix, nameOf, sample } from "./cases.ts";
import { createCaseQueue, createFixedQueue } from "./queue.ts";
import { reliabilityPage } from "./report.ts";
import { openResults, type Results } from "./results.ts";

/** `npm run chaos`: breaks everything at every step boundary of every run, one case at a time, and writes what came of it. */

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = join(root, "docs", "reliability.md");
const help = `npm run chaos                 plays every case that has no result yet, then writes docs/reliability.md
  --only PATTERN   only cases whose name matches this regular expression; RUN/BOUNDARY/FAULT, see --list
  --list           names the cases and which of them have a result
  --sample         the fixed sample of npm test; writes nothing
  --jobs N         so many labs side by side; 1 when absent
  --results FILE   JSON lines; .lab/chaos/results.jsonl when absent
  --again          plays failed cases anew
  --fresh          forgets earlier results first
  --report         only writes docs/reliability.md from the results
  --help           prints this
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: "" },
      list: { type: "boolean", default: false },
      sample: { type: "boolean", default: false },
      jobs: { type: "string", default: "1" },
      results: { type: "string", default: join(root, ".lab", "chaos", "results.jsonl") },
      again: { type: "boolean", default: false },
      fresh: { type: "boolean", default: false },
      report: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 8) throw new Error(`--jobs ${values.jobs} is not 1 to 8`);
  return { ...values, jobs, only: new RegExp(values.only, "u") };
}

type Options = ReturnType<typeof readOptions>;

const began = Date.now();

function say(line: string): void {
  const seconds = Math.round((Date.now() - began) / 1000);
  process.stdout.write(`${String(seconds).padStart(5)} s  ${line}\n`);
}

async function playMatrix(options: Options, campaign: Campaign): Promise<boolean> {
  const { results } = campaign;
  await learnBaselines(campaign);
  const wanted = casesOf(options, results);
  const known = new Map(results.rows().map((row) => [row.name, row]));
  const waiting = wanted.filter((one) => {
    const row = known.get(nameOf(one));
    return row === undefined || (options.again && !row.ok);
  });
  say(`${waiting.length} of ${wanted.length} cases to play on ${options.jobs} labs`);
  const queue = createCaseQueue(waiting);
  await Promise.all(Array.from({ length: options.jobs }, () => playAll(campaign, queue)));
  return wanted.every((one) => results.rows().find(({ name }) => name === nameOf(one))?.ok === true);
}

function casesOf({ only }: Options, results: Results): readonly Case[] {
  const known = new Map([...results.baselines()].map(([run, { boundaries }]) => [run, boundaries]));
  return matrix(known).filter((one) => only.test(nameOf(one)));
}

async function playSample(campaign: Campaign): Promise<boolean> {
  await playAll(campaign, createFixedQueue(sample));
  return campaign.results.rows().every(({ ok }) => ok);
}

function list(options: Options, results: Results): void {
  const rows = new Map(results.rows().map((row) => [row.name, row]));
  const cases = casesOf(options, results);
  for (const one of cases) {
    const row = rows.get(nameOf(one));
    process.stdout.write(`${row === undefined ? "     " : row.ok ? "ok   " : "FAIL "} ${nameOf(one)}\n`);
  }
  if (cases.length === 0)
    process.stdout.write("no step is known yet: the first call learns them from undisturbed runs\n");
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

async function main(options: Options, signal: AbortSignal): Promise<boolean> {
  if (options.fresh) rmSync(options.results, { force: true });
  const results = openResults(options.sample ? undefined : options.results);
  if (options.list) {
    list(options, results);
    return true;
  }
  const evidence = join(dirname(options.results), "failed");
  const campaign: Campaign = { results, say, signal, evidence, commit: commit() };
  if (options.sample) return await playSample(campaign);
  try {
    return options.report || (await playMatrix(options, campaign));
  } finally {
    if (results.rows().length > 0) {
      writeFileSync(page, reliabilityPage(results));
      say(`written: docs/reliability.md, ${results.rows().filter(({ ok }) => !ok).length} failed`);
    }
  }
}

process.removeAllListeners("warning");
let options: Options | undefined;
try {
  options = readOptions();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(help);
  process.exit(0);
}
const signal = onInterrupt(say, "stopping; results are kept");
try {
  process.exit((await main(options, signal)) ? 0 : 1);
} catch (error) {
  if (signal.aborted) process.exit(130);
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
