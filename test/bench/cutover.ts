import { parseArgs } from "node:util";
import type { JournalDocument } from "#jobs/run/journal.ts";
import type { ConsumedRecord } from "#lab/apps/journal.ts";
import { readRun } from "../chaos/journal.ts";
import { type ChaosLab, startChaosLab } from "../chaos/lab.ts";
import { wave } from "../chaos/settings.ts";
import { type Crowd, openCrowd, type Size } from "./groups.ts";
import type { BenchTools } from "./main.ts";

/**
 * How long applications stand still while they move. A group's pause runs from its last record on the source to its
 * first on the target, by its own log; a producer's from its last acknowledged record to its first on the target.
 */

const help = `npm run bench -- cutover
  --groups LIST    numbers of groups; 1,20,200 when absent
  --records LIST   records in each topic before; 1000,200000 when absent
  --driver MS      what a stop and a start take at least, as a rollout would; 1000 when absent
`;

type Pause = { readonly median: number; readonly max: number };
type Steps = Readonly<Record<string, number>>;

export type CutoverFigures = {
  readonly groups: number;
  readonly recordsPerTopic: number;
  readonly partitions: number;
  readonly consumers: {
    readonly pauseMs: Pause;
    readonly runMs: number;
    readonly stepsMs: Steps;
    /** What the slowest application took, beside the driver's stated time. */
    readonly slowestMs: { readonly stop: number; readonly start: number };
  };
  readonly producers: { readonly pauseMs: number; readonly runMs: number; readonly stepsMs: Steps };
};

const runDeadlineMs = 600_000;

export async function cutover({ args, say, signal }: BenchTools): Promise<object | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      groups: { type: "string", default: "1,20,200" },
      records: { type: "string", default: "1000,200000" },
      driver: { type: "string", default: "1000" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return undefined;
  }
  const driverMs = numbersOf("--driver", values.driver)[0] ?? 0;
  const sizes = numbersOf("--groups", values.groups).flatMap((groups) =>
    numbersOf("--records", values.records).map((records): Size => ({ groups, records })),
  );
  await using lab = await startChaosLab({ log: say, signal, padMs: driverMs });
  say(`driver: a stop and a start take ${driverMs} ms each, or longer where the application does`);
  const figures: CutoverFigures[] = [];
  for (const size of sizes) {
    const measured = await measure(lab, size, { say, signal });
    figures.push(measured);
    tell(measured, say);
  }
  return { driverMs, figures, versions: versionsOf(lab) };
}

function numbersOf(option: string, text: string): readonly number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((one) => Number.isInteger(one) && one > 0)) return numbers;
  throw new Error(`${option} ${text} is not a list of whole numbers above 0`);
}

async function measure(
  lab: ChaosLab,
  size: Size,
  { say, signal }: Pick<BenchTools, "say" | "signal">,
): Promise<CutoverFigures> {
  say(`${size.groups} groups, ${size.records} records in each topic: preparing`);
  await using crowd = await openCrowd(lab, size, { say, signal });
  await lab.host.timings();
  const consumers = await carryOut(lab, crowd, "consumers");
  const { stop, start } = await lab.host.timings();
  const slowestMs = { stop: Math.max(...stop), start: Math.max(...start) };
  const producers = await carryOut(lab, crowd, "producers");
  const pauses = [...crowd.consumed()].map(([group, records]) => pauseOf(group, records));
  return {
    groups: size.groups,
    recordsPerTopic: size.records,
    partitions: crowd.partitions,
    consumers: { pauseMs: { median: median(pauses), max: Math.max(...pauses) }, ...consumers, slowestMs },
    producers: { pauseMs: pauseOf("the producer", crowd.acked()), ...producers },
  };
}

async function carryOut(
  { redis }: ChaosLab,
  { hand, migration }: Crowd,
  side: "consumers" | "producers",
): Promise<{ readonly runMs: number; readonly stepsMs: Steps }> {
  const question = await hand.ask(`cutover ${side} ${wave}`);
  await hand.approve(question);
  const { word, question: text, card } = await hand.end(question, runDeadlineMs);
  if (word !== "Done") throw new Error(`cutover ${side}: ${text}\n${card}`);
  const journal = await readRun(redis, `${migration}-${question.id}`);
  if (journal === undefined) throw new Error(`cutover ${side}: no journal`);
  return durationsOf(journal);
}

function durationsOf({ entries }: JournalDocument): { readonly runMs: number; readonly stepsMs: Steps } {
  const stepsMs = Object.fromEntries(
    entries.map(({ step, intentAt, endedAt }) => [step, (endedAt ?? intentAt) - intentAt]),
  );
  return { runMs: (entries.at(-1)?.endedAt ?? 0) - (entries[0]?.intentAt ?? 0), stepsMs };
}

/** ms from the last line of the source to the first of the target. Throws when there is none of the one or the other. */
function pauseOf(who: string, records: readonly Pick<ConsumedRecord, "cluster" | "ts">[]): number {
  const first = records.findIndex(({ cluster }) => cluster === "target");
  const [before, after] = [records[first - 1], records[first]];
  if (before === undefined || after === undefined) throw new Error(`${who} has no record on both sides`);
  return after.ts - before.ts;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

function tell(
  { groups, recordsPerTopic, partitions, consumers, producers }: CutoverFigures,
  say: BenchTools["say"],
): void {
  const { median, max } = consumers.pauseMs;
  say(`${groups} groups, ${recordsPerTopic} records in each topic, ${partitions} partitions`);
  say(
    `  pause per group: median ${seconds(median)}, longest ${seconds(max)}; of the producer ${seconds(producers.pauseMs)}`,
  );
  const { stop, start } = consumers.slowestMs;
  say(`  slowest stop ${seconds(stop)}, slowest start ${seconds(start)}`);
  for (const [side, { runMs, stepsMs }] of Object.entries({ consumers, producers })) {
    const steps = Object.entries(stepsMs).map(([step, ms]) => `${step} ${seconds(ms)}`);
    say(`  ${side}, ${seconds(runMs)}: ${steps.join(", ")}`);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function versionsOf({ clusters }: ChaosLab): object {
  const { source, target, connect, redis } = clusters;
  return {
    source: source.version,
    target: target.version,
    connect: connect.version,
    redis: redis.version,
    node: process.versions.node,
  };
}
