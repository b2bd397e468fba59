import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { processEnvironment } from "#config";

export type Started = { readonly line: () => Promise<string> };

/** A script of this folder; `line` reads its next line and fails when it has ended. */
export function startScript(stack: AsyncDisposableStack, script: URL, args: readonly unknown[]): Started {
  const { PATH } = processEnvironment();
  const path = fileURLToPath(script);
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, path, ...args.map(String)], {
    env: { PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  stack.defer(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  if (!child.stdout) throw new Error(`${path} has no output`);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      if (next.done === true) throw new Error(`${path} has ended`);
      return next.value;
    },
  };
}
