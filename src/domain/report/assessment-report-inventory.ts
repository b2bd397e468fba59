import type { AssessedGroup, AssessedTopic, Assessment } from "#domain/assessment.ts";
import { ownTopics } from "#domain/findings/summary.ts";
import { cappedTable, markdownTable, mono, some } from "#domain/markdown.ts";
import type { Known } from "#domain/topology.ts";
import { bytes, bytesRate, count, figure, rate } from "#domain/wording.ts";

/** The report's sections on what there is: cluster, topics, groups. The largest first; what is left out is said. */

const tableRows = 100;

export function inventorySections(assessment: Assessment): readonly string[] {
  return [...clusterSection(assessment), ...topicSections(assessment), ...groupSection(assessment)];
}

/** A known value, or why it is not. */
function shown<T>(value: Known<T>, write: (value: T) => string = String): string {
  return value.known ? write(value.value) : `unknown (${value.why})`;
}

/** In a table with many: why is told once, in a section of its own. */
function brief<T>(value: Known<T>, write: (value: T) => string = String): string {
  return value.known ? write(value.value) : "unknown";
}

function clusterSection(assessment: Assessment): readonly string[] {
  const { clusterId, version, mode, features, brokers, brokerSettings } = assessment;
  return [
    "## Cluster",
    "",
    ...markdownTable(
      ["", ""],
      [
        ["id", mono(clusterId)],
        ["Kafka", shown(version)],
        ["mode", shown(mode)],
        [
          "features",
          shown(features, (list) => list.map(({ name, level }) => `${name} ${level}`).join(", ") || "none"),
        ],
        ["brokers", String(brokers.length)],
        ["racks", some([...new Set(brokers.map(({ rack }) => rack ?? "none"))].toSorted(), 10)],
      ],
    ),
    "",
    ...cappedTable(
      ["broker", "host", "rack"],
      brokers.map(({ id, host, rack }) => [String(id), mono(host), rack ?? "none"]),
      tableRows,
    ),
    "",
    "### Broker settings against Apache's defaults",
    "",
    ...(brokerSettings.known
      ? cappedTable(
          ["setting", "value", "Apache's default", "set by", "other brokers"],
          brokerSettings.value.map(({ name, value, default: apache, origin, others }) => [
            mono(name),
            value ?? "not told",
            brief(apache, (text) => text ?? "none"),
            origin,
            some(others.map((other) => `${other.broker}: ${other.value ?? "not told"}`)) || "the same",
          ]),
          tableRows,
        )
      : [`unknown (${brokerSettings.why})`]),
    "",
  ];
}

function topicSections(assessment: Assessment): readonly string[] {
  const own = ownTopics(assessment);
  const partitions = own.reduce((sum, topic) => sum + topic.partitions, 0);
  const topics = own.toSorted(largestFirst);
  return [
    `## Topics: ${figure(own.length)}, ${count(partitions, "partition")}`,
    "",
    ...cappedTable(
      [
        "topic",
        "partitions",
        "RF",
        "policy",
        "retention",
        "on disk",
        "in",
        "out",
        "average record",
        "largest batch",
        "compression",
        "keys",
      ],
      topics.map(topicRow),
      tableRows,
    ),
    "",
    "### Who writes, and since when",
    "",
    ...cappedTable(
      [
        "topic",
        "idempotent",
        "transactional",
        "plain",
        "open transactions",
        "timestamps",
        "oldest record",
        "for",
      ],
      topics.map(writerRow),
      tableRows,
    ),
    "",
    "### Settings of topics that are not Apache's defaults",
    "",
    ...cappedTable(
      ["topic", "key", "value", "set by"],
      topics.flatMap(({ name, configs }) =>
        Object.entries(configs)
          .filter(([, { origin }]) => origin !== "default")
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, { value, origin }]) => [mono(name), mono(key), value ?? "not told", origin]),
      ),
      tableRows,
    ),
    "",
    ...unhealthy(assessment.topics),
    ...internalTopics(assessment.topics),
  ];
}

/** By bytes on disk; where they are not known, by partitions. */
function largestFirst(a: AssessedTopic, b: AssessedTopic): number {
  return (
    valueOf(b.bytesOnDisk, -1) - valueOf(a.bytesOnDisk, -1) ||
    b.partitions - a.partitions ||
    (a.name < b.name ? -1 : 1)
  );
}

