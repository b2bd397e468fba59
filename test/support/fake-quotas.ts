/** Client quotas in memory: bytes per second that producers of one client id may send to a broker. */
export function createFakeQuotas() {
  const rates = new Map<string, number>();
  return {
    rateOf: (clientId: string) => rates.get(clientId),
    limit(clientId: string, bytesPerSecond: number | undefined): void {
      if (bytesPerSecond === undefined) rates.delete(clientId);
      else rates.set(clientId, bytesPerSecond);
    },
  };
}
