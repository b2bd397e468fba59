import { type AssessedGroup, type AssessedTopic, type Assessment } from "#domain/assessment.ts";
import { asFerryError } from "#domain/errors.ts";
import { findings } from "#domain/findings.ts";
import type { JobOf } from "#domain/job.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type ClusterDescription,
  type ConfigEntry,
  type KafkaRecord,
  type Known,
  known,
  type OffsetTable,
  type Topic,
  type TopicPartition,
  unknown,
} from "#domain/topology.ts";
import { assessContext } from "./assess-context.ts";
import { keepAssessment } from "./assess-memory.ts";
import { reportAssessment } from "./assess-message.ts";
import {
  closeWindow,
  type FirstReading,
  type Measured,
  measure,
  offlineOf,
  ofTopicsNow,
  openWindow,
  readable,
} from "./assess-window.ts";
import { again, done, type Outcome, type Work } from "./work.ts";

/** Newest records per topic that are read to know the average size. */
const sampleRecords = 200;

/**
 * Step 1: inventory and findings of the source; throughput is measured over `assess.window`. Changes nothing. What
 * cannot be read of a topic with an offline partition is unknown; the findings say why, and name the topics that were
 * deleted meanwhile.
 */
export async function assess(_job: JobOf<"assess">, work: Work): Promise<Outcome> {
  const { source } = work.world;
  const cluster = await source.describe();
  const first = await openWindow(work, cluster.clusterId);
  const left = first.at + work.migration.settings.assess.window - work.clock.now();
  if (left > 0) {
    await progress(work, `measuring throughput, ${Math.ceil(left / 1000)} s left`, 1);
    return again(left);
  }
  const { found: inventory, vanished } = await ofTopicsNow(source, (topics) =>
    takeInventory(cluster, first, topics, work),
  );
  const present = new Set(inventory.topics.map(({ name }) => name));
  const gone = new Set([...vanished, ...Object.keys(first.ends)].filter((name) => !present.has(name)));
  const context = await assessContext(inventory, cluster, [...gone], work);
  const assessment: Assessment = { ...inventory, findings: [...findings(inventory, context)] };
  await keepAssessment(assessment, first.began, work);
  await reportAssessment(assessment, work, first.began);
  await closeWindow(work);
  return done;
}

const notRead = unknown("not read yet");

async function takeInventory(
  cluster: ClusterDescription,
  first: FirstReading,
  topics: readonly Topic[],
  work: Work,
): Promise<Omit<Assessment, "findings">> {
  const { source } = work.world;
  await progress(work, "offsets and configurations", 2);
  const measured = await measure(first, readable(topics), source, () => work.clock.now());
  const configs = await source.topicConfigs(topics.map(({ name }) => name));
  const brokerConfigs = await source.brokerConfigs();
  await progress(work, "groups", 3);
  const groups = await assessGroups(source, topics);
  await progress(work, "sizes", 4);
  const parts = { source, measured, sizes: await source.logSizes(readable(topics)) };
  const acls = await source.acls();
  return {
    migration: work.migration.name,
    taken: { at: new Date(work.clock.now()).toISOString(), windowMs: measured.windowMs },
    clusterId: cluster.clusterId,
    version: cluster.version,
    mode: notRead,
    features: notRead,
    brokers: cluster.brokers
      .map(({ id, host, rack }) => ({ id, host, rack }))
      .toSorted((a, b) => a.id - b.id),
    brokerConfigs: explicit(brokerConfigs),
    brokerSettings: notRead,
    topicDefaults: {},
    topics: await Promise.all(
      topics.map((topic) => assessTopic(topic, configs.get(topic.name) ?? [], parts)),
    ),
    groups: [...groups],
    acls: acls.known ? known([...acls.value]) : acls,
    scramUsers: notRead,
    quotas: notRead,
    transactions: notRead,
    clients: { consumers: [], producers: [], allowed: [], unknown: [] },
  };
}

async function progress(work: Work, step: string, index: number): Promise<void> {
  await work.card.update({
    subject: `${work.migration.name} · assess`,
    tone: "working",
    parts: [{ kind: "progress", step, done: index - 1, of: 4 }],
  });
}

