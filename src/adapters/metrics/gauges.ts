import { Gauge, type Registry } from "prom-client";
import { ActionName } from "#domain/action.ts";
import { bytesIn, type MigrationReadings, type WaveReading } from "#domain/switch/readings.ts";

/** What is not known has no series: a zero would be a claim. */

type Labels = Readonly<Record<string, string>>;

export type Gauges = {
  /** Replaces everything by what was read now; `undefined`: memory did not answer. */
  show(readings: readonly MigrationReadings[] | undefined): void;
  /** Jobs in the queue by state; `undefined`: Redis did not answer. */
  queue(jobs: Readonly<Record<string, number>> | undefined): void;
};

export function createGauges(registry: Registry): Gauges {
  const wave = waveGauges(registry);
  const migration = migrationGauges(registry);
  const up = gauge(registry, "mskferry_redis_up", "1 when Redis answered this scrape, else 0.", []);
  const jobs = gauge(registry, "mskferry_queue_jobs", "Jobs in the queue by state.", ["state"]);
  return {
    show(readings) {
      for (const each of [...Object.values(wave), ...Object.values(migration)]) each.reset();
      up.set(readings === undefined ? 0 : 1);
      for (const reading of readings ?? []) {
        showMigration(migration, reading);
        if (!reading.fresh) continue;
        for (const each of reading.lag?.waves ?? []) showWave(wave, reading.migration, each);
      }
    },
    queue(counts = {}) {
      jobs.reset();
      for (const [state, count] of Object.entries(counts)) jobs.set({ state }, count);
    },
  };
}

function gauge(registry: Registry, name: string, help: string, labelNames: readonly string[]) {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}

const ofWave = ["migration", "wave"];

function waveGauges(registry: Registry) {
  const of = (name: string, help: string, more: readonly string[] = []) =>
    gauge(registry, name, help, [...ofWave, ...more]);
  return {
    behind: of("mskferry_lag_records", "Records not yet copied; absent while any partition is unknown."),
    behindBytes: of(
      "mskferry_lag_bytes",
      "Records not yet copied, times the mean bytes of a record on disk.",
    ),
    seconds: of("mskferry_lag_seconds", "Age of the oldest record not yet copied."),
    partitions: of("mskferry_partitions", "Partitions of the wave."),
    unknown: of("mskferry_partitions_lag_unknown", "Partitions whose lag is not known."),
    broken: of("mskferry_partitions_broken", "Partitions that lost records or were created anew."),
    arriving: of("mskferry_arriving_records_per_second", "Records that arrive where the mirror reads."),
    copying: of("mskferry_copied_records_per_second", "Records that the mirror copies."),
    arrivingBytes: of(
      "mskferry_arriving_bytes_per_second",
      "What arrives, as on disk where the mirror reads.",
    ),
    copyingBytes: of(
      "mskferry_copied_bytes_per_second",
      "What the mirror copies, as on disk where it reads.",
    ),
    race: of("mskferry_retention_race_seconds", "Time until a record not yet copied would expire."),
    tasks: of("mskferry_tasks", "Tasks of the wave's mirror by state.", ["state"]),
    phase: of("mskferry_wave_phase", "1 for the phase that the wave is in.", ["phase"]),
    mirror: of("mskferry_mirror_state", "1 for the state that the wave's mirror is in.", ["state"]),
    topic: of("mskferry_topic_lag_records", "Records of a topic not yet copied; absent for many topics.", [
      "topic",
    ]),
    group: of("mskferry_group_lag_records", "Records on MSK that a group which has moved has not read.", [
      "group",
    ]),
  };
}

function migrationGauges(registry: Registry) {
  const of = (name: string, help: string, more: readonly string[] = []) =>
    gauge(registry, name, help, ["migration", ...more]);
  return {
    sweptAt: of("mskferry_lag_sweep_timestamp_seconds", "When lag was last read."),
    eta: of("mskferry_eta_seconds", "Time until everything is copied; absent when it is not catching up."),
    alarms: of("mskferry_alarms", "Alarms that stand, by kind.", ["kind"]),
    pending: of("mskferry_approvals_pending", "Requests that wait for people, by action.", ["action"]),
    runs: of("mskferry_runs", "Approved actions by how far they came.", ["action", "state"]),
    disk: of("mskferry_target_disk_used_ratio", "Share of the fullest known broker volume, 0 to 1."),
    digestAt: of("mskferry_digest_timestamp_seconds", "When the last digest was made."),
  };
}

function showWave(gauges: ReturnType<typeof waveGauges>, migration: string, reading: WaveReading): void {
  const { wave, phase, mirror, tasks, topics = {}, groups = {} } = reading;
  const labels = { migration, wave };
  set(gauges.behind, labels, reading.behind);
  set(gauges.seconds, labels, reading.seconds);
  gauges.partitions.set(labels, reading.partitions);
  gauges.unknown.set(labels, reading.unknown);
  gauges.broken.set(labels, reading.broken);
  set(gauges.arriving, labels, reading.arriving);
  set(gauges.copying, labels, reading.copying);
  set(gauges.behindBytes, labels, bytesIn(reading.behind, reading.recordBytes));
  set(gauges.arrivingBytes, labels, bytesIn(reading.arriving, reading.recordBytes));
  set(gauges.copyingBytes, labels, bytesIn(reading.copying, reading.recordBytes));
  set(gauges.race, labels, reading.retentionSeconds);
  gauges.phase.set({ ...labels, phase }, 1);
  if (mirror !== "unknown") gauges.mirror.set({ ...labels, state: mirror }, 1);
  for (const [state, count] of Object.entries(tasks ?? {})) {
    gauges.tasks.set({ ...labels, state: state.toLowerCase() }, count);
  }
  for (const [topic, behind] of Object.entries(topics)) set(gauges.topic, { ...labels, topic }, behind);
  for (const [group, behind] of Object.entries(groups)) set(gauges.group, { ...labels, group }, behind);
}

const pendingStates = new Set(["open", "approved"]);
const runStates = new Set(["executing", "done", "failed"]);

function showMigration(gauges: ReturnType<typeof migrationGauges>, reading: MigrationReadings): void {
  const { migration, lag, fresh, alarms, requests, diskUsed, digestAt } = reading;
  const labels = { migration };
  if (lag !== undefined) gauges.sweptAt.set(labels, lag.at / 1000);
  if (fresh) set(gauges.eta, labels, lag?.etaSeconds);
  for (const action of ActionName.options) gauges.pending.set({ migration, action }, 0);
  for (const [kind, count] of alarms) gauges.alarms.set({ migration, kind }, count);
  for (const { action, state } of requests) {
    if (pendingStates.has(state)) gauges.pending.inc({ migration, action });
    if (runStates.has(state)) gauges.runs.inc({ migration, action, state });
  }
  set(gauges.disk, labels, diskUsed);
  if (digestAt !== undefined) gauges.digestAt.set(labels, digestAt / 1000);
}

function set(gauge: Gauge, labels: Labels, value: number | null | undefined): void {
  if (value !== null && value !== undefined) gauge.set(labels, value);
}
