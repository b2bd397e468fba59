import { entityKey } from "#domain/access/quotas.ts";
import type { ClientQuota } from "#domain/inventory.ts";
import { type QuotaChange } from "#domain/ports.ts";

/** Client quotas in memory, of all kinds of entities. */
export function createFakeQuotas() {
  const held = new Map<string, ClientQuota>();
  const rate = "producer_byte_rate";

  function alter(changes: readonly QuotaChange[]): void {
    for (const { entity, limits } of changes) {
      const key = entityKey(entity);
      const next = Object.entries({ ...held.get(key)?.limits, ...limits });
      const kept = next.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
      if (kept.length === 0) held.delete(key);
      else held.set(key, { entity, limits: Object.fromEntries(kept) });
    }
  }

  return {
    all: (): readonly ClientQuota[] => [...held.values()],
    alter,
    rateOf: (clientId: string) => held.get(entityKey(entityOf(clientId)))?.limits[rate],
    limit(clientId: string, bytesPerSecond: number | undefined): void {
      alter([{ entity: entityOf(clientId), limits: { [rate]: bytesPerSecond ?? null } }]);
    },
  };
}

function entityOf(clientId: string): ClientQuota["entity"] {
  return [{ type: "client-id", name: clientId }];
}
