import { type Broker, type Known, known, unknown } from "#domain/topology.ts";

/** The release that the cluster in memory plays, and its brokers. */

/** APIs younger than that release are unknown. */
export function createSince(
  role: string,
  version: () => Known<string>,
): <T>(release: string, api: string, value: () => T) => Known<T> {
  return (release, api, value) => {
    const now = version();
    if (!now.known || !isOlder(now.value, release)) return known(value());
    return unknown(`the ${role} cluster has no ${api}: it is ${now.value}, Kafka ${release} is needed`);
  };
}

/** "2.7" is older than "2.8". */
function isOlder(version: string, release: string): boolean {
  return version.localeCompare(release, "en", { numeric: true }) < 0;
}

export function brokersOf(role: string, count: number): readonly Broker[] {
  return Array.from({ length: count }, (_, index) => {
    const id = index + 1;
    return { id, host: `${role}-${id}.test`, port: 9092, rack: `zone-${id}` };
  });
}
