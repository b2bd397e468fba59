import { loadavg } from "node:os";

/** Milliseconds, to the hundredth. */
export type Spread = {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    p50: round(rank(sorted, 0.5)),
    p95: round(rank(sorted, 0.95)),
    p99: round(rank(sorted, 0.99)),
    max: round(rank(sorted, 1)),
  };
}

/** Nearest rank. Throws for no samples at all. */
function rank(sorted: readonly number[], share: number): number {
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function wordsOf({ p50, p95, p99, max }: Spread): string {
  return `p50 ${p50.toFixed(2)}, p95 ${p95.toFixed(2)}, p99 ${p99.toFixed(2)}, max ${max.toFixed(2)} ms`;
}

/** How busy the machine was: figures taken on a loaded one say little by themselves. */
export function load(): number {
  return round(loadavg()[0] ?? 0);
}
