import { cp, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { connectionTo, killFleet, startFleet } from "./apps/fleet.ts";
import { createWorld } from "./apps/seed.ts";
import { startAws } from "./aws/stand-in.ts";
import { type Clusters, startClusters } from "./cluster.ts";
import { type Bot, startBot } from "./demo/bot.ts";
import { writeFerryFile } from "./demo/ferry-file.ts";
import { createRunFolder } from "./folders.ts";
import { seconds } from "./maven.ts";
import type { Log } from "./process.ts";
import { startWorkspace } from "./slack/workspace.ts";

export type LabOptions = {
  /** One line of progress at a time. */
  readonly log: Log;
  /** Factor on the producers' rates; 1 is about 115 records a second. */
  readonly speed?: number;
  /** Port of the Slack workspace; a free one when absent. */
  readonly port?: number;
  /** Aborted: the start fails as soon as it can, and leaves nothing behind. */
  readonly signal?: AbortSignal;
};

export type Lab = AsyncDisposable & {
  /** Where a person watches and types. */
  readonly pageUrl: string;
  /** The workspace without a slash at the end; `/_control/…` is below it. */
  readonly controlUrl: string;
  readonly awsUrl: string;
  readonly clusters: Clusters;
  /** The applications' logs: what was acknowledged and what was consumed. */
  readonly folder: string;
  readonly bot: Bot;
  /** Stops everything and removes the run folder. Safe to call twice. */
  stop(): Promise<void>;
};

/** Tokens of the workspace that the lab starts; they open nothing else. */
const tokens = { botToken: "xoxb-lab", appToken: "xapp-lab", signingSecret: "signing-secret-of-the-lab" };

/**
 * The whole scene on this machine: source, target, Connect, Redis, AWS's control plane, a Slack workspace, applications
 * that write and read, and the bot. When a part does not start, the others are stopped and its failure is thrown.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { log, signal, speed = 1, port } = options;
  await using stack = new AsyncDisposableStack();
  const clusters = stack.use(await startClusters({ log, persistence: true, ...(signal && { signal }) }));
  const workspace = await startWorkspace({ app: tokens, ...(port !== undefined && { port }) });
  stack.defer(() => workspace.stop());
  const aws = await startAws({ bootstrap: clusters.target.bootstrap });
  stack.defer(() => aws.stop());

  const folder = join(clusters.runFolder.path, "apps");
  const ferryFile = join(clusters.runFolder.path, "ferry.yaml");
  await mkdir(folder);
  await writeFerryFile({ clusters, apps: folder, path: ferryFile });
  signal?.throwIfAborted();

  const kill = () => killFleet(folder);
  process.once("exit", kill);
  stack.defer(() => {
    kill();
    process.off("exit", kill);
  });
  const started = Date.now();
  const bot = startBot({ clusters, workspace, aws, ferryFile, ...(signal && { signal }) });
  stack.defer(async () => await bot.then((running) => running.stop()).catch(() => undefined));
  const applications = startApplications(clusters, folder, speed, log);
  stack.defer(async () => await applications.catch(() => undefined));
  await Promise.all([
    bot.then(() => log(`MSK Ferry ready in ${seconds(started)}`)),
    applications.finally(() => signal?.throwIfAborted()),
  ]);

  const parts = stack.move();
  return {
    pageUrl: `${workspace.pageUrl}?as=U0ANA`,
    controlUrl: workspace.url,
    awsUrl: aws.url,
    clusters,
    folder,
    bot: await bot,
    stop: () => parts.disposeAsync(),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function startApplications(clusters: Clusters, folder: string, speed: number, log: Log): Promise<void> {
  const started = Date.now();
  const { bootstrap } = clusters.source;
  await createWorld({ folder, connection: connectionTo(bootstrap) });
  await startFleet({ folder, bootstrap, speed });
  log(`9 topics with history and 9 applications ready in ${seconds(started)}`);
}

const dataFolders = new Set(["source", "target", "connect", "redis"]);

/** Copies the logs of a lab, without the clusters' data, to where they outlive it, and says where that is. */
export async function keepLogs(lab: Lab, why: string, log: Log): Promise<void> {
  const kept = await createRunFolder(log);
  await cp(lab.clusters.runFolder.path, kept.path, {
    recursive: true,
    filter: (path) => !dataFolders.has(basename(path)),
  });
  await kept.keep(why);
}
