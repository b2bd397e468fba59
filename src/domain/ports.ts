import type { ConnectInventory } from "./connectors.ts";
import type { ClientQuota, InventoryReads } from "./inventory.ts";
import type { Message } from "./message.ts";
import type { Msk } from "./msk.ts";
import type { Network, Prober } from "./network.ts";
import type { Client, EngineName } from "./settings.ts";
import type {
  Acl,
  ActiveProducer,
  ClusterAccess,
  ClusterDescription,
  ConfigChange,
  ConfigEntry,
  GroupDescription,
  GroupListing,
  KafkaRecord,
  Known,
  OffsetTable,
  PartitionTable,
  Rights,
  Sweep,
  Topic,
  TopicPartition,
  TopicSpec,
  Transaction,
  Writer,
} from "./topology.ts";

/** What the domain and the jobs need of the world. Each port has a contract suite in test/contract/. */

export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
};

export type Isolation = "read-committed" | "read-uncommitted";

/** One Kafka cluster, source or target. Answers are complete or the call fails with `E_INCOMPLETE`. */
export type KafkaCluster = InventoryReads & {
  readonly role: "source" | "target";
  readonly access: ClusterAccess;
  describe(): Promise<ClusterDescription>;
  listTopics(): Promise<readonly Topic[]>;
  topicConfigs(topics: readonly string[]): Promise<ReadonlyMap<string, readonly ConfigEntry[]>>;
  /** Configuration of one broker (any that answers). */
  brokerConfigs(): Promise<readonly ConfigEntry[]>;
  /** Bytes on disk of each partition's leader replica. */
  logSizes(topics: readonly string[]): Promise<Known<PartitionTable<number>>>;
  /** Creates those that do not exist; existing ones are left alone. Returns the names created. */
  createTopics(specs: readonly TopicSpec[]): Promise<readonly string[]>;
  /** Waits until they are gone. Absent ones are no error. */
  deleteTopics(names: readonly string[]): Promise<void>;
  /**
   * `start`: first offset held. `end`: high watermark, the next offset a reader will see.
   * `stable`: last stable offset; below `end` while a transaction is open.
   */
  offsets(topics: readonly string[], which: "start" | "end" | "stable"): Promise<OffsetTable>;
  /** First offset whose timestamp is at or after `timestamp` (ms), `undefined` when there is none. */
  offsetAt(where: TopicPartition, timestamp: number): Promise<number | undefined>;
  listGroups(): Promise<readonly GroupListing[]>;
  /** In the order asked. A group that does not exist is `Dead` without members. */
  describeGroups(groups: readonly string[]): Promise<readonly GroupDescription[]>;
  /** Committed offsets per group; partitions never committed are `undefined`. */
  committed(groups: readonly string[]): Promise<ReadonlyMap<string, OffsetTable>>;
  /**
   * What a look at lag needs, in as few requests as there can be. Unlike the other calls it answers with what is known
   * when a part does not answer, and names each missing piece. Fails when no broker answers.
   */
  sweep(wanted: { readonly topics: readonly string[]; readonly groups: readonly string[] }): Promise<Sweep>;
  /**
   * Commits for empty or absent groups only (generation -1); the broker refuses others: `E_GROUP_ALIVE`. The requests of
   * many groups go out together; when one is refused the others may have been committed.
   */
  commit(offsets: ReadonlyMap<string, OffsetTable>): Promise<void>;
  /**
   * Data records from `from` on, in order, control records and, when read-committed, aborted ones left out.
   * Stops after `max` records, at `until` (exclusive offset), or at the end of the log.
   */
  read(
    where: TopicPartition,
    from: number,
    options: { readonly max: number; readonly until?: number; readonly isolation?: Isolation },
  ): Promise<readonly KafkaRecord[]>;
  /** Who wrote the records of `[from, until)`. */
  writers(where: TopicPartition, from: number, until: number): Promise<readonly Writer[]>;
  /** Idempotent producers that the leaders remember; unknown before Kafka 2.8. */
  producers(topics: readonly string[]): Promise<Known<readonly ActiveProducer[]>>;
  /** All transactional ids; unknown before Kafka 3.0. */
  transactions(): Promise<Known<readonly Transaction[]>>;
  /** Unknown without an authorizer, or without the right to ask it. */
  acls(): Promise<Known<readonly Acl[]>>;
  /** What the authorizer lets this user do to the cluster and these topics; unknown before Kafka 2.3. */
  rights(topics: readonly string[]): Promise<Known<Rights>>;
  /** Adds them, in this order. An equal one that exists is no error. Without any, only asks whether it may: `E_KAFKA_AUTH`. */
  addAcls(acls: readonly Acl[]): Promise<void>;
  /** Removes exactly these, in this order. Absent ones are no error. */
  removeAcls(acls: readonly Acl[]): Promise<void>;
  /** Changes single values and leaves the others alone (IncrementalAlterConfigs, KIP-339, Kafka 2.3). */
  alterTopicConfigs(changes: readonly ConfigChange[]): Promise<void>;
  /**
   * Bytes per second that each broker lets clients of this id produce, `undefined` without a quota of its own. Unknown
   * before Kafka 2.6, or without the right to ask.
   */
  produceQuota(clientId: string): Promise<Known<number | undefined>>;
  /** Sets that quota, or with `undefined` removes it, and reads it back. */
  limitProduce(clientId: string, bytesPerSecond: number | undefined): Promise<void>;
  /** Sets, or with `null` removes, single limits of these entities, leaves the others alone, and reads them back. */
  alterQuotas(changes: readonly QuotaChange[]): Promise<void>;
  close(): Promise<void>;
};

