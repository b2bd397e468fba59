import { FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type Acl,
  type ClusterAccess,
  type ConfigChange,
  type ConfigEntry,
  type Known,
  known,
  type TopicPartition,
  type TopicSpec,
  unknown,
} from "#domain/topology.ts";
import {
  type AuthorizerOptions,
  anonymous,
  createFakeAuthorizer,
  describesAnyTransaction,
  onTopic,
  onTransaction,
} from "./fake-authorizer.ts";
import { createFakeCalls } from "./fake-calls.ts";
import { checkedConfig, checkSize, configsOf, withDefaults } from "./fake-configs.ts";
import { byId, createFakeGroups, type FakeGroups } from "./fake-groups.ts";
import { createFakeInventory, createFakeTold, type FakeTold, shareListings } from "./fake-inventory.ts";
import { createFakeLog, type FakeLog, type RecordDraft } from "./fake-log.ts";
import { activeProducers, createFakeProducers, type FakeClient } from "./fake-producers.ts";
import { createFakeQuotas } from "./fake-quotas.ts";
import { brokersOf, createSince } from "./fake-release.ts";
import { sweepPieces } from "./fake-sweep.ts";
import { byName, describeTopic, type FakeTopic } from "./fake-topics.ts";

type Call = Exclude<keyof KafkaCluster, "role" | "access">;

/** A Kafka cluster in memory with the contract of the real adapter, and what a test needs to make things happen. */
export type FakeKafka = Pick<
  FakeGroups,
  "addMember" | "removeMember" | "setState" | "commitAs" | "deleteGroup"
> & {
  readonly cluster: KafkaCluster;
  /** What only an assessment asks for. */
  readonly told: FakeTold;
  /** Replaces a topic of this name. */
  addTopic(name: string, options?: { partitions?: number; internal?: boolean; replicas?: number }): void;
  addPartitions(name: string, count: number): void;
  setConfig(topic: string, key: string, value: string): void;
  /** -1: offline. */
  setLeader(where: TopicPartition, leader: number): void;
  /**
   * Produces one record as this client and returns its offset; a text is short for its transactional id.
   * @throws FerryError `E_KAFKA_AUTH` where the authorizer refuses, `E_KAFKA` where `max.message.bytes` does.
   */
  append(topic: string, partition: number, draft: RecordDraft, by?: string | FakeClient): number;
  /** Appends this many numbered records ("0", "1" … as key and value) and returns the new end offset. */
  appendMany(topic: string, partition: number, count: number, by?: FakeClient): number;
  /** Makes the transactional id known, without a transaction; returns its producer id. */
  initTransactions(transactionalId: string): number;
  endTransaction(transaction: string, outcome: "commit" | "abort"): void;
  /** Leaves a gap in the offsets, as compaction and transaction markers do. */
  skip(topic: string, partition: number, count: number): void;
  /** Moves the start offset, as retention does. */
  deleteBefore(topic: string, partition: number, offset: number): void;
  /** `undefined`: none, as at the start when no option gave one. ACLs stay. */
  setAuthorizer(options: AuthorizerOptions | undefined): void;
  /** Replaces all ACLs, whoever may. */
  setAcls(acls: readonly Acl[]): void;
  /** From now on `cluster` is used by this principal. */
  actAs(principal: string): void;
  /** Whether the authorizer lets this client do that to the topic. */
  allowed(operation: "READ" | "WRITE" | "DESCRIBE", topic: string, by?: FakeClient): boolean;
  setVersion(version: Known<string>): void;
  setBrokerConfigs(entries: readonly ConfigEntry[]): void;
  /** The next `times` calls fail with this error; for ever when not given. */
  fail(call: Call, error: Error, times?: number): void;
  heal(call?: Call): void;
  /** Names of the calls made, in order. */
  readonly calls: Call[];
};

