import { z } from "zod";
import type { Signer } from "#domain/audit/evidence-key.ts";
import { asFerryError, type FerryError } from "#domain/errors.ts";
import type { Job, JobName, JobOf, JobQueue } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import type { Charts, Chat, Clock, Log, Meter, Store, World } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { clockTime } from "#domain/wording.ts";
import { appendingTo } from "./audit/append.ts";
import { explainedDenial } from "./aws/refusals.ts";
import { type CardMemory, createCard, createCardMemory, type OwnCard } from "./card.ts";
import { done, type Handler, type Outcome, type Work } from "./work.ts";

export type Handlers = { readonly [N in JobName]: Handler<JobOf<N>> };

/** What every job shares; the composition root fills it in. */
export type Services = {
  readonly migrations: readonly Migration[];
  world(migration: Migration): Promise<World>;
  charts(migration: Migration): Charts;
  readonly store: Store;
  readonly chat: Chat;
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly log: Log;
  /** Signs exported evidence; absent: no key is set. */
  readonly signer?: Signer | undefined;
  /** Absent: nobody counts. */
  readonly meter?: Meter | undefined;
};

export type Attempt = { readonly id: string; readonly attempt: number; readonly signal: AbortSignal };

/**
 * The one boundary around every job: gives it its migration and its world, and turns whatever it throws into a message
 * with a code, what happened and what to do. Retryable failures are thrown on, so that the queue calls again.
 */
export function createJobs(
  services: Services,
  handlers: Handlers,
): (job: Job, attempt: Attempt) => Promise<Outcome> {
  const memory = createCardMemory();
  return async (job, attempt) => {
    const migration = services.migrations.find(({ name }) => name === job.migration);
    if (migration === undefined) {
      services.log.warn(
        { job: attempt.id, migration: job.migration },
        "job of a migration that is not configured",
      );
      return done;
    }
    const desk = prepare(services, migration, job, attempt, memory);
    const spell = createSpell(desk);
    try {
      const work = { ...desk, world: await services.world(migration), charts: services.charts(migration) };
      const outcome = await dispatch(job.name, job, handlers, work);
      if (attempt.attempt > 1) await overcome(job, outcome, desk, spell);
      return outcome;
    } catch (thrown) {
      const error = explainedDenial(asFerryError(thrown), desk);
      if (!attempt.signal.aborted) await tell(job, error, desk, spell);
      throw error;
    }
  };
}

/** Everything of a job but its outside world: enough to say that the world could not be opened. */
type Desk = Omit<Work, "world" | "charts" | "card"> & { readonly card: OwnCard };

function prepare(
  services: Services,
  migration: Migration,
  job: Job,
  attempt: Attempt,
  memory: CardMemory,
): Desk {
  const { store, chat, queue, clock, signer, meter } = services;
  const log = services.log.child({ migration: migration.name, job: job.name, id: attempt.id });
  const { channel } = migration.settings;
  return {
    jobId: attempt.id,
    migration,
    by: job.by,
    store,
    chat,
    queue,
    clock,
    signer,
    meter,
    log,
    card: createCard({ jobId: attempt.id, channel, by: job.by, chat, store, clock, log, memory }),
    signal: attempt.signal,
    audit: appendingTo({ store, clock, migration: migration.name, actor: job.by }),
  };
}

function dispatch<N extends JobName>(
  name: N,
  job: JobOf<N>,
  handlers: Handlers,
  work: Work,
): Promise<Outcome> {
  return handlers[name](job, work);
}

/** Jobs that nobody asked for in person: their retryable failures are alarms' business, not the channel's. */
const silent: ReadonlySet<JobName> = new Set(["watch", "review", "home"]);

/** Says it in the channel and the audit; a failure to say it is logged and never hides the failure itself. */
async function tell(job: Job, error: FerryError, desk: Desk, spell: Spell): Promise<void> {
  const { code, message, remedy, stack } = error;
  desk.log.warn({ code, error: message, remedy, stack }, "job attempt failed");
  if (silent.has(job.name) || code === "E_LEASE_LOST") return;
  const since = await spell.note(job.name, error).catch((unsaid: unknown) => {
    logUnsaid(desk.log, unsaid, "a failure could not be recorded");
    return undefined;
  });
  try {
    if (error.retryable) await desk.card.update(failure(job, error, desk, since));
    else await desk.card.finish(failure(job, error, desk, since));
  } catch (unsaid) {
    logUnsaid(desk.log, unsaid, "a failure could not be reported");
  }
}