export type FlowKind = "forward" | "checkpoint" | "reverse";

/** One mirror connector. `forward` and `checkpoint` copy source to target, `reverse` target to source. */
export type Flow = {
  readonly name: string;
  readonly kind: FlowKind;
  /** Never a pattern: the explicit list is what keeps two directions apart. */
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly tasks: number;
};

export type FlowState = "absent" | "stopped" | "paused" | "running" | "failed" | "starting";

export type FlowStatus = {
  readonly name: string;
  readonly state: FlowState;
  readonly kind: FlowKind | undefined;
  readonly topics: readonly string[];
  readonly tasks: ReadonlyArray<{
    readonly id: number;
    readonly state: string;
    readonly worker: string;
    readonly trace?: string;
  }>;
  /** What whoever runs the engine reports of it, for people. Opens no gate. */
  readonly note?: string;
  /** That it fails, by the same report, though its state and tasks do not say so: worth an alarm. */
  readonly trouble?: string;
};

export type EngineCheck = {
  readonly version: string;
  readonly exactlyOnce: boolean;
  readonly problems: readonly string[];
};

/** The cluster that holds the checkpoints. */
export type CheckpointReader = Pick<KafkaCluster, "listTopics" | "offsets" | "read">;

/** What copies records. Each call returns when the engine has really reached the state, or fails. */
export type ReplicationEngine = {
  /** Worker version, plugins, exactly-once; asks, changes nothing. */
  check(): Promise<EngineCheck>;
  /** Flows whose name starts with `prefix`. */
  list(prefix: string): Promise<readonly FlowStatus[]>;
  status(name: string): Promise<FlowStatus>;
  /** Creates it, or brings an existing one to this definition. `running` waits until its tasks run. */
  define(flow: Flow, state: "stopped" | "running"): Promise<void>;
  start(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  /** Tasks gone and their last offsets committed. */
  stop(name: string): Promise<void>;
  restartFailed(name: string): Promise<void>;
  /** Origin offset of the last copied record per partition; `undefined`: never copied. */
  copied(name: string): Promise<OffsetTable>;
  /** Sets those offsets; the flow must be stopped. Reads back and compares. Callers check bounds first. */
  seed(name: string, copied: OffsetTable): Promise<void>;
  /**
   * What MirrorMaker's own group sync would commit on the target at this moment, group by group: the newest checkpoint
   * of each partition of the flow's groups and topics. A partition without one is absent: it would commit nothing.
   * Unknown where the flow or its checkpoints do not exist.
   */
  ownSync(checkpointFlow: string, target: CheckpointReader): Promise<Known<ReadonlyMap<string, OffsetTable>>>;
  /** Stops and deletes it, its offsets too, so that a new one of this name starts afresh. */
  remove(name: string): Promise<void>;
};

/** Where an application runs according to its driver. */
export type ClientPlace = "stopped" | "source" | "target";

/** How one application is stopped and started. A claim only: jobs check it against Kafka. */
export type ClientDriver = {
  /** `request` is the same for a repeated call. Fails with `E_CLIENT_DRIVER`. */
  stop(request: string): Promise<void>;
  start(place: "source" | "target", access: ClusterAccess, request: string): Promise<void>;
  status(): Promise<Known<ClientPlace>>;
};

export type MessageRef = { readonly channel: string; readonly ts: string };

export type Reaction = { readonly name: string; readonly users: readonly string[] };

export type Reply = { readonly user: string; readonly text: string };

export type Person = {
  readonly id: string;
  readonly name: string;
  readonly kind: "member" | "guest" | "bot" | "deactivated" | "stranger";
};

/** The team's channel. Posts survive a crash between sending and remembering: `key` finds them again. */
export type Chat = {
  post(
    channel: string,
    message: Message,
    options: { readonly key: string; readonly thread?: string },
  ): Promise<MessageRef>;
  /** The message that was posted with this key, if it still exists. */
  find(channel: string, key: string, thread?: string): Promise<MessageRef | undefined>;
  /** `E_MESSAGE_GONE` when somebody deleted it. */
  update(ref: MessageRef, message: Message): Promise<void>;
  /** Seen only by this person. */
  whisper(channel: string, user: string, message: Message): Promise<void>;
  /**
   * Uploads into a thread; returns the file's id, for an image part. `claim` makes it once across crashes: it is told
   * the id before anybody can see the file, and a later call that is given this id looks whether it was shared.
   */
  upload(
    where: { readonly channel: string; readonly thread?: string },
    file: { readonly name: string; readonly title: string; readonly content: Buffer },
    claim?: { readonly earlier?: string | undefined; take(id: string): Promise<void> },
  ): Promise<string>;
  /** Adds the bot's own reactions as click targets; repeated calls are no error. */
  seed(ref: MessageRef, emoji: readonly string[]): Promise<void>;
  /** Everybody's reactions now, with every user of each. `E_MESSAGE_GONE` when the message is gone. */
  reactions(ref: MessageRef): Promise<readonly Reaction[]>;
  /** What people wrote in the message's thread, oldest first. `E_MESSAGE_GONE` when the message is gone. */
  replies(ref: MessageRef): Promise<readonly Reply[]>;
  person(user: string): Promise<Person>;
  /** Members of a user group. */
  members(usergroup: string): Promise<readonly string[]>;
  permalink(ref: MessageRef): Promise<string>;
  /** True when people of other workspaces are in this channel. */
  shared(channel: string): Promise<boolean>;
  /** Replaces what this person sees in the bot's Home tab. */
  home(user: string, message: Message): Promise<void>;
};

export type Lease = { readonly scope: string; readonly owner: string; readonly token: number };

export type Versioned = { readonly value: unknown; readonly revision: number };

export type AuditEntry = {
  /** ISO 8601. */
  readonly at: string;
  readonly actor: string;
  /** Once in a chain: an entry whose key is there already is not appended again. */
  readonly key?: string;
  /** What it is about: a request, a run, a topic, a client. */
  readonly subject?: string;
  /** The request whose run did it. */
  readonly request?: string;
  readonly migration: string;
  readonly wave?: string;
  /** Machine-readable: "reaction.not-counted", "step.done". */
  readonly what: string;
  /** The state that `what` changed, and what it became. */
  readonly before?: unknown;
  readonly after?: unknown;
  /** A code of `what`'s own: "requester", "E_LEASE"; for people where there is none. */
  readonly reason?: string;
  readonly detail?: unknown;
};

export type ChainedEntry = AuditEntry & {
  readonly sequence: number;
  readonly previous: string;
  readonly hash: string;
};

/** Durable memory: documents with revisions, leases that fence, an audit chain, capped lists. */
export type Store = {
  read(key: string): Promise<Versioned | undefined>;
  /**
   * Writes in one atomic step. With `revision`, only if the document still has it (0: does not exist yet);
   * with `lease`, only if the lease still holds (`E_LEASE_LOST`). Returns the new revision, or `undefined`
   * when the revision did not match.
   */
  write(
    key: string,
    value: unknown,
    condition?: { readonly revision?: number; readonly lease?: Lease },
  ): Promise<number | undefined>;
  /** Keys that start with `prefix`, sorted. */
  keys(prefix: string): Promise<readonly string[]>;
  remove(key: string): Promise<void>;
  /**
   * Takes the lease, or takes it over from the same owner with a higher token, which fences the older attempt.
   * `E_LEASE` while another owner holds it.
   */
  acquire(scope: string, owner: string, ttlMs: number): Promise<Lease>;
  /** `E_LEASE_LOST` when a newer token exists or it ran out. */
  renew(lease: Lease, ttlMs: number): Promise<void>;
  release(lease: Lease): Promise<void>;
  /** Appends in one atomic step; an entry with a key that is there already is left out. */
  audit(entry: AuditEntry): Promise<void>;
  auditTrail(migration: string): Promise<readonly ChainedEntry[]>;
  /**
   * Removes the entries at the front that are older than `before` (ISO 8601) and appends, in the same atomic step, the
   * checkpoint that vouches for them (`prune` in audit.ts). Returns how many.
   */
  pruneAudit(
    migration: string,
    before: string,
    by: Pick<AuditEntry, "at" | "actor" | "reason">,
  ): Promise<number>;
  /** Appends and keeps only the newest `keep`. */
  append(key: string, value: unknown, keep: number): Promise<void>;
  list(key: string): Promise<readonly unknown[]>;
};

export type LagPoint = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Records not yet copied; `null`: unknown at that time. */
  readonly behind: number | null;
  /** Records per second that arrived on the source and that were copied. */
  readonly arriving: number | null;
  readonly copying: number | null;
  /** The same in bytes per second, as on disk. Absent or `null`: not known how large records are. */
  readonly bytes?: { readonly arriving: number | null; readonly copying: number | null } | undefined;
};

