import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Connection } from "./connection.ts";
import { Cluster } from "./journal.ts";
import { AppSecurity } from "./security.ts";

/** What an application of the lab is told when it starts. */
export type AppEnvironment = {
  readonly client: string;
  readonly folder: string;
  readonly cluster: Cluster;
  readonly connection: Connection;
  /** Factor on the rates of the producers. */
  readonly speed: number;
};

const Environment = z.object({
  LAB_APP_CLUSTER: Cluster,
  LAB_APP_BOOTSTRAP: z.string().min(1),
  LAB_APP_SECURITY: z.string(),
  LAB_APP_SPEED: z.coerce.number().positive().default(1),
});

/** Arguments: name of the client, folder. The rest comes by environment. */
export function appEnvironment(): AppEnvironment {
  const [client, folder] = z.tuple([z.string(), z.string()]).parse(process.argv.slice(2, 4));
  const env = Environment.parse(process.env);
  const security = AppSecurity.parse(JSON.parse(env.LAB_APP_SECURITY));
  endWithKeeper(folder);
  const connection = { bootstrap: env.LAB_APP_BOOTSTRAP.split(","), security };
  return { client, folder, cluster: env.LAB_APP_CLUSTER, connection, speed: env.LAB_APP_SPEED };
}

/** While this file exists, the slow consumer reads as fast as it can. */
export function hurryPath(folder: string): string {
  return join(folder, "hurry");
}

/** Holds the id of the process that is up: connected, and for a consumer, a member of its group. */
export function readyPath(folder: string, client: string): string {
  return join(folder, `${client}.ready`);
}

/** Holds the id of the process that the applications belong to. Where there is none they live until they are stopped. */
export function keeperPath(folder: string): string {
  return join(folder, "keeper.pid");
}

const keeperEveryMs = 2000;

/** Ends this process at once when its keeper is gone: SIGKILL leaves nobody who could stop the applications. */
function endWithKeeper(folder: string): void {
  const path = keeperPath(folder);
  const timer = setInterval(() => {
    if (!existsSync(folder)) process.exit(1);
    if (existsSync(path) && !isAlive(Number(readFileSync(path, "utf8")))) process.exit(1);
  }, keeperEveryMs);
  timer.unref();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function markReady(app: AppEnvironment): void {
  writeFileSync(readyPath(app.folder, app.client), String(process.pid));
}

/** Aborted on SIGTERM or SIGINT. The process gets 25 s to end by itself after that. */
export function onStop(): AbortSignal {
  const controller = new AbortController();
  function stop(): void {
    if (controller.signal.aborted) return;
    controller.abort();
    setTimeout(() => {
      report("did not stop in 25 s", null);
      process.exit(1);
    }, 25_000).unref();
  }
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return controller.signal;
}

/** One line in the application's own log. */
export function report(what: string, error: unknown): void {
  const why = error instanceof Error ? error.message : "";
  console.log(`${new Date().toISOString()} ${what} ${why}`.trimEnd());
}

/** Ends the process with 0 when the work ended by itself, else with 1 and the reason as the last line of the log. */
export async function endWith(work: Promise<void>): Promise<void> {
  try {
    await work;
    process.exit(0);
  } catch (error) {
    report("ended", error);
    process.exit(1);
  }
}
