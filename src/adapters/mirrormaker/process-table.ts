import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** What runs on this machine, by `/proc`, and by POSIX `ps` where there is none. */

const run = promisify(execFile);
/** Command lines of a whole machine, bytes. */
const tableBytes = 32 * 1024 * 1024;

/** The argument by which a mirror's process is known, whoever started it. */
export function markOf(flow: string): string {
  return `-Dferry.flow=${flow}`;
}

/**
 * True while this pid runs this flow: a pid is given away again. `undefined`: it is in use, and this machine does not
 * tell what for.
 */
export async function isRunning(pid: number, flow: string): Promise<boolean | undefined> {
  if (!exists(pid)) return false;
  if ((await pidsOfProc()) !== undefined) return await runs(pid, flow);
  const listed = await table(["-p", `${pid}`]);
  return listed?.some(({ args }) => args.includes(markOf(flow)));
}

/**
 * Pids that run this flow by this file, the lowest first; `undefined`: this machine does not tell. Another bot may keep a
 * mirror of the same name here, by a file of its own.
 */
export async function pidsOf(flow: string, file: string): Promise<readonly number[] | undefined> {
  const pids = await pidsOfProc();
  if (pids === undefined) {
    const listed = await table(["-A"]);
    // Its columns are parted by blanks, which a path may hold.
    const mine = listed?.filter(({ args }) => args.includes(markOf(flow)) && args.join(" ").includes(file));
    return mine?.map(({ pid }) => pid);
  }
  const found = await Promise.all(pids.map(async (pid) => ((await runs(pid, flow, file)) ? [pid] : [])));
  return found.flat();
}

/** One that may not be signalled, because it is another user's, exists all the same. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown && thrown.code === "EPERM";
  }
}

async function pidsOfProc(): Promise<readonly number[] | undefined> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.map(Number).filter((pid) => pid > 0);
  return pids.length === 0 ? undefined : pids.sort((a, b) => a - b);
}

/** One that has ended and was not waited for has no command line any more. */
async function runs(pid: number, flow: string, file?: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const args = line.split("\0");
  return args.includes(markOf(flow)) && (file === undefined || args.includes(file));
}

type Row = { readonly pid: number; readonly args: readonly string[] };

/** `-ww`: nothing cut off. `undefined`: there is no `ps`. `-p` of a pid that has gone is an empty table. */
async function table(which: readonly string[]): Promise<readonly Row[] | undefined> {
  const args = ["-ww", "-o", "pid=,args=", ...which];
  const shown = await run("ps", args, { maxBuffer: tableBytes }).then(
    ({ stdout }) => stdout,
    (error: { code?: unknown }) => (error.code === 1 ? "" : undefined),
  );
  return shown === undefined ? undefined : readTable(shown);
}

export function readTable(shown: string): readonly Row[] {
  return shown.split("\n").flatMap((line) => {
    const [pid = "", ...args] = line.trim().split(/\s+/);
    return pid === "" || args.length === 0 ? [] : [{ pid: Number(pid), args }];
  });
}