export type TopicTraffic = {
  readonly name: string;
  readonly partitions: number;
  /** What producers write; `null`: unknown. */
  readonly bytesPerSecond: number | null;
  /** Told where the bytes are not known. */
  readonly recordsPerSecond: number | null;
};

export type Charts = {
  /** PNG of partitions and traffic by topic, the largest first, what is not shown summed up; readable as the other. */
  traffic(title: string, topics: readonly TopicTraffic[]): Promise<Buffer>;
  /** PNG of lag and throughput over time, readable on a phone, in light and dark. */
  lag(title: string, points: readonly LagPoint[]): Promise<Buffer>;
};

/** Counts what happens, for whoever watches the bot itself. */
export type Meter = {
  /** Lag of every wave was read once, in so many ms. */
  swept(migration: string, ms: number): void;
};

/** Everything outside that one migration touches. */
export type World = {
  readonly source: KafkaCluster;
  /** `E_TARGET_ABSENT` until the cluster is ACTIVE. */
  target(): Promise<KafkaCluster>;
  /** That of the settings when not named; another one of them while the engine is being changed. */
  engine(name?: EngineName): Promise<ReplicationEngine>;
  readonly msk: Msk;
  readonly network: Network;
  /** The source's, where its VPC is of another account or Region; `network` where absent. */
  readonly sourceNetwork?: Network;
  /** Kafka Connect clusters that work on the source; none where absent. */
  readonly sourceConnects?: readonly ConnectInventory[];
  readonly prober: Prober;
  client(client: Client): ClientDriver;
  /** How applications reach a cluster. Passwords are left out: applications have their own. */
  applications(place: "source" | "target"): Promise<ClusterAccess>;
};

/** `null`: the entity has no limit of this key any more. */
export type QuotaChange = {
  readonly entity: ClientQuota["entity"];
  readonly limits: Readonly<Record<string, number | null>>;
};
