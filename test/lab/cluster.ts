import { type Connect, startConnect } from "./connect.ts";
import { createRunFolder, type RunFolder } from "./folders.ts";
import { type Broker, type BrokerSecurity, startBroker } from "./kafka.ts";
import { freePort, type Log } from "./process.ts";
import { type Redis, startRedis } from "./redis.ts";

export interface ClustersOptions {
  readonly log: Log;
  /** Whether Redis keeps its data over a kill. */
  readonly persistence?: boolean;
  /** `acl` when not given. */
  readonly source?: BrokerSecurity;
  /** `open` when not given, as Connect needs the target's PLAINTEXT listener. */
  readonly target?: Exclude<BrokerSecurity, "closed">;
  /** Aborted: the start ends, everything is stopped and the run folder is removed. */
  readonly signal?: AbortSignal;
}

export interface Clusters extends AsyncDisposable {
  /** Logs and data of this run; removed by `stop`. */
  readonly runFolder: RunFolder;
  /** Kafka 3.9. */
  readonly source: Broker;
  /** Kafka 4.1. */
  readonly target: Broker;
  readonly connect: Connect;
  readonly redis: Redis;
  /** Stops everything and removes the run folder. Safe to call twice. */
  stop(): Promise<void>;
}

/** The data are thrown away: what does not stop in this time is killed. */
const stopDeadlineMs = 3000;

/**
 * Starts source, target, Connect and Redis side by side. When one fails the others are stopped, the run folder is kept and
 * the first failure is thrown.
 */
export async function startClusters(options: ClustersOptions): Promise<Clusters> {
  const { log, persistence = false, signal } = options;
  const runFolder = await createRunFolder(log);
  const started = new AsyncDisposableStack();
  const failure = new AbortController();
  const ending = signal ? AbortSignal.any([failure.signal, signal]) : failure.signal;
  const shared = { runFolder: runFolder.path, log, signal: ending };

  /** Registers what has started at once, and lets the first failure end the waiting of all. */
  async function begin<T extends Stoppable>(starting: Promise<T>): Promise<T> {
    try {
      const service = await starting;
      started.defer(async () => await service.stop(stopDeadlineMs));
      return service;
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  }

  const targetPort = await freePort();
  const starting = [
    begin(startBroker({ ...shared, name: "source", version: "3.9", security: options.source ?? "acl" })),
    begin(
      startBroker({
        ...shared,
        name: "target",
        version: "4.1",
        security: options.target ?? "open",
        port: targetPort,
      }),
    ),
    begin(startConnect({ ...shared, bootstrap: `127.0.0.1:${targetPort}`, exactlyOnce: true })),
    begin(startRedis({ ...shared, persistence })),
  ] as const;
  try {
    const [source, target, connect, redis] = await Promise.all(starting);
    const stop = once(async () => {
      await started.disposeAsync();
      await runFolder.remove();
    });
    return { runFolder, source, target, connect, redis, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await Promise.allSettled(starting);
    await started.disposeAsync();
    if (signal?.aborted) await runFolder.remove();
    else await runFolder.keep(error instanceof Error ? error.message : String(error));
    throw ending.reason;
  }
}

interface Stoppable {
  stop(deadlineMs?: number): Promise<void>;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return async () => await (done ??= work());
}
