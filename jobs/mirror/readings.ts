import { type LagSum, sumLags, sumOf } from "#domain/lag/lag.ts";
import type { TimeLags } from "#domain/lag/lag-time.ts";
import type { PartitionRace } from "#domain/lag/retention-race.ts";
import type { Clock, FlowStatus, Store } from "#domain/ports.ts";
import { LagReadings, type MigrationReadings, type WaveReading } from "#domain/switch/readings.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import type { Work } from "#jobs/work.ts";
import { alarmKinds, standingAlarms } from "./alarm-message.ts";
import { brokenStates } from "./alarms-of.ts";
import { lastDigest } from "./digest-memory.ts";
import { groupsOnTarget } from "./groups-on-target.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";
import { recordSizes } from "./record-sizes.ts";
import type { RetentionWatch } from "./retention-watch.ts";
import { diskGoodForMs, diskReading } from "./target-disk.ts";

/** What the watch saw last, kept for whoever shows it without asking the clusters: Prometheus. */

/** A sweep older than this says nothing about now, ms: the watch comes every 15 s. */
const freshMs = 120_000;
/** More topics, or groups, than this get no series each: they would be most of what a scrape carries. */
const mostTopics = 500;

function readingsKey(migration: string): string {
  return `readings:${migration}`;
}

/** Remembers what a sweep saw of each wave. */
export async function rememberReadings(
  lag: MigrationLag,
  retention: RetentionWatch,
  work: Work,
): Promise<void> {
  const topics = lag.waves.reduce((sum, { wave }) => sum + wave.topics.length, 0);
  const sizes = await recordSizes(work);
  const groups = await groupReadings(lag, work);
  const readings: LagReadings = {
    at: lag.at,
    waves: lag.waves.map((wave) => ({
      ...waveReading(wave, lag, retention, topics <= mostTopics),
      recordBytes: sizes.get(wave.flow.name) ?? null,
      ...(groups.has(wave.wave.name) && { groups: groups.get(wave.wave.name) }),
    })),
    etaSeconds: lag.eta.state === "in" ? Math.max(0, lag.eta.at - lag.at) / 1000 : null,
  };
  await work.store.write(readingsKey(work.migration.name), readings);
}

/** By wave, of those that have moved. A group of which nothing is read, or that has committed nothing, is not known. */
async function groupReadings(
  lag: MigrationLag,
  work: Work,
): Promise<ReadonlyMap<string, Record<string, number | null>>> {
  const found = await groupsOnTarget(lag, work);
  if (found.length > mostTopics) return new Map();
  const waves = Map.groupBy(found, ({ wave }) => wave);
  return new Map(
    [...waves].map(([wave, groups]) => [
      wave,
      Object.fromEntries(
        groups.map(({ group, lags, sum, failure }) => [
          group,
          failure === undefined && lags.length > 0 ? sum.records : null,
        ]),
      ),
    ]),
  );
}

function waveReading(
  { wave, phase, flow, lags, failure }: WaveLag,
  lag: MigrationLag,
  { waveTime, each }: RetentionWatch,
  withTopics: boolean,
): WaveReading {
  const sum = sumLags(lags);
  const pace = lag.rates.get(flow.name);
  const isRead = failure === undefined;
  return {
    wave: wave.name,
    phase,
    mirror: isRead ? flow.state : "unknown",
    behind: isRead ? sum.records : null,
    seconds: isRead ? secondsBehind(sum, waveTime.get(wave.name)) : null,
    partitions: sum.partitions,
    unknown: sum.unknown,
    broken: sum.findings.filter(({ state }) => brokenStates.has(state)).length,
    arriving: pace?.arriving ?? null,
    copying: pace?.copying ?? null,
    retentionSeconds: closestRace(each.filter((race) => race.wave === wave.name)),
    tasks: isRead ? tasksByState(flow) : null,
    ...(withTopics && isRead && { topics: topicLags(wave.topics, lags) }),
  };
}

/** Nothing that waits is no age at all; one that was not read is not known. */
function secondsBehind(sum: LagSum, time: TimeLags | undefined): number | null {
  if (sum.records === 0) return 0;
  return time?.worst === null || time === undefined ? null : time.worst.ms / 1000;
}

function closestRace(races: readonly PartitionRace[]): number | null {
  const spans = races.flatMap(({ leftMs }) => (leftMs === null ? [] : [leftMs]));
  return spans.length === 0 ? null : Math.max(0, Math.min(...spans)) / 1000;
}

function tasksByState({ tasks }: FlowStatus): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of tasks) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function topicLags(topics: readonly string[], lags: WaveLag["lags"]): Record<string, number | null> {
  const byTopic = Map.groupBy(lags, ({ topic }) => topic);
  return Object.fromEntries(
    topics.map((topic) => {
      const found = byTopic.get(topic);
      return [topic, found === undefined ? null : sumOf(found.map(({ records }) => records))];
    }),
  );
}

/** What memory knows of a migration. Asks nothing but the store; fails with `E_STORE`. */
export async function readingsOf(
  migration: string,
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): Promise<MigrationReadings> {
  const [stored, requests, alarms, disk, digest] = await Promise.all([
    store.read(readingsKey(migration)),
    listRequests(store, migration),
    standingAlarms(store, migration),
    diskReading(store, migration),
    lastDigest(store, migration),
  ]);
  const lag = LagReadings.safeParse(stored?.value).data;
  return {
    migration,
    lag,
    fresh: lag !== undefined && clock.now() - lag.at < freshMs,
    requests: requests.map(({ action, state }) => ({ action, state })),
    alarms: new Map(alarmKinds.map((kind) => [kind, alarms.filter((key) => key.startsWith(kind)).length])),
    diskUsed:
      disk !== undefined && clock.now() - disk.at < diskGoodForMs ? (disk.used ?? undefined) : undefined,
    digestAt: digest?.at,
  };
}
