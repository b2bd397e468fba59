import type { Assessment, BrokerSetting } from "#domain/assessment.ts";
import type { BrokerConfig, Feature } from "#domain/inventory.ts";
import { type Known, known, unknown } from "#domain/topology.ts";

/** Brokers' settings against Apache's defaults and against each other. */

type Configs = ReadonlyMap<number, readonly BrokerConfig[]>;

/** What each broker has for itself. */
const ownKeys = new Set([
  "advertised.host.name",
  "advertised.listeners",
  "advertised.port",
  "broker.id",
  "broker.rack",
  "host.name",
  "listeners",
  "log.dir",
  "log.dirs",
  "metadata.log.dir",
  "node.id",
  "port",
]);

/** Those that somebody wrote down, and those that brokers do not agree on; sorted by name. */
export function brokerSettings(configs: Configs): BrokerSetting[] {
  const [first, ...others] = [...configs].toSorted(([a], [b]) => a - b);
  if (first === undefined) return [];
  const rows = others.map(([broker, entries]) => ({
    broker,
    values: new Map(entries.map((entry) => [entry.name, entry])),
  }));
  return first[1]
    .flatMap(({ name, value, origin, default: standard }): BrokerSetting[] => {
      const differing = ownKeys.has(name)
        ? []
        : rows
            .map(({ broker, values }) => ({ broker, value: values.get(name)?.value ?? null }))
            .filter((other) => other.value !== value);
      if (origin === "default" && differing.length === 0) return [];
      return [{ name, origin, value, default: known(standard), others: differing }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** By what the brokers are configured with; else by the feature that only KRaft has. */
export function clusterMode(
  configs: Known<Configs>,
  features: Known<readonly Feature[]>,
): Assessment["mode"] {
  if (features.known && features.value.some(({ name }) => name === "metadata.version")) return known("kraft");
  const entries = configs.known ? [...configs.value.values()].flat() : [];
  const value = (key: string) => entries.find(({ name }) => name === key)?.value ?? "";
  if (value("process.roles") !== "") return known("kraft");
  if (value("zookeeper.connect") !== "") return known("zookeeper");
  if (!configs.known) return unknown(configs.why);
  const seen = "no broker tells process.roles or zookeeper.connect";
  return unknown(`${seen}: look into server.properties`);
}
