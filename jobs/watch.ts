import { asFerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { reviewOpenRequests } from "./approval/open-requests.ts";
import { keepAudit } from "./audit/retention.ts";
import { refreshHomes } from "./home.ts";
import { rememberStandings } from "./home-standing.ts";
import { digestOnChange } from "./mirror/digest-on-change.ts";
import { lagPoints, sampleLag } from "./mirror/migration-lag.ts";
import { profileRates } from "./mirror/rate-profile.ts";
import { rememberReadings } from "./mirror/readings.ts";
import { mirroringKey } from "./mirror/replicate.ts";
import { replicationAlarms } from "./mirror/replication-alarms.ts";
import { restartFailed } from "./mirror/restart-failed.ts";
import { sayRetention } from "./mirror/retention-alarms.ts";
import { watchRetention } from "./mirror/retention-watch.ts";
import { watchReturned } from "./mirror/returned-watch.ts";
import { watchStandby } from "./mirror/standby-watch.ts";
import { measureRecords } from "./mirror/throughput.ts";
import { sampleLoad } from "./plan-load.ts";
import { liftExpiredFences } from "./switch/fence-sweep.ts";
import { done, type Outcome, type Work } from "./work.ts";

/**
 * Every few seconds, at each start and reconnect: looks at standbys, forsaken fences and open requests, samples lag,
 * raises and clears alarms.
 */
export async function watch(_job: JobOf<"watch">, work: Work): Promise<Outcome> {
  // First, and neither throws: a producer that writes where it should not is to be named within 30 s, and a dead run's
  // fence is to go, whatever fails in the rest.
  await watchStandby(work);
  await watchReturned(work);
  await liftExpiredFences(work);
  await reviewOpenRequests(work);
  await keepAudit(work);
  await sampleLoad(work);
  if ((await work.store.read(mirroringKey(work.migration.name))) === undefined) {
    await refreshHomes(work);
    return done;
  }
  try {
    const failed = await restartFailed(work);
    const began = work.clock.now();
    const lag = await sampleLag(work);
    work.meter?.swept(work.migration.name, work.clock.now() - began);
    const points = await lagPoints(work);
    const retention = await watchRetention(lag, work);
    await rememberStandings(lag, work);
    await rememberReadings(lag, retention, work);
    await refreshHomes(work);
    await sayRetention(retention, lag, work);
    await replicationAlarms(lag, points, work, failed);
    await profileRates(lag, work);
    await measureRecords(lag, work);
    await digestOnChange(lag, work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "lag could not be sampled");
  }
  return done;
}
