import { z } from "zod";

/** What a comparison of both clusters found, and how far an unfinished one has come. */

export const FoundDifference = z.object({
  topic: z.string(),
  partition: z.int(),
  kind: z.enum(["differs", "missing-on-target", "only-on-target"]),
  source: z.int().optional(),
  target: z.int().optional(),
  what: z.string(),
});
export type FoundDifference = z.infer<typeof FoundDifference>;

/** Result of the newest complete comparison of a wave. */
export const Verified = z.object({
  /** ISO 8601, when it ended. */
  at: z.string(),
  /** Phase of the wave while it ran. */
  phase: z.string(),
  partitions: z.int(),
  /** Records that were found equal on both clusters; of compacted topics, keys. */
  equal: z.number(),
  /** Records that only one cluster still holds: retention took them on the other. */
  expired: z.number(),
  /** First of each partition. */
  differences: z.array(FoundDifference),
});
export type Verified = z.infer<typeof Verified>;

export function verifiedKey(migration: string, wave: string): string {
  return `verified:${migration}:${wave}`;
}

/** One partition of an unfinished comparison. Offsets of the next records to compare. */
export const PartitionProgress = z.object({
  topic: z.string(),
  partition: z.int(),
  /** Compared by last record of each key. */
  compacted: z.boolean(),
  /** Retention deletes by time or size. */
  expires: z.boolean(),
  source: z.int(),
  target: z.int(),
  /** The same place in both logs was found. */
  aligned: z.boolean(),
  /** Exclusive bounds, fixed when the comparison began. */
  sourceUntil: z.int(),
  targetUntil: z.int(),
  /** Source offsets below this must be on the target. */
  required: z.int(),
  /** Target offsets from here on were written by others than the mirror. */
  mirroredUntil: z.int(),
  equal: z.number(),
  expired: z.number(),
  /** Records to read at a time: fewer where they are large. */
  batch: z.int(),
  state: z.enum(["open", "equal", "different"]),
  difference: FoundDifference.optional(),
});
export type PartitionProgress = z.infer<typeof PartitionProgress>;

export const VerifyProgress = z.object({
  phase: z.string(),
  startedAt: z.string(),
  partitions: z.array(PartitionProgress),
});
export type VerifyProgress = z.infer<typeof VerifyProgress>;

export function verifyProgressKey(migration: string, wave: string): string {
  return `verify-progress:${migration}:${wave}`;
}

/** Share of the records of all partitions that are done, 0 to 1. */
export function shareDone(starts: readonly PartitionProgress[], now: readonly PartitionProgress[]): number {
  const total = starts.reduce((sum, { source, sourceUntil }) => sum + Math.max(0, sourceUntil - source), 0);
  const left = now.reduce(
    (sum, { state, source, sourceUntil }) => sum + (state === "open" ? Math.max(0, sourceUntil - source) : 0),
    0,
  );
  return total === 0 ? 1 : 1 - left / total;
}
