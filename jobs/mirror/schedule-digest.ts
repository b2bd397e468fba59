import { z } from "zod";
import type { JobOf, JobQueue } from "#domain/job.ts";
import type { Store } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { timeOfDay, zoneOf } from "#domain/wording.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";

/** Name of a migration's digest schedule in the queue. */
export function digestSchedule(migration: string): string {
  return `digest:${migration}`;
}

/** What somebody chose in the channel, and what ferry.yaml said then. */
const Choice = z.object({
  cron: z.string().optional(),
  timezone: z.string().optional(),
  file: z.string(),
});
type Choice = z.infer<typeof Choice>;

function choiceKey(migration: string): string {
  return `digest-schedule:${migration}`;
}

/** The schedule of ferry.yaml in one line: a choice of the channel's stands until this changes. */
function fileSchedule({ settings: { digest } }: Migration): string {
  return digest === undefined ? "" : `${digest.cron} ${digest.timezone}`;
}

async function readChoice(store: Store, migration: Migration): Promise<Choice | undefined> {
  const choice = Choice.safeParse((await store.read(choiceKey(migration.name)))?.value).data;
  return choice?.file === fileSchedule(migration) ? choice : undefined;
}

/** Turns the scheduled digest on (replacing the earlier schedule) or, without a cron expression, off. */
export async function scheduleDigest(job: JobOf<"schedule-digest">, work: Work): Promise<Outcome> {
  const { name, settings } = work.migration;
  const schedule = digestSchedule(name);
  const file = fileSchedule(work.migration);
  const chosen = await readChoice(work.store, work.migration);
  const before = (chosen === undefined ? file : chosen.cron) || "off";
  if (job.cron === undefined) {
    await work.store.write(choiceKey(name), { file });
    await work.queue.unschedule(schedule);
    await work.audit({ what: "digest.off", subject: schedule, before, after: "off", reason: "asked" });
    await finish("The scheduled digest is off. `/ferry digest on <cron>` turns it on again.", work);
    return done;
  }
  const zone = job.timezone ?? zoneOf(settings);
  const { next } = await work.queue.schedule(schedule, job.cron, zone, digestJob(name));
  await work.store.write(choiceKey(name), { file, cron: job.cron, timezone: zone });
  await work.audit({
    what: "digest.on",
    subject: schedule,
    before,
    after: job.cron,
    reason: "asked",
    detail: { cron: job.cron, timezone: zone },
  });
  const when = next === undefined ? "" : ` Next: ${timeOfDay(next, zone)}.`;
  await finish(`Digest at \`${job.cron}\` (${zone}).${when} Undo: \`/ferry digest off\`.`, work);
  return done;
}

/**
 * At a start: what the channel chose last, or else what ferry.yaml says. A choice ends when the schedule in ferry.yaml is
 * changed. Fails with `E_QUEUE` or `E_STORE`.
 */
export async function restoreDigest(migration: Migration, store: Store, queue: JobQueue): Promise<void> {
  const { cron, timezone } = (await readChoice(store, migration)) ?? migration.settings.digest ?? {};
  const schedule = digestSchedule(migration.name);
  if (cron === undefined) return await queue.unschedule(schedule);
  await queue.schedule(schedule, cron, timezone ?? zoneOf(migration.settings), digestJob(migration.name));
}

/** Whether digests are posted by themselves; with `onChange` those on a change of state, too. */
export async function isDigestOn(
  { store, migration }: Pick<Work, "store" | "migration">,
  why: "onChange",
): Promise<boolean> {
  const choice = await readChoice(store, migration);
  const isOn = choice === undefined ? migration.settings.digest !== undefined : choice.cron !== undefined;
  return isOn && migration.settings.digest?.[why] !== false;
}

function digestJob(migration: string) {
  return { name: "digest", migration, by: "schedule" } as const;
}

async function finish(text: string, work: Work): Promise<void> {
  const parts = [{ kind: "text", text } as const];
  await work.card.finish({ subject: `${work.migration.name} · digest`, tone: "done", parts });
}
