import { type TimeLags, timeLags } from "#domain/lag-time.ts";
import { type LostRange, lostText } from "#domain/lost-ranges.ts";
import {
  lossText,
  type PartitionRace,
  type RaceContext,
  type RaceInput,
  type RetentionLimits,
  type RetentionRaces,
  retentionRace,
  sumRaces,
} from "#domain/retention-race.ts";
import type { Remedy } from "#domain/retention-remedies.ts";
import { at, type ConfigEntry, type PartitionTable } from "#domain/topology.ts";
import { count, figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { recordLosses } from "./lost-ranges.ts";
import { type MigrationLag, mirrorOf, type WaveLag } from "./migration-lag.ts";
import { cellKey, readTimestamps, type Timestamps, type Waiting, waitingOn } from "./waiting-records.ts";

/** Retention of the source against the mirror, partition by partition: said before a record is lost, and kept after. */

/** What is to be said in the channel until it is no more. */
export type RetentionAlarm = {
  /** "retention-race:<flow>" or "records-lost:<flow>". */
  readonly key: string;
  readonly title: string;
  readonly text: string;
  readonly remedies: readonly Remedy[];
};

export type RetentionWatch = {
  readonly time: TimeLags;
  /** By wave. */
  readonly waveTime: ReadonlyMap<string, TimeLags>;
  readonly races: RetentionRaces;
  /** Of every partition that anything waits on. */
  readonly each: readonly PartitionRace[];
  /** Nobody has acknowledged these. */
  readonly losses: readonly LostRange[];
  readonly alarms: readonly RetentionAlarm[];
};

/** Records that are read for their timestamps at one look. */
const mostReads = 64;

/** Looks at the races of this reading. What could not be read makes a race unknown, never won. */
export async function watchRetention(lag: MigrationLag, work: Work): Promise<RetentionWatch> {
  const waiting = waitingOn(lag.waves);
  const timestamps = await readTimestamps(waiting, mostReads, work);
  const each: PartitionRace[] = [];
  for (const wave of lag.waves) {
    const own = waiting.filter((place) => place.wave === wave);
    each.push(...(await racesOf(wave, own, timestamps, lag.at, work)));
  }
  const losses = await recordLosses(lag, work);
  const behind = (wave?: WaveLag) => waiting.filter((place) => wave === undefined || place.wave === wave);
  const timeOf = (wave?: WaveLag) => {
    const places = behind(wave);
    const keys = new Set(places.map(cellKey));
    const read = timestamps.read.filter((record) => keys.has(cellKey(record)));
    return timeLags(read, places.length, lag.at);
  };
  return {
    time: timeOf(),
    waveTime: new Map(lag.waves.map((wave) => [wave.wave.name, timeOf(wave)])),
    races: sumRaces(each),
    each,
    losses,
    alarms: [...raceAlarms(each), ...lossAlarms(losses)],
  };
}

async function racesOf(
  wave: WaveLag,
  waiting: readonly Waiting[],
  { bounds }: Timestamps,
  now: number,
  work: Work,
): Promise<readonly PartitionRace[]> {
  if (waiting.length === 0) return [];
  const { origin } = await mirrorOf(wave.wave, wave.phase, work);
  const topics = [...new Set(waiting.map(({ topic }) => topic))];
  const configs = await origin.topicConfigs(topics);
  const limits = new Map([...configs].map(([topic, entries]) => [topic, limitsOf(entries)]));
  const bySize = topics.filter((topic) => (limits.get(topic)?.bytes ?? null) !== null);
  const sizes = bySize.length === 0 ? undefined : await origin.logSizes(bySize);
  const context = contextOf(wave, origin.access.bootstrap[0] ?? "", now, work);
  return waiting.map((place) => {
    const input = inputOf(place, {
      timestamp: bounds.get(cellKey(place)),
      limits: limits.get(place.topic),
      sizes: sizes?.known === true ? sizes.value : new Map(),
    });
    return retentionRace(input, context);
  });
}

type Found = {
  readonly timestamp: number | undefined;
  readonly limits: RetentionLimits | undefined;
  readonly sizes: PartitionTable<number>;
};

function inputOf(place: Waiting, { timestamp, limits, sizes }: Found): RaceInput {
  const { topic, partition, wave, cell, next, offsets } = place;
  const start = (wave.reading && at(wave.reading.starts, topic, partition)) ?? next;
  return {
    topic,
    partition,
    wave: wave.wave.name,
    flow: wave.flow.name,
    waiting: offsets,
    timestamp,
    running: wave.flow.state === "running" || wave.flow.state === "starting",
    copying: knownRate(wave.paces?.copying[cell]),
    arriving: knownRate(wave.paces?.arriving[cell]),
    limits,
    bytes: at(sizes, topic, partition) ?? null,
    offsets: next + offsets - start,
  };
}

function knownRate(rate: number | undefined): number | null {
  return rate === undefined || Number.isNaN(rate) ? null : rate;
}

function contextOf({ eta, flow, lags }: WaveLag, bootstrap: string, now: number, work: Work): RaceContext {
  const url = work.migration.settings.replication.connect?.url;
  return {
    now,
    caughtUpBy: eta.state === "in" ? eta.latest : null,
    bootstrap,
    ...(url !== undefined && { connectUrl: url }),
    tasks: new Map([[flow.name, flow.tasks.length]]),
    partitions: new Map([[flow.name, lags.length]]),
  };
}

/** -1: without end. */
function limitsOf(entries: readonly ConfigEntry[]): RetentionLimits {
  const entry = (key: string) => entries.find(({ name }) => name === key);
  const limit = (key: string) => {
    const value = Number(entry(key)?.value ?? Number.NaN);
    return value >= 0 ? value : null;
  };
  const policy = entry("cleanup.policy")?.value;
  return {
    deletes: policy?.includes("delete") !== false,
    ms: limit("retention.ms"),
    bytes: limit("retention.bytes"),
    own: {
      ms: entry("retention.ms")?.origin === "topic",
      bytes: entry("retention.bytes")?.origin === "topic",
    },
  };
}

/** One for each mirror: its worst partition, and what to do. */
function raceAlarms(races: readonly PartitionRace[]): readonly RetentionAlarm[] {
  const { atRisk } = sumRaces(races);
  return [...Map.groupBy(atRisk, ({ flow }) => flow)].flatMap(([flow, those]) => {
    const [worst] = those;
    if (worst === undefined) return [];
    const more = those.length === 1 ? "" : ` ${count(those.length, "partition")} in all.`;
    const text = `${lossText(worst)}.${more}`;
    return [
      {
        key: `retention-race:${flow}`,
        title: `retention race of wave ${worst.wave}`,
        text,
        remedies: worst.remedies,
      },
    ];
  });
}

function lossAlarms(losses: readonly LostRange[]): readonly RetentionAlarm[] {
  return [...Map.groupBy(losses, ({ flow }) => flow)].flatMap(([flow, those]) => {
    const [first] = those;
    if (first === undefined) return [];
    const sum = those.reduce((total, { from, until }) => total + until - from, 0);
    const more = those.length === 1 ? "" : `; ${count(those.length, "range")}, ${figure(sum)} offsets in all`;
    const text = `${lostText(first)}${more}. It stays until \`/ferry lag acknowledge ${first.topic}\` or until the topic is copied anew.`;
    return [
      { key: `records-lost:${flow}`, title: `wave ${first.wave} has lost records`, text, remedies: [] },
    ];
  });
}
