import type { Clock } from "#domain/ports.ts";

/** The machine's clock. Node's own promised timer makes an error for each sleep that is cut short; most of ours are. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted === true) {
      reject(signal.reason);
      return promise;
    }
    const wakeEarly = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", wakeEarly);
      resolve();
    }, ms);
    signal?.addEventListener("abort", wakeEarly, { once: true });
    return promise;
  },
};
