import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Log } from "./process.ts";

const progressEveryMs = 4000;

export interface MavenRun {
  readonly args: readonly string[];
  /** What is downloaded, for progress and errors. */
  readonly what: string;
  readonly log: Log;
}

/** Runs Maven without questions, saying how many files it has downloaded. Throws with the end of its output. */
export async function runMaven({ args, what, log }: MavenRun): Promise<void> {
  const started = Date.now();
  log(`downloading ${what} with Maven`);
  const child = spawn("mvn", ["-B", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const output: string[] = [];
  let files = 0;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (line.includes("Downloaded ")) files++;
      if (!/Download(?:ing|ed) /u.test(line)) output.push(line);
    });
  }
  const progress = setInterval(() => log(`downloading ${what}: ${files} files`), progressEveryMs);
  let code: number | null;
  try {
    code = await ended;
  } catch (cause) {
    throw new Error("Maven (mvn) cannot be started", { cause });
  } finally {
    clearInterval(progress);
  }
  if (code !== 0) throw new Error(`Maven could not download ${what}:\n${output.slice(-15).join("\n")}`);
  log(`downloaded ${what} in ${seconds(started)}`);
}

/** Time since `started` (ms since the epoch) as people read it: "5.2 s". */
export function seconds(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}
