import { setMaxListeners } from "node:events";
import { parseArgs } from "node:util";
import { createCharts } from "#adapters/chart.ts";
import { systemClock } from "#adapters/clock.ts";
import { createRedisStore } from "#adapters/redis/store.ts";
import { createSlack } from "#adapters/slack/slack.ts";
import { render } from "#commands/blocks.ts";
import { createCommands } from "#commands/index.ts";
import { type Config, loadConfig, processEnvironment } from "#config";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { JobQueue } from "#domain/job.ts";
import type { Chat, Log, MessageRef, Store } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { requestAt } from "#jobs/approval/request-store.ts";
import { createJobs } from "#jobs/carry-out.ts";
import { handlers } from "#jobs/index.ts";
import { digestSchedule } from "#jobs/mirror/schedule-digest.ts";
import { createLog } from "#log";
import { openQueue, startWorker } from "#queue";
import { createWorlds, openWorld } from "./world.ts";

/** The composition root: reads the settings, builds every adapter, hands ports to commands and jobs, stops in reverse. */

const redisPrefix = "{ferry}";
/** How often open requests are reviewed, lag is sampled and alarms are checked, in ms. */
const watchEveryMs = 15_000;

type Parts = { readonly chat: boolean; readonly worker: boolean };

async function start(parts: Parts, config: Config, log: Log): Promise<AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  try {
    const { environment, migrations } = config;
    const store = createRedisStore({
      url: environment.REDIS_URL,
      prefix: `${redisPrefix}:`,
      clock: systemClock,
      log,
    });
    stack.defer(() => store.close());
    const queue = openQueue({
      redisUrl: environment.REDIS_URL,
      prefix: redisPrefix,
      clock: systemClock,
      log,
    });
    stack.defer(() => queue.close());
    const slack = createSlack({
      botToken: environment.SLACK_BOT_TOKEN,
      appToken: environment.SLACK_APP_TOKEN,
      signingSecret: environment.SLACK_SIGNING_SECRET,
      apiUrl: environment.SLACK_API_URL,
      port: environment.PORT,
      render,
      log,
      clock: systemClock,
    });
    stack.defer(() => slack.stop());
    if (parts.worker) await startWork({ config, store, queue, chat: slack.chat, log, stack });
    if (parts.chat) {
      await slack.start({
        onCommand: createCommands({ migrations, queue, people: slack.chat, log }),
        onReaction: ({ ref }) => review(ref, store, queue, migrations),
        onMessageDeleted: (ref) => review(ref, store, queue, migrations),
        onReconnect: () => watchAll(queue, migrations),
      });
    }
    log.info({ migrations: migrations.map(({ name }) => name), ...parts }, "msk-ferry is ready");
    return stack.move();
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

type WorkNeed = {
  readonly config: Config;
  readonly store: Store;
  readonly queue: JobQueue;
  readonly chat: Chat;
  readonly log: Log;
  readonly stack: AsyncDisposableStack;
};

async function startWork({ config, store, queue, chat, log, stack }: WorkNeed): Promise<void> {
  const { migrations } = config;
  const inherited = inheritable();
  const { world, close } = createWorlds((migration) =>
    openWorld(migration, { config, chat, clock: systemClock, log, inherited }),
  );
  stack.defer(close);
  const run = createJobs(
    {
      migrations,
      world,
      charts: ({ settings }) => createCharts(settings.digest?.timezone ?? "UTC"),
      store,
      chat,
      queue,
      clock: systemClock,
      log,
    },
    handlers,
  );
  const worker = startWorker({
    redisUrl: config.environment.REDIS_URL,
    prefix: redisPrefix,
    log,
    run,
    concurrency: 8,
  });
  stack.defer(() => worker.close());
  for (const migration of migrations) {
    await queue.every(`watch-${migration.name}`, watchEveryMs, {
      name: "watch",
      migration: migration.name,
      by: "schedule",
    });
    await scheduleDigest(migration, queue);
  }
}

/** A schedule written in ferry.yaml; `/ferry digest on|off` changes it until the next start. */
async function scheduleDigest({ name, settings }: Migration, queue: JobQueue): Promise<void> {
  if (settings.digest === undefined) return;
  const { cron, timezone } = settings.digest;
  await queue.schedule(digestSchedule(name), cron, timezone, {
    name: "digest",
    migration: name,
    by: "schedule",
  });
}

/** A reaction or a deletion is only a hint: the review reads everything back from Slack. */
async function review(
  ref: MessageRef,
  store: Store,
  queue: JobQueue,
  migrations: readonly Migration[],
): Promise<void> {
  const migration = migrations.find(({ settings }) => settings.channel === ref.channel);
  if (migration === undefined) return;
  const request = await requestAt(store, migration.name, ref.ts);
  if (request === undefined) return;
  await queue.add({ name: "review", migration: migration.name, by: "slack", request });
}

/** Events may have been missed: everything that waits is looked at again. */
async function watchAll(queue: JobQueue, migrations: readonly Migration[]): Promise<void> {
  for (const { name } of migrations) await queue.add({ name: "watch", migration: name, by: "reconnect" });
}

/** What switch commands get from this process: enough to run, none of its secrets. */
function inheritable(): Record<string, string | undefined> {
  const { PATH, HOME, LANG, TZ, KUBECONFIG } = processEnvironment();
  return Object.fromEntries(
    Object.entries({ PATH, HOME, LANG, TZ, KUBECONFIG }).filter(([, value]) => value !== undefined),
  );
}

function readParts(only: string | undefined): Parts {
  if (only === undefined) return { chat: true, worker: true };
  if (only === "chat") return { chat: true, worker: false };
  if (only === "worker") return { chat: false, worker: true };
  throw new FerryError("E_SETTINGS", `--only: saw "${only}"; allowed are chat and worker.`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string" }, check: { type: "boolean", default: false } },
  });
  const config = await loadConfig(processEnvironment());
  if (values.check) {
    process.stdout.write(`Settings are usable: ${config.migrations.map(({ name }) => name).join(", ")}.\n`);
    return;
  }
  const log = createLog(config.environment.LOG_LEVEL);
  const running = await start(readParts(values.only), config, log);
  const stopped = Promise.withResolvers<void>();
  const stop = () => stopped.resolve();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  await stopped.promise;
  log.info({}, "stopping");
  await running[Symbol.asyncDispose]();
}

setMaxListeners(0);
try {
  await main();
  process.exit(0);
} catch (thrown) {
  const { code, message, remedy } = asFerryError(thrown);
  process.stderr.write(`${code} ${message}\n${remedy}\n`);
  process.exit(1);
}
