import type { Flow, FlowKind } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { clientProperties } from "./client-properties.ts";
import { aliases, mirrorBufferBytes, mirrorTransactionMs, offsetsTopicPrefix } from "./flow.ts";

/** Connector configurations of MirrorMaker 2 on Kafka Connect 3.9.2 and newer. Every setting that matters says why. */

export type Site = {
  readonly source: ClusterAccess;
  readonly target: ClusterAccess;
  /** Cluster on which the Connect workers keep their own topics and to which their producers write by default. */
  readonly home: "source" | "target" | "elsewhere";
  /** The workers run with `exactly.once.source.support=enabled`. */
  readonly exactlyOnce: boolean;
  /** Where forward flows keep their offset syncs: "target" when the bot may not write to the source. */
  readonly offsetSyncs: "source" | "target";
  /** Tells one life of a connector from the next of the same name. */
  readonly life: string;
  /** Of MirrorMaker's own topics; -1 is the cluster's default. */
  readonly replicationFactor: number;
  /** Of the producers of forward flows, all of them: one client quota then holds to all. */
  readonly clientId?: string;
};

export type ConnectorConfig = Readonly<Record<string, string>>;

export const sourceConnector = "org.apache.kafka.connect.mirror.MirrorSourceConnector";
export const checkpointConnector = "org.apache.kafka.connect.mirror.MirrorCheckpointConnector";
const identityPolicy = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy";
const bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";

/** The whole configuration of one flow. Holds secrets. */
export function connectorConfig(flow: Flow, site: Site): ConnectorConfig {
  const common = {
    name: flow.name,
    "tasks.max": String(flow.tasks),
    ...clusters(flow, site),
    ...content(flow),
  };
  if (flow.kind === "checkpoint") return { ...common, ...checkpoint(flow, site), ...producer(flow, site) };
  return { ...common, ...mirror(flow, site), ...producer(flow, site), ...once(site) };
}

function clusters({ kind }: Flow, site: Site): ConnectorConfig {
  const [origin, destination] = kind === "reverse" ? [site.target, site.source] : [site.source, site.target];
  return {
    "connector.class": kind === "checkpoint" ? checkpointConnector : sourceConnector,
    // Part of the key of every copied offset: a changed alias would start the copy from zero.
    ...aliasesOf(kind),
    ...clientProperties(origin, "source.cluster."),
    ...clientProperties(destination, "target.cluster."),
  };
}

function aliasesOf(kind: FlowKind): { "source.cluster.alias": string; "target.cluster.alias": string } {
  const reverse = kind === "reverse";
  return {
    "source.cluster.alias": reverse ? aliases.target : aliases.source,
    "target.cluster.alias": reverse ? aliases.source : aliases.target,
  };
}

function content({ topics }: Flow): ConnectorConfig {
  return {
    // Names stay as they are. This policy cannot see cycles, which is why `topics` is never a pattern.
    "replication.policy.class": identityPolicy,
    // MirrorMaker reads regular expressions; these are literals.
    topics: topics.map(literal).join(","),
    // The default would drop *-internal and *.replica although they are listed.
    "topics.exclude": "",
    // Anything else re-encodes keys, values and headers.
    "key.converter": bytes,
    "value.converter": bytes,
    "header.converter": bytes,
    // How long a poll of an idle partition holds up a stop; the default is 1 s.
    "consumer.poll.timeout.ms": "250",
  };
}

function mirror({ kind }: Flow, site: Site): ConnectorConfig {
  const reverse = kind === "reverse";
  return {
    // Would delete every override of the target that the source does not have, each ten minutes.
    "sync.topic.configs.enabled": "false",
    // Would copy DENY rules of the fence, and drops ALLOW WRITE anyhow; ACLs are carried by the bot.
    "sync.topic.acls.enabled": "false",
    // Topics of another MirrorMaker's heartbeats would come along, each wave's copy of them, though nobody listed them
    // (KAFKA-17534). Since 4.0; older ones drop the key and copy them. No flow sends heartbeats: whether records arrive
    // is read from the copied offsets.
    "heartbeats.replication.enabled": "false",
    // Forward: notices new partitions, slowly. Reverse: nothing may change behind the seeded offsets.
    "refresh.topics.enabled": reverse ? "false" : "true",
    "refresh.topics.interval.seconds": "600",
    // Topics exist before the flow does; this is for what MirrorMaker may still have to create.
    "replication.factor": String(site.replicationFactor),
    "offset-syncs.topic.location": reverse ? "source" : site.offsetSyncs,
    "offset-syncs.topic.replication.factor": String(site.replicationFactor),
    // Also without exactly-once: the default copies the records of aborted transactions as if they counted.
    "source.consumer.isolation.level": "read_committed",
    // The default is 500; larger polls make larger batches on the other side.
    "source.consumer.max.poll.records": "5000",
    // The default is one transaction a poll: at a trickle of records that is one for every few of them, each with a
    // marker per partition, and every task of the worker reads the offsets topic again at each. It adds up to 1 s of lag.
    "transaction.boundary": "interval",
    "transaction.boundary.interval.ms": "1000",
  };
}

