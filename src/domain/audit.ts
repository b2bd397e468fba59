import { z } from "zod";
import { hashOf } from "./canonical.ts";
import type { AuditEntry, ChainedEntry } from "./ports.ts";

/** The audit chain: each entry carries the hash of the one before it, so that a changed past shows. */

/** What the first entry names as its predecessor. */
const origin = "0".repeat(64);

/** One entry as a store hands it back. */
export const StoredEntry = z.object({
  at: z.string(),
  actor: z.string(),
  subject: z.string().exactOptional(),
  migration: z.string(),
  wave: z.string().exactOptional(),
  what: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  reason: z.string().exactOptional(),
  detail: z.unknown().optional(),
  sequence: z.int(),
  previous: z.string(),
  hash: z.string(),
});

/** The entry that follows `last` (undefined: the chain is empty). Sequences start at 1. */
export function chain(entry: AuditEntry, last: ChainedEntry | undefined): ChainedEntry {
  // Hashed as it will be read back: JSON drops undefined and turns what it cannot hold into null.
  const plain: AuditEntry = JSON.parse(JSON.stringify(entry));
  const body = { ...plain, sequence: (last?.sequence ?? 0) + 1, previous: last?.hash ?? origin };
  return { ...body, hash: hashOf(body) };
}

export type ChainCheck =
  | { readonly intact: true; readonly entries: number; readonly head: string }
  | { readonly intact: false; readonly sequence: number; readonly why: string };

/** Checks every link and names the first entry that does not hold. */
export function verifyChain(entries: readonly ChainedEntry[]): ChainCheck {
  let previous = origin;
  for (const [index, entry] of entries.entries()) {
    const why = brokenBecause(entry, index + 1, previous);
    if (why !== undefined) return { intact: false, sequence: index + 1, why };
    previous = entry.hash;
  }
  return { intact: true, entries: entries.length, head: previous };
}

function brokenBecause(entry: ChainedEntry, sequence: number, previous: string): string | undefined {
  if (entry.sequence !== sequence) return `entry ${sequence} carries the number ${entry.sequence}`;
  if (entry.previous !== previous) return `entry ${sequence} does not follow the entry before it`;
  const { hash, ...body } = entry;
  if (hash !== hashOf(body)) return `entry ${sequence} was changed after it was written`;
  return undefined;
}
