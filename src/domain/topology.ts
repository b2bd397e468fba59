/** What a Kafka cluster is to us. Offsets are JavaScript numbers: exact up to 2^53. */

/** Something that may not be known; never shown as zero. */
export type Known<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly why: string };

export function known<T>(value: T): Known<T> {
  return { known: true, value };
}

export function unknown(why: string): { readonly known: false; readonly why: string } {
  return { known: false, why };
}

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** Topic to one value per partition, by partition index. `undefined`: no value for this partition. */
export type PartitionTable<T> = ReadonlyMap<string, ReadonlyArray<T | undefined>>;

/** Offsets by topic and partition index. */
export type OffsetTable = PartitionTable<number>;

export type Partition = {
  readonly id: number;
  /** Broker id, or -1 when the partition is offline. */
  readonly leader: number;
  readonly replicas: readonly number[];
  /** In-sync replicas. */
  readonly isr: readonly number[];
};

export type Topic = {
  readonly name: string;
  /** Another one for each creation (KIP-516, Kafka 2.8 with Metadata version 10); absent where the broker does not tell. */
  readonly id?: string;
  readonly internal: boolean;
  /** Sorted by id; ids are 0..n-1. */
  readonly partitions: readonly Partition[];
};

export type ConfigOrigin = "topic" | "broker-dynamic" | "broker-static" | "default" | "unknown";

export type ConfigEntry = {
  readonly name: string;
  /** `null`: the broker does not tell (sensitive) or the key has no value. */
  readonly value: string | null;
  readonly origin: ConfigOrigin;
};

/** Whether older records of a key may be gone: `cleanup.policy` says `compact`, alone or with `delete`. */
export function isCompacted(configs: ReadonlyArray<Pick<ConfigEntry, "name" | "value">>): boolean {
  return configs.some(({ name, value }) => name === "cleanup.policy" && value?.includes("compact") === true);
}

export type Broker = {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
};

export type ClusterDescription = {
  readonly clusterId: string;
  readonly controller: number | null;
  readonly brokers: readonly Broker[];
  /** Apache Kafka release, or the newest release that the broker's API versions imply, as "3.9". */
  readonly version: Known<string>;
};

export type GroupListing = {
  readonly id: string;
  readonly protocolType: string;
  /** "classic", "consumer", "share", "streams" (KIP-848, Kafka 3.8); absent where the broker does not tell. */
  readonly type?: string;
};

/** KIP-848 groups: Assigning reads as PreparingRebalance, Reconciling as CompletingRebalance. `Unknown` never means safe to overwrite. */
export type GroupState =
  | "Stable"
  | "Empty"
  | "Dead"
  | "PreparingRebalance"
  | "CompletingRebalance"
  | "Unknown";

export type GroupMember = {
  readonly memberId: string;
  /** `group.instance.id` of a static member (KIP-345): it stays in the group after it stopped, until its session ends. */
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly host: string;
  /** Topics it subscribes to; empty where the group's protocol does not tell. */
  readonly subscription: readonly string[];
  readonly assignment: readonly TopicPartition[];
};

export type GroupDescription = {
  readonly id: string;
  /** `consumer`: the protocol of KIP-848. */
  readonly type: "classic" | "consumer" | "unknown";
  readonly state: GroupState;
  readonly protocolType: string;
  /** The assignor that a classic group's members agreed on; absent without members. */
  readonly protocol?: string;
  readonly members: readonly GroupMember[];
};

/** What a sweep did not learn. Nothing follows from its absence: no lag, no group, no end. */
export type Missing = {
  /** `topic`: all of its offsets. `committed` and `state`: of a group. */
  readonly of: "topic" | "start" | "end" | "committed" | "state";
  readonly topic?: string;
  readonly partition?: number;
  readonly group?: string;
  readonly why: string;
};

/** One look at offsets and groups. What is in `missing` has no value in the tables. */
export type Sweep = {
  readonly starts: OffsetTable;
  /** Read after the committed offsets. */
  readonly ends: OffsetTable;
  /** By group. A partition never committed is `undefined`; so is one of a topic that the cluster does not show us. */
  readonly committed: ReadonlyMap<string, OffsetTable>;
  readonly groups: ReadonlyMap<string, GroupDescription>;
  /** Empty when the answer is complete. */
  readonly missing: readonly Missing[];
};

export type KafkaRecord = {
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In the order of the record; a key may occur more than once. */
  readonly headers: ReadonlyArray<readonly [string, Buffer | null]>;
};

export type TopicSpec = {
  readonly name: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
};

export type Acl = {
  readonly resourceType: string;
  readonly resourceName: string;
  readonly patternType: string;
  readonly principal: string;
  readonly host: string;
  readonly operation: string;
  readonly permission: string;
};

/** What the asker may do: operations as in an ACL ("DESCRIBE_CONFIGS"). A topic that it cannot see is absent. */
export type Rights = {
  readonly cluster: readonly string[];
  readonly topics: ReadonlyMap<string, readonly string[]>;
};

/** Who wrote a stretch of a partition, as the headers of its record batches tell. */
export type Writer = {
  /** -1: a producer without idempotence; the log keeps nothing else of it. */
  readonly producerId: number;
  readonly transactional: boolean;
  /** Data records, aborted ones included. */
  readonly records: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Milliseconds since the epoch. */
  readonly lastTimestamp: number;
};

/** A producer that a partition's leader remembers (DescribeProducers, KIP-664); only idempotent ones are remembered. */
export type ActiveProducer = TopicPartition & {
  readonly producerId: number;
  /** Milliseconds since the epoch. */
  readonly lastTimestamp: number;
  /** First offset of its open transaction. */
  readonly openSince?: number;
};

/** A transactional id as its coordinator knows it (ListTransactions, DescribeTransactions, KIP-664). */
export type Transaction = {
  readonly transactionalId: string;
  readonly producerId: number;
  /** "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Empty". */
  readonly state: string;
  /** Milliseconds since the epoch, of the transaction that is under way. */
  readonly startedAt?: number;
  readonly timeoutMs: number;
  readonly partitions: readonly TopicPartition[];
};

export type ConfigChange = {
  readonly topic: string;
  readonly name: string;
  /** `null` removes the topic's own value. */
  readonly value: string | null;
};

export type SaslMechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | "AWS_MSK_IAM";

/** How to reach and authenticate to a cluster. Holds secrets: never logged, never posted. */
export type ClusterAccess = {
  readonly bootstrap: readonly string[];
  readonly protocol: "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
  readonly sasl?: {
    readonly mechanism: SaslMechanism;
    readonly username?: string;
    readonly password?: string;
    readonly region?: string;
  };
  /** PEM text of the certificate authority. */
  readonly ca?: string;
};

/** Reads one cell of a partition table. */
export function at<T>(table: PartitionTable<T>, topic: string, partition: number): T | undefined {
  return table.get(topic)?.[partition];
}
