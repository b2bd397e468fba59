import type { Eta } from "#domain/lag/eta.ts";
import { behind, type LagSum, type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import { type TimeLags, timeLagText } from "#domain/lag/lag-time.ts";
import type { Check, Part } from "#domain/message.ts";
import { whyFailed } from "#domain/mirror/task-trace.ts";
import type { LagPoint } from "#domain/ports.ts";
import { about, figure, rate, timeOfDay, zoneOf } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";

/** Lag in words and tables. */

const hour = 3_600_000;
/** An older point is not "an hour ago". */
const hourSlack = 10 * 60_000;

/**
 * "Behind by 18,400 records; the oldest waiting record is 21 s old (CreateTime), on parcels-17. Was 96,000 an hour ago.
 * Caught up at about 15:04 (15:03 to 15:07); slowest is parcels-17: …" The age is left out where it was not read.
 */
export function lagSentence(
  lag: MigrationLag,
  points: readonly LagPoint[],
  work: Pick<Work, "migration">,
  time?: TimeLags,
): string {
  const sum = sumLags(lag.waves.flatMap(({ lags }) => lags));
  const unread = lag.waves.some(({ failure }) => failure !== undefined);
  const was = hourAgo(lag.at, points);
  // Caught up then and now: nothing to compare.
  const isSame = was === 0 && sum.records === 0 && !unread;
  const before = was === null || isSame ? "" : ` Was ${figure(was)} an hour ago.`;
  return `${standing(sum, unread, time)}${before}${etaText(lag.eta, zoneOf(work.migration.settings))}`;
}

/** Records behind at about that time; `null` where none was read then. */
function hourAgo(now: number, points: readonly LagPoint[]): number | null {
  const earlier = points.findLast(({ at }) => at <= now - hour);
  return earlier === undefined || earlier.at < now - hour - hourSlack ? null : earlier.behind;
}

function standing(sum: LagSum, unread: boolean, time: TimeLags | undefined): string {
  if (unread || sum.records === null) {
    return sum.atLeast > 0
      ? `Behind by at least ${figure(sum.atLeast)} records; a part is not known.`
      : "Lag is not known.";
  }
  if (sum.records === 0) return `Caught up: lag 0 of ${figure(sum.partitions)} partitions.`;
  const age = time === undefined ? "" : timeLagText(time);
  return `Behind by ${figure(sum.records)} records${age === "" ? "" : `; the ${age}`}.`;
}

/** " Caught up at about 15:04 (15:03 to 15:07), parcels-17 last."; empty when nothing waits. */
function etaText(eta: Eta, zone: string): string {
  switch (eta.state) {
    case "caught-up":
      return "";
    case "unknown":
      return ` No estimate: ${eta.why}.`;
    case "keeping-up":
      return ` The mirror keeps pace, ${about(eta.seconds * 1000)} behind.`;
    case "not-catching-up":
      return ` It is not catching up: more arrives than is copied${slowText(eta)}.`;
    case "in": {
      const latest = eta.latest === null ? "or later" : `to ${timeOfDay(eta.latest, zone)}`;
      return ` Caught up at about ${timeOfDay(eta.at, zone)} (${timeOfDay(eta.earliest, zone)} ${latest})${slowText(eta)}.`;
    }
  }
}

/** The partition that holds it up, with its own rates. */
function slowText({ slowest }: Extract<Eta, { state: "in" | "not-catching-up" }>): string {
  if (slowest === undefined) return "";
  const { topic, partition, records, copying, arriving } = slowest;
  return `; slowest is ${topic}-${partition}: ${figure(records)} behind, ${rate(copying)} copied and ${rate(arriving)} arriving a second`;
}

export function waveTable(lag: MigrationLag, times: ReadonlyMap<string, TimeLags> = new Map()): Part {
  return {
    kind: "table",
    columns: [
      { title: "wave", align: "left" },
      { title: "partitions", align: "right" },
      { title: "behind", align: "right" },
      ...(times.size > 0 ? [{ title: "oldest", align: "right" } as const] : []),
      { title: "worst", align: "left" },
      { title: "records/s in / copied", align: "right" },
      { title: "mirror", align: "left" },
    ],
    rows: lag.waves.map((wave) => waveRow(wave, lag, times.get(wave.wave.name))),
  };
}

function waveRow(
  { wave, flow, lags, failure, phase }: WaveLag,
  lag: MigrationLag,
  time: TimeLags | undefined,
): readonly string[] {
  const oldest = time === undefined ? [] : [ageText(time)];
  if (failure !== undefined) {
    return [wave.name, "?", "unknown", ...oldest.map(() => "?"), failure.code, "? / ?", "unknown"];
  }
  const sum = sumLags(lags);
  const [worst] = sum.worst;
  const pace = lag.rates.get(flow.name);
  return [
    wave.name,
    figure(sum.partitions),
    behind(sum),
    ...oldest,
    worst === undefined ? "–" : `${worst.topic}-${worst.partition}: ${figure(worst.records ?? 0)}`,
    `${rate(pace?.arriving ?? null)} / ${rate(pace?.copying ?? null)}`,
    `${mirrorState(flow.state)}${phase === "producers-moved" ? ", back to the source" : ""}`,
  ];
}

function mirrorState(state: string): string {
  return state === "absent" ? "not started" : state;
}

/** Age of the oldest record that waits; "≥" where some were not read. */
function ageText({ worst, unread }: TimeLags): string {
  if (worst === null) return unread === 0 ? "–" : "?";
  return `${unread === 0 ? "" : "≥ "}${about(Math.max(0, worst.ms))}`;
}

/** Partitions of one topic or wave, most behind first; how old the next record of each is, where it was read. */
export function partitionTable(lags: readonly PartitionLag[], most: number, time?: TimeLags): Part {
  const ages = new Map(time?.known.map(({ topic, partition, ms }) => [`${topic}-${partition}`, ms]));
  const shown = [...lags].sort((a, b) => urgency(b) - urgency(a)).slice(0, most);
  return {
    kind: "table",
    columns: [
      { title: "partition", align: "left" },
      { title: "behind", align: "right" },
      ...(time === undefined ? [] : [{ title: "oldest", align: "right" } as const]),
      { title: "state", align: "left" },
    ],
    rows: shown.map(({ topic, partition, records, state }) => [
      `${topic}-${partition}`,
      records === null ? "unknown" : figure(records),
      ...(time === undefined ? [] : [ageOf(records, ages.get(`${topic}-${partition}`))]),
      state.replaceAll("-", " "),
    ]),
  };
}

function ageOf(records: number | null, ms: number | undefined): string {
  if (records === 0) return "–";
  return ms === undefined ? "?" : about(Math.max(0, ms));
}

/** Unknown comes first. */
function urgency({ records }: PartitionLag): number {
  return records ?? Number.MAX_VALUE;
}

/** Everything that is not simply a number: expired, re-created, never copied, failed tasks, unread waves. */
export function lagChecks(lag: MigrationLag): readonly Check[] {
  return lag.waves.flatMap(({ wave, flow, lags, failure }) => {
    if (failure !== undefined) {
      return [{ state: "unknown", text: `wave ${wave.name}: ${failure.code} ${failure.message}` } as const];
    }
    const findings = sumLags(lags).findings.map((finding) => findingCheck(finding));
    return flow.state === "failed" ? [failedCheck(wave.name, flow.tasks), ...findings] : findings;
  });
}

function findingCheck({ topic, partition, state, why }: PartitionLag): Check {
  const text = `${topic}-${partition}: ${why ?? state}`;
  if (state === "never-copied") return { state: "warn", text };
  return { state: state === "incomplete" ? "unknown" : "fail", text };
}

function failedCheck(
  wave: string,
  tasks: ReadonlyArray<{ readonly id: number; readonly state: string; readonly trace?: string }>,
): Check {
  const failed = tasks.filter(({ state }) => state === "FAILED");
  const trace = whyFailed(failed[0]?.trace);
  const which = failed.map(({ id }) => id).join(", ");
  const text = `wave ${wave}: ${failed.length} of ${tasks.length} tasks failed (task ${which}): ${trace}`;
  return { state: "fail", text };
}

const notesShown = 5;

/** What whoever runs the engine reports of the mirrors, beside the bot's own numbers. */
export function engineNotes({ waves }: MigrationLag): readonly Part[] {
  const notes = waves.flatMap(({ wave, flow }) =>
    flow.note === undefined ? [] : [`Wave ${wave.name}: ${flow.note}`],
  );
  if (notes.length === 0) return [];
  const more = notes.length > notesShown ? [`… ${figure(notes.length - notesShown)} more`] : [];
  return [{ kind: "note", text: [...notes.slice(0, notesShown), ...more].join("\n") }];
}

/** A tail that an open transaction holds up: no finding, for it ends by itself, and named all the same. */
export function openTailChecks(lags: readonly PartitionLag[]): readonly Check[] {
  return lags
    .filter(({ state, why }) => state === "behind" && why !== undefined)
    .map(({ topic, partition, why }) => ({ state: "warn", text: `${topic}-${partition}: ${why}` }));
}

/** Many findings of one kind fill a channel: the first few, and how many more. */
export function checksPart(checks: readonly Check[], most = 8): readonly Part[] {
  if (checks.length === 0) return [];
  const more = checks.length - most;
  const rest = more > 0 ? [{ kind: "note", text: `… ${figure(more)} more` } as const] : [];
  return [{ kind: "checks", items: checks.slice(0, most) }, ...rest];
}

/** What a way back of each wave that has moved costs now, from `readinessLines`; nothing where none has. */
export function wayBackPart(lines: ReadonlyMap<string, string>): readonly Part[] {
  if (lines.size === 0) return [];
  return [
    {
      kind: "facts",
      rows: [...lines].map(([wave, line]) => ({ label: `Way back ${wave}`, value: line })),
    },
  ];
}
