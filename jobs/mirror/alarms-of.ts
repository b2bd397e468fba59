import { eta } from "#domain/lag/eta.ts";
import { type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import type { LagPoint } from "#domain/ports.ts";
import { about, count, figure } from "#domain/wording.ts";
import type { Alarm } from "./alarm-message.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";
import type { DiskReading } from "./target-disk.ts";

/** What is wrong now, from what was read. Pure. */

export type AlarmRules = {
  /** So long lag must rise without end, ms. */
  readonly lagRising: number;
  /** Percent of the fullest volume. */
  readonly targetDisk: number;
};

export type Seen = {
  readonly lag: MigrationLag;
  /** Oldest first, that of `lag` last. */
  readonly points: readonly LagPoint[];
  readonly disk: DiskReading;
  /** Keys of those that were raised before: an alarm ends later than it begins. */
  readonly standing: ReadonlySet<string>;
};

export const risingKey = "lag-rising";
export const diskKey = "target-disk";

export function alarmsOf(seen: Seen, rules: AlarmRules): readonly Alarm[] {
  return [
    ...unreadableAlarms(seen.lag),
    ...seen.lag.waves.flatMap((wave) => waveAlarms(wave, seen.standing)),
    ...risingAlarm(seen, rules.lagRising),
    ...diskAlarm(seen, rules.targetDisk),
  ];
}

/** One for what is away, whatever number of waves it keeps from being read. */
function unreadableAlarms(lag: MigrationLag): readonly Alarm[] {
  const failed = lag.waves.flatMap(({ wave, failure }) =>
    failure === undefined ? [] : [{ wave: wave.name, failure }],
  );
  return [...Map.groupBy(failed, ({ failure }) => failure.code)].flatMap(([code, those]) => {
    const [first] = those;
    if (first === undefined) return [];
    const { message, remedy } = first.failure;
    const waves = those.length === lag.waves.length ? "no wave" : `not ${count(those.length, "wave")}`;
    const text = `\`${code}\` ${message}\nLag of ${waves} can be read while this lasts; the mirrors go on by themselves where they can.`;
    return [{ key: `unreadable:${code}`, title: titles.get(code) ?? code, text, advice: remedy }];
  });
}

/** Of what does not answer, by the code of the error. */
export const titles: ReadonlyMap<string, string> = new Map([
  ["E_SOURCE_UNREACHABLE", "source cluster unreachable"],
  ["E_TARGET_UNREACHABLE", "MSK unreachable"],
  ["E_CONNECT_UNREACHABLE", "Kafka Connect unreachable"],
  ["E_INCOMPLETE", "lag can be read only in part"],
  ["E_TARGET_ABSENT", "MSK cluster not there"],
]);

/** A log that is not the one that was copied, or that lost records on the way. */
export const brokenStates: ReadonlySet<PartitionLag["state"]> = new Set([
  "truncated",
  "ahead",
  "recreated",
  "gone",
]);

function waveAlarms(wave: WaveLag, standing: ReadonlySet<string>): readonly Alarm[] {
  return [...failedAlarms(wave), ...diedAlarms(wave), ...brokenAlarms(wave, standing)];
}

function failedAlarms({ wave, flow }: WaveLag): readonly Alarm[] {
  const key = `task-failed:${flow.name}`;
  const failed = flow.tasks.filter(({ state }) => state === "FAILED");
  if (flow.state === "failed" || failed.length > 0) {
    const trace = failed[0]?.trace?.split("\n", 1)[0] ?? "no trace was given";
    const text = `${figure(failed.length)} of ${count(flow.tasks.length, "task")} of ${flow.name} failed: ${trace}`;
    const advice = "`/ferry replicate resume` starts them again.";
    return [{ key, title: `mirror of wave ${wave.name} failed`, text, advice }];
  }
  if (flow.trouble === undefined) return [];
  const advice = "look into the Replicator's own log; `/ferry lag` shows what it copies meanwhile.";
  const text = `${flow.name}: ${flow.trouble}.`;
  return [{ key, title: `mirror of wave ${wave.name} has trouble`, text, advice }];
}

function diedAlarms({ wave, flow }: WaveLag): readonly Alarm[] {
  if (flow.state !== "running") return [];
  const died = flow.tasks.find(({ trace }) => trace !== undefined)?.trace;
  if (died === undefined) return [];
  const text = `${died.split("\n", 1)[0]} It was started again and goes on where it was.`;
  return [{ key: `died:${flow.name}`, title: `mirror of wave ${wave.name} died and runs again`, text }];
}

/** What expired has an alarm of its own, which stays until somebody has acknowledged it. */
function brokenAlarms({ wave, flow, lags }: WaveLag, standing: ReadonlySet<string>): readonly Alarm[] {
  const isTold = standing.has(`records-lost:${flow.name}`);
  const broken = sumLags(lags).findings.filter(
    ({ state }) => brokenStates.has(state) && !(isTold && state === "truncated"),
  );
  const [first] = broken;
  if (first === undefined) return [];
  const text = `${first.topic}-${first.partition}: ${first.why ?? first.state}; ${count(broken.length, "partition")} in all.`;
  return [{ key: `broken:${flow.name}`, title: `wave ${wave.name} has a hole`, text }];
}

const risingRecords = 1_000;
const fewest = 3;
/** Of the time that is asked for: the first sweep of a window comes a little after its start. */
const coverage = 0.9;

function risingAlarm({ points, standing }: Seen, forMs: number): readonly Alarm[] {
  if (isEnding(points)) return [];
  const levels = levelsOf(points, forMs);
  const [first, now] = [levels[0], levels.at(-1)];
  if (first === undefined || now === undefined) return [];
  // Once raised, it stands until lag falls.
  const lasts = standing.has(risingKey) && now.behind > 0 && !falls(levels);
  if (!lasts && !rises(levels, first, now, forMs)) return [];
  const text = `Behind by ${figure(now.behind)} records, ${figure(first.behind)} ${about(now.at - first.at)} ago.`;
  const advice = "more tasks, or more Connect workers, let the mirror catch up; so does a quieter source.";
  return [{ key: risingKey, title: "lag is rising", text, advice }];
}

type Level = { readonly at: number; readonly behind: number };

/** Lag in the time that is asked for; none when it was not known all the time. */
function levelsOf(points: readonly LagPoint[], forMs: number): readonly Level[] {
  const until = points.at(-1)?.at ?? 0;
  const recent = points.filter(({ at }) => at > until - forMs * 1.05);
  const known = recent.flatMap(({ at, behind }) => (behind === null ? [] : [{ at, behind }]));
  return known.length < recent.length ? [] : known;
}

/** From third to third, to a fifth and a thousand records more. */
function rises(levels: readonly Level[], first: Level, now: Level, forMs: number): boolean {
  if (levels.length < fewest || now.at - first.at < forMs * coverage) return false;
  const [early = 0, middle = 0, late = 0] = thirds(levels);
  return early < middle && middle < late && now.behind >= first.behind + riseOf(first.behind);
}

function riseOf(records: number): number {
  return Math.max(risingRecords, records / 5);
}

function isEnding(points: readonly LagPoint[]): boolean {
  const { state } = eta(points);
  return state === "keeping-up" || state === "in" || state === "caught-up";
}

function falls(levels: readonly Level[]): boolean {
  const [, middle = 0, late = 0] = thirds(levels);
  return late < middle;
}

/** Mean lag of the first, the second and the last third. */
function thirds(levels: readonly Level[]): readonly number[] {
  const size = levels.length / 3;
  return [0, 1, 2].map((third) => {
    const part = levels.slice(Math.floor(third * size), Math.ceil((third + 1) * size));
    return part.reduce((sum, { behind }) => sum + behind, 0) / Math.max(1, part.length);
  });
}

/** Points of percent below the limit at which it ends: one that hovers there is not told again and again. */
const diskSlack = 5;

function diskAlarm({ disk, standing }: Seen, limit: number): readonly Alarm[] {
  if (disk.used === null) return [];
  const percent = disk.used * 100;
  if (percent < (standing.has(diskKey) ? limit - diskSlack : limit)) return [];
  const text = `The fullest of MSK's volumes, ${disk.text}: ${Math.floor(percent)} % (alarm at ${limit} %). A full volume stops the brokers and the mirror.`;
  const advice = "`/ferry features` proposes a larger volume; shorter retention on MSK helps, too.";
  return [{ key: diskKey, title: "MSK's disks fill up", text, advice }];
}
