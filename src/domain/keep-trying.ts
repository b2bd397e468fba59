import { asFerryError, type FerryError } from "./errors.ts";
import type { Clock } from "./ports.ts";

const firstPauseMs = 1000;
const longestPauseMs = 30_000;

type Trying = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A new kind of failure: once while its message stays the same. */
  readonly onTrouble: (error: FerryError) => void;
  /** It worked after `failures` tries that did not. Not called when the first one does. */
  readonly onBack?: (failures: number) => void;
  /** What no further try can mend; errors that are not retryable when absent. */
  readonly isFinal?: (error: FerryError) => boolean;
};

/**
 * Tries for ever, 1 s, 2 s, 4 s … 30 s apart, until it works. Fails with what is final, and with the signal's reason
 * when that is aborted.
 */
export async function keepTrying<T>(trying: Trying, action: () => Promise<T>): Promise<T> {
  const { clock, signal, isFinal = ({ retryable }) => !retryable } = trying;
  let last: string | undefined;
  for (let failures = 0; ; failures += 1) {
    try {
      const value = await action();
      if (failures > 0) trying.onBack?.(failures);
      return value;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asFerryError(thrown);
      if (isFinal(error)) throw error;
      if (error.message !== last) trying.onTrouble(error);
      last = error.message;
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10));
      await clock.sleep(pauseMs, signal).catch(() => signal.throwIfAborted());
    }
  }
}
