import { Redis } from "ioredis";
import { FerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";

/** A connection whose calls end: within `patienceMs` there is an answer or `E_STORE`. Reconnects by itself. */
export type Connection = {
  readonly call: <T>(action: (redis: Redis) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

/** Tells one outage once, however many connections see it. */
export type Outages = { watch(connection: Redis): void };

export function connect(options: {
  readonly url: string;
  readonly log: Log;
  readonly patienceMs?: number;
  readonly outages?: Outages | undefined;
}): Connection {
  const { url, log, patienceMs = 3000, outages } = options;
  // A command that timed out must not be carried out later: nothing is queued or sent again behind our back.
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: patienceMs,
    connectTimeout: patienceMs,
    retryStrategy: (times) => Math.min(50 * times, 1000),
  });
  redis.setMaxListeners(0); // every waiting call listens for "ready"
  if (outages === undefined) logOutages(redis, log);
  else outages.watch(redis);

  async function call<T>(action: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      await untilReady(redis, patienceMs);
      return await action(redis);
    } catch (cause) {
      if (cause instanceof FerryError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FerryError("E_STORE", `Redis did not answer: ${why}`, { cause });
    }
  }

  async function close(): Promise<void> {
    if (redis.status !== "ready") return redis.disconnect();
    await redis.quit().catch(() => redis.disconnect());
  }

  return { call, close };
}

/** One line when Redis goes away and one when it is back, not one per attempt. */
function logOutages(redis: Redis, log: Log): void {
  let down = false;
  redis.on("error", (error: Error) => {
    if (down) return;
    down = true;
    log.warn({ error: error.message }, "redis is not reachable");
  });
  redis.on("ready", () => {
    if (down) log.info({}, "redis is back");
    down = false;
  });
}

async function untilReady(redis: Redis, patienceMs: number): Promise<void> {
  if (redis.status === "ready") return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`no connection within ${patienceMs} ms`)), patienceMs);
  const onReady = () => resolve();
  redis.once("ready", onReady);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    redis.off("ready", onReady);
  }
}
