import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "#domain/ports.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (aborted) {
      // The timer says only that it was aborted; the signal knows why.
      signal?.throwIfAborted();
      throw aborted;
    }
  },
};
