import { randomBytes } from "node:crypto";
import {
  type Job as BullJob,
  DelayedError,
  getNextMillis,
  type JobsOptions,
  type Processor,
  Queue,
  UnrecoverableError,
  Worker,
} from "bullmq";
import { Redis } from "ioredis";
import { asFerryError, catalogue, FerryError } from "#domain/errors.ts";
import { Job, type JobQueue } from "#domain/job.ts";
import type { Clock, Log } from "#domain/ports.ts";
import { logOutages, type Outages, troubleOf } from "./redis-outages.ts";

/**
 * The only file that knows BullMQ. Jobs are delivered at least once; what must happen once is guarded by the store.
 * A job that is thrown back by a retryable error is tried again for ever, at most 30 s apart: the world comes back.
 */

export type Outcome = { readonly kind: "done" } | { readonly kind: "again"; readonly ms: number };

export type JobContext = {
  readonly id: string;
  /** 1 for the first time that the job is started. */
  readonly attempt: number;
  /** Aborted when this worker stops or has lost the job to another one. */
  readonly signal: AbortSignal;
};

const queueName = "work";
const addDeadlineMs = 2000;
/** Longer than a signature of Slack's is good for, to either side. */
const onceMs = 660_000;
const closeDeadlineMs = 10_000;
const longestPauseMs = 30_000;
const keep: JobsOptions = {
  attempts: 1_000_000,
  backoff: { type: "custom" },
  removeOnComplete: { age: 7 * 86_400, count: 1000 },
  removeOnFail: { age: 30 * 86_400, count: 1000 },
};

/** Pause before the next try, in ms: 0.5 s, 1 s, 2 s … 30 s. */
export function pauseAfter(attempts: number): number {
  return Math.min(longestPauseMs, 250 * 2 ** Math.min(attempts, 10));
}

export type OpenQueue = JobQueue & {
  depth(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
};

/** Opens the side that adds. `prefix` is a Redis hash tag, such as `{ferry}`. */
export function openQueue(options: {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly outages?: Outages;
}): OpenQueue {
  const { redisUrl, prefix, log, clock, outages = logOutages(log) } = options;
  // Never queued for a Redis that is away: "not queued" must stay true.
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(50 * times, 1000),
  });
  outages.watch(redis);
  const queue = new Queue<unknown>(queueName, { prefix, connection: redis, defaultJobOptions: keep });
  outages.listen(queue, "queue");

  const within = deadlineOn(redis, clock);

  async function add(job: Job, how: Parameters<JobQueue["add"]>[1] = {}): Promise<string> {
    const id = how.id?.replaceAll(":", "-") ?? `${job.name}-${randomBytes(5).toString("hex")}`;
    // A person was told that nothing was queued: a job that Redis took too late is taken out again.
    const late = how.id === undefined ? takeBack(id, log) : undefined;
    const delay = how.delayMs === undefined ? {} : { delay: Math.max(0, how.delayMs) };
    const once = how.once === undefined ? {} : { deduplication: { id: how.once, ttl: onceMs } };
    const taken = await within(
      how.deadlineMs ?? addDeadlineMs,
      async () => {
        if (how.revive === true) await forgetEnded(queue, id);
        return await queue.add(job.name, job, { jobId: id, ...delay, ...once });
      },
      late,
    );
    return taken.id ?? id;
  }

  return {
    add,
    async schedule(name, cron, timezone, job) {
      const next = nextRun(cron, timezone, clock.now());
      await within(addDeadlineMs, async () => {
        if (await isScheduled(queue, name, cron, timezone)) return;
        const template = { name: job.name, data: job, opts: keep };
        await queue.upsertJobScheduler(name, { pattern: cron, tz: timezone }, template);
      });
      return { next };
    },
    async every(name, ms, job) {
      const template = { name: job.name, data: job, opts: keep };
      await within(addDeadlineMs, () => queue.upsertJobScheduler(name, { every: ms }, template));
    },
    async unschedule(name) {
      await within(addDeadlineMs, () => queue.removeJobScheduler(name));
    },
    depth: () => within(addDeadlineMs, () => depthOf(queue)),
    async close() {
      await settledWithin(queue.close(), 2000);
      redis.disconnect();
    },
  };
}

