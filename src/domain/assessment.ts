import { z } from "zod";

/** What was found on the source: inventory, measurements and findings. The report's JSON is exactly this. */

/** A value, or why it is not known. Never zero in place of unknown. */
function knownOf<T extends z.ZodType>(value: T) {
  return z.discriminatedUnion("known", [
    z.object({ known: z.literal(true), value }),
    z.object({ known: z.literal(false), why: z.string() }),
  ]);
}

/** ISO 8601, of a record or of a commit: an absolute time, so that it stays the same while nothing changes. */
const Time = z.string();
const Use = z.enum(["all", "some", "none"]);

/** What a topic is for, where its name or its records tell. */
export const TopicRole = z.object({
  kind: z.enum([
    "connect-configs",
    "connect-offsets",
    "connect-status",
    "streams-changelog",
    "streams-repartition",
    "schema-registry",
    "mirrormaker",
    "kafka",
  ]),
  /** The Streams application that it belongs to; `null` where nothing tells. */
  owner: z.string().nullable(),
  /** What told. */
  evidence: z.string(),
});
export type TopicRole = z.infer<typeof TopicRole>;

const OpenTransaction = z.object({
  partition: z.int(),
  producerId: z.number(),
  /** `null`: no coordinator told it, as of a hanging one. */
  transactionalId: z.string().nullable(),
  /** Its first record's offset; `null` where only the coordinator told of it. */
  firstOffset: z.number().nullable(),
  since: Time.nullable(),
});

export const AssessedTopic = z.object({
  name: z.string(),
  /** Another one for each creation (KIP-516). */
  topicId: knownOf(z.string()),
  internal: z.boolean(),
  role: TopicRole.nullable(),
  partitions: z.int(),
  replicationFactor: z.int(),
  underReplicated: z.int(),
  offline: z.int(),
  compacted: z.boolean(),
  /**
   * Effective settings that differ from Apache's defaults or are set on the topic: key to value and origin. The value
   * of any other key is in `topicDefaults` of the assessment.
   */
  configs: z.record(z.string(), z.object({ value: z.string().nullable(), origin: z.string() })),
  /** `message.timestamp.type` as it is in effect. */
  timestampType: knownOf(z.string()),
  /** End minus start offsets, summed: an upper bound of the records held. */
  offsetsHeld: knownOf(z.number()),
  bytesOnDisk: knownOf(z.number()),
  /** Of the first record held, the oldest of all partitions. */
  oldestTimestamp: knownOf(Time),
  recordsPerSecond: knownOf(z.number()),
  /** Records per second times the average size. */
  bytesPerSecond: knownOf(z.number()),
  /** What the commits of all groups advanced by. Readers that do not commit are not in it. */
  recordsOutPerSecond: knownOf(z.number()),
  bytesOutPerSecond: knownOf(z.number()),
  /** The newest records of a few partitions: what follows is of these. 0: none was read. */
  sampledRecords: z.int(),
  /** Bytes of key, value and headers, uncompressed. */
  averageRecordBytes: knownOf(z.number()),
  largestRecordBytes: knownOf(z.number()),
  /** As the log holds it, compressed: what max.message.bytes is held against. */
  largestBatchBytes: knownOf(z.number()),
  /** "none", "gzip", "snappy", "lz4", "zstd", as the batches say; sorted. */
  compression: knownOf(z.array(z.string())),
  keys: knownOf(Use),
  headers: knownOf(Use),
  newestTimestamp: knownOf(Time),
  writers: z.object({
    /** With a producer id: the leaders remember one, or a sampled batch has one. */
    idempotent: knownOf(z.boolean()),
    transactional: knownOf(z.boolean()),
    /** Without a producer id; only sampled batches tell. */
    plain: knownOf(z.boolean()),
  }),
  openTransactions: knownOf(z.array(OpenTransaction)),
});
export type AssessedTopic = z.infer<typeof AssessedTopic>;

export const AssessedMember = z.object({
  clientId: z.string(),
  host: z.string(),
  /** `group.instance.id` of a static member. */
  instanceId: z.string().nullable(),
  assignment: z.array(z.object({ topic: z.string(), partitions: z.array(z.int()) })),
});
export type AssessedMember = z.infer<typeof AssessedMember>;

export const AssessedGroup = z.object({
  id: z.string(),
  /** `consumer`: the protocol of KIP-848; `share`: KIP-932; `streams`: KIP-1071. */
  type: knownOf(z.enum(["classic", "consumer", "share", "streams"])),
  protocolType: z.string(),
  /** The assignor of a classic group that has members; `null` where the broker tells none. */
  protocol: z.string().nullable(),
  state: z.string(),
  members: z.array(AssessedMember),
  /** Topics with committed offsets. */
  topics: z.array(z.string()),
  /** Records between committed and end offsets, over the partitions with a committed offset. */
  lag: knownOf(z.number()),
  /** Timestamp of the oldest record that it has not read; `null`: it has read all. `looked` of `lagging` partitions. */
  oldestUnread: knownOf(z.object({ at: Time.nullable(), looked: z.int(), lagging: z.int() })),
  lastCommit: knownOf(Time),
  /** What its commits advanced by while measuring. */
  recordsPerSecond: knownOf(z.number()),
  /** Active: it has members, or its commits advanced while measuring. */
  activity: knownOf(z.enum(["active", "idle"])),
  /** Its commits advance without a member: it picks its partitions by itself, with `assign()`. */
  usesAssign: knownOf(z.boolean()),
  /** What kind of application it is, where that is told, and by what. */
  application: z
    .object({ kind: z.enum(["connect", "streams", "mirrormaker", "schema-registry"]), evidence: z.string() })
    .nullable(),
});
export type AssessedGroup = z.infer<typeof AssessedGroup>;

