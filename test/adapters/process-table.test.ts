import { afterEach, expect, it, vi } from "vitest";
import { isRunning, pidsOf } from "#adapters/mirrormaker/process-table.ts";

vi.mock("node:fs/promises", async (original) => ({
  ...(await original<object>()),
  readdir: () => Promise.reject(new Error("ENOENT: /proc")),
}));

afterEach(() => {
  vi.unstubAllEnvs();
});

it("does not call a pid the mirror's where nobody can look at it, and is sure of one that is free", async () => {
  vi.stubEnv("PATH", "/nowhere");
  expect(await isRunning(process.pid, "f")).toBeUndefined();
  expect(await pidsOf("f", "mm2.properties")).toBeUndefined();
  // Above the largest that Linux gives (PID_MAX_LIMIT).
  expect(await isRunning(4_194_305, "f")).toBe(false);
});

it("asks ps where there is no /proc", async () => {
  expect(await isRunning(process.pid, "f")).toBe(false);
});
