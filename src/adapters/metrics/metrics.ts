import { Registry } from "prom-client";
import { asFerryError } from "#domain/errors.ts";
import type { Log, Meter } from "#domain/ports.ts";
import type { MigrationReadings } from "#domain/switch/readings.ts";
import { type Counted, createCounted } from "./counted.ts";
import { createGauges } from "./gauges.ts";

/** Prometheus' text, from what was remembered and counted: a scrape never asks Kafka, Connect, AWS or Slack. */

export type MetricsNeed = {
  /** Of every migration, from memory. Fails with `E_STORE`. */
  readings(): Promise<readonly MigrationReadings[]>;
  /** Jobs in the queue by state. Fails with `E_QUEUE`. */
  queueDepth(): Promise<Readonly<Record<string, number>>>;
  /** What came in and was refused since the start, by reason. */
  refused(): Readonly<Record<string, number>>;
  readonly log: Log;
};

export type Metrics = {
  readonly meter: Meter;
  readonly slackCallFailed: Counted["slackCallFailed"];
  /** Never fails: what does not answer has no series, and `mskferry_redis_up` is 0. */
  scrape(): Promise<{ readonly type: string; readonly text: string }>;
};

export function createMetrics(need: MetricsNeed): Metrics {
  // Its own, not the library's global one: two bots in one process stay apart.
  const registry = new Registry();
  const counted = createCounted(registry);
  const gauges = createGauges(registry);
  let going: Promise<{ readonly type: string; readonly text: string }> | undefined;

  async function read<T>(what: () => Promise<T>): Promise<T | undefined> {
    try {
      return await what();
    } catch (thrown) {
      const { code, message, remedy } = asFerryError(thrown);
      need.log.debug({ code, error: message, remedy }, "a scrape got no answer");
      return undefined;
    }
  }

  async function scrapeOnce() {
    const [readings, depth] = await Promise.all([read(() => need.readings()), read(() => need.queueDepth())]);
    gauges.show(readings);
    gauges.queue(depth);
    counted.refused(need.refused());
    return { type: registry.contentType, text: await registry.metrics() };
  }

  return {
    meter: counted,
    slackCallFailed: (method, kind) => counted.slackCallFailed(method, kind),
    // Two that come at once see the same: the gauges are filled for one at a time.
    async scrape() {
      going ??= scrapeOnce().finally(() => {
        going = undefined;
      });
      return await going;
    },
  };
}