function checkpoint({ groups }: Flow, site: Site): ConnectorConfig {
  return {
    groups: groups.map(literal).join(","),
    // The default would drop console-consumer-* and connect-* although they are listed.
    "groups.exclude": "",
    // It rewinds groups by thousands of records and overwrites deliberate commits (KAFKA-19794): the bot commits.
    "sync.group.offsets.enabled": "false",
    "emit.checkpoints.interval.seconds": "10",
    "refresh.groups.interval.seconds": "600",
    "checkpoints.topic.replication.factor": String(site.replicationFactor),
    "offset-syncs.topic.location": site.offsetSyncs,
    "offset-syncs.topic.replication.factor": String(site.replicationFactor),
  };
}

export const offsetsTopicKey = "offsets.storage.topic";

/**
 * The same connector with its offsets where the workers keep theirs. Only so can they be deleted: with a topic of its
 * own, Connect 3.9.2 writes the tombstones after it has committed the transaction they belong to, and the call ends in
 * a time-out ("Cannot add partition to transaction while in state READY").
 */
export function atHome(config: ConnectorConfig): ConnectorConfig {
  const away = /^(?:producer|consumer|admin)\.override\./;
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => key !== offsetsTopicKey && !away.test(key)),
  );
}

/** Of every mirror's producer. The workers' override policy must allow them. */
export const producerTuning: ConnectorConfig = {
  // A retry never writes twice, and five requests in flight keep their order.
  "producer.override.enable.idempotence": "true",
  "producer.override.max.in.flight.requests.per.connection": "5",
  "producer.override.acks": "all",
  // The producer decides, not the record that was read: without this everything lands uncompressed. gzip is the
  // one codec that every client can read; level 1 (KIP-390, 3.8) costs about a third of the default.
  "producer.override.compression.type": "gzip",
  "producer.override.compression.gzip.level": "1",
  // Checked against the record before compression: one that fitted on the source would fail the task.
  "producer.override.max.request.size": String(32 * 1024 * 1024),
  "producer.override.buffer.memory": String(mirrorBufferBytes),
  "producer.override.linger.ms": "20",
  "producer.override.batch.size": String(256 * 1024),
};

/** The data producer belongs to the worker and writes where the worker lives, unless it is told otherwise. */
function producer({ kind, name }: Flow, site: Site): ConnectorConfig {
  const side = kind === "reverse" ? "source" : "target";
  const destination = site[side];
  const tuning = {
    ...producerTuning,
    ...(kind === "forward" && site.clientId !== undefined
      ? { "producer.override.client.id": site.clientId }
      : {}),
  };
  if (side === site.home) return tuning;
  const away = {
    ...tuning,
    ...clientProperties(destination, "producer.override."),
  };
  if (!site.exactlyOnce) return away;
  return {
    ...away,
    // Offsets and records are one transaction, so the offsets live on the destination (KIP-618).
    [offsetsTopicKey]: `${offsetsTopicPrefix(name)}${site.life}`,
    ...clientProperties(destination, "consumer.override."),
    ...clientProperties(destination, "admin.override."),
  };
}

function once(site: Site): ConnectorConfig {
  if (!site.exactlyOnce) return {};
  return {
    // The worker refuses the connector rather than running it with less.
    "exactly.once.support": "required",
    // A transaction ends when what is buffered has been sent, which takes long over a slow line or under a quota. Beyond
    // the default of 1 min the coordinator would abort it and fail the task. Readers behind a worker that dies for good
    // and had one open wait for as long (read_committed).
    "producer.override.transaction.timeout.ms": String(mirrorTransactionMs),
  };
}

/**
 * A Java regular expression that matches exactly this name. A comma would end the entry of Connect's list, so it is
 * written by its code.
 */
export function literal(name: string): string {
  return name.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`).replaceAll(",", String.raw`\x2c`);
}

/** Names from a configuration that `connectorConfig` made. */
export function literals(list: string | undefined): readonly string[] {
  if (list === undefined || list === "") return [];
  return list
    .split(",")
    .map((entry) => entry.replaceAll(String.raw`\x2c`, ",").replaceAll(/\\([\\^$.|?*+()[\]{}])/g, "$1"));
}

/** What a connector's configuration says it is; `undefined` when this bot did not make it. */
export function kindOf(config: ConnectorConfig): FlowKind | undefined {
  if (config["connector.class"] === checkpointConnector) return "checkpoint";
  if (config["connector.class"] !== sourceConnector) return undefined;
  const alias = config["source.cluster.alias"];
  if (alias === aliases.source) return "forward";
  return alias === aliases.target ? "reverse" : undefined;
}
