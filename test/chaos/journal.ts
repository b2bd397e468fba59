import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { WaveState, waveKey } from "#domain/switch/wave-state.ts";
import { JournalDocument } from "#jobs/run/journal.ts";
import { type Boundary, boundariesOf } from "./cases.ts";
import { wave } from "./settings.ts";

/** What the bot has written in Redis, read behind its back. */

const everyMs = 3;

async function document(redis: Redis, key: string): Promise<unknown> {
  const text = await redis.hget(`{ferry}:document:${key}`, "value");
  return text === null ? undefined : JSON.parse(text);
}

/** The journal of a run, undefined before its first write. */
export async function readRun(redis: Redis, run: string): Promise<JournalDocument | undefined> {
  const found = await document(redis, `journal:${run}`);
  return found === undefined ? undefined : JournalDocument.parse(found);
}

export async function readPhase(redis: Redis, migration: string): Promise<WaveState["phase"]> {
  const found = await document(redis, waveKey(migration, wave));
  return found === undefined ? "before-cutover" : WaveState.parse(found).phase;
}

export type Reached =
  | { readonly kind: "reached"; readonly passed: readonly Boundary[]; readonly at: Boundary }
  | { readonly kind: "missed"; readonly passed: readonly Boundary[] };

/** Returns as soon as the journal shows the boundary; "missed" when the run ends without it. */
export async function untilBoundary(
  redis: Redis,
  run: string,
  wanted: Boundary | number,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<Reached> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    signal.throwIfAborted();
    const journal = await readRun(redis, run);
    const passed = journal === undefined ? [] : boundariesOf(journal);
    const at = typeof wanted === "number" ? passed[wanted] : passed.find((one) => one === wanted);
    if (at !== undefined) return { kind: "reached", passed, at };
    if (journal !== undefined && journal.state !== "forward") return { kind: "missed", passed };
    if (Date.now() > end) return { kind: "missed", passed };
    await pause(everyMs);
  }
}
