import type { JobOf } from "#domain/job.ts";
import { timeOfDay, zoneOf } from "#domain/wording.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";

/** Name of a migration's digest schedule in the queue. */
export function digestSchedule(migration: string): string {
  return `digest:${migration}`;
}

/** Turns the scheduled digest on (replacing the earlier schedule) or, without a cron expression, off. */
export async function scheduleDigest(job: JobOf<"schedule-digest">, work: Work): Promise<Outcome> {
  const { name, settings } = work.migration;
  const schedule = digestSchedule(name);
  if (job.cron === undefined) {
    await work.queue.unschedule(schedule);
    await work.audit({ what: "digest.off" });
    await finish("The scheduled digest is off. `/ferry digest on <cron>` turns it on again.", work);
    return done;
  }
  const zone = job.timezone ?? zoneOf(settings);
  const digest = { name: "digest", migration: name, by: "schedule" } as const;
  const { next } = await work.queue.schedule(schedule, job.cron, zone, digest);
  await work.audit({ what: "digest.on", detail: { cron: job.cron, timezone: zone } });
  const when = next === undefined ? "" : ` Next: ${timeOfDay(next, zone)}.`;
  await finish(`Digest at \`${job.cron}\` (${zone}).${when} Undo: \`/ferry digest off\`.`, work);
  return done;
}

async function finish(text: string, work: Work): Promise<void> {
  const parts = [{ kind: "text", text } as const];
  await work.card.finish({ subject: `${work.migration.name} · digest`, tone: "done", parts });
}
