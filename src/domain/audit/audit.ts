import { z } from "zod";
import { hashOf } from "#domain/canonical.ts";
import type { AuditEntry, ChainedEntry } from "#domain/ports.ts";
import { withoutSecrets } from "#domain/redaction.ts";

/** The audit chain: each entry carries the hash of the one before it, so that a changed past shows. */

/** What the first entry names as its predecessor. */
const origin = "0".repeat(64);

/** One entry as a store hands it back; fields of a later release stay, because the hash is over them too. */
export const StoredEntry = z.looseObject({
  at: z.string(),
  actor: z.string(),
  key: z.string().exactOptional(),
  subject: z.string().exactOptional(),
  request: z.string().exactOptional(),
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

/** The entry that follows `last` (undefined: the chain is empty), without secrets. Sequences start at 1. */
export function chain(entry: AuditEntry, last: ChainedEntry | undefined): ChainedEntry {
  // Hashed as it will be read back: JSON drops undefined and turns what it cannot hold into null.
  const plain: AuditEntry = JSON.parse(JSON.stringify(withoutSecrets(entry)));
  const body = { ...plain, sequence: (last?.sequence ?? 0) + 1, previous: last?.hash ?? origin };
  return { ...body, hash: hashOf(body) };
}

const prunedName = "audit.pruned";

/** What stands for entries that retention removed: the last of them, as the rest of the chain vouches for it. */
export const Checkpoint = z.object({
  sequence: z.int().positive(),
  hash: z.string(),
  /** ISO 8601, of the last entry removed. */
  until: z.string(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;

/**
 * Drops the entries at the front that are older than `before` (ISO 8601): how many, and the entry to append in the
 * same atomic step, without which the rest could not be told from a chain that somebody cut. `undefined`: none is so old.
 */
export function prune(
  entries: readonly ChainedEntry[],
  before: string,
  by: Pick<AuditEntry, "at" | "actor" | "reason">,
): { readonly drop: number; readonly checkpoint: ChainedEntry } | undefined {
  const young = entries.findIndex(({ at }) => Date.parse(at) >= Date.parse(before));
  const drop = young === -1 ? entries.length : young;
  const gone = entries[drop - 1];
  const last = entries.at(-1);
  if (gone === undefined || last === undefined) return undefined;
  const { sequence, hash, at, migration } = gone;
  const detail: Checkpoint & { readonly removed: number } = { sequence, hash, until: at, removed: drop };
  const change = { before: entries[0]?.sequence, after: sequence + 1 };
  const entry = { ...by, subject: "audit", migration, what: prunedName, ...change, detail };
  return { drop, checkpoint: chain(entry, last) };
}

/** The first entry that does not hold, the link that is broken there, and what it should have been. */
export type ChainBreak = {
  readonly sequence: number;
  readonly what: string;
  readonly link: "sequence" | "previous" | "hash";
  readonly expected: string;
  readonly found: string;
  readonly why: string;
};

export type ChainCheck =
  | {
      readonly intact: true;
      readonly entries: number;
      readonly head: string;
      /** Present when older entries were removed by retention. */
      readonly pruned?: Checkpoint;
    }
  | ({ readonly intact: false } & ChainBreak);

/** Checks every link and names the first entry that does not hold. A chain starts at 1 or where its checkpoint says. */
export function verifyChain(entries: readonly ChainedEntry[]): ChainCheck {
  const pruned = checkpointOf(entries);
  const start = (pruned?.sequence ?? 0) + 1;
  let previous = pruned?.hash ?? origin;
  for (const [index, entry] of entries.entries()) {
    const broken = breakAt(entry, start + index, previous);
    if (broken !== undefined) return { intact: false, ...broken };
    previous = entry.hash;
  }
  return { intact: true, entries: entries.length, head: previous, ...(pruned && { pruned }) };
}

function checkpointOf(entries: readonly ChainedEntry[]): Checkpoint | undefined {
  const newest = entries.findLast(({ what }) => what === prunedName);
  return newest && Checkpoint.safeParse(newest.detail).data;
}

function breakAt(entry: ChainedEntry, sequence: number, previous: string): ChainBreak | undefined {
  const { hash, ...body } = entry;
  const own = hashOf(body);
  const at = { sequence, what: entry.what };
  if (entry.sequence !== sequence) {
    return {
      ...at,
      link: "sequence",
      expected: String(sequence),
      found: String(entry.sequence),
      why: `entry ${sequence} is due, and entry ${entry.sequence} stands there`,
    };
  }
  if (entry.previous !== previous) {
    const why = `entry ${sequence} does not follow the entry before it`;
    return { ...at, link: "previous", expected: previous, found: entry.previous, why };
  }
  if (hash === own) return undefined;
  const why = `entry ${sequence} was changed after it was written`;
  return { ...at, link: "hash", expected: own, found: hash, why };
}
