import { setMaxListeners } from "node:events";
import { parseArgs } from "node:util";
import { createCharts } from "#adapters/chart.ts";
import { systemClock } from "#adapters/clock.ts";
import { createMetrics, type Metrics } from "#adapters/metrics/metrics.ts";
import { serveMetrics } from "#adapters/metrics/server.ts";
import { createRedisStore } from "#adapters/redis/store.ts";
import { createSlack, type Slack, type SlackHandlers } from "#adapters/slack/slack.ts";
import { render } from "#commands/blocks.ts";
import { createCommands, createFormTaker } from "#commands/index.ts";
import { type Config, loadConfig, processEnvironment } from "#config";
import { closestName } from "#domain/closest.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { JobQueue } from "#domain/job.ts";
import { keepTrying } from "#domain/keep-trying.ts";
import type { Chat, Log, MessageRef, Meter, Store } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { answerForm } from "#jobs/answers.ts";
import { requestAt } from "#jobs/approval/request-store.ts";
import { createJobs } from "#jobs/carry-out.ts";
import { overview } from "#jobs/home-standing.ts";
import { handlers } from "#jobs/index.ts";
import { readingsOf } from "#jobs/mirror/readings.ts";
import { restoreDigest } from "#jobs/mirror/schedule-digest.ts";
import { createLog } from "#log";
import { openQueue, startWorker } from "#queue";
import { logOutages, type Outages } from "./redis-outages.ts";
import { createWorlds, openWorld } from "./world.ts";

/** The composition root: reads the settings, builds every adapter, hands ports to commands and jobs, stops in reverse. */

const redisPrefix = "{ferry}";
/** How often open requests are reviewed, lag is sampled and alarms are checked, in ms. */
const watchEveryMs = 15_000;

type Parts = { readonly chat: boolean; readonly worker: boolean };

/** Builds everything, runs until `stop` is aborted or something fails for good, and closes in reverse. */
async function run(parts: Parts, config: Config, log: Log, stop: AbortSignal): Promise<void> {
  const stack = new AsyncDisposableStack();
  try {
    const going = start({ parts, config, log, stack, stop });
    await Promise.race([going, aborted(stop)]);
    log.info({}, "stopping");
  } finally {
    await stack.disposeAsync();
  }
}

type StartNeed = {
  readonly parts: Parts;
  readonly config: Config;
  readonly log: Log;
  readonly stack: AsyncDisposableStack;
  readonly stop: AbortSignal;
};

/** Goes on until `stop`. Waits for a Redis or a Slack that is away; the one does not keep the other from working. */
async function start({ parts, config, log, stack, stop }: StartNeed): Promise<void> {
  const { environment, migrations } = config;
  const outages = logOutages(log);
  const store = createRedisStore({
    url: environment.REDIS_URL,
    prefix: `${redisPrefix}:`,
    clock: systemClock,
    log,
    outages,
  });
  stack.defer(() => store.close());
  const queue = openQueue({
    redisUrl: environment.REDIS_URL,
    prefix: redisPrefix,
    clock: systemClock,
    log,
    outages,
  });
  stack.defer(() => queue.close());
  const metrics = createMetrics({
    readings: () =>
      Promise.all(migrations.map(({ name }) => readingsOf(name, { store, clock: systemClock }))),
    queueDepth: () => queue.depth(),
    refused: () => slack.refused(),
    log,
  });
  const slack = createSlack({
    botToken: environment.SLACK_BOT_TOKEN,
    appToken: environment.SLACK_APP_TOKEN,
    signingSecret: environment.SLACK_SIGNING_SECRET,
    apiUrl: environment.SLACK_API_URL,
    port: environment.PORT,
    render,
    log,
    clock: systemClock,
    onCallFailure: metrics.slackCallFailed,
  });
  stack.defer(() => slack.stop());
  await openMetrics(metrics, environment, log, stack);
  const ready = () =>
    log.info({ migrations: migrations.map(({ name }) => name), ...parts }, "msk-ferry is ready");
  const going: Array<Promise<void>> = [];
  if (parts.worker) {
    startWork({ config, store, queue, outages, chat: slack.chat, meter: metrics.meter, log, stack });
    going.push(schedule({ migrations, store, queue, log, signal: stop }));
  }
  if (parts.chat) {
    const handlers = reactTo(slack, { migrations, store, queue, log });
    going.push(slack.start(handlers).then(ready));
  } else ready();
  await Promise.all(going);
  await aborted(stop);
}

async function openMetrics(
  metrics: Metrics,
  { FERRY_METRICS_PORT: port, FERRY_METRICS_HOST: host }: Config["environment"],
  log: Log,
  stack: AsyncDisposableStack,
): Promise<void> {
  if (port === undefined) return;
  const served = await serveMetrics({ metrics, port, host, log });
  stack.defer(() => served.close());
  log.info({ port: served.port }, "metrics are served");
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve());
  return promise;
}

type ChatNeed = Pick<WorkNeed, "store" | "queue" | "log"> & { readonly migrations: readonly Migration[] };

