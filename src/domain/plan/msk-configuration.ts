import type { Assessment } from "#domain/assessment.ts";
import { brokerType, expressConfigKeys, type KeyRule, standardConfigKeys } from "#domain/msk/data.ts";
import { breaks } from "#domain/msk/topic-plan.ts";
import type { Reason, Shape } from "#domain/plan.ts";

/** server.properties for MSK: what the source's brokers were told, as far as MSK takes it and it is right there. */

/** Fitted to the source's machines; MSK sets them by broker size (bestpractices.html). */
const machine = new Set([
  "num.io.threads",
  "num.network.threads",
  "num.recovery.threads.per.data.dir",
  "num.replica.fetchers",
  "socket.receive.buffer.bytes",
  "socket.send.buffer.bytes",
  "replica.socket.receive.buffer.bytes",
  "zookeeper.connection.timeout.ms",
  "zookeeper.session.timeout.ms",
  "replica.lag.time.max.ms",
]);

/** Decided here or by MSK, for three zones, whatever the source had. */
const decided = new Set([
  "auto.create.topics.enable",
  "default.replication.factor",
  "min.insync.replicas",
  "unclean.leader.election.enable",
  "offsets.topic.replication.factor",
  "transaction.state.log.min.isr",
  "transaction.state.log.replication.factor",
]);

/** These would break the copy or lock people out on the day the cluster is new. */
const later = new Map([
  ["log.message.timestamp.type", "copies keep the source's time until the producers have moved"],
  ["log.message.timestamp.difference.max.ms", "would refuse copies of old records"],
  ["log.message.timestamp.before.max.ms", "would refuse copies of old records"],
  ["log.message.timestamp.after.max.ms", "would refuse copies"],
  ["allow.everyone.if.no.acl.found", "false before any ACL exists on MSK locks everybody out"],
  ["custom.advertised.listeners", "names of the source's listeners"],
]);

const apacheMessageBytes = "1048588";

export type Configured = {
  readonly properties: Readonly<Record<string, string>>;
  /** What of the source is left out, and why. */
  readonly reasons: readonly Reason[];
  /** Where each property comes from, in their order. */
  readonly traces: readonly Reason[];
};

/** What a configuration is for. Only large Standard brokers are told how many threads to use. */
export type ConfiguredBrokers = Pick<Shape, "kind"> &
  Partial<Pick<Shape, "instanceType" | "provisionedThroughputMiBs">>;

export function configure(
  { brokerConfigs }: Pick<Assessment, "brokerConfigs">,
  brokers: ConfiguredBrokers,
  replicationFactor: number,
): Configured {
  const { kind } = brokers;
  const legal = kind === "standard" ? standardConfigKeys : expressConfigKeys;
  const properties = new Map<string, string>();
  const left = new Map<string, string>();
  for (const [key, value] of Object.entries(brokerConfigs)) {
    const rule = legal.get(key);
    if (rule === undefined || decided.has(key) || value === null) continue;
    const why = leftOut(key, value, rule);
    if (why === undefined) properties.set(key, value);
    else left.set(key, why);
  }
  properties.set("auto.create.topics.enable", "false");
  properties.set("message.max.bytes", properties.get("message.max.bytes") ?? apacheMessageBytes);
  if (kind === "standard") {
    properties.set("default.replication.factor", String(replicationFactor));
    properties.set("min.insync.replicas", String(Math.max(1, replicationFactor - 1)));
    properties.set("unclean.leader.election.enable", "false");
  }
  for (const [key, value] of threadsFor(brokers)) {
    properties.set(key, String(value));
    left.delete(key);
  }
  const sorted = [...properties].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    properties: Object.fromEntries(sorted),
    traces: sorted.map(([key, value]) => trace(key, value, brokerConfigs, replicationFactor)),
    reasons: [
      ...[...left].map(([key, why]) => ({
        what: `${key}=${brokerConfigs[key] ?? ""} of the source is not carried over`,
        why,
        source: "msk-configuration-properties.html",
      })),
      ...refused(brokerConfigs, legal),
    ],
  };
}

/** Why a value that MSK's list allows is not taken over; `undefined` where it is. */
function leftOut(key: string, value: string, rule: KeyRule): string | undefined {
  if (machine.has(key)) return "fitted to the source's machines";
  return later.get(key) ?? strangeClass(key, value) ?? breaks(rule, value);
}

