import { z } from "zod";

/**
 * What a wave has been through and cannot be read back from the clusters: everything else is asked of the world each
 * time. Written only under a lease.
 */
export const Phase = z.enum(["before-cutover", "consumers-moved", "producers-moved", "cleaned"]);
export type Phase = z.infer<typeof Phase>;

const Ends = z.record(z.string(), z.array(z.int()));

export const WaveState = z.object({
  phase: Phase,
  /** Both ends at the moment the forward mirror had drained and stopped: topic to end offset per partition. */
  boundary: z.object({ source: Ends, target: Ends, at: z.string() }).optional(),
  /** ISO 8601, of the last change. */
  changedAt: z.string(),
  /** The phase that this one followed, until the audit trail has its entry, which is appended once by this key. */
  unrecorded: z.object({ before: Phase, key: z.string() }).optional(),
});
export type WaveState = z.infer<typeof WaveState>;

export function waveKey(migration: string, wave: string): string {
  return `wave:${migration}:${wave}`;
}
