import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { stringify } from "yaml";
import { startAws } from "#lab/aws/stand-in.ts";
import { type Clusters, startClusters } from "#lab/cluster.ts";
import { type Bot, startBot } from "#lab/demo/bot.ts";
import type { Log } from "#lab/process.ts";
import { startWorkspace, type Workspace } from "#lab/slack/workspace.ts";
import { type Host, startHost } from "./host/hand.ts";
import { openSlackLink, type SlackLink } from "./slack-link.ts";

/** Everything that a case needs, used by one case after the other. */
export type ChaosLab = AsyncDisposable & {
  readonly clusters: Clusters;
  readonly workspace: Workspace;
  readonly slackLink: SlackLink;
  readonly host: Host;
  readonly redis: Redis;
  /** The applications' logs. */
  readonly folder: string;
  /** The bot's, undefined before its first start. */
  readonly bot: () => Bot | undefined;
  /** Empties Redis, the workspace and AWS, and starts the bot with these migrations alone. */
  readonly freshBot: (migrations: Readonly<Record<string, unknown>>) => Promise<void>;
};

/** Tokens of the workspace that the lab starts; they open nothing else. */
const tokens = { botToken: "xoxb-lab", appToken: "xapp-lab", signingSecret: "signing-secret-of-the-lab" };

export async function startChaosLab(options: {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly padMs?: number;
}): Promise<ChaosLab> {
  const { log, signal, padMs } = options;
  await using stack = new AsyncDisposableStack();
  const clusters = stack.use(await startClusters({ log, persistence: true, signal }));
  if (clusters.redis.route === "url")
    throw new Error("unset REDIS_URL: a Redis of its own is stopped and started");
  const workspace = await startWorkspace({ app: tokens });
  stack.defer(() => workspace.stop());
  const slackLink = await openSlackLink(workspace.url);
  stack.defer(() => slackLink.cut());
  const aws = await openAws(clusters.target.bootstrap);
  stack.defer(() => aws.stop());
  const folder = join(clusters.runFolder.path, "apps");
  await mkdir(folder);
  const host = await startHost({
    folder: clusters.runFolder.path,
    signal,
    ...(padMs !== undefined && { padMs }),
  });
  stack.defer(() => host.stopAll());
  const redis = new Redis(clusters.redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  stack.defer(() => redis.disconnect());
  const bots = botOf({ clusters, workspace, slackLink, aws, redis, signal });
  stack.defer(async () => await bots.bot()?.kill());

  const parts = stack.move();
  return {
    clusters,
    workspace,
    slackLink,
    host,
    redis,
    folder,
    ...bots,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

type Aws = {
  readonly url: string;
  /** One that knows of no cluster yet: the one before belongs to the migration that made it. */
  readonly renew: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

async function openAws(bootstrap: string): Promise<Aws> {
  let aws = await startAws({ bootstrap });
  const { url } = aws;
  return {
    url,
    async renew() {
      await aws.stop();
      aws = await startAws({ bootstrap, port: Number(new URL(url).port) });
    },
    stop: () => aws.stop(),
  };
}

type BotNeed = {
  readonly clusters: Clusters;
  readonly workspace: Workspace;
  readonly slackLink: SlackLink;
  readonly aws: Aws;
  readonly redis: Redis;
  readonly signal: AbortSignal;
};

function botOf(need: BotNeed): Pick<ChaosLab, "bot" | "freshBot"> {
  const { clusters, slackLink, aws, redis, signal } = need;
  const workspace = { ...need.workspace, apiUrl: `${slackLink.url}/api/` };
  const ferryFile = join(clusters.runFolder.path, "ferry.yaml");
  let bot: Bot | undefined;
  return {
    bot: () => bot,
    async freshBot(migrations) {
      await bot?.kill();
      await redis.flushall();
      await aws.renew();
      await fetch(`${need.workspace.url}/_control/reset`, { method: "POST", body: "{}", signal });
      await writeFile(ferryFile, stringify({ migrations }, { aliasDuplicateObjects: false }));
      if (bot === undefined) bot = await startBot({ clusters, workspace, aws, ferryFile, signal });
      else await bot.restart();
    },
  };
}
