import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createWatchdog, type Watchdog } from "./watchdog.ts";

/** One line of progress for the person who waits. */
export type Log = (line: string) => void;

export interface EventuallyOptions {
  readonly deadlineMs: number;
  /** What is waited for, as it reads after "waited 5000 ms for". */
  readonly what: string;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Waits until the condition gives something other than `undefined` or `false`, and returns that. A condition that throws
 * counts as "not yet"; its last error becomes the cause of the failure at the deadline.
 */
export async function eventually<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { deadlineMs, what, everyMs = 50, signal }: EventuallyOptions,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let cause: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const value = await condition();
      cause = undefined;
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= end) throw notInTime(what, deadlineMs, cause);
    await delay(everyMs, undefined, signal ? { signal } : {});
  }
}

function notInTime(what: string, deadlineMs: number, cause: unknown): Error {
  const last = cause instanceof Error ? `; last error: ${cause.message}` : "";
  return new Error(`waited ${deadlineMs} ms for ${what}${last}`, { cause });
}

const lowestPort = 12_000;
const highestPort = 32_000;
const givenPorts = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on. It lies below the range the kernel takes outgoing ports from: a client that
 * keeps calling a stopped broker must not be connected to itself, nor sit on the port when the broker comes back.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (givenPorts.has(port) || !(await canListen(port))) continue;
    givenPorts.add(port);
    return port;
  }
  throw new Error(`no free port found on 127.0.0.1 between ${lowestPort} and ${highestPort}`);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  /** Asked with what the process has printed since this start. */
  readonly ready: (output: string) => Promise<boolean> | boolean;
  readonly readyDeadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface ManagedProcess {
  readonly pid: number;
  /** Settles when the process has ended, with "code 1" or "signal SIGKILL". Never rejects. */
  readonly exited: Promise<string>;
  running(): boolean;
  /** SIGTERM to the whole group, SIGKILL after the deadline (10 s if not given). Returns when it has ended. */
  stop(deadlineMs?: number): Promise<void>;
  /** SIGKILL to the whole group. Returns when it has ended. */
  kill(): Promise<void>;
}

let watchdog: Watchdog | undefined;

/**
 * Starts a process in a group of its own and waits until it is ready. It dies with this process, whatever ends that one.
 * Throws with the last lines of its output when it ends early or is not ready in time; then nothing is left running.
 */
export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  options.signal?.throwIfAborted();
  const log = await open(options.logFile, "a");
  const { size: outputStart } = await log.stat();
  let managed: ManagedProcess;
  try {
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    managed = await manage(child, options);
  } finally {
    await log.close();
  }
  try {
    await untilReady(managed, options, outputStart);
  } catch (error) {
    await managed.kill();
    throw error;
  }
  return managed;
}

/** Listens to the child before anything is awaited: its first events come in the next turn. */
async function manage(child: ChildProcess, { name, command }: ProcessOptions): Promise<ManagedProcess> {
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = await once(child, "error");
    throw new Error(`${name}: ${command} cannot be started`, { cause });
  }
  watchdog ??= createWatchdog();
  watchdog.guard(pid);
  const ended = Promise.withResolvers<string>();
  let running = true;
  child.once("exit", (code, signal) => {
    running = false;
    // What the process has started itself must not outlive it.
    signalGroup(pid, "SIGKILL");
    watchdog?.release(pid);
    ended.resolve(signal === null ? `code ${code}` : `signal ${signal}`);
  });
  async function end(signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
    if (!running) return;
    signalGroup(pid, signal);
    const timer = setTimeout(() => signalGroup(pid, "SIGKILL"), deadlineMs);
    await ended.promise;
    clearTimeout(timer);
  }
  return {
    pid,
    exited: ended.promise,
    running: () => running,
    stop: async (deadlineMs = 10_000) => await end("SIGTERM", deadlineMs),
    kill: async () => await end("SIGKILL", 1000),
  };
}

function signalGroup(group: number | undefined, signal: NodeJS.Signals): void {
  if (group === undefined) return;
  try {
    process.kill(-group, signal);
  } catch {
    // ESRCH: nobody left in the group.
  }
}

async function untilReady(
  process: ManagedProcess,
  options: ProcessOptions,
  outputStart: number,
): Promise<void> {
  const { name, logFile, ready, readyDeadlineMs } = options;
  const polling = new AbortController();
  const signals = options.signal ? [options.signal, polling.signal] : [polling.signal];
  const waiting = eventually(async () => await ready(await readFrom(logFile, outputStart)), {
    deadlineMs: readyDeadlineMs,
    what: `${name} to be ready`,
    everyMs: 100,
    signal: AbortSignal.any(signals),
  });
  const early = process.exited.then((how) => `${name} ended (${how}) before it was ready`);
  try {
    const how = await Promise.race([waiting.then(() => undefined), early]);
    if (how !== undefined) throw new Error(how);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}; the end of ${logFile}:\n${await lastLines(logFile, outputStart)}`, {
      cause,
    });
  } finally {
    polling.abort();
    await waiting.catch(() => undefined);
  }
}

async function readFrom(file: string, position: number): Promise<string> {
  const { size } = await stat(file);
  return size <= position ? "" : (await readFile(file)).subarray(position).toString("utf8");
}

async function lastLines(file: string, position: number): Promise<string> {
  const lines = (await readFrom(file, position)).trimEnd().split("\n");
  return lines
    .slice(-15)
    .map((line) => `  ${line}`)
    .join("\n");
}

export interface Service {
  /** The process of the latest start. */
  readonly pid: () => number;
  readonly stop: (deadlineMs?: number) => Promise<void>;
  readonly kill: () => Promise<void>;
  /** Stops it if it runs, and starts it again with the same ports and data. */
  readonly restart: () => Promise<void>;
}

/** A process that can be stopped, killed and started again. Throws as `startProcess` does. */
export async function startService(options: ProcessOptions): Promise<Service> {
  let current = await startProcess(options);
  return {
    pid: () => current.pid,
    stop: async (deadlineMs) => await current.stop(deadlineMs),
    kill: async () => await current.kill(),
    async restart() {
      await current.stop();
      current = await startProcess(options);
    },
  };
}
