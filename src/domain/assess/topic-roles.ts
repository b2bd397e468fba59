import type { AssessedGroup, TopicRole } from "#domain/assessment.ts";
import type { GroupDescription } from "#domain/topology.ts";

/** What topics and groups are for, by their names and by the keys of their records. */

type Seen = {
  readonly name: string;
  readonly internal: boolean;
  readonly compacted: boolean;
  readonly partitions: number;
  /** The beginning of some keys; none where nothing was read. */
  readonly keys: readonly string[];
};

type Kind = TopicRole["kind"];

/** ReplicationPolicy's and Kafka's own names, and those that Connect and registries are documented with. */
const names: ReadonlyArray<readonly [RegExp, Kind]> = [
  [
    /^__(consumer_offsets|transaction_state|share_group_state|cluster_metadata|remote_log_metadata)$/,
    "kafka",
  ],
  [/^mm2-(offset-syncs|offsets|configs|status)[._].*internal$/, "mirrormaker"],
  [/[._]checkpoints[._]internal$/, "mirrormaker"],
  [/^heartbeats$/, "mirrormaker"],
  [/(^|[._-])connect[._-]configs?$/, "connect-configs"],
  [/(^|[._-])connect[._-]offsets?$/, "connect-offsets"],
  [/(^|[._-])connect[._-]status(es)?$/, "connect-status"],
  [/^_schemas([._-]|$)/, "schema-registry"],
  [/-KTABLE-FK-JOIN-SUBSCRIPTION-(REGISTRATION|RESPONSE)-\d+-topic$/, "streams-repartition"],
  [/-repartition$/, "streams-repartition"],
  [/-changelog$/, "streams-changelog"],
];

/** Each of a topic's keys is like this: KafkaConfigBackingStore, KafkaStatusBackingStore, OffsetStorageWriter; Confluent's registry. */
const keyShapes: ReadonlyArray<readonly [RegExp, Kind]> = [
  [
    /^(connector|task|commit|target-state|restart-connector|logger-cluster)-|^session-key$/,
    "connect-configs",
  ],
  [/^status-(connector|task|topic)-/, "connect-status"],
  [/^\["[^"]+",\{/, "connect-offsets"],
  [/^\{"keytype":"(SCHEMA|CONFIG|MODE|NOOP|DELETE_SUBJECT|CLEAR_SUBJECT|CONTEXT)"/, "schema-registry"],
];

/** `undefined`: nothing tells. `applications`: ids of groups, by which Streams names its topics. */
export function roleOf(topic: Seen, applications: readonly string[]): TopicRole | undefined {
  const byName = names.find(([shape]) => shape.test(topic.name))?.[1];
  if (byName === "streams-changelog" || byName === "streams-repartition") {
    return streamsRole(topic.name, byName, applications);
  }
  const byKeys = kindByKeys(topic);
  if (byKeys !== undefined && byKeys !== byName) {
    return { kind: byKeys, owner: null, evidence: `its keys: ${topic.keys[0] ?? ""}` };
  }
  if (byName !== undefined) {
    return { kind: byName, owner: null, evidence: byKeys === undefined ? "its name" : "its name and keys" };
  }
  if (topic.internal) return { kind: "kafka", owner: null, evidence: "the broker calls it internal" };
  return undefined;
}

/** Connect's and a registry's topics are compacted; a topic of an application may hold such keys by chance. */
function kindByKeys({ compacted, keys }: Seen): Kind | undefined {
  if (!compacted || keys.length === 0) return undefined;
  return keyShapes.find(([shape]) => keys.every((key) => shape.test(key)))?.[1];
}

/** Streams calls them application.id-name-changelog; the application's id is that of its group. */
function streamsRole(name: string, kind: Kind, applications: readonly string[]): TopicRole {
  const owner = applications
    .filter((id) => name.startsWith(`${id}-`))
    .toSorted((a, b) => b.length - a.length)[0];
  if (owner === undefined)
    return { kind, owner: null, evidence: "its name; no group is called like its beginning" };
  return { kind, owner, evidence: `its name begins with that of the group ${owner}` };
}

/** Client ids that Streams' threads and Connect's sink tasks get from their frameworks. */
const streamsClient = /-StreamThread-\d+(-|$)/;
const sinkClient = /^connector-consumer-/;

/** What kind of application a group is; `null`: nothing tells that it is more than a consumer. */
export function applicationOf({
  id,
  type,
  protocolType,
  protocol,
  members,
}: Pick<GroupDescription, "id" | "protocolType" | "protocol" | "members"> & {
  readonly type: string;
}): AssessedGroup["application"] {
  if (protocolType === "connect" && id.endsWith("-mm2")) {
    return { kind: "mirrormaker", evidence: `protocol type connect, named ${id}` };
  }
  if (protocolType === "connect") return { kind: "connect", evidence: "protocol type connect" };
  if (protocolType === "sr") return { kind: "schema-registry", evidence: "protocol type sr" };
  if (type === "streams") return { kind: "streams", evidence: "group type streams (KIP-1071)" };
  if (protocol === "stream") return { kind: "streams", evidence: "assignor stream" };
  const streams = members.find(({ clientId }) => streamsClient.test(clientId));
  if (streams !== undefined) return { kind: "streams", evidence: `client id ${streams.clientId}` };
  const sink = members.find(({ clientId }) => sinkClient.test(clientId));
  if (sink !== undefined) return { kind: "connect", evidence: `client id ${sink.clientId}` };
  return null;
}
