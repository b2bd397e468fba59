import { type Eta, eta } from "#domain/eta.ts";
import { type LagSum, type PartitionLag, sumLags } from "#domain/lag.ts";
import type { Check, Part } from "#domain/message.ts";
import type { LagPoint } from "#domain/ports.ts";
import { about, behind, figure, rate, timeOfDay, zoneOf } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";

/** Lag in words and tables. */

const hour = 3_600_000;

/** "Behind by 18,400 records (21 s). Was 96,000 an hour ago. Caught up at about 15:04 (15:03 to 15:07)." */
export function lagSentence(
  lag: MigrationLag,
  points: readonly LagPoint[],
  work: Pick<Work, "migration">,
): string {
  const sum = sumLags(lag.waves.flatMap(({ lags }) => lags));
  const unread = lag.waves.some(({ failure }) => failure !== undefined);
  const earlier = points.findLast(({ at }) => at <= lag.at - hour);
  const was =
    earlier?.behind === undefined || earlier.behind === null
      ? ""
      : ` Was ${figure(earlier.behind)} an hour ago.`;
  const prospect = etaText(eta([...points, lag.point]), zoneOf(work.migration.settings));
  return `${standing(sum, unread, lag.point.copying)}${was}${prospect}`;
}

function standing(sum: LagSum, unread: boolean, copying: number | null): string {
  if (unread || sum.records === null) {
    return sum.atLeast > 0
      ? `Behind by at least ${figure(sum.atLeast)} records; a part is not known.`
      : "Lag is not known.";
  }
  if (sum.records === 0) return `Caught up: lag 0 of ${figure(sum.partitions)} partitions.`;
  const age = copying === null || copying === 0 ? "" : ` (${about((sum.records / copying) * 1000)})`;
  return `Behind by ${figure(sum.records)} records${age}.`;
}

function etaText(eta: Eta, zone: string): string {
  switch (eta.state) {
    case "caught-up":
      return "";
    case "unknown":
      return ` No estimate: ${eta.why}.`;
    case "keeping-up":
      return ` The mirror keeps pace, ${about(eta.seconds * 1000)} behind.`;
    case "not-catching-up":
      return " It is not catching up: more arrives than is copied.";
    case "in": {
      const latest = eta.latest === null ? "or later" : `to ${timeOfDay(eta.latest, zone)}`;
      return ` Caught up at about ${timeOfDay(eta.at, zone)} (${timeOfDay(eta.earliest, zone)} ${latest}).`;
    }
  }
}

export function waveTable(lag: MigrationLag): Part {
  return {
    kind: "table",
    columns: [
      { title: "wave", align: "left" },
      { title: "partitions", align: "right" },
      { title: "behind", align: "right" },
      { title: "worst", align: "left" },
      { title: "records/s in / copied", align: "right" },
      { title: "mirror", align: "left" },
    ],
    rows: lag.waves.map((wave) => waveRow(wave, lag)),
  };
}

function waveRow({ wave, flow, lags, failure, phase }: WaveLag, lag: MigrationLag): readonly string[] {
  if (failure !== undefined) return [wave.name, "?", "unknown", failure.code, "? / ?", "unknown"];
  const sum = sumLags(lags);
  const [worst] = sum.worst;
  const pace = lag.rates.get(flow.name);
  return [
    wave.name,
    figure(sum.partitions),
    behind(sum),
    worst === undefined ? "–" : `${worst.topic}-${worst.partition}: ${figure(worst.records ?? 0)}`,
    `${rate(pace?.arriving ?? null)} / ${rate(pace?.copying ?? null)}`,
    `${mirrorState(flow.state)}${phase === "producers-moved" ? ", back to the source" : ""}`,
  ];
}

function mirrorState(state: string): string {
  return state === "absent" ? "not started" : state;
}

/** Partitions of one topic or wave, most behind first. */
export function partitionTable(lags: readonly PartitionLag[], most: number): Part {
  const shown = [...lags].sort((a, b) => urgency(b) - urgency(a)).slice(0, most);
  return {
    kind: "table",
    columns: [
      { title: "partition", align: "left" },
      { title: "behind", align: "right" },
      { title: "state", align: "left" },
    ],
    rows: shown.map(({ topic, partition, records, state }) => [
      `${topic}-${partition}`,
      records === null ? "unknown" : figure(records),
      state.replaceAll("-", " "),
    ]),
  };
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
  const trace = failed[0]?.trace?.split("\n", 1)[0] ?? "no trace was given";
  return { state: "fail", text: `wave ${wave}: ${failed.length} of ${tasks.length} tasks failed: ${trace}` };
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
