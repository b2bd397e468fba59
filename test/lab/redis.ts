import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Redis as Client } from "ioredis";
import { seconds } from "./maven.ts";
import { freePort, type Log, type Service, startService } from "./process.ts";
import { findRedisServer, type RedisRoute } from "./redis-server.ts";

export interface RedisOptions {
  readonly runFolder: string;
  readonly log: Log;
  /** Whether data survives `kill` and `restart`: each write is on disk before it is acknowledged. */
  readonly persistence?: boolean;
  /** Only these, in this order, and not `REDIS_URL`; for tests. */
  readonly routes?: readonly RedisRoute[];
  readonly name?: string;
  readonly signal?: AbortSignal;
}

export interface Redis extends Omit<Service, "pid"> {
  readonly url: string;
  readonly version: string;
  /** `url`: the one of REDIS_URL, which the lab neither stops nor restarts. */
  readonly route: RedisRoute | "url";
}

/** Uses `REDIS_URL` if it is set, or starts a server of the first route that works. */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const given = process.env["REDIS_URL"];
  if (given !== undefined && given !== "" && options.routes === undefined) return await givenRedis(given);
  return await ownRedis(options);
}

async function givenRedis(url: string): Promise<Redis> {
  const version = await redisVersion(url);
  return { url, version, route: "url", stop: async () => undefined, kill: refuse, restart: refuse };
}

async function refuse(): Promise<never> {
  throw new Error("the lab does not stop the Redis of REDIS_URL; unset it to test that");
}

async function ownRedis(options: RedisOptions): Promise<Redis> {
  const { runFolder, log, persistence = false, name = "redis", signal } = options;
  const { binary, route } = await findRedisServer(log, options.routes);
  const started = Date.now();
  const folder = join(runFolder, name);
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const service = await startService({
    name: `Redis ${name}`,
    command: binary,
    args: serverArguments(port, folder, persistence),
    logFile: join(runFolder, `${name}.log`),
    ready: async () => (await redisVersion(url)) !== "",
    readyDeadlineMs: 30_000,
    ...(signal ? { signal } : {}),
  });
  const version = await redisVersion(url);
  log(`Redis ${version} (${route}) ready in ${seconds(started)}`);
  return { url, version, route, stop: service.stop, kill: service.kill, restart: service.restart };
}

function serverArguments(port: number, folder: string, persistence: boolean): string[] {
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
  const durable = persistence ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
  return [...place, "--maxmemory-policy", "noeviction", "--save", "", ...durable];
}

/** Asks the server; Valkey also names the Redis version it is compatible with, its own is preferred. */
async function redisVersion(url: string): Promise<string> {
  const client = new Client(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const info = await client.info("server");
    const version = /^valkey_version:(\S+)/mu.exec(info) ?? /^redis_version:(\S+)/mu.exec(info);
    if (version?.[1] === undefined) throw new Error("the server of REDIS_URL names no version");
    return version[1];
  } finally {
    client.disconnect();
  }
}
