import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Watchdog {
  /** From now on the process group dies with this process. */
  guard(group: number): void;
  /** The group has ended; its number may be given to somebody else. */
  release(group: number): void;
}

/**
 * Starts the shell process that outlives this one just long enough to kill the guarded groups. It has its own session, so
 * that Ctrl-C in a terminal does not reach it. Node marks its pipes close-on-exec: no other child holds this one open.
 */
export function createWatchdog(): Watchdog {
  const script = fileURLToPath(new URL("watchdog.sh", import.meta.url));
  const child = spawn("sh", [script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  child.unref();
  // Without a watchdog the lab still works; only its protection against SIGKILL is gone.
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  return {
    guard: (group) => void child.stdin.write(`+${group}\n`),
    release: (group) => void child.stdin.write(`-${group}\n`),
  };
}
