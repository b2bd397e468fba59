import type {
  BrokerConfig,
  ClientQuota,
  Disk,
  Feature,
  InventoryReads,
  RecordSample,
  SampleQuestion,
  ScramUser,
} from "#domain/inventory.ts";
import {
  type ConfigEntry,
  type GroupDescription,
  type GroupListing,
  type Known,
  known,
  unknown,
} from "#domain/topology.ts";
import type { FakeLog } from "./fake-log.ts";

/** What the cluster in memory tells an assessment, for a test to change. */
export type FakeTold = {
  features: Known<readonly Feature[]>;
  scramUsers: Known<readonly ScramUser[]>;
  /** Besides those that `limitProduce` set; `undefined`: no reason to refuse. */
  quotas: Known<readonly ClientQuota[]>;
  disks: Known<readonly Disk[]>;
  /** By id; the group is listed as well. */
  readonly shareGroups: Map<string, Omit<GroupDescription, "type">>;
  /** Brokers that have another value: by id, key to value. */
  readonly brokerDifferences: Map<number, Record<string, string>>;
  /** Why no broker tells its configuration. */
  configsRefused: string | undefined;
};

export function createFakeTold(): FakeTold {
  return {
    features: known([{ name: "metadata.version", level: 21 }]),
    scramUsers: known([]),
    quotas: known([]),
    disks: known([{ broker: 1, total: 1e12, usable: 9e11 }]),
    shareGroups: new Map(),
    brokerDifferences: new Map(),
    configsRefused: undefined,
  };
}

export type FakeParts = {
  readonly told: FakeTold;
  readonly logs: (topic: string) => readonly FakeLog[];
  readonly brokers: number;
  readonly brokerConfigs: () => readonly ConfigEntry[];
  readonly limits: () => readonly ClientQuota[];
  readonly lastCommit: (group: string) => Known<number>;
  /** Notes the call and answers later. */
  readonly answer: <T>(call: keyof InventoryReads, work: () => T) => Promise<T>;
  readonly since: <T>(release: string, api: string, value: () => T) => Known<T>;
};

export function createFakeInventory(parts: FakeParts): InventoryReads {
  const { told, since, answer } = parts;
  return {
    features: () => answer("features", () => flat(since("2.7", "features", () => told.features))),
    everyBrokersConfigs: () => answer("everyBrokersConfigs", () => everyBrokers(parts)),
    oldestTimestamps: (topics) =>
      answer(
        "oldestTimestamps",
        () => new Map(topics.map((topic) => [topic, parts.logs(topic).map(oldestOf)])),
      ),
    samples: (questions) =>
      answer("samples", () => questions.map((question) => sampleOf(question, parts.logs(question.topic)))),
    shareGroups: (ids) => answer("shareGroups", () => shareGroups(ids, parts)),
    lastCommits: (groups) =>
      answer("lastCommits", () => new Map(groups.map((group) => [group, parts.lastCommit(group)]))),
    quotas: () =>
      answer("quotas", () =>
        flat(
          since("2.6", "DescribeClientQuotas", () =>
            told.quotas.known ? known([...told.quotas.value, ...parts.limits()]) : told.quotas,
          ),
        ),
      ),
    disks: () => answer("disks", () => flat(since("3.3", "DescribeLogDirs", () => told.disks))),
    scramUsers: () =>
      answer("scramUsers", () => flat(since("2.7", "DescribeUserScramCredentials", () => told.scramUsers))),
  };
}

/** As ListGroups tells of them. */
export function shareListings({ shareGroups }: FakeTold): readonly GroupListing[] {
  return [...shareGroups.keys()].map((id) => ({ id, protocolType: "share", type: "share" }));
}

function everyBrokers(parts: FakeParts): Known<ReadonlyMap<number, readonly BrokerConfig[]>> {
  if (parts.told.configsRefused !== undefined) return unknown(parts.told.configsRefused);
  const ids = Array.from({ length: parts.brokers }, (_, index) => index + 1);
  return known(new Map(ids.map((id) => [id, configsOf(id, parts)])));
}

function shareGroups(
  ids: readonly string[],
  { told, since }: FakeParts,
): Known<ReadonlyArray<Omit<GroupDescription, "type">>> {
  const dead = { state: "Dead", protocolType: "share", members: [] } as const;
  if (ids.length === 0) return known([]);
  return since("4.1", "ShareGroupDescribe", () =>
    ids.map((id) => told.shareGroups.get(id) ?? { id, ...dead }),
  );
}

function flat<T>(value: Known<Known<T>>): Known<T> {
  return value.known ? value.value : value;
}

function configsOf(id: number, { told, brokerConfigs }: FakeParts): readonly BrokerConfig[] {
  const own = told.brokerDifferences.get(id) ?? {};
  return brokerConfigs().map(({ name, value, origin }) => ({
    name,
    value: own[name] ?? value,
    origin,
    default: origin === "default" ? value : null,
  }));
}

function oldestOf(log: FakeLog): number | undefined {
  return log.read(log.start(), { max: 1, isolation: "read-uncommitted" })[0]?.timestamp;
}

function sampleOf({ partition, from, max }: SampleQuestion, logs: readonly FakeLog[]): Known<RecordSample> {
  const log = logs[partition];
  if (log === undefined || from < log.start() || from > log.end()) {
    return unknown(`OFFSET_OUT_OF_RANGE (1): the log does not hold ${from}`);
  }
  const records = log.read(from, { max, isolation: "read-uncommitted" });
  const sizes = records.map(
    ({ key, value, headers }) =>
      (key?.length ?? 0) +
      (value?.length ?? 0) +
      headers.reduce((sum, [name, content]) => sum + name.length + (content?.length ?? 0), 0),
  );
  const writers = log.writers(from, log.end());
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return known({
    records: records.length,
    bytes,
    largestRecord: Math.max(0, ...sizes),
    largestBatch: bytes,
    keyed: records.filter(({ key }) => key !== null).length,
    withHeaders: records.filter(({ headers }) => headers.length > 0).length,
    codecs: records.length > 0 ? ["none"] : [],
    batches: {
      plain: writers.filter(({ producerId }) => producerId < 0).length,
      idempotent: writers.filter(({ producerId }) => producerId >= 0).length,
      transactional: writers.filter(({ transactional }) => transactional).length,
    },
    firstTimestamp: records[0]?.timestamp,
    newestTimestamp: records.length > 0 ? Math.max(...records.map(({ timestamp }) => timestamp)) : undefined,
    keys: records.slice(0, 8).flatMap(({ key }) => (key === null ? [] : [key.toString()])),
  });
}
