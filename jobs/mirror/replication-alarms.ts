import { asFerryError } from "#domain/errors.ts";
import type { LagPoint } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";
import { type Alarm, clearAlarm, raiseAlarm, standingAlarms } from "./alarm-message.ts";
import { alarmsOf, diskKey, risingKey } from "./alarms-of.ts";
import { destinationAlarms } from "./destination-away.ts";
import type { MigrationLag } from "./migration-lag.ts";
import { type DiskReading, watchTargetDisk } from "./target-disk.ts";

/** Alarms of others, who clear them themselves. */
const others = ["rogue:", "retention-race:", "records-lost:"];

const leaseMs = 60_000;

/**
 * Raises, changes and clears. What could not be read is neither raised nor cleared. Two processes that watch at once
 * leave it to the one that holds the lease.
 */
export async function replicationAlarms(
  lag: MigrationLag,
  points: readonly LagPoint[],
  work: Work,
  more: readonly Alarm[] = [],
): Promise<void> {
  const lease = await work.store
    .acquire(`alarms:${work.migration.name}`, work.jobId, leaseMs)
    .catch((thrown: unknown) => {
      if (asFerryError(thrown).code === "E_LEASE") return undefined;
      throw thrown;
    });
  if (lease === undefined) return;
  try {
    const disk = await watchTargetDisk(work);
    const standing = await standingAlarms(work.store, work.migration.name);
    const { alarms: rules } = work.migration.settings;
    const away = await destinationAlarms(lag, work);
    const found = alarmsOf({ lag, points, disk, standing: new Set(standing) }, rules);
    // One alarm a key: whoever knows more has the last word.
    const alarms = [...new Map([...away, ...found, ...more].map((alarm) => [alarm.key, alarm])).values()];
    for (const alarm of alarms) await raiseAlarm(alarm, work);
    const lasting = new Set(alarms.map(({ key }) => key));
    const over = standing.filter(
      (key) => !lasting.has(key) && !others.some((other) => key.startsWith(other)),
    );
    for (const key of over) if (isReadable(key, lag, disk)) await clearAlarm(key, work);
  } finally {
    await work.store.release(lease).catch(() => undefined);
  }
}

/** Nothing is cleared on a reading that could not be taken. */
function isReadable(key: string, lag: MigrationLag, disk: DiskReading): boolean {
  if (key.startsWith("unreadable:")) return true;
  if (key === risingKey) return lag.point.behind !== null;
  if (key === diskKey) return disk.used !== null;
  const flow = key.slice(key.indexOf(":") + 1);
  return lag.waves.every(({ flow: { name }, failure }) => name !== flow || failure === undefined);
}
