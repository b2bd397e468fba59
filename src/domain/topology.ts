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

export type GroupListing = { readonly id: string; readonly protocolType: string };

/** `Unknown` covers KIP-848 groups, which this client reads as Dead: it never means safe to overwrite. */
export type GroupState =
  | "Stable"
  | "Empty"
  | "Dead"
  | "PreparingRebalance"
  | "CompletingRebalance"
  | "Unknown";

export type GroupMember = {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  readonly assignment: readonly TopicPartition[];
};

export type GroupDescription = {
  readonly id: string;
  readonly state: GroupState;
  readonly protocolType: string;
  readonly members: readonly GroupMember[];
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
