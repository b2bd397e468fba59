import type { Clock } from "#domain/ports.ts";

/** A clock that stands still until it is turned. Sleepers wake in order of their time. */
export type HandClock = Clock & {
  advance(ms: number): Promise<void>;
  /** How many are asleep now. */
  sleepers(): number;
};

type Sleeper = { readonly at: number; wake(): void };

export function createHandClock(start = Date.UTC(2026, 10, 22, 14, 10, 0)): HandClock {
  let now = start;
  let asleep: readonly Sleeper[] = [];

  function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted === true) {
      reject(signal.reason);
      return promise;
    }
    const sleeper = { at: now + ms, wake: resolve };
    asleep = [...asleep, sleeper];
    signal?.addEventListener("abort", () => {
      asleep = asleep.filter((other) => other !== sleeper);
      reject(signal.reason);
    });
    return promise;
  }

  async function advance(ms: number): Promise<void> {
    const until = now + ms;
    for (;;) {
      const [next] = [...asleep].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > until) break;
      now = Math.max(now, next.at);
      asleep = asleep.filter((other) => other !== next);
      next.wake();
      await settle();
    }
    now = until;
    await settle();
  }

  return { now: () => now, sleep, advance, sleepers: () => asleep.length };
}

/** Lets everything that is already due run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
