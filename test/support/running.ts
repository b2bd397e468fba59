import { readFile } from "node:fs/promises";

/** Whether the process still runs. A zombie, dead but not yet fetched by its parent, does not. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Linux only; elsewhere init fetches orphans at once.
  const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return !/\) Z /u.test(state);
}
