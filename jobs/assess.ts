import {
  type AssessedGroup,
  type AssessedTopic,
  type Assessment,
  assessmentKey,
  sumKnown,
} from "#domain/assessment.ts";
import { assessmentReport } from "#domain/assessment-report.ts";
import { findings } from "#domain/findings.ts";
import type { JobOf } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type ConfigEntry,
  type Known,
  known,
  type OffsetTable,
  type Topic,
  unknown,
} from "#domain/topology.ts";
import { clockTime, count, took } from "#domain/wording.ts";
import { done, type Outcome, type Work } from "./work.ts";

/** Newest records per topic that are read to know the average size. */
const sampleRecords = 200;

/** Step 1: inventory and findings of the source; throughput is measured over `assess.window`. Changes nothing. */
export async function assess(_job: JobOf<"assess">, work: Work): Promise<Outcome> {
  const began = work.clock.now();
  const { source } = work.world;
  const subject = `${work.migration.name} · assess`;
  await progress(work, subject, "brokers, topics, configurations", 1);
  const [cluster, topics, brokerConfigs] = await Promise.all([
    source.describe(),
    source.listTopics(),
    source.brokerConfigs(),
  ]);
  const names = topics.map(({ name }) => name);
  const configs = await source.topicConfigs(names);
  await progress(work, subject, "groups and offsets", 2);
  const groups = await assessGroups(source);
  await progress(work, subject, `throughput over ${work.migration.settings.assess.window / 1000} s`, 3);
  const rates = await measureRates(source, names, work);
  await progress(work, subject, "sizes", 4);
  const sizes = await source.logSizes(names);
  const acls = await source.acls();
  const inventory = {
    migration: work.migration.name,
    takenAt: new Date(work.clock.now()).toISOString(),
    clusterId: cluster.clusterId,
    version: cluster.version,
    brokers: cluster.brokers.map(({ id, host, rack }) => ({ id, host, rack })),
    brokerConfigs: explicit(brokerConfigs),
    windowMs: rates.windowMs,
    topics: await Promise.all(
      topics.map((topic) => assessTopic(topic, configs.get(topic.name) ?? [], rates, sizes, source)),
    ),
    groups: [...groups],
    acls: acls.known ? known(acls.value.length) : acls,
  };
  const assessment: Assessment = { ...inventory, findings: [...findings(inventory)] };
  await work.store.write(assessmentKey(work.migration.name), assessment);
  await report(assessment, work, began);
  return done;
}