function topicRow(topic: AssessedTopic): readonly string[] {
  return [
    mono(topic.name),
    figure(topic.partitions),
    String(topic.replicationFactor),
    topic.configs["cleanup.policy"]?.value ?? (topic.compacted ? "compact" : "delete"),
    retention(topic),
    brief(topic.bytesOnDisk, bytes),
    `${brief(topic.bytesPerSecond, bytesRate)}, ${brief(topic.recordsPerSecond, perSecond)}`,
    `${brief(topic.bytesOutPerSecond, bytesRate)}, ${brief(topic.recordsOutPerSecond, perSecond)}`,
    brief(topic.averageRecordBytes, bytes),
    brief(topic.largestBatchBytes, bytes),
    brief(topic.compression, (kinds) => kinds.join(", ")),
    brief(topic.keys),
  ];
}

function perSecond(records: number): string {
  return `${rate(records)} records/s`;
}

function retention({ configs, compacted }: AssessedTopic): string {
  const text = configs["retention.ms"]?.value;
  if (text === undefined || text === null) return compacted ? "compacted" : "default";
  const hours = Number(text) / 3_600_000;
  if (hours < 0) return "unlimited";
  return hours >= 48 ? `${figure(hours / 24)} d` : `${Number(hours.toFixed(1))} h`;
}

function writerRow({
  name,
  writers,
  openTransactions,
  timestampType,
  oldestTimestamp,
  role,
}: AssessedTopic): readonly string[] {
  const answer = (value: Known<boolean>) => brief(value, (is) => (is ? "yes" : "no"));
  return [
    mono(name),
    answer(writers.idempotent),
    answer(writers.transactional),
    answer(writers.plain),
    brief(openTransactions, (open) => String(open.length)),
    brief(timestampType),
    brief(oldestTimestamp),
    role === null ? "" : `${role.kind}${role.owner === null ? "" : ` of ${role.owner}`}`,
  ];
}

function unhealthy(topics: readonly AssessedTopic[]): readonly string[] {
  const rows = topics.filter(({ offline, underReplicated }) => offline + underReplicated > 0);
  return [
    `### Under-replicated or offline: ${count(rows.length, "topic")}`,
    "",
    ...cappedTable(
      ["topic", "partitions", "under-replicated", "offline"],
      rows.map((topic) => [
        mono(topic.name),
        figure(topic.partitions),
        figure(topic.underReplicated),
        figure(topic.offline),
      ]),
      tableRows,
    ),
    "",
  ];
}

function internalTopics(topics: readonly AssessedTopic[]): readonly string[] {
  const names = topics.filter(({ internal }) => internal).map(({ name }) => mono(name));
  return [`Kafka's own, not carried over: ${some(names, 10) || "none"}.`, ""];
}

function groupSection({ groups }: Assessment): readonly string[] {
  const order = groups.toSorted(
    (a, b) =>
      compare(valueOf(b.lag, unknownLag), valueOf(a.lag, unknownLag)) ||
      b.members.length - a.members.length ||
      (a.id < b.id ? -1 : 1),
  );
  return [
    `## Groups: ${figure(groups.length)}`,
    "",
    ...cappedTable(
      [
        "group",
        "kind",
        "state",
        "members",
        "topics",
        "lag",
        "oldest unread",
        "last commit",
        "reads",
        "uses assign()",
      ],
      order.map(groupRow),
      tableRows,
    ),
    "",
  ];
}

/** What is not known may be the worst. */
const unknownLag = Number.POSITIVE_INFINITY;

function valueOf(value: Known<number>, otherwise: number): number {
  return value.known ? value.value : otherwise;
}

/** Infinite ones are equal to each other. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function groupRow(group: AssessedGroup): readonly string[] {
  const application = group.application === null ? "" : `, ${group.application.kind}`;
  const activity = brief(group.activity);
  return [
    mono(group.id),
    `${brief(group.type)}${application}`,
    group.state,
    figure(group.members.length),
    some(group.topics.map(mono)) || "none",
    brief(group.lag, (records) => `${figure(records)} records`),
    brief(group.oldestUnread, ({ at, looked, lagging }) =>
      at === null
        ? "has read all"
        : `${at}${looked < lagging ? ` (${looked} of ${lagging} partitions)` : ""}`,
    ),
    brief(group.lastCommit),
    group.recordsPerSecond.known ? `${activity}, ${perSecond(group.recordsPerSecond.value)}` : activity,
    brief(group.usesAssign, (uses) => (uses ? "yes" : "no")),
  ];
}
