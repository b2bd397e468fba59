import { chain, prune, StoredEntry } from "#domain/audit/audit.ts";
import { FerryError } from "#domain/errors.ts";
import type { ChainedEntry, Clock, Lease, Store, Versioned } from "#domain/ports.ts";

type Held = { readonly owner: string; readonly token: number; readonly until: number };

/** The store's contract in memory, on an injected clock. Values go through JSON, as they do in Redis. */
export function createMemoryStore(clock: Pick<Clock, "now">): Store {
  const documents = new Map<string, { readonly text: string; readonly revision: number }>();
  const lists = new Map<string, readonly string[]>();
  const leases = new Map<string, Held>();
  const tokens = new Map<string, number>();
  const chains = new Map<string, readonly string[]>();

  function holds(lease: Lease): boolean {
    const held = leases.get(lease.scope);
    return held?.owner === lease.owner && held.token === lease.token && held.until > clock.now();
  }

  function check(lease: Lease | undefined): void {
    if (lease !== undefined && !holds(lease)) {
      throw new FerryError("E_LEASE_LOST", `the lease on ${lease.scope} ran out or a newer attempt holds it`);
    }
  }

  return {
    read: async (key): Promise<Versioned | undefined> => {
      const found = documents.get(key);
      return found && { value: JSON.parse(found.text), revision: found.revision };
    },
    write: async (key, value, condition = {}) => {
      check(condition.lease);
      const revision = documents.get(key)?.revision ?? 0;
      if (condition.revision !== undefined && condition.revision !== revision) return undefined;
      documents.set(key, { text: JSON.stringify(value ?? null), revision: revision + 1 });
      return revision + 1;
    },
    keys: async (prefix) => [...documents.keys()].filter((key) => key.startsWith(prefix)).sort(),
    remove: async (key) => {
      documents.delete(key);
      lists.delete(key);
    },
    acquire: async (scope, owner, ttlMs) => {
      const held = leases.get(scope);
      if (held !== undefined && held.until > clock.now() && held.owner !== owner) {
        throw new FerryError("E_LEASE", `${scope} is held by ${held.owner}`);
      }
      const token = (tokens.get(scope) ?? 0) + 1;
      tokens.set(scope, token);
      leases.set(scope, { owner, token, until: clock.now() + ttlMs });
      return { scope, owner, token };
    },
    renew: async (lease, ttlMs) => {
      check(lease);
      leases.set(lease.scope, { owner: lease.owner, token: lease.token, until: clock.now() + ttlMs });
    },
    release: async (lease) => {
      if (holds(lease)) leases.delete(lease.scope);
    },
    audit: async (entry) => {
      const entries = chains.get(entry.migration) ?? [];
      if (entry.key !== undefined && entries.some((text) => parse(text).key === entry.key)) return;
      const last = entries.at(-1);
      const next = chain(entry, last === undefined ? undefined : parse(last));
      chains.set(entry.migration, [...entries, JSON.stringify(next)]);
    },
    auditTrail: async (migration) => (chains.get(migration) ?? []).map((text) => parse(text)),
    pruneAudit: async (migration, before, by) => {
      const entries = (chains.get(migration) ?? []).map((text) => parse(text));
      const pruned = prune(entries, before, by);
      if (pruned === undefined) return 0;
      const left = [...entries.slice(pruned.drop), pruned.checkpoint];
      chains.set(
        migration,
        left.map((entry) => JSON.stringify(entry)),
      );
      return pruned.drop;
    },
    append: async (key, value, keep) => {
      lists.set(key, [...(lists.get(key) ?? []), JSON.stringify(value ?? null)].slice(-keep));
    },
    list: async (key) => (lists.get(key) ?? []).map((text): unknown => JSON.parse(text)),
  };
}

function parse(text: string): ChainedEntry {
  return StoredEntry.parse(JSON.parse(text));
}