async function progress(work: Work, subject: string, step: string, index: number): Promise<void> {
  await work.card.update({
    subject,
    tone: "working",
    parts: [{ kind: "progress", step, done: index - 1, of: 5 }],
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

type Rates = {
  readonly windowMs: number;
  readonly starts: OffsetTable;
  readonly ends: OffsetTable;
  perSecond(topic: string): number;
};

async function measureRates(source: KafkaCluster, names: readonly string[], work: Work): Promise<Rates> {
  const began = work.clock.now();
  const first = await source.offsets(names, "end");
  await work.clock.sleep(work.migration.settings.assess.window, work.signal);
  const ends = await source.offsets(names, "end");
  const windowMs = work.clock.now() - began;
  const starts = await source.offsets(names, "start");
  return {
    windowMs,
    starts,
    ends,
    perSecond: (topic) => (total(ends.get(topic)) - total(first.get(topic))) / (windowMs / 1000),
  };
}

function total(row: ReadonlyArray<number | undefined> | undefined): number {
  return (row ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

async function assessTopic(
  topic: Topic,
  configs: readonly ConfigEntry[],
  rates: Rates,
  sizes: Awaited<ReturnType<KafkaCluster["logSizes"]>>,
  source: KafkaCluster,
): Promise<AssessedTopic> {
  const policy = configs.find(({ name }) => name === "cleanup.policy")?.value ?? "delete";
  const kept = configs.filter(({ origin, name }) => origin !== "default" || name === "retention.ms");
  return {
    name: topic.name,
    internal: topic.internal,
    partitions: topic.partitions.length,
    replicationFactor: topic.partitions[0]?.replicas.length ?? 0,
    underReplicated: topic.partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
    offline: topic.partitions.filter(({ leader }) => leader < 0).length,
    compacted: policy.includes("compact"),
    configs: Object.fromEntries(kept.map(({ name, value, origin }) => [name, { value, origin }])),
    offsetsHeld: total(rates.ends.get(topic.name)) - total(rates.starts.get(topic.name)),
    recordsPerSecond: rates.perSecond(topic.name),
    averageRecordBytes: topic.internal
      ? unknown("not read: an internal topic")
      : await averageSize(topic.name, rates, source),
    bytesOnDisk: sizes.known ? sizeOf(sizes.value.get(topic.name)) : sizes,
  };
}

function sizeOf(row: ReadonlyArray<number | undefined> | undefined): Known<number> {
  if (row === undefined || row.some((bytes) => bytes === undefined)) {
    return unknown("the leader's broker did not report this topic");
  }
  return known(total(row));
}

/** Over the newest records of the partition that holds most. */
async function averageSize(topic: string, rates: Rates, source: KafkaCluster): Promise<Known<number>> {
  const held = (rates.ends.get(topic) ?? []).map((end, partition) => ({
    partition,
    end: end ?? 0,
    start: rates.starts.get(topic)?.[partition] ?? 0,
  }));
  const fullest = held.toSorted((a, b) => b.end - b.start - (a.end - a.start))[0];
  if (fullest === undefined || fullest.end === fullest.start) return unknown("the topic holds no record");
  const from = Math.max(fullest.start, fullest.end - sampleRecords);
  const records = await source.read({ topic, partition: fullest.partition }, from, { max: sampleRecords });
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
async function assessGroups(source: KafkaCluster): Promise<readonly AssessedGroup[]> {
  const listed = await source.listGroups();
  const ids = listed.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b));
  const [described, committed] = await Promise.all([source.describeGroups(ids), source.committed(ids)]);
  const topics = [...new Set([...committed.values()].flatMap((table) => [...table.keys()]))];
  const ends = await source.offsets(await existing(topics, source), "end");
  return described.map((group) => {
    const offsets: OffsetTable = committed.get(group.id) ?? new Map<string, readonly number[]>();
    return {
      id: group.id,
      protocolType: listed.find(({ id }) => id === group.id)?.protocolType ?? group.protocolType,
      state: group.state,
      members: group.members.map(({ clientId, host }) => ({ clientId, host })),
      topics: [...offsets.keys()].toSorted((a, b) => a.localeCompare(b)),
      lag: groupLag(offsets, ends),
    };
  });
}

/** Offsets may outlive their topic. */
async function existing(topics: readonly string[], source: KafkaCluster): Promise<readonly string[]> {
  const present = new Set((await source.listTopics()).map(({ name }) => name));
  return topics.filter((topic) => present.has(topic));
}

function groupLag(committed: OffsetTable, ends: OffsetTable): Known<number> {
  let lag = 0;
  for (const [topic, row] of committed) {
    for (const [partition, offset] of row.entries()) {
      if (offset === undefined) continue;
      const end = ends.get(topic)?.[partition];
      if (end === undefined) return unknown(`the end of ${topic}-${partition} is not known`);
      lag += end - offset;
    }
  }
  return known(lag);
}

async function report(assessment: Assessment, work: Work, began: number): Promise<void> {
  const day = assessment.takenAt.slice(0, 10);
  const { markdown, json } = assessmentReport(assessment);
  await work.card.file({ name: `assess-${day}.md`, title: "Assessment", content: Buffer.from(markdown) });
  await work.card.file({
    name: `assess-${day}.json`,
    title: "Assessment (JSON)",
    content: Buffer.from(json),
  });
  await work.card.finish(summary(assessment, work, began));
}

function summary(assessment: Assessment, work: Work, began: number): Message {
  const own = assessment.topics.filter(({ internal }) => !internal);
  const partitions = own.reduce((sum, topic) => sum + topic.partitions, 0);
  const records = own.reduce((sum, topic) => sum + topic.recordsPerSecond, 0);
  const disk = sumKnown(own.map(({ bytesOnDisk }) => bytesOnDisk));
  const bySeverity = (severity: string) =>
    assessment.findings.filter((finding) => finding.severity === severity && finding.state === "found");
  const unknowns = assessment.findings.filter(({ state }) => state === "unknown").length;
  const shown = assessment.findings.filter(({ severity }) => severity !== "info").slice(0, 5);
  const size = disk.unknown === 0 ? `${(disk.sum / 1e6).toFixed(1)} MB on disk` : "disk size not fully known";
  return {
    subject: `${work.migration.name} · assess`,
    tone: "done",
    note: `done in ${took(work.clock.now() - began)} · ${clockTime(work.clock.now())}`,
    parts: [
      {
        kind: "text",
        text: `${count(own.length, "topic")}, ${count(partitions, "partition")}, ${count(assessment.groups.length, "group")} · ${records.toFixed(1)} records/s over ${took(assessment.windowMs)} · ${size}`,
      },
      {
        kind: "text",
        text: `${count(bySeverity("blocker").length, "blocker")} · ${count(bySeverity("warning").length, "warning")} · ${unknowns} unknown`,
      },
      {
        kind: "checks",
        items: shown.map(({ severity, subject, evidence, remedy, state }) => ({
          state: state === "unknown" ? "unknown" : severity === "blocker" ? "fail" : "warn",
          text: `${subject}: ${evidence} → ${remedy}`,
        })),
      },
    ],
    next: ["plan"],
  };
}
