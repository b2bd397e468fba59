import type { ConfigEntry, GroupDescription, Known, PartitionTable, TopicPartition } from "./topology.ts";

/**
 * What only an assessment asks of a cluster. Each answer is for everything at once, in as few requests as the protocol
 * allows. What a broker is too old for, or this user has no right to, is unknown, with the release or the right named.
 */
export type InventoryReads = {
  /** Finalized features (KIP-584), sorted by name; unknown before Kafka 2.7. */
  features(): Promise<Known<readonly Feature[]>>;
  /** Of every broker, by id. Needs DESCRIBE_CONFIGS on the cluster. */
  everyBrokersConfigs(): Promise<Known<ReadonlyMap<number, readonly BrokerConfig[]>>>;
  /** Timestamp of the first record held, in milliseconds; `undefined` where a partition holds none with a timestamp. */
  oldestTimestamps(topics: readonly string[]): Promise<PartitionTable<number>>;
  /** One answer for each question, in its order. */
  samples(questions: readonly SampleQuestion[]): Promise<ReadonlyArray<Known<RecordSample>>>;
  /** Members of share groups (KIP-932), in the order asked; unknown before Kafka 4.1. */
  shareGroups(groups: readonly string[]): Promise<Known<ReadonlyArray<Omit<GroupDescription, "type">>>>;
  /**
   * When each group committed last, in milliseconds, from the newest part of __consumer_offsets. Needs READ on it.
   */
  lastCommits(groups: readonly string[]): Promise<ReadonlyMap<string, Known<number>>>;
  /** Limits of all entities (KIP-546); unknown before Kafka 2.6. Needs DESCRIBE_CONFIGS on the cluster. */
  quotas(): Promise<Known<readonly ClientQuota[]>>;
  /** Users with SCRAM credentials (KIP-554), sorted; unknown before Kafka 2.7. Needs DESCRIBE on the cluster. */
  scramUsers(): Promise<Known<readonly ScramUser[]>>;
  /** Volumes of the brokers' log directories (KIP-827); unknown before Kafka 3.3. Needs DESCRIBE on the cluster. */
  disks(): Promise<Known<readonly Disk[]>>;
};

/** In bytes. Directories that share a volume each have a row. */
export type Disk = { readonly broker: number; readonly total: number; readonly usable: number };

export type Feature = { readonly name: string; readonly level: number };

export type BrokerConfig = ConfigEntry & {
  /** Apache's; `null`: the key has none. */
  readonly default: string | null;
};

export type SampleQuestion = TopicPartition & {
  readonly from: number;
  /** At most so many records are looked at. */
  readonly max: number;
  /** About what is fetched. A first batch that is larger comes only when this is a mebibyte or more. */
  readonly bytes: number;
};

/** What the record batches from an offset on tell. Control records are left out, aborted records are not. */
export type RecordSample = {
  readonly records: number;
  /** Of key, value and headers, uncompressed. */
  readonly bytes: number;
  readonly largestRecord: number;
  /** As the log holds it. */
  readonly largestBatch: number;
  readonly keyed: number;
  readonly withHeaders: number;
  /** "none", "gzip", "snappy", "lz4", "zstd"; sorted. */
  readonly codecs: readonly string[];
  /** Batches by what their headers say of the writer. A transactional one is idempotent, too. */
  readonly batches: { readonly plain: number; readonly idempotent: number; readonly transactional: number };
  /** Milliseconds; of the first record at or after the offset asked for. `undefined`: there was none. */
  readonly firstTimestamp: number | undefined;
  readonly newestTimestamp: number | undefined;
  /** The beginning of some keys, as text: by them internal topics are recognised. */
  readonly keys: readonly string[];
};

export type ClientQuota = {
  /** Types are "user", "client-id" and "ip"; a name of `null` stands for all that have no quota of their own. */
  readonly entity: ReadonlyArray<{ readonly type: string; readonly name: string | null }>;
  readonly limits: Readonly<Record<string, number>>;
};

export type ScramUser = { readonly name: string; readonly mechanisms: readonly string[] };
