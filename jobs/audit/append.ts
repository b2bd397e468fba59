import type { Clock, Store } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";

type Place = {
  readonly store: Pick<Store, "audit">;
  readonly clock: Pick<Clock, "now">;
  readonly migration: string;
  /** Whoever the job is for, unless the entry names somebody else. */
  readonly actor: string;
};

/** What every entry has: time, actor, migration, and what it is about when it does not say. */
export function appendingTo({ store, clock, migration, actor }: Place): Work["audit"] {
  return async (entry) => {
    const at = new Date(clock.now()).toISOString();
    await store.audit({ at, actor, migration, subject: entry.wave ?? migration, ...entry });
  };
}
