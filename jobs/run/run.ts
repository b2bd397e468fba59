import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Clock, Lease, Log, Store } from "#domain/ports.ts";
import type { Run } from "./approvable.ts";

/** A run that holds its migration's lease and keeps it alive. */
export type LiveRun = Run & {
  /** Aborted when the lease is lost or cannot be renewed: whatever is under way must stop. */
  readonly signal: AbortSignal;
  /** Stops renewing. `holdMs`: the lease stays this long for the next attempt of the same run; 0 gives it up. */
  leave(holdMs: number): Promise<void>;
};

/**
 * Takes the lease on a migration (`E_LEASE` while another run holds it), fencing an older attempt of the same run,
 * and renews it three times per `ttlMs` until `leave`.
 */
export async function createRun(options: {
  readonly id: string;
  readonly migration: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs?: number;
}): Promise<LiveRun> {
  const { id, migration, store, clock, log, ttlMs = 20_000 } = options;
  const lease = await store.acquire(`migration:${migration}`, id, ttlMs);
  const lost = new AbortController();
  const left = new AbortController();
  const beating = beat({ lease, store, clock, log, ttlMs, lost, left: left.signal });

  return {
    id,
    lease,
    signal: lost.signal,
    recall: async (key) => (await store.read(`run:${id}:${key}`))?.value,
    remember: async (key, value) => {
      await store.write(`run:${id}:${key}`, value, { lease });
    },
    leave: async (holdMs) => {
      left.abort();
      await beating;
      const last = holdMs > 0 ? store.renew(lease, holdMs) : store.release(lease);
      // Redis away or the lease already taken over: it ends by its time to live.
      await last.catch((thrown: unknown) => {
        log.warn({ run: id, error: asFerryError(thrown).message }, "lease was not left in order");
      });
    },
  };
}

async function beat(options: {
  readonly lease: Lease;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs: number;
  readonly lost: AbortController;
  readonly left: AbortSignal;
}): Promise<void> {
  const { lease, store, clock, log, ttlMs, lost, left } = options;
  let renewedAt = clock.now();
  while (!left.aborted && !lost.signal.aborted) {
    const stopped = await clock.sleep(ttlMs / 3, left).then(
      () => false,
      () => true,
    );
    if (stopped) return;
    const began = clock.now();
    try {
      await store.renew(lease, ttlMs);
      renewedAt = began;
    } catch (thrown) {
      const error = asFerryError(thrown);
      log.warn({ scope: lease.scope, owner: lease.owner, code: error.code }, "lease was not renewed");
      if (error.code === "E_LEASE_LOST") lost.abort(error);
      else if (clock.now() - renewedAt >= ttlMs) lost.abort(notRenewed(lease, ttlMs, error));
    }
  }
}

function notRenewed(lease: Lease, ttlMs: number, cause: FerryError): FerryError {
  const message = `the lease on ${lease.scope} could not be renewed for ${ttlMs / 1000} s`;
  return new FerryError("E_STORE", message, { cause });
}

/** One request, one run. */
export function runIdOf(request: { readonly migration: string; readonly id: string }): string {
  return `${request.migration}-${request.id}`;
}
