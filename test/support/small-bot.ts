import { createRedisStore } from "#adapters/redis/store.ts";
import type { Pace } from "#adapters/slack/pacing.ts";
import { createSlack } from "#adapters/slack/slack.ts";
import { render } from "#commands/blocks.ts";
import { createCommands } from "#commands/index.ts";
import type { MessageRef, World } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { createExecute } from "#jobs/approval/execute.ts";
import type { Approvables } from "#jobs/approval/observe.ts";
import { ask } from "#jobs/approval/request.ts";
import { requestAt } from "#jobs/approval/request-store.ts";
import { createReview } from "#jobs/approval/review.ts";
import { createJobs } from "#jobs/carry-out.ts";
import { thenHomes } from "#jobs/home.ts";
import { handlers } from "#jobs/index.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { openQueue, startWorker } from "#queue";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";
import { tokens } from "./slack-workspace.ts";
import { noCharts, noWorld } from "./small-work.ts";

type SmallBotNeed = {
  readonly redisUrl: string;
  /** A Redis hash tag; bots with the same one work together. */
  readonly prefix: string;
  readonly apiUrl: string;
  readonly mode: "socket" | "http";
  readonly migration: Migration;
  /** What `/ferry cutover consumers` asks for. */
  readonly cutover: Approvable;
  readonly world?: World;
  readonly pace?: Pace;
  readonly timeoutMs?: number;
};

/** `ended`: the jobs that this one has carried out. */
export type SmallBot = Awaited<ReturnType<typeof startSmallBot>>;

/**
 * The whole bot on a real Redis and a Slack workspace, with connections of its own, as `src/main.ts` builds it: only
 * the outside world is absent or a fake, and so is what a cutover does.
 */
export async function startSmallBot(need: SmallBotNeed) {
  const { redisUrl, prefix, migration, cutover, mode } = need;
  const log = createQuietLog();
  const clock = realClock;
  const migrations = [migration];
  const stack = new AsyncDisposableStack();
  const store = createRedisStore({ url: redisUrl, prefix: `${prefix}:`, clock, log });
  stack.defer(() => store.close());
  const queue = openQueue({ redisUrl, prefix, clock, log });
  stack.defer(() => queue.close());
  const slack = createSlack({
    botToken: tokens.botToken,
    ...(mode === "socket" ? { appToken: tokens.appToken } : { signingSecret: tokens.signingSecret }),
    apiUrl: need.apiUrl,
    port: 0,
    host: "127.0.0.1",
    render,
    log,
    clock,
    pace: need.pace,
    timeoutMs: need.timeoutMs,
  });
  stack.defer(() => slack.stop());
  const approvables: Approvables = { "cutover-consumers": cutover };
  const run = createJobs(
    {
      migrations,
      world: async () => need.world ?? noWorld,
      charts: () => noCharts,
      store,
      chat: slack.chat,
      queue,
      clock,
      log,
    },
    {
      ...handlers,
      cutover: thenHomes((job, work) =>
        ask(cutover, "cutover-consumers", { by: job.by, ...(job.wave && { wave: job.wave }) }, work),
      ),
      review: thenHomes(createReview(approvables)),
      execute: thenHomes(createExecute(approvables)),
    },
  );
  const ended = new Set<string>();
  const worker = startWorker({
    redisUrl,
    prefix,
    log,
    concurrency: 8,
    async run(job, context) {
      const outcome = await run(job, context);
      if (outcome.kind === "done") ended.add(context.id);
      return outcome;
    },
  });
  stack.defer(() => worker.close());

  async function review({ ts }: MessageRef): Promise<void> {
    const request = await requestAt(store, migration.name, ts);
    if (request === undefined) return;
    await queue.add({ name: "review", migration: migration.name, by: "slack", request });
  }
  const { port } = await slack.start({
    onCommand: createCommands({ migrations, queue, people: slack.chat, log }),
    onReaction: ({ ref }) => review(ref),
    onMessageDeleted: review,
    onHomeOpened: async (by) => void (await queue.add({ name: "home", migration: migration.name, by })),
    onReconnect: async () =>
      void (await queue.add({ name: "watch", migration: migration.name, by: "reconnect" })),
  });
  const url = port === undefined ? undefined : `http://127.0.0.1:${port}/slack/events`;
  return { store, queue, log, url, ended, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
