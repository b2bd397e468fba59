import { z } from "zod";
import type { ActionName } from "#domain/action.ts";
import type { RequestState } from "#domain/approval/approval.ts";
import { Phase } from "./wave-state.ts";

/** What was last read of a migration, as it is remembered for whoever shows it without asking the clusters again. */

const Unknown = z.number().nullable();

const WaveReading = z.object({
  wave: z.string(),
  phase: Phase,
  mirror: z.enum(["absent", "stopped", "paused", "running", "failed", "starting", "unknown"]),
  /** Records not yet copied; `null`: not known of every partition. */
  behind: Unknown,
  /** Age of the oldest record not yet copied. */
  seconds: Unknown,
  partitions: z.int(),
  /** Partitions whose lag is not known. */
  unknown: z.int(),
  /** Partitions of which records expired before they were copied, or whose log is another one now. */
  broken: z.int(),
  /** Records per second. */
  arriving: Unknown,
  copying: Unknown,
  /** Mean bytes of a record on disk; `null` or absent: not known. */
  recordBytes: Unknown.optional(),
  /** Until the first record that is not yet copied expires. */
  retentionSeconds: Unknown,
  /** Tasks by their state in Connect's words; `null`: not known. */
  tasks: z.record(z.string(), z.int()).nullable(),
  /** Records not yet copied by topic; absent where there are too many topics for a series each. */
  topics: z.record(z.string(), Unknown).optional(),
  /** Records on MSK that its groups have not read, once they have moved; absent where there are too many groups. */
  groups: z.record(z.string(), Unknown).optional(),
});
export type WaveReading = z.infer<typeof WaveReading>;

/** None is no bytes, however large a record would be; else `null` without a size. */
export function bytesIn(records: number | null, size: number | null | undefined): number | null {
  if (records === null || records === 0) return records;
  return size === null || size === undefined ? null : records * size;
}

export const LagReadings = z.object({
  /** Milliseconds since the epoch. */
  at: z.number(),
  waves: z.array(WaveReading),
  /** Until everything is copied; `null`: not known, or never at this pace. */
  etaSeconds: Unknown,
});
export type LagReadings = z.infer<typeof LagReadings>;

/** What is known of one migration from memory alone. */
export type MigrationReadings = {
  readonly migration: string;
  /** The last sweep, however old: `at` says it. */
  readonly lag: LagReadings | undefined;
  /** Whether the sweep is young enough to stand for now. */
  readonly fresh: boolean;
  readonly requests: ReadonlyArray<{ readonly action: ActionName; readonly state: RequestState }>;
  /** Alarms that stand, by kind. */
  readonly alarms: ReadonlyMap<string, number>;
  /** Share of the target's disk that is used, 0 to 1; `undefined`: not known. */
  readonly diskUsed: number | undefined;
  /** When the last digest was made, ms since the epoch. */
  readonly digestAt: number | undefined;
};