/** What comes from Slack becomes work in the queue. */
function reactTo(slack: Slack, { migrations, store, queue, log }: ChatNeed): SlackHandlers {
  const desk = {
    migrations,
    queue,
    people: slack.chat,
    overview: (migration: Migration) => overview({ migration, store, clock: systemClock }, slack.refused()),
    form: (migration: Migration) => answerForm({ migration, store }),
    log,
  };
  return {
    onCommand: createCommands(desk),
    onForm: createFormTaker(desk),
    onReaction: ({ ref }) => review(ref, store, queue, migrations),
    onMessageDeleted: (ref) => review(ref, store, queue, migrations),
    onHomeOpened: (user) => showHome(user, queue, migrations),
    onReconnect: () => watchAll(queue, migrations),
  };
}

type WorkNeed = {
  readonly config: Config;
  readonly store: Store;
  readonly queue: JobQueue;
  readonly outages: Outages;
  readonly chat: Chat;
  readonly meter: Meter;
  readonly log: Log;
  readonly stack: AsyncDisposableStack;
};

function startWork({ config, store, queue, outages, chat, meter, log, stack }: WorkNeed): void {
  const { migrations } = config;
  const inherited = inheritable();
  const mirrors = { ...inherited, ...awsVariables() };
  const { world, close } = createWorlds((migration) =>
    openWorld(migration, { config, chat, store, clock: systemClock, log, inherited, mirrors }),
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
      signer: config.signer,
      meter,
    },
    handlers,
  );
  const worker = startWorker({
    redisUrl: config.environment.REDIS_URL,
    prefix: redisPrefix,
    log,
    run,
    concurrency: 8,
    outages,
  });
  stack.defer(() => worker.close());
}

type ScheduleNeed = {
  readonly migrations: readonly Migration[];
  readonly store: Store;
  readonly queue: JobQueue;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** What runs by itself. Set as soon as Redis takes it. */
async function schedule({ migrations, store, queue, log, signal }: ScheduleNeed): Promise<void> {
  const trying = {
    clock: systemClock,
    signal,
    onTrouble: ({ code, message, remedy }: FerryError) =>
      log.info({ code, error: message, remedy }, "schedules wait for redis"),
    onBack: (failures: number) => log.info({ failures }, "schedules are set"),
  };
  await keepTrying(trying, async () => {
    for (const migration of migrations) {
      await queue.every(`watch-${migration.name}`, watchEveryMs, {
        name: "watch",
        migration: migration.name,
        by: "schedule",
      });
      await restoreDigest(migration, store, queue);
    }
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

/** A part of the tab for each migration. */
async function showHome(user: string, queue: JobQueue, migrations: readonly Migration[]): Promise<void> {
  for (const { name } of migrations) await queue.add({ name: "home", migration: name, by: user });
}

/** What switch commands get from this process: enough to run, none of its secrets. */
function inheritable(): Record<string, string | undefined> {
  const { PATH, HOME, LANG, TZ, KUBECONFIG } = processEnvironment();
  return Object.fromEntries(
    Object.entries({ PATH, HOME, LANG, TZ, KUBECONFIG }).filter(([, value]) => value !== undefined),
  );
}

/** How a mirror's process logs in to MSK with IAM: as the bot does. */
function awsVariables(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(processEnvironment()).filter(([name]) => name.startsWith("AWS_")));
}

const options = { only: { type: "string" }, check: { type: "boolean" } } as const;
const allowed = "--only chat, --only worker and --check";

function readParts(only: unknown): Parts {
  if (only === undefined) return { chat: true, worker: true };
  if (only === "chat") return { chat: true, worker: false };
  if (only === "worker") return { chat: false, worker: true };
  const seen = typeof only === "string" ? `saw "${only}"` : "no value";
  throw new FerryError("E_SETTINGS", `--only: ${seen}; allowed are chat and worker.`);
}

/** The command line. Fails with `E_SETTINGS`: the option seen and those that are allowed. */
function readCommandLine(): { readonly parts: Parts; readonly check: boolean } {
  const { values, tokens } = parseArgs({ options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new FerryError("E_SETTINGS", `"${token.value}": no option; allowed are ${allowed}.`);
    }
    if (token.kind === "option" && !Object.keys(options).includes(token.name)) {
      const near = closestName(token.name, Object.keys(options));
      throw new FerryError(
        "E_SETTINGS",
        `${token.rawName}: unknown option; did you mean --${near}? Allowed are ${allowed}.`,
      );
    }
  }
  const { only, check = false } = values;
  if (typeof check !== "boolean") throw new FerryError("E_SETTINGS", "--check: takes no value.");
  return { parts: readParts(only), check };
}

async function main(): Promise<void> {
  const { parts, check } = readCommandLine();
  const config = await loadConfig(processEnvironment());
  if (check) {
    process.stdout.write(`Settings are usable: ${config.migrations.map(({ name }) => name).join(", ")}.\n`);
    return;
  }
  const log = createLog(config.environment.LOG_LEVEL);
  // Somebody forgot to wait for a promise: a bug, but jobs that are under way are worth more than a clean end.
  process.on("unhandledRejection", (reason) => {
    const { code, message, remedy, stack } = asFerryError(reason);
    log.error({ code, error: message, remedy, stack }, "a failure that nobody waited for");
  });
  const stop = new AbortController();
  const onSignal = () => stop.abort(new FerryError("E_QUEUE", "stopped"));
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  await run(parts, config, log, stop.signal);
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
