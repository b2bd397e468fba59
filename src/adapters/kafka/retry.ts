import { FerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";
import { isUnreachable } from "./errors.ts";

/** Milliseconds after which a call gives up on what has not answered. The job decides whether to ask again. */
const patience = 8000;

const firstPause = 50;
const longestPause = 800;

/** Waits between attempts: 50, 100, 200 … 800 ms; false once the patience is used up. */
export function createBackoff(clock: Clock, limit: number = patience): () => Promise<boolean> {
  const deadline = clock.now() + limit;
  let pause = firstPause;
  return async () => {
    if (clock.now() + pause > deadline) return false;
    await clock.sleep(pause);
    pause = Math.min(pause * 2, longestPause);
    return true;
  };
}

/** Repeats `call` while the cluster does not answer. */
export async function whileUnreachable<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  const again = createBackoff(clock);
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      if (!isUnreachable(thrown) || !(await again())) throw thrown;
    }
  }
}

export type Fail<K> = (key: K, why: string) => void;

/** What becomes of keys that have no answer. */
export type Gaps<K> = {
  /** They may have one the next time. `asked`: of how many. */
  readonly missing: (failed: ReadonlyArray<readonly [K, string]>, asked: number) => void;
  /** It will not have one. */
  readonly refused: (key: K, error: FerryError) => void;
};

type Naming<K> = { readonly what: string; readonly name: (key: K) => string };

/** All or nothing: throws `E_INCOMPLETE` that names what is missing and why, or the refusal. */
export function noGaps<K>(naming: Naming<K>): Gaps<K> {
  return {
    missing(failed, asked) {
      throw incomplete(failed, asked, naming);
    },
    refused(_, error) {
      throw error;
    },
  };
}

/**
 * Asks in rounds until every key has its answer. A round stores what it got and calls `fail` for each key that
 * is worth asking again; anything else it throws.
 * @throws FerryError `E_INCOMPLETE` that names the keys still missing and why, unless there are `gaps` to tell it.
 */
export async function collect<K>(
  keys: readonly K[],
  round: (pending: readonly K[], fail: Fail<K>) => Promise<void>,
  options: Naming<K> & { readonly clock: Clock; readonly gaps?: Gaps<K> },
): Promise<void> {
  const again = createBackoff(options.clock);
  let pending = keys;
  while (pending.length > 0) {
    const failed = new Map<K, string>();
    await round(pending, (key, why) => void failed.set(key, why));
    if (failed.size > 0 && !(await again())) {
      return (options.gaps ?? noGaps(options)).missing([...failed], keys.length);
    }
    pending = [...failed.keys()];
  }
}

function incomplete<K>(
  failed: ReadonlyArray<readonly [K, string]>,
  asked: number,
  { what, name }: Naming<K>,
): FerryError {
  const shown = failed.slice(0, 5).map(([key, why]) => `${name(key)}: ${why}`);
  const more = failed.length > shown.length ? `; and ${failed.length - shown.length} more` : "";
  const text = `${what}: ${failed.length} of ${asked} without an answer. ${shown.join("; ")}${more}`;
  return new FerryError("E_INCOMPLETE", text);
}

/** Runs `work` on all items, at most `limit` at a time; order of results is the order of items. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  async function lane(): Promise<void> {
    for (const [index, item] of queue) results[index] = await work(item);
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

/** Slices of at most `size`. */
export function batches<T>(items: readonly T[], size: number): ReadonlyArray<readonly T[]> {
  const slices: Array<readonly T[]> = [];
  for (let start = 0; start < items.length; start += size) slices.push(items.slice(start, start + size));
  return slices;
}
