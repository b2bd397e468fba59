import { Counter, Histogram, type Registry } from "prom-client";
import type { Meter } from "#domain/ports.ts";

/** What this process counts itself. Each process has its own: sums are the reader's. */
export type Counted = Meter & {
  slackCallFailed(method: string, kind: string): void;
  /** Totals since the start, by reason. */
  refused(counts: Readonly<Record<string, number>>): void;
};

/** Seconds. A sweep over 50,000 partitions takes some; a cluster that is away takes all its patience. */
const sweepBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createCounted(registry: Registry): Counted {
  const registers = [registry];
  const failures = new Counter({
    name: "mskferry_slack_call_failures_total",
    help: "Calls to Slack that did not succeed at once, those that were repeated included.",
    labelNames: ["method", "kind"],
    registers,
  });
  const refusals = new Counter({
    name: "mskferry_requests_refused_total",
    help: "What came in over HTTP or the socket and was not acted upon.",
    labelNames: ["reason"],
    registers,
  });
  const sweeps = new Histogram({
    name: "mskferry_lag_sweep_duration_seconds",
    help: "Time of one reading of every wave's lag.",
    labelNames: ["migration"],
    buckets: sweepBuckets,
    registers,
  });
  return {
    slackCallFailed: (method, kind) => failures.inc({ method, kind }),
    refused(counts) {
      refusals.reset();
      for (const [reason, count] of Object.entries(counts)) refusals.inc({ reason }, count);
    },
    swept: (migration, ms) => sweeps.observe({ migration }, ms / 1000),
  };
}