const AssessedAcl = z.object({
  resourceType: z.string(),
  resourceName: z.string(),
  patternType: z.string(),
  principal: z.string(),
  host: z.string(),
  operation: z.string(),
  permission: z.string(),
});

export const AssessedTransaction = z.object({
  transactionalId: z.string(),
  producerId: z.number(),
  state: z.string(),
  /** When the one under way began. */
  since: Time.nullable(),
  timeoutMs: z.number(),
  /** Of the transaction under way, and those whose leaders remember this producer. */
  topics: z.array(z.string()),
});

export type AssessedTransaction = z.infer<typeof AssessedTransaction>;

/** A broker setting that is not Apache's default, or not the same on all brokers. */
export const BrokerSetting = z.object({
  name: z.string(),
  origin: z.string(),
  /** On the broker with the lowest id; `null`: not told, or none. */
  value: z.string().nullable(),
  /** Apache's; `null`: there is none. */
  default: knownOf(z.string().nullable()),
  /** Brokers that have another value. */
  others: z.array(z.object({ broker: z.int(), value: z.string().nullable() })),
});
export type BrokerSetting = z.infer<typeof BrokerSetting>;

/** Who uses what, as far as the cluster tells. */
export const Clients = z.object({
  /** Members of groups, and the topics assigned to them. */
  consumers: z.array(
    z.object({
      group: z.string(),
      clientId: z.string(),
      host: z.string(),
      topics: z.array(z.string()),
    }),
  ),
  /** Producers that leaders remember. Their client id and host are known to no API of Kafka. */
  producers: z.array(
    z.object({
      producerId: z.number(),
      transactionalId: z.string().nullable(),
      topics: z.array(z.string()),
      lastWrite: Time,
    }),
  ),
  /** Principals whose ACLs let them write to or read these topics; whether they do is not known. */
  allowed: z.array(
    z.object({
      principal: z.string(),
      operation: z.enum(["READ", "WRITE"]),
      topics: z.array(z.string()),
    }),
  ),
  /** What cannot be known from the cluster, why, and how to find out. */
  unknown: z.array(z.object({ what: z.string(), why: z.string(), how: z.string() })),
});
export type Clients = z.infer<typeof Clients>;

/** A connector of a Kafka Connect cluster that works on the source. */
const AssessedConnector = z.object({
  /** URL of its cluster. */
  cluster: z.string(),
  name: z.string(),
  type: z.enum(["source", "sink", "unknown"]),
  className: z.string(),
  /** As Connect says: RUNNING, PAUSED, FAILED … */
  state: z.string(),
  tasks: z.object({ total: z.int(), failed: z.int() }),
  topics: knownOf(z.array(z.string())),
  /** By key; `null` where the value may be a secret. */
  settings: z.record(z.string(), z.string().nullable()),
});
export type AssessedConnector = z.infer<typeof AssessedConnector>;

export const Finding = z.object({
  code: z.string(),
  severity: z.enum(["blocker", "warning", "info"]),
  /** `not found`: the check was made and is clean; its evidence says what was looked at. */
  state: z.enum(["found", "not found", "unknown"]),
  /** What it is about: a topic, a group, the cluster. */
  subject: z.string(),
  /** What was seen, with values. */
  evidence: z.string(),
  remedy: z.string(),
});
export type Finding = z.infer<typeof Finding>;

export const Assessment = z.object({
  migration: z.string(),
  /** All that is another one in each run, whatever the cluster does. */
  taken: z.object({
    /** ISO 8601. */
    at: z.string(),
    /** Between the two readings that rates are from. */
    windowMs: z.number(),
  }),
  clusterId: z.string(),
  version: knownOf(z.string()),
  mode: knownOf(z.enum(["zookeeper", "kraft"])),
  /** Finalized features: "metadata.version" and others. */
  features: knownOf(z.array(z.object({ name: z.string(), level: z.int() }))),
  brokers: z.array(z.object({ id: z.int(), host: z.string(), rack: z.string().nullable() })),
  /** Of one broker: what is not Apache's default. */
  brokerConfigs: z.record(z.string(), z.string().nullable()),
  /** Of all brokers, against Apache's defaults; sorted by name. */
  brokerSettings: knownOf(z.array(BrokerSetting)),
  /** What topics have where nobody wrote another value down, on the topic or the brokers. */
  topicDefaults: z.record(z.string(), z.string().nullable()),
  topics: z.array(AssessedTopic),
  groups: z.array(AssessedGroup),
  acls: knownOf(z.array(AssessedAcl)),
  scramUsers: knownOf(z.array(z.object({ name: z.string(), mechanisms: z.array(z.string()) }))),
  /** Limits by entity; a name of `null` is the default of its type ("user", "client-id", "ip"). */
  quotas: knownOf(
    z.array(
      z.object({
        entity: z.array(z.object({ type: z.string(), name: z.string().nullable() })),
        limits: z.record(z.string(), z.number()),
      }),
    ),
  ),
  transactions: knownOf(z.array(AssessedTransaction)),
  clients: Clients,
  /** Absent: ferry.yaml names no Kafka Connect cluster of the source. */
  connectors: knownOf(z.array(AssessedConnector)).optional(),
  findings: z.array(Finding),
});
export type Assessment = z.infer<typeof Assessment>;

/** Key of the newest assessment in the store. */
export function assessmentKey(migration: string): string {
  return `assessment:${migration}`;
}

/** Sum of the known values, and how many are not known. */
export function sumKnown(
  values: ReadonlyArray<{ known: true; value: number } | { known: false; why: string }>,
): { readonly sum: number; readonly unknown: number } {
  let sum = 0;
  let missing = 0;
  for (const value of values) {
    if (value.known) sum += value.value;
    else missing += 1;
  }
  return { sum, unknown: missing };
}