/** What failed has worked: a card that still says that it waits, because nothing else was to be said, says so. */
async function overcome(job: Job, outcome: Outcome, desk: Desk, spell: Spell): Promise<void> {
  const since = await spell.end();
  if (since === undefined || outcome.kind === "again" || silent.has(job.name)) return;
  const now = desk.clock.now();
  const text = `It waited since ${moment(since, now)} and went on at ${clockTime(now)}.`;
  const subject = `${desk.migration.name} · ${job.name}`;
  await desk.card
    .amend({ subject, tone: "done", parts: [{ kind: "text", text }] })
    .catch((unsaid: unknown) => logUnsaid(desk.log, unsaid, "the end of a failure could not be said"));
}

function logUnsaid(log: Log, unsaid: unknown, what: string): void {
  const { code, message, remedy } = asFerryError(unsaid);
  log.error({ code, error: message, remedy }, what);
}

/** `since`: the first failure of this spell, in ms since the epoch; `undefined` when the store does not say. */
function failure(job: Job, error: FerryError, desk: Desk, since: number | undefined): Message {
  const waiting = since === undefined ? "waiting" : `waiting since ${moment(since, desk.clock.now())}`;
  return {
    subject: `${desk.migration.name} · ${job.name}`,
    tone: error.retryable ? "waiting" : "failed",
    note: error.retryable ? `${waiting}, tries again by itself` : `stopped at ${clockTime(desk.clock.now())}`,
    parts: [
      { kind: "text", text: `\`${error.code}\` ${error.message}` },
      { kind: "text", text: `Do: ${error.remedy}` },
      ...(error.code === "E_INTERNAL" ? [{ kind: "note", text: `job ${desk.jobId}` } as const] : []),
    ],
  };
}

/** The time alone is enough on the same day (UTC). */
function moment(at: number, now: number): string {
  const day = new Date(at).toISOString().slice(0, 10);
  return day === new Date(now).toISOString().slice(0, 10) ? clockTime(at) : `${day} ${clockTime(at)}`;
}

const Remembered = z.object({ since: z.number(), codes: z.array(z.string()) });

/** A job's failures in a row: it is audited once per code, and ends with a success or with the job. */
type Spell = {
  /** Returns when the spell began, in ms since the epoch. Fails with `E_STORE`. */
  note(job: JobName, error: FerryError): Promise<number>;
  /** Returns when it began, if there was one and the store tells. */
  end(): Promise<number | undefined>;
};

function createSpell({ jobId, store, clock, log, audit }: Desk): Spell {
  const key = `spell:${jobId}`;

  async function end(): Promise<number | undefined> {
    try {
      const stored = Remembered.safeParse((await store.read(key))?.value);
      if (stored.success) await store.remove(key);
      return stored.data?.since;
    } catch (unsaid) {
      // What is left behind is only a note: the job's success stands.
      logUnsaid(log, unsaid, "the end of a failure could not be recorded");
      return undefined;
    }
  }

  return {
    end,
    async note(job, error) {
      const stored = Remembered.safeParse((await store.read(key))?.value);
      const known = stored.success ? stored.data : { since: clock.now(), codes: [] };
      if (!known.codes.includes(error.code)) {
        // Its time first, the entry, then that there is one: after a crash in between the entry's key is the same.
        if (!stored.success) await store.write(key, known);
        await audit({
          what: "job.failed",
          key: `failed:${jobId}:${known.since}:${error.code}`,
          subject: jobId,
          reason: error.code,
          detail: { job, message: error.message },
        });
        await store.write(key, { since: known.since, codes: [...known.codes, error.code] });
      }
      if (!error.retryable) await end();
      return known.since;
    },
  };
}
