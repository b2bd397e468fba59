import { z } from "zod";
import { hashOf } from "#domain/canonical.ts";
import type { Migration } from "#domain/settings.ts";
import { type Known, known } from "#domain/topology.ts";
import { took } from "#domain/wording.ts";
import type { Load } from "./sizing-load.ts";

/** What the source was seen to carry over time: the 95th percentile of it is what MSK is sized for. Pure. */

export const LoadSample = z.object({
  /** Milliseconds since the epoch: its end, and how long it is. */
  at: z.number(),
  ms: z.number(),
  /** Over this span, MB/s of 10^6 bytes: what was written, and what the groups known would have read. */
  ingressMBps: z.number(),
  egressMBps: z.number(),
  /** Of what was carried then: samples of another choice of topics are not compared. */
  of: z.string(),
});
export type LoadSample = z.infer<typeof LoadSample>;

/** Seven days of a sample every five minutes. */
export const samplesKept = 2016;
/** Below this many a 95th percentile is just the largest. */
export const samplesNeeded = 20;

/** Of the choice of topics and groups that is carried. */
export function loadMark({ settings }: Migration): string {
  const { topics, groups } = settings.replication;
  return hashOf({ topics, groups }).slice(0, 16);
}

/** What a plan is sized for, and how that was measured. */
export type Measured = {
  readonly load: Load;
  /** For people: "p95 of 288 samples over 24 h". */
  readonly how: string;
};

/**
 * Rates at the 95th percentile where there are enough samples up to the assessment, else those of its window. Storage
 * stays what the window says: retention is longer than any peak.
 */
export function measuredLoad(
  load: Load,
  samples: readonly LoadSample[],
  { of, until, windowMs }: { readonly of: string; readonly until: number; readonly windowMs: number },
): Measured {
  const used = samples.filter((sample) => sample.of === of && sample.at <= until);
  const window = `over the ${took(windowMs)} of the assessment`;
  const counted =
    used.length === 0 ? "no sample is kept yet" : `${used.length} of ${samplesNeeded} samples kept`;
  if (used.length < samplesNeeded)
    return {
      load,
      how: `${window}, not p95: ${counted}, and brokers' own meters (JMX, Prometheus) are not read`,
    };
  const [first, last] = [used.at(0), used.at(-1)];
  const span = (last?.at ?? 0) - (first?.at ?? 0) + (first?.ms ?? 0);
  return {
    load: {
      ...load,
      ingressMBps: known(p95(used.map(({ ingressMBps }) => ingressMBps))),
      egressMBps: known(p95(used.map(({ egressMBps }) => egressMBps))),
    },
    how: `p95 of ${used.length} samples over ${took(span)}; in the window of the assessment in ${megabytes(load.ingressMBps)}, out ${megabytes(load.egressMBps)}`,
  };
}

/** Nearest rank: the smallest value that at least 95 % of them do not exceed. */
export function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * 0.95) - 1)] ?? 0;
}

function megabytes(value: Known<number>): string {
  return value.known ? `${value.value.toFixed(value.value < 1 ? 3 : 1)} MB/s` : "unknown";
}

/** Everything but partitions, which nobody multiplies without being asked. */
export function grown(load: Load, factor: number): Load {
  const more = (value: Known<number>) => (value.known ? known(value.value * factor) : value);
  return {
    ...load,
    ingressMBps: more(load.ingressMBps),
    egressMBps: more(load.egressMBps),
    storedBytes: more(load.storedBytes),
  };
}
