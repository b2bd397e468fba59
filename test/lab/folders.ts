import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, type Log } from "./process.ts";

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));
const runsFolder = join(projectRoot, ".lab", "runs");
const keptMarker = "KEPT";
const keptRuns = 5;

/** Downloads, shared by all runs. */
const cacheFolder: string = join(projectRoot, ".lab", "cache");

export interface CachedFolder {
  /** Name inside the cache; it changes when the content must. */
  readonly name: string;
  /** Fills an empty folder; what it leaves there when it throws is discarded. */
  readonly fill: (folder: string) => Promise<void>;
  /** Those that share a lock are filled one after the other, in this process and in others. */
  readonly lock: string;
  readonly cache?: string;
}

/** Returns the folder, filled once: it appears under its name only when it is complete. */
export async function cachedFolder({ name, fill, lock, cache = cacheFolder }: CachedFolder): Promise<string> {
  const place = join(cache, name);
  if (existsSync(place)) return place;
  await mkdir(cache, { recursive: true });
  return await withLock(join(cache, `${lock}.lock`), async () => {
    if (existsSync(place)) return place;
    await removeLeftovers(cache, `${name}.tmp-`);
    const unfinished = await mkdtemp(join(cache, `${name}.tmp-`));
    try {
      await fill(unfinished);
      await rename(unfinished, place);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return place;
  });
}

async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  await Promise.all(
    names.map(async (name) => await rm(join(folder, name), { recursive: true, force: true })),
  );
}

/** The lock spares a second download; that nothing half-filled is seen is owed to the rename, not to the lock. */
async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await eventually(async () => (await takeLock(file)) || (await dropDeadLock(file)), {
    deadlineMs: 15 * 60_000,
    everyMs: 200,
    what: `the lock ${file} of another lab process`,
  });
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** A link appears together with its content, so a reader never sees a lock without its owner. */
async function takeLock(file: string): Promise<boolean> {
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, String(process.pid));
  try {
    await link(mine, file);
    return true;
  } catch {
    return false;
  } finally {
    await unlink(mine);
  }
}

async function dropDeadLock(file: string): Promise<false> {
  const owner = Number(await readFile(file, "utf8"));
  if (!isAlive(owner)) await rm(file, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

export interface RunFolder {
  readonly path: string;
  remove(): Promise<void>;
  /** Leaves it for a person to read, and says where it is. */
  keep(why: string): Promise<void>;
}

/**
 * A folder for the data and logs of one run, under `.lab/runs`. Folders of labs that were killed are removed on the way;
 * of those kept after a failure the newest five stay.
 */
export async function createRunFolder(log: Log): Promise<RunFolder> {
  await mkdir(runsFolder, { recursive: true });
  await removeOldRuns();
  const started = new Date().toISOString().replaceAll(/[-:]|\..*/gu, "");
  const path = await mkdtemp(join(runsFolder, `${started}-${process.pid}-`));
  return {
    path,
    remove: async () => await rm(path, { recursive: true, force: true, maxRetries: 3 }),
    async keep(why) {
      await writeFile(join(path, keptMarker), `${why}\n`);
      log(`logs and data are kept in ${path}`);
    },
  };
}

async function removeOldRuns(): Promise<void> {
  const dead = (await readdir(runsFolder)).filter((name) => !isAlive(Number(name.split("-")[1]))).sort();
  const kept = dead.filter((name) => existsSync(join(runsFolder, name, keptMarker)));
  const staying = new Set(kept.slice(-keptRuns));
  const leaving = dead.filter((name) => !staying.has(name));
  await Promise.all(
    leaving.map(async (name) => await rm(join(runsFolder, name), { recursive: true, force: true })),
  );
}
