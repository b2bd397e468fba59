import type { ClientQuota } from "#domain/inventory.ts";

/** Client quotas in memory: bytes per second that producers of one client id may send to a broker. */
export function createFakeQuotas() {
  const rates = new Map<string, number>();
  return {
    all: (): readonly ClientQuota[] =>
      [...rates].map(([name, rate]) => ({
        entity: [{ type: "client-id", name }],
        limits: { producer_byte_rate: rate },
      })),
    rateOf: (clientId: string) => rates.get(clientId),
    limit(clientId: string, bytesPerSecond: number | undefined): void {
      if (bytesPerSecond === undefined) rates.delete(clientId);
      else rates.set(clientId, bytesPerSecond);
    },
  };
}
