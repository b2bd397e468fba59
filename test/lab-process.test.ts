import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test } from "vitest";
import { cachedFolder, createRunFolder } from "#lab/folders.ts";
import { eventually, freePort, startProcess } from "#lab/process.ts";
import { isRunning } from "#support/running.ts";
import { unique } from "#support/unique.ts";

const deadlineMs = 15_000;
const silent = (): void => undefined;

/** A log file in a folder that goes with the test. */
async function logFile(): Promise<string> {
  return join(await temporaryFolder(), "log");
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ferry-lab-"));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

async function deadPid(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? Number.NaN;
}

describe("a managed process", () => {
  test("that ends early fails at once, with its last lines", async () => {
    const started = Date.now();
    const starting = startProcess({
      name: "doomed",
      command: process.execPath,
      args: ["--eval", "console.log('the disk is full'); process.exit(3)"],
      logFile: await logFile(),
      ready: () => false,
      readyDeadlineMs: deadlineMs,
    });
    await expect(starting).rejects.toThrow(
      /doomed ended \(code 3\) before it was ready[^]*the disk is full/u,
    );
    expect(Date.now() - started).toBeLessThan(deadlineMs);
  });

  test("that cannot be found is named", async () => {
    const command = unique("no-such-command");
    const starting = startProcess({
      name: "absent",
      command,
      args: [],
      logFile: await logFile(),
      ready: () => true,
      readyDeadlineMs: 1000,
    });
    await expect(starting).rejects.toThrow(`absent: ${command} cannot be started`);
  });

  test("that ignores SIGTERM is killed after the deadline, with its children", async () => {
    const script = "trap '' TERM; sleep 600 & echo child $!; while :; do wait; done";
    const file = await logFile();
    const child = await startProcess({
      name: "stubborn",
      command: "sh",
      args: ["-c", script],
      logFile: file,
      ready: (output) => output.includes("child "),
      readyDeadlineMs: deadlineMs,
    });
    const grandchild = Number((await readFile(file, "utf8")).split(" ")[1]);
    expect(await isRunning(grandchild)).toBe(true);
    await child.stop(200);
    expect(await child.exited).toBe("signal SIGKILL");
    await eventually(async () => !(await isRunning(grandchild)), {
      deadlineMs,
      what: "the child's end",
    });
  });

  test.each(["SIGKILL", "SIGINT", "SIGTERM", "exit", "error"] as const)(
    "does not outlive a lab ended by %s",
    async (how) => {
      const lab = spawn(
        process.execPath,
        ["--input-type=module-typescript", "--eval", doomedLab(await logFile())],
        {
          cwd: process.cwd(),
          stdio: ["pipe", "pipe", "ignore"],
        },
      );
      onTestFinished(() => void lab.kill("SIGKILL"));
      const pid = await new Promise<number>((resolve) => {
        createInterface({ input: lab.stdout }).once("line", (line) => resolve(Number(line)));
      });
      expect(await isRunning(pid)).toBe(true);

      if (how === "exit" || how === "error") lab.stdin.end(how);
      else lab.kill(how);

      await eventually(async () => !(await isRunning(pid)), {
        deadlineMs,
        what: "the end of what the lab started",
      });
    },
  );
});

/** A lab's own process: starts one child, prints its pid, and ends as its standard input says. */
function doomedLab(logFile: string): string {
  return `
    import { startProcess } from "#lab/process.ts";
    const child = await startProcess({ name: "sleeper", command: "sleep", args: ["600"], logFile: ${JSON.stringify(logFile)},
      ready: () => true, readyDeadlineMs: 10_000 });
    console.log(child.pid);
    for await (const how of process.stdin) {
      if (String(how) === "error") throw new Error("the lab fails");
      process.exit(0);
    }`;
}

describe("folders", () => {
  test("a cached folder is filled once by two at the same time, and not by a failure", async () => {
    const cache = await temporaryFolder();
    let fills = 0;
    async function fill(folder: string): Promise<void> {
      fills++;
      await writeFile(join(folder, "content"), String(fills));
    }
    const failing = cachedFolder({
      name: "jars",
      lock: "test",
      cache,
      fill: async () => await Promise.reject(new Error("offline")),
    });
    await expect(failing).rejects.toThrow("offline");
    const places = await Promise.all(
      [1, 2].map(async () => await cachedFolder({ name: "jars", lock: "test", cache, fill })),
    );
    expect(new Set(places).size).toBe(1);
    expect(fills).toBe(1);
    expect(await readdir(cache)).toEqual(["jars"]);
  });

  test("the lock of a dead process is taken over", async () => {
    const cache = await temporaryFolder();
    const dead = await deadPid();
    await writeFile(join(cache, "test.lock"), String(dead));
    const place = await cachedFolder({
      name: "jars",
      lock: "test",
      cache,
      fill: async (folder) => await mkdir(join(folder, "lib")).then(silent),
    });
    expect(await readdir(place)).toEqual(["lib"]);
  });

  test("the run folder of a killed lab goes, one kept after a failure stays", async () => {
    const first = await createRunFolder(silent);
    const runs = join(first.path, "..");
    const dead = await deadPid();
    const left = join(runs, `20200101T000000-${dead}-left`);
    const kept = join(runs, `29990101T000000-${dead}-kept`);
    onTestFinished(
      async () =>
        await Promise.all(
          [first.path, left, kept].map(async (path) => await rm(path, { recursive: true, force: true })),
        ).then(silent),
    );
    await mkdir(left);
    await mkdir(kept);
    await writeFile(join(kept, "KEPT"), "a test failed\n");
    await (await createRunFolder(silent)).remove();
    expect([first.path, left, kept].map((path) => existsSync(path))).toEqual([true, false, true]);
  });
});

test("a free port lies below the range of outgoing connections", async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, freePort));
  expect(new Set(ports).size).toBe(20);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
