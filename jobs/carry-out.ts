import { asFerryError, type FerryError } from "#domain/errors.ts";
import type { Job, JobName, JobOf, JobQueue } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import type { Charts, Chat, Clock, Log, Store, World } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { clockTime } from "#domain/wording.ts";
import { createCard } from "./card.ts";
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
  return async (job, attempt) => {
    const migration = services.migrations.find(({ name }) => name === job.migration);
    if (migration === undefined) {
      services.log.warn(
        { job: attempt.id, migration: job.migration },
        "job of a migration that is not configured",
      );
      return done;
    }
    const work = await prepare(services, migration, job, attempt);
    try {
      return await dispatch(job.name, job, handlers, work);
    } catch (thrown) {
      const error = asFerryError(thrown);
      if (!attempt.signal.aborted) await tell(job, error, attempt, work);
      throw error;
    }
  };
}

async function prepare(services: Services, migration: Migration, job: Job, attempt: Attempt): Promise<Work> {
  const { store, chat, queue, clock } = services;
  const log = services.log.child({ migration: migration.name, job: job.name, id: attempt.id });
  const { channel } = migration.settings;
  return {
    jobId: attempt.id,
    migration,
    by: job.by,
    world: await services.world(migration),
    store,
    chat,
    charts: services.charts(migration),
    queue,
    clock,
    log,
    card: createCard({ jobId: attempt.id, channel, chat, store, clock, log }),
    signal: attempt.signal,
    audit: async (entry) => {
      const at = new Date(clock.now()).toISOString();
      await store.audit({ at, actor: job.by, migration: migration.name, ...entry });
    },
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
const silent: ReadonlySet<JobName> = new Set(["watch", "review"]);

/** Says it in the channel; a failure to say it is logged and never hides the failure itself. */
async function tell(job: Job, error: FerryError, attempt: Attempt, work: Work): Promise<void> {
  work.log.warn({ code: error.code, error: error.message, stack: error.stack }, "job attempt failed");
  if (silent.has(job.name) || error.code === "E_LEASE_LOST") return;
  const message = failure(job, error, work);
  try {
    if (error.retryable) await work.card.update(message);
    else await work.card.finish(message);
    await work.audit({
      what: "job.failed",
      reason: error.code,
      detail: { job: job.name, message: error.message },
    });
  } catch (unsaid) {
    work.log.error({ code: asFerryError(unsaid).code, job: attempt.id }, "a failure could not be reported");
  }
}

function failure(job: Job, error: FerryError, work: Work): Message {
  const at = clockTime(work.clock.now());
  return {
    subject: `${work.migration.name} · ${job.name}`,
    tone: error.retryable ? "waiting" : "failed",
    note: error.retryable ? `waiting since ${at}, tries again by itself` : `stopped at ${at}`,
    parts: [
      { kind: "text", text: `\`${error.code}\` ${error.message}` },
      { kind: "text", text: `Do: ${error.remedy}` },
      ...(error.code === "E_INTERNAL" ? [{ kind: "note", text: `job ${work.jobId}` } as const] : []),
    ],
  };
}
