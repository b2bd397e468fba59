import { z } from "zod";
import type { Store } from "#domain/ports.ts";
import { Phase } from "#domain/switch/wave-state.ts";

/** What the last digest told, so that the next one can say what is new. */

const WaveTold = z.object({
  phase: Phase,
  mirror: z.string(),
  /** Records; `null`: not known. */
  behind: z.number().nullable(),
});
export type WaveTold = z.infer<typeof WaveTold>;

export const Told = z.object({
  /** Milliseconds since the epoch. */
  at: z.number(),
  waves: z.record(z.string(), WaveTold),
  /** What is not simply a number, in the digest's own words. */
  findings: z.array(z.object({ key: z.string(), text: z.string() })),
  /** What waited for people. */
  waiting: z.array(z.string()),
});
export type Told = z.infer<typeof Told>;

function toldKey(migration: string): string {
  return `digest-told:${migration}`;
}

/** `undefined`: there was none yet. */
export async function lastDigest(store: Store, migration: string): Promise<Told | undefined> {
  return Told.safeParse((await store.read(toldKey(migration)))?.value).data;
}

export async function rememberDigest(store: Store, migration: string, told: Told): Promise<void> {
  await store.write(toldKey(migration), told);
}

const Turn = z.object({ slot: z.number() });

/**
 * Whether this scheduled digest is still the newest one that was begun. After an outage several may wait for their
 * turn: only the newest has something to say. `jobId` ends in the time for which BullMQ scheduled it.
 */
export async function isNewestDigest(store: Store, migration: string, jobId: string): Promise<boolean> {
  const slot = Number(/(\d{13})$/.exec(jobId)?.[1] ?? Number.NaN);
  if (Number.isNaN(slot)) return true;
  const key = `digest-turn:${migration}`;
  let written: number | undefined;
  while (written === undefined) {
    const stored = await store.read(key);
    const newest = Turn.safeParse(stored?.value).data?.slot ?? 0;
    if (newest >= slot) return newest === slot;
    written = await store.write(key, { slot }, { revision: stored?.revision ?? 0 });
  }
  return true;
}
