import { type ErrorCode, FerryError } from "#domain/errors.ts";
import type { Work } from "./work.ts";

export type Patience = {
  readonly deadlineMs: number;
  readonly everyMs: number;
  /** What fails when the deadline passes; the probe's last word is added. */
  readonly code: ErrorCode;
  readonly what: string;
};

/** A probe's answer: it holds, or not yet and why. */
export type Probe<T> =
  | { readonly holds: true; readonly value: T }
  | { readonly holds: false; readonly why: string };

export function holds<T>(value: T): Probe<T> {
  return { holds: true, value };
}

export function notYet(why: string): { readonly holds: false; readonly why: string } {
  return { holds: false, why };
}

/**
 * Asks until the probe holds, for waits of seconds inside one step. Longer waits are an outcome `again`, which holds no
 * worker. Fails with `code` and the last reason at the deadline; retryable errors of the probe count as "not yet".
 */
export async function until<T>(
  work: Pick<Work, "clock" | "signal">,
  patience: Patience,
  probe: () => Promise<Probe<T>>,
): Promise<T> {
  const deadline = work.clock.now() + patience.deadlineMs;
  for (;;) {
    const answer = await attempt(probe);
    if (answer.holds) return answer.value;
    if (work.clock.now() >= deadline) {
      throw new FerryError(
        patience.code,
        `${patience.what}: ${answer.why} after ${patience.deadlineMs / 1000} s.`,
      );
    }
    await work.clock.sleep(patience.everyMs, work.signal);
  }
}

async function attempt<T>(probe: () => Promise<Probe<T>>): Promise<Probe<T>> {
  try {
    return await probe();
  } catch (error) {
    if (error instanceof FerryError && error.retryable) return notYet(`${error.code} ${error.message}`);
    throw error;
  }
}