/** Settings that somebody wrote down: what the broker does not inherit from Apache's defaults. */
function explicit(entries: readonly ConfigEntry[]): Record<string, string | null> {
  return Object.fromEntries(
    entries
      .filter(({ origin }) => origin !== "default")
      .map(({ name, value }) => [name, value] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

function total(row: ReadonlyArray<number | undefined> | undefined): number {
  return (row ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

type Parts = {
  readonly source: KafkaCluster;
  readonly measured: Measured;
  readonly sizes: Awaited<ReturnType<KafkaCluster["logSizes"]>>;
};

const unreadTopic = {
  topicId: notRead,
  role: null,
  timestampType: notRead,
  oldestTimestamp: notRead,
  bytesPerSecond: notRead,
  recordsOutPerSecond: notRead,
  bytesOutPerSecond: notRead,
  sampledRecords: 0,
  largestRecordBytes: notRead,
  largestBatchBytes: notRead,
  compression: notRead,
  keys: notRead,
  headers: notRead,
  newestTimestamp: notRead,
  writers: { idempotent: notRead, transactional: notRead, plain: notRead },
  openTransactions: notRead,
} as const;

async function assessTopic(
  topic: Topic,
  configs: readonly ConfigEntry[],
  parts: Parts,
): Promise<AssessedTopic> {
  const policy = configs.find(({ name }) => name === "cleanup.policy")?.value ?? "delete";
  const kept = configs.filter(({ origin, name }) => origin !== "default" || name === "retention.ms");
  return {
    ...unreadTopic,
    name: topic.name,
    internal: topic.internal,
    partitions: topic.partitions.length,
    replicationFactor: topic.partitions[0]?.replicas.length ?? 0,
    underReplicated: topic.partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
    offline: offlineOf(topic),
    compacted: policy.includes("compact"),
    configs: Object.fromEntries(kept.map(({ name, value, origin }) => [name, { value, origin }])),
    ...(await measurements(topic, parts)),
  };
}

type Measurements = Pick<
  AssessedTopic,
  "offsetsHeld" | "recordsPerSecond" | "averageRecordBytes" | "bytesOnDisk"
>;

async function measurements(topic: Topic, { source, measured, sizes }: Parts): Promise<Measurements> {
  const { name, internal } = topic;
  if (offlineOf(topic) > 0) {
    const why = unknown(offlineWhy(topic));
    return { offsetsHeld: why, recordsPerSecond: why, averageRecordBytes: why, bytesOnDisk: why };
  }
  return {
    offsetsHeld: known(total(measured.ends.get(name)) - total(measured.starts.get(name))),
    recordsPerSecond: measured.perSecond(name),
    averageRecordBytes: internal
      ? unknown("not read: an internal topic")
      : await averageSize(name, measured, source),
    bytesOnDisk: sizes.known ? sizeOf(sizes.value.get(name)) : sizes,
  };
}

function offlineWhy(topic: Topic): string {
  return `${offlineOf(topic)} of ${topic.partitions.length} partitions of ${topic.name} have no leader`;
}

function sizeOf(row: ReadonlyArray<number | undefined> | undefined): Known<number> {
  if (row === undefined || row.some((bytes) => bytes === undefined)) {
    return unknown("the leader's broker did not report this topic");
  }
  return known(total(row));
}

/** Retention may be faster and leave `from` below the first offset held: then the broker's refusal. */
async function newest(
  where: TopicPartition,
  from: number,
  source: KafkaCluster,
): Promise<Known<readonly KafkaRecord[]>> {
  try {
    return known(await source.read(where, from, { max: sampleRecords }));
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code !== "E_KAFKA") throw thrown;
    return unknown(message);
  }
}

/** Over the newest records of the partition that holds most. */
async function averageSize(topic: string, measured: Measured, source: KafkaCluster): Promise<Known<number>> {
  const held = (measured.ends.get(topic) ?? []).map((end, partition) => ({
    partition,
    end: end ?? 0,
    start: measured.starts.get(topic)?.[partition] ?? 0,
  }));
  const fullest = held.toSorted((a, b) => b.end - b.start - (a.end - a.start))[0];
  if (fullest === undefined || fullest.end === fullest.start) return unknown("the topic holds no record");
  const from = Math.max(fullest.start, fullest.end - sampleRecords);
  const sample = await newest({ topic, partition: fullest.partition }, from, source);
  if (!sample.known) return sample;
  const records = sample.value;
  if (records.length === 0) return unknown("only control records at the end of the log");
  const bytes = records.reduce(
    (sum, { key, value, headers }) =>
      sum +
      (key?.length ?? 0) +
      (value?.length ?? 0) +
      headers.reduce((all, [name, content]) => all + name.length + (content?.length ?? 0), 0),
    0,
  );
  return known(Math.round(bytes / records.length));
}

/** Committed offsets before ends, so that lag is never under-reported. */
async function assessGroups(
  source: KafkaCluster,
  topics: readonly Topic[],
): Promise<readonly AssessedGroup[]> {
  const listed = await source.listGroups();
  const ids = listed.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b));
  const [described, committed] = await Promise.all([source.describeGroups(ids), source.committed(ids)]);
  const read = new Set([...committed.values()].flatMap((table) => [...table.keys()]));
  const ends = await source.offsets(
    readable(topics).filter((name) => read.has(name)),
    "end",
  );
  const offline = new Map(
    topics.filter((topic) => offlineOf(topic) > 0).map((topic) => [topic.name, offlineWhy(topic)]),
  );
  return described.map((group) => {
    const offsets: OffsetTable = committed.get(group.id) ?? new Map<string, readonly number[]>();
    return {
      id: group.id,
      type: notRead,
      protocol: null,
      oldestUnread: notRead,
      lastCommit: notRead,
      recordsPerSecond: notRead,
      activity: notRead,
      usesAssign: notRead,
      application: null,
      protocolType: listed.find(({ id }) => id === group.id)?.protocolType ?? group.protocolType,
      state: group.state,
      members: group.members
        .map(({ clientId, host, instanceId }) => ({ clientId, host, instanceId, assignment: [] }))
        .toSorted((a, b) => a.clientId.localeCompare(b.clientId) || a.host.localeCompare(b.host)),
      topics: [...offsets.keys()].toSorted((a, b) => a.localeCompare(b)),
      lag: groupLag(offsets, ends, offline),
    };
  });
}

/** Offsets may outlive their topic, and be beyond its end when it was made anew. */
function groupLag(
  committed: OffsetTable,
  ends: OffsetTable,
  offline: ReadonlyMap<string, string>,
): Known<number> {
  let lag = 0;
  for (const [topic, row] of committed) {
    for (const [partition, offset] of row.entries()) {
      if (offset === undefined) continue;
      const end = ends.get(topic)?.[partition];
      const where = `${topic}-${partition}`;
      if (end === undefined) return unknown(offline.get(topic) ?? `the end of ${where} is not known`);
      if (offset > end) return unknown(`offset ${offset} of ${where} is beyond its end, ${end}`);
      lag += end - offset;
    }
  }
  return known(lag);
}