/**
 * Whether this very schedule is there and its next job waits. Set anew at each start it would lose the job that became
 * due while nobody worked.
 */
async function isScheduled(
  queue: Queue<unknown>,
  name: string,
  cron: string,
  timezone: string,
): Promise<boolean> {
  const known = await queue.getJobScheduler(name);
  if (known?.pattern !== cron || known.tz !== timezone || known.next === undefined) return false;
  const state = await queue.getJobState(`repeat:${name}:${known.next}`);
  return state === "delayed" || state === "waiting";
}

/** Jobs by state: waiting to be taken, at work, due later (schedules and retries), given up. */
async function depthOf(queue: Queue<unknown>): Promise<Readonly<Record<string, number>>> {
  const counts = await queue.getJobCounts("wait", "prioritized", "active", "delayed", "failed");
  const { wait = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
  return { waiting: wait + prioritized, active, delayed, failed };
}

/** Starts the side that works. The job that Redis hands back is parsed again: it may be from another release. */
export function startWorker(options: {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly log: Log;
  readonly run: (job: Job, context: JobContext) => Promise<Outcome>;
  readonly concurrency: number;
  readonly outages?: Outages;
}): { close(deadlineMs?: number): Promise<void> } {
  const { redisUrl, prefix, log, run, concurrency, outages = logOutages(log) } = options;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  outages.watch(redis);
  const stopping = new AbortController();

  const worker = new Worker<unknown>(queueName, processor(run, stopping.signal, log), {
    connection: redis,
    prefix,
    concurrency,
    lockDuration: 15_000,
    stalledInterval: 5000,
    // A killed worker's job is picked up again, however often that happens.
    maxStalledCount: 1_000_000,
    settings: { backoffStrategy: (attempts) => pauseAfter(attempts) },
  });
  outages.listen(worker, "worker");
  worker.on("lockRenewalFailed", (ids: string[]) => {
    for (const id of ids) worker.cancelJob(id, "the lock on this job was lost");
  });

  return {
    async close(deadlineMs = closeDeadlineMs) {
      stopping.abort(new FerryError("E_QUEUE", "this worker stops; another one goes on"));
      // A Redis that is away takes no last word; what was active is picked up as stalled.
      const away = redis.status !== "ready";
      const ended = !away && (await settledWithin(worker.close(), deadlineMs));
      if (away) await settledWithin(worker.close(true), 1000);
      else if (!ended) {
        log.warn({ deadlineMs }, "jobs still active at the deadline; they will be picked up as stalled");
        await settledWithin(worker.close(true), 1000);
      }
      redis.disconnect();
    },
  };
}

/** What BullMQ calls: an attempt that asks to be called again is delayed without counting as a failure. */
function processor(
  run: (job: Job, context: JobContext) => Promise<Outcome>,
  stopping: AbortSignal,
  log: Log,
): Processor<unknown, void> {
  async function attempt(bull: BullJob<unknown>, context: JobContext): Promise<Outcome> {
    const parsed = Job.safeParse(bull.data);
    if (!parsed.success) {
      const { remedy } = catalogue.E_INTERNAL;
      const fields = { job: context.id, code: "E_INTERNAL", error: parsed.error.message, remedy };
      log.error(fields, "job cannot be read");
      throw new UnrecoverableError(`job ${context.id} cannot be read: ${parsed.error.message}`);
    }
    try {
      return await run(parsed.data, context);
    } catch (thrown) {
      // Stopped, not failed: another worker goes on with it.
      if (stopping.aborted) return { kind: "again", ms: 0 };
      throw asQueueError(thrown, context, log);
    }
  }

  return async (bull: BullJob<unknown>, token?: string, cancelled?: AbortSignal): Promise<void> => {
    const signals = cancelled === undefined ? [stopping] : [stopping, cancelled];
    const context = {
      id: bull.id ?? bull.name,
      attempt: bull.attemptsStarted,
      signal: AbortSignal.any(signals),
    };
    const outcome = await attempt(bull, context);
    if (outcome.kind === "done") return;
    await bull.moveToDelayed(Date.now() + outcome.ms, token);
    throw new DelayedError();
  };
}

function asQueueError(thrown: unknown, context: JobContext, log: Log): Error {
  const error = asFerryError(thrown);
  const { code, message, remedy } = error;
  const fields = { job: context.id, attempt: context.attempt, code, error: message, remedy };
  if (error.retryable) {
    log.warn(fields, "job is tried again");
    return error;
  }
  log.error({ ...fields, stack: error.stack }, "job failed");
  return new UnrecoverableError(`${error.code}: ${error.message}`);
}

/** Milliseconds since the epoch of the next run; `E_USAGE` when cron or time zone cannot be read. */
function nextRun(cron: string, timezone: string, now: number): number | undefined {
  try {
    void new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (cause) {
    throw new FerryError("E_USAGE", `"${timezone}" is not a time zone such as Europe/Paris`, { cause });
  }
  try {
    return getNextMillis(now, { pattern: cron, tz: timezone });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FerryError("E_USAGE", `"${cron}" is not a cron expression: ${why}`, { cause });
  }
}

/** Made once: an error of its own for each job would cost more than the rest of it. */
const answered = new FerryError("E_QUEUE", "answered");

/** `E_QUEUE` when Redis is not there or does not answer in time; `late` gets an answer that came after that. */
function deadlineOn(redis: Redis, clock: Clock) {
  return async <T>(deadlineMs: number, action: () => Promise<T>, late?: (value: T) => void): Promise<T> => {
    const stop = new AbortController();
    const started = untilReady(redis, stop.signal).then(action);
    const expiry = clock.sleep(deadlineMs, stop.signal).then(() => {
      throw new Error(`no answer within ${deadlineMs} ms`);
    });
    try {
      return await Promise.race([started, expiry]);
    } catch (cause) {
      if (cause instanceof FerryError) throw cause;
      if (late !== undefined) void started.then(late, () => undefined);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FerryError("E_QUEUE", `Redis did not take the job: ${why}`, { cause });
    } finally {
      stop.abort(answered);
      void expiry.catch(() => undefined);
    }
  };
}

/** BullMQ keeps ended jobs and takes a new one of the same id for them. */
async function forgetEnded(queue: Queue<unknown>, id: string): Promise<void> {
  const earlier = await queue.getJob(id);
  if (earlier === undefined) return;
  if ((await earlier.isFailed()) || (await earlier.isCompleted())) await earlier.remove();
}

/** Not one that somebody else has added for the same. */
function takeBack(id: string, log: Log): (job: BullJob<unknown>) => void {
  return (job) => {
    if (job.id !== id) return;
    void job.remove().catch((error: unknown) => {
      const fields = { job: job.id, ...troubleOf(error) };
      log.warn(fields, "a job that was queued too late could not be removed");
    });
  };
}

/** One listener for all who wait: BullMQ sets a limit of its own on the connection. */
const becomingReady = new WeakMap<Redis, Promise<void>>();

async function untilReady(redis: Redis, signal: AbortSignal): Promise<void> {
  if (redis.status === "ready") return;
  const known = becomingReady.get(redis);
  const { promise, resolve } = Promise.withResolvers<void>();
  if (known === undefined) {
    becomingReady.set(redis, promise);
    redis.once("ready", () => {
      becomingReady.delete(redis);
      resolve();
    });
  }
  await (known ?? promise);
  // Whoever was told that Redis did not take it must not find it done later.
  signal.throwIfAborted();
}

/** True when it ended, well or badly, within the time. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const ended = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([ended, expired]);
  } finally {
    clearTimeout(timer);
  }
}
