import { asFerryError } from "#domain/errors.ts";
import { type TimeLags, timeLags } from "#domain/lag/lag-time.ts";
import type { LostRange } from "#domain/lag/lost-ranges.ts";
import {
  type PartitionRace,
  type RaceContext,
  type RaceInput,
  type RetentionLimits,
  type RetentionRaces,
  retentionRace,
  sumRaces,
} from "#domain/lag/retention-race.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type ClusterAccess, type ConfigEntry, type PartitionTable, unknown } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { type Alarm, standingAlarms } from "./alarm-message.ts";
import { recordLosses } from "./lost-ranges.ts";
import { type MigrationLag, mirrorOf, type WaveLag } from "./migration-lag.ts";
import { lossAlarms, raceAlarms, raceKey } from "./retention-alarms.ts";
import { cellKey, readTimestamps, type Timestamps, type Waiting, waitingOn } from "./waiting-records.ts";

/** Retention of the source against the mirror, partition by partition: said before a record is lost, and kept after. */

export type RetentionWatch = {
  readonly time: TimeLags;
  /** By wave. */
  readonly waveTime: ReadonlyMap<string, TimeLags>;
  readonly races: RetentionRaces;
  /** Of every partition that anything waits on. */
  readonly each: readonly PartitionRace[];
  /** Nobody has acknowledged these. */
  readonly losses: readonly LostRange[];
  readonly alarms: readonly Alarm[];
};

/** Records that are read for their timestamps at one look. */
const mostReads = 64;

/** Looks at the races of this reading. What could not be read makes a race unknown, never won. */
export async function watchRetention(lag: MigrationLag, work: Work): Promise<RetentionWatch> {
  const waiting = waitingOn(lag.waves);
  // Before what waits is looked at anew: it goes by what waited at the look before.
  const losses = await recordLosses(lag, work);
  const timestamps = await readTimestamps(waiting, mostReads, work);
  const standing = new Set(await standingAlarms(work.store, work.migration.name));
  const each: PartitionRace[] = [];
  for (const wave of lag.waves) {
    const own = waiting.filter((place) => place.wave === wave);
    each.push(...(await racesOf(wave, own, timestamps, lag.at, standing, work)));
  }
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
  standing: ReadonlySet<string>,
  work: Work,
): Promise<readonly PartitionRace[]> {
  if (waiting.length === 0) return [];
  const { origin } = await mirrorOf(wave.wave, wave.phase, work);
  const found = await retentionOf(origin, [...new Set(waiting.map(({ topic }) => topic))], work);
  const context = contextOf(wave, origin, now, standing, work);
  return waiting.map((place) => {
    const input = inputOf(place, {
      timestamp: bounds.get(cellKey(place)),
      limits: found.limits.get(place.topic),
      sizes: found.sizes,
    });
    return retentionRace(input, context);
  });
}

/** Limits and sizes of topics; what did not come is absent. */
async function retentionOf(
  origin: KafkaCluster,
  topics: readonly string[],
  work: Work,
): Promise<{
  readonly limits: ReadonlyMap<string, RetentionLimits>;
  readonly sizes: PartitionTable<number>;
}> {
  try {
    const limits = await limitsOfTopics(origin, topics, work);
    const bySize = topics.filter((topic) => (limits.get(topic)?.bytes ?? null) !== null);
    const sizes = bySize.length === 0 ? unknown("nothing is limited by size") : await origin.logSizes(bySize);
    return { limits, sizes: sizes.known ? sizes.value : new Map() };
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "retention of topics could not be read");
    return { limits: new Map(), sizes: new Map() };
  }
}

/** With more topics than this their configurations are asked for once a minute, not at each look. */
const mostAsked = 500;
const limitsGoodForMs = 60_000;

type Limits = ReadonlyMap<string, RetentionLimits>;
const asked = new WeakMap<KafkaCluster, { readonly at: number; readonly limits: Limits }>();

async function limitsOfTopics(
  origin: KafkaCluster,
  topics: readonly string[],
  { clock }: Work,
): Promise<Limits> {
  const held = asked.get(origin);
  const fresh = held !== undefined && clock.now() - held.at < limitsGoodForMs;
  if (topics.length > mostAsked && fresh && topics.every((topic) => held.limits.has(topic)))
    return held.limits;
  const configs = await origin.topicConfigs(topics);
  const limits = new Map([...configs].map(([topic, entries]) => [topic, limitsOf(entries)]));
  if (topics.length > mostAsked) asked.set(origin, { at: clock.now(), limits });
  return limits;
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

function contextOf(
  { eta, flow, lags }: WaveLag,
  { role, access }: KafkaCluster,
  now: number,
  standing: ReadonlySet<string>,
  work: Work,
): RaceContext {
  const { engine, connect } = work.migration.settings.replication;
  return {
    now,
    caughtUpBy: eta.state === "in" ? eta.latest : null,
    bootstrap: access.bootstrap[0] ?? "",
    ...(access.protocol !== "PLAINTEXT" && { security: securityOf(access) }),
    origin: role,
    engine,
    ...(connect !== undefined && engine === "connect" && { connectUrl: connect.url }),
    tasks: flow.tasks.length,
    partitions: lags.length,
    standing: standing.has(raceKey(flow.name)),
  };
}

/** "SASL_SSL with SCRAM-SHA-512" */
function securityOf({ protocol, sasl }: ClusterAccess): string {
  return sasl === undefined ? protocol : `${protocol} with ${sasl.mechanism}`;
}

function limitsOf(entries: readonly ConfigEntry[]): RetentionLimits {
  const entry = (key: string) => entries.find(({ name }) => name === key);
  const policy = entry("cleanup.policy")?.value;
  return {
    deletes: policy?.includes("delete") !== false,
    ms: limitIn(entry("retention.ms")),
    bytes: limitIn(entry("retention.bytes")),
    own: {
      ms: entry("retention.ms")?.origin === "topic",
      bytes: entry("retention.bytes")?.origin === "topic",
    },
  };
}

/** -1 is without end; what is absent or no whole number is not known. */
function limitIn(entry: ConfigEntry | undefined): number | null | undefined {
  const text = entry?.value ?? "";
  if (text === "-1") return null;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