/** MSK's brokers have Apache Kafka's own classes only. */
function strangeClass(key: string, value: string): string | undefined {
  if (!key.endsWith(".class") || value === "" || value.startsWith("org.apache.kafka.")) return undefined;
  return `${value} is no class of Apache Kafka, and MSK's brokers have no other`;
}

/** Broker sizes from which the guide asks for more fetchers beside provisioned throughput, by vCPU. */
const fetchers: ReadonlyMap<number, number> = new Map([
  [16, 4],
  [32, 8],
  [48, 14],
  [64, 16],
  [96, 16],
]);

/**
 * MSK's defaults are those of small brokers: guide, bestpractices.html (4xlarge and larger: as many threads for requests
 * as vCPU, half as many for the network) and msk-provision-throughput-management.html.
 */
function threadsFor({
  kind,
  instanceType = "",
  provisionedThroughputMiBs,
}: ConfiguredBrokers): ReadonlyArray<readonly [string, number]> {
  const vcpu = brokerType(instanceType)?.vcpu ?? 0;
  if (kind !== "standard" || vcpu < 16) return [];
  const more = provisionedThroughputMiBs === undefined ? undefined : fetchers.get(vcpu);
  return [
    ["num.io.threads", vcpu],
    ["num.network.threads", vcpu / 2],
    ...(more === undefined ? [] : [["num.replica.fetchers", more] as const]),
  ];
}

/** Each value's origin: a setting of the source's brokers, or a decision with its reason. */
function trace(
  key: string,
  value: string,
  brokerConfigs: Assessment["brokerConfigs"],
  replicationFactor: number,
): Reason {
  const before = brokerConfigs[key];
  const had = typeof before === "string" ? `; the source's brokers have ${before}` : "";
  const what = `${key}=${value}`;
  const decision = decisions.get(key);
  if (decision !== undefined) {
    const [why, source] = decision;
    return { what, why: `decided: ${why.replace("%", String(replicationFactor))}${had}`, source };
  }
  if (typeof before === "string") {
    return {
      what,
      why: "as the source's brokers have it, and MSK takes it",
      source: "msk-configuration-properties.html",
    };
  }
  return {
    what,
    why: "the source's brokers leave Apache's default; MSK's own may differ, so it is written down",
    source: "msk-default-configuration.html",
  };
}

/** What was decided, and the page; "%" stands for the replicas. */
const decisions: ReadonlyMap<string, readonly [string, string]> = new Map([
  [
    "num.io.threads",
    ["as many as the broker has vCPU; MSK's default is 8 on every size", "bestpractices.html"],
  ],
  [
    "num.network.threads",
    ["half as many as the broker has vCPU; MSK's default is 5 on every size", "bestpractices.html"],
  ],
  [
    "num.replica.fetchers",
    [
      "what provisioned throughput on brokers of this size needs; MSK's default is 2",
      "msk-provision-throughput-management.html",
    ],
  ],
  [
    "auto.create.topics.enable",
    [
      "topics are created as planned, never by a client that comes too early",
      "msk-default-configuration.html",
    ],
  ],
  ["default.replication.factor", ["target.replicationFactor is %", "bestpractices.html"]],
  [
    "min.insync.replicas",
    ["one less than the % replicas: a broker that is patched stops no writer", "bestpractices.html"],
  ],
  [
    "unclean.leader.election.enable",
    [
      "MSK's own default on Standard brokers is true: a replica that lags could become leader and lose records",
      "msk-default-configuration.html",
    ],
  ],
]);

/** Names only: what MSK does not take may hold secrets. */
function refused(
  brokerConfigs: Assessment["brokerConfigs"],
  legal: ReadonlyMap<string, unknown>,
): readonly Reason[] {
  const names = Object.keys(brokerConfigs)
    .filter((key) => !legal.has(key))
    .toSorted();
  if (names.length === 0) return [];
  const more = names.length > 12 ? ` and ${names.length - 12} more` : "";
  return [
    {
      what: `${names.length} broker settings of the source have no place in an MSK configuration`,
      why: `one key that is not on MSK's list fails the whole configuration: ${names.slice(0, 12).join(", ")}${more}`,
      source: "msk-configuration-properties.html",
    },
  ];
}
