import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { readyPath } from "./app.ts";
import type { Connection } from "./connection.ts";
import { Cluster } from "./journal.ts";
import { locked } from "./lock.ts";

const mains = {
  producer: fileURLToPath(new URL("./producer/main.ts", import.meta.url)),
  consumer: fileURLToPath(new URL("./consumer/main.ts", import.meta.url)),
} as const;

export type Role = keyof typeof mains;

const Running = z.object({
  pid: z.int().positive(),
  cluster: Cluster,
  request: z.string(),
  connection: z.string(),
});
type Running = z.infer<typeof Running>;

export type StartOrder = {
  readonly folder: string;
  readonly client: string;
  readonly role: Role;
  readonly cluster: Cluster;
  readonly connection: Connection;
  /** A repeated call with the same request changes nothing. */
  readonly request: string;
  /** Factor on the producers' rates. */
  readonly speed?: number;
};

/** KafkaJS computes negative timeouts, which Node 24 remarks on. */
const flags = ["--disable-warning=TimeoutNegativeWarning"];
const startWithinMs = 30_000;
const stopWithinMs = 30_000;

function pidPath(folder: string, client: string): string {
  return join(folder, `${client}.pid.json`);
}

function logPath(folder: string, client: string): string {
  return join(folder, `${client}.log`);
}

/** The command line of a process, "" when it is gone or a zombie. */
function commandLine(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  try {
    if (existsSync("/proc/self/cmdline")) return readFileSync(path, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
  return spawnSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).stdout;
}

/** Process ids are used again by the system, so the command line must name this client and this folder. */
function isOurs(pid: number, folder: string, client: string): boolean {
  return commandLine(pid).includes(` ${client} ${folder}`);
}

function running(folder: string, client: string): Running | null {
  const path = pidPath(folder, client);
  if (!existsSync(path)) return null;
  const state = Running.parse(JSON.parse(readFileSync(path, "utf8")));
  return isOurs(state.pid, folder, client) ? state : null;
}

/** Where the client runs now. */
export function statusOf(folder: string, client: string): Cluster | "stopped" {
  return running(folder, client)?.cluster ?? "stopped";
}

/**
 * Starts a client as a process of its own and waits until it is connected (a consumer: a member of its group).
 * Already running on this cluster: nothing happens. Throws when it runs elsewhere or does not come up in 30 s.
 */
export async function startClient(order: StartOrder): Promise<void> {
  await locked(order.folder, order.client, async () => {
    const now = running(order.folder, order.client);
    if (now === null) return await launch(order);
    if (now.cluster !== order.cluster) {
      throw new Error(`${order.client} runs on the ${now.cluster} cluster; stop it first`);
    }
    if (now.request !== order.request && now.connection !== JSON.stringify(order.connection)) {
      throw new Error(`${order.client} runs with other connection settings; stop it first`);
    }
    return await waitUntilReady(order, now.pid);
  });
}

async function launch(order: StartOrder): Promise<void> {
  rmSync(readyPath(order.folder, order.client), { force: true });
  const child = spawnApp(order);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${order.client} could not be started`);
  const state: Running = {
    pid,
    cluster: order.cluster,
    request: order.request,
    connection: JSON.stringify(order.connection),
  };
  const path = pidPath(order.folder, order.client);
  writeFileSync(`${path}.new`, JSON.stringify(state));
  renameSync(`${path}.new`, path);
  await waitUntilReady(order, pid);
}

function spawnApp(order: StartOrder): ChildProcess {
  const log = openSync(logPath(order.folder, order.client), "a");
  try {
    const child = spawn(process.execPath, [...flags, mains[order.role], order.client, order.folder], {
      detached: true,
      stdio: ["ignore", log, log],
      env: {
        ...process.env,
        LAB_APP_CLUSTER: order.cluster,
        LAB_APP_BOOTSTRAP: order.connection.bootstrap.join(","),
        LAB_APP_SECURITY: JSON.stringify(order.connection.security),
        LAB_APP_SPEED: String(order.speed ?? 1),
      },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

async function waitUntilReady(order: StartOrder, pid: number): Promise<void> {
  const path = readyPath(order.folder, order.client);
  const deadline = Date.now() + startWithinMs;
  while (!existsSync(path) || readFileSync(path, "utf8") !== String(pid)) {
    if (!(await stays(pid, order))) {
      throw new Error(`${order.client} ended at its start: ${lastLine(order.folder, order.client)}`);
    }
    if (Date.now() > deadline) {
      kill(pid, "SIGKILL");
      throw new Error(`${order.client} was not connected to the ${order.cluster} cluster within 30 s`);
    }
    await pause(50);
  }
}

/** Between fork and exec the command line is still the parent's: look again before calling it gone. */
async function stays(pid: number, order: StartOrder): Promise<boolean> {
  for (let look = 0; look < 4; look += 1) {
    if (isOurs(pid, order.folder, order.client)) return true;
    await pause(50);
  }
  return false;
}

function lastLine(folder: string, client: string): string {
  return readFileSync(logPath(folder, client), "utf8").trim().split("\n").at(-1) ?? "";
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** SIGTERM, then waits until the process is gone. Not running: nothing happens. Throws when it stays for 30 s. */
export async function stopClient(folder: string, client: string): Promise<void> {
  await locked(folder, client, async () => {
    const now = running(folder, client);
    if (now !== null) await end(now.pid, folder, client);
    rmSync(pidPath(folder, client), { force: true });
    rmSync(readyPath(folder, client), { force: true });
  });
}

async function end(pid: number, folder: string, client: string): Promise<void> {
  kill(pid, "SIGTERM");
  const deadline = Date.now() + stopWithinMs;
  while (isOurs(pid, folder, client)) {
    if (Date.now() > deadline) throw new Error(`${client} (process ${pid}) has not stopped within 30 s`);
    await pause(25);
  }
}

/** SIGKILL for whatever is left of a client, with no lock and no wait: the last resort after a crash. */
export function killClient(folder: string, client: string): void {
  const now = running(folder, client);
  if (now !== null) kill(now.pid, "SIGKILL");
}