export function createFakeKafka({
  role,
  access = { bootstrap: [`${role}.test:9092`], protocol: "PLAINTEXT" },
  brokers = 1,
  now = () => Date.now(),
  authorizer: authorizerOptions,
  principal = access.sasl?.username === undefined ? anonymous : `User:${access.sasl.username}`,
}: {
  readonly role: "source" | "target";
  readonly access?: ClusterAccess;
  readonly brokers?: number;
  /** Timestamps of records that bring none. */
  readonly now?: () => number;
  /** None when not given. */
  readonly authorizer?: AuthorizerOptions;
  /** Of `cluster`, the bot. It is held to its rights on ACLs, configurations and reads. */
  readonly principal?: string;
}): FakeKafka {
  const topics = new Map<string, FakeTopic>();
  const groups = createFakeGroups(role, now);
  const { calls, answer, fail, heal } = createFakeCalls<Call>();
  let created = 0;
  const authorizer = createFakeAuthorizer(role, authorizerOptions);
  const producers = createFakeProducers(now);
  const quotas = createFakeQuotas();
  const told = createFakeTold();
  let bot = principal;
  let version: Known<string> = known(role === "source" ? "3.9" : "4.1");
  let brokerConfigs: readonly ConfigEntry[] = [];
  const since = createSince(role, () => version);

  function addTopic(name: string, { partitions = 1, internal = false, replicas = 1 } = {}): void {
    const topic: FakeTopic = {
      id: `id-${++created}`,
      internal,
      configs: new Map(),
      logs: [],
      leaders: [],
      replicas,
    };
    topics.set(name, topic);
    grow(name, topic, partitions);
  }

  function grow(name: string, topic: FakeTopic, count: number): void {
    while (topic.logs.length < count) {
      topic.leaders.push((topic.logs.length % brokers) + 1);
      topic.logs.push(createFakeLog(`${name}-${topic.logs.length}`, now));
    }
  }

  function topicOf(name: string): FakeTopic {
    const topic = topics.get(name);
    if (topic) return topic;
    throw new FerryError("E_UNKNOWN_TOPIC", `The ${role} cluster has no topic ${name}.`);
  }

  /** A partition without a leader has no answer. */
  function online(name: string): readonly FakeLog[] {
    const { logs, leaders } = topicOf(name);
    const offline = leaders.findIndex((leader) => leader < 0);
    if (offline < 0) return logs;
    throw new FerryError("E_INCOMPLETE", `Offsets of the ${role} cluster: ${name}-${offline}: no leader`);
  }

  function logOf(topic: string, partition: number): FakeLog {
    const log = topicOf(topic).logs[partition];
    if (log) return log;
    throw new FerryError("E_KAFKA", `Topic ${topic} has no partition ${partition}.`);
  }

  /** The bot's own right to the topic; it needs none that it does not need in a real cluster. */
  function may(operation: string, name: string): void {
    authorizer.check(onTopic(operation, name, { principal: bot }));
  }

  function append(name: string, partition: number, draft: RecordDraft, by: string | FakeClient = {}): number {
    const client = typeof by === "string" ? { transactionalId: by } : by;
    const log = logOf(name, partition);
    const { transactionalId } = client;
    authorizer.check(onTopic("WRITE", name, client));
    if (transactionalId !== undefined) authorizer.check(onTransaction(transactionalId, client));
    checkSize(role, `${name}-${partition}`, topicOf(name).configs, draft);
    const offset = log.append(draft, producers.author(client));
    if (transactionalId !== undefined) producers.began(transactionalId, { topic: name, partition });
    return offset;
  }

  function change({ topic, name, value }: ConfigChange): void {
    const { configs } = topicOf(topic);
    may("ALTER_CONFIGS", topic);
    if (value === null) configs.delete(name);
    else configs.set(name, checkedConfig(role, topic, name, value));
  }

  function create(specs: readonly TopicSpec[]): readonly string[] {
    const fresh = specs.filter(({ name }) => !topics.has(name));
    for (const { name, partitions, replicationFactor, configs } of fresh) {
      addTopic(name, { partitions, replicas: Math.max(replicationFactor, 1) });
      for (const [key, value] of Object.entries(configs)) topicOf(name).configs.set(key, value);
    }
    return fresh.map(({ name }) => name);
  }

  const inventory = createFakeInventory({
    answer,
    told,
    logs: online,
    brokers,
    brokerConfigs: () => withDefaults(brokerConfigs, authorizer.configs()),
    limits: quotas.all,
    lastCommit: groups.lastCommit,
    since,
  });

  const cluster: KafkaCluster = {
    role,
    access,
    ...inventory,
    describe: () =>
      answer("describe", () => ({
        clusterId: `fake-${role}`,
        controller: 1,
        brokers: brokersOf(role, brokers),
        version,
      })),
    listTopics: () =>
      answer("listTopics", () => [...topics].map(([name, topic]) => describeTopic(name, topic)).sort(byName)),
    topicConfigs: (names) =>
      answer("topicConfigs", () => new Map(names.map((name) => [name, configsOf(topicOf(name).configs)]))),
    brokerConfigs: () => answer("brokerConfigs", () => withDefaults(brokerConfigs, authorizer.configs())),
    logSizes: (names) =>
      answer("logSizes", () =>
        known(new Map(names.map((name) => [name, topicOf(name).logs.map((log) => log.bytes())]))),
      ),
    createTopics: (specs) => answer("createTopics", () => create(specs)),
    deleteTopics: (names) =>
      answer("deleteTopics", () => {
        for (const name of names) topics.delete(name);
      }),
    offsets: (names, which) =>
      answer("offsets", () => {
        for (const name of names) may("DESCRIBE", name);
        return new Map(names.map((name) => [name, online(name).map((log) => log[which]())]));
      }),
    offsetAt: ({ topic, partition }, timestamp) =>
      answer("offsetAt", () => logOf(topic, partition).offsetAt(timestamp)),
    listGroups: () => answer("listGroups", () => [...groups.list(), ...shareListings(told)].sort(byId)),
    describeGroups: (ids) => answer("describeGroups", () => ids.map((id) => groups.describe(id))),
    committed: (ids) => answer("committed", () => new Map(ids.map((id) => [id, groups.committed(id)]))),
    sweep: async (wanted) => {
      await answer("sweep", () => {});
      return sweepPieces(cluster, wanted);
    },
    commit: (offsets) =>
      answer("commit", () => {
        for (const table of offsets.values()) for (const topic of table.keys()) topicOf(topic);
        groups.commit(offsets);
      }),
    read: ({ topic, partition }, from, options) =>
      answer("read", () => {
        may("READ", topic);
        return logOf(topic, partition).read(from, options);
      }),
    writers: ({ topic, partition }, from, until) =>
      answer("writers", () => {
        may("READ", topic);
        return logOf(topic, partition).writers(from, until);
      }),
    producers: (names) =>
      answer("producers", () =>
        since("2.8", "DescribeProducers", () => {
          for (const name of names) may("READ", name);
          return names.flatMap((name) => activeProducers(name, online(name)));
        }),
      ),
    transactions: () =>
      answer("transactions", () => {
        if (authorizer.allows(describesAnyTransaction(bot))) {
          return since("3.0", "ListTransactions", () => producers.list());
        }
        return unknown(`the ${role} cluster shows only some transactional ids: DESCRIBE on all is needed`);
      }),
    acls: () => answer("acls", () => authorizer.list(bot)),
    rights: (names) =>
      answer("rights", () =>
        since("2.3", "operations of the asker (KIP-430)", () =>
          authorizer.rights(
            bot,
            names.filter((name) => topics.has(name)),
          ),
        ),
      ),
    addAcls: (acls) => answer("addAcls", () => authorizer.add(bot, acls)),
    removeAcls: (acls) => answer("removeAcls", () => authorizer.remove(bot, acls)),
    alterTopicConfigs: (changes) =>
      answer("alterTopicConfigs", () => {
        for (const each of changes) change(each);
      }),
    produceQuota: (id) =>
      answer("produceQuota", () => since("2.6", "DescribeClientQuotas", () => quotas.rateOf(id))),
    limitProduce: (id, rate) => answer("limitProduce", () => quotas.limit(id, rate)),
    alterQuotas: (changes) => answer("alterQuotas", () => quotas.alter(changes)),
    close: () => answer("close", () => {}),
  };

  return {
    cluster,
    told,
    calls,
    addTopic,
    addPartitions: (name, count) => grow(name, topicOf(name), topicOf(name).logs.length + count),
    setConfig: (topic, key, value) => void topicOf(topic).configs.set(key, value),
    setLeader({ topic, partition }, leader) {
      topicOf(topic).leaders[partition] = leader;
    },
    append,
    appendMany(topic, partition, count, by) {
      for (let index = 0; index < count; index += 1) {
        append(topic, partition, { key: `${index}`, value: `${index}` }, by);
      }
      return logOf(topic, partition).end();
    },
    initTransactions: (id) => producers.init(id),
    endTransaction(transaction, outcome) {
      producers.ended(transaction, outcome);
      for (const { logs } of topics.values()) {
        for (const log of logs) log.endTransaction(transaction, outcome);
      }
    },
    skip: (topic, partition, count) => logOf(topic, partition).skip(count),
    deleteBefore: (topic, partition, offset) => logOf(topic, partition).deleteBefore(offset),
    addMember: groups.addMember,
    removeMember: groups.removeMember,
    setState: groups.setState,
    commitAs: groups.commitAs,
    deleteGroup: groups.deleteGroup,
    setAuthorizer: (options) => authorizer.set(options),
    setAcls: (acls) => authorizer.replace(acls),
    actAs(next) {
      bot = next;
    },
    allowed: (operation, topic, by = {}) => authorizer.allows(onTopic(operation, topic, by)),
    setVersion(next) {
      version = next;
    },
    setBrokerConfigs(next) {
      brokerConfigs = next;
    },
    fail,
    heal,
  };
}
