import type { AssessedConnector, AssessedGroup, AssessedTopic, Assessment } from "#domain/assessment.ts";
import { canonical } from "#domain/canonical.ts";
import { type Known, known } from "#domain/topology.ts";
import { bytes, bytesRate, count, figure, rate } from "#domain/wording.ts";

/** The parts of an assessment as people read them, for a comparison of two. */

/** One value. `measured`: it moves all the time; a difference up to `floor` is none. */
export type Cell = {
  readonly text: string;
  readonly measured?: { readonly value: number; readonly floor: number };
};
export type Cells = ReadonlyMap<string, Cell>;
/** What there is of one kind, by name; `text` is told of a thing that comes or goes. */
export type Things = ReadonlyMap<string, { readonly text: string; readonly cells: Cells }>;

export type Kind =
  | "finding"
  | "cluster"
  | "broker"
  | "broker setting"
  | "topic"
  | "group"
  | "ACL"
  | "quota"
  | "SCRAM user"
  | "transactional id"
  | "connector";

/** In the order in which people want to know. */
export const kinds: ReadonlyArray<readonly [Kind, (of: Assessment) => Known<Things>]> = [
  ["finding", ({ findings }) => known(findingsOf(findings))],
  ["cluster", (of) => known(new Map([["cluster", { text: of.clusterId, cells: clusterCells(of) }]]))],
  [
    "broker",
    ({ brokers }) =>
      known(
        things(
          brokers,
          ({ id }) => String(id),
          ({ host }) => host,
          brokerCells,
        ),
      ),
  ],
  ["broker setting", ({ brokerSettings }) => each(brokerSettings, ({ name }) => name, settingText)],
  ["topic", ({ topics }) => known(things(topics, ({ name }) => name, topicText, topicCells))],
  ["group", ({ groups }) => known(things(groups, ({ id }) => id, groupText, groupCells))],
  ["ACL", ({ acls }) => each(acls, aclText, aclText)],
  [
    "quota",
    ({ quotas }) =>
      each(
        quotas,
        ({ entity }) => entity.map(entityText).join(", "),
        ({ limits }) => canonical(limits),
      ),
  ],
  [
    "SCRAM user",
    ({ scramUsers }) =>
      each(
        scramUsers,
        ({ name }) => name,
        ({ mechanisms }) => mechanisms.join(", "),
      ),
  ],
  [
    "transactional id",
    ({ transactions }) =>
      each(
        transactions,
        ({ transactionalId }) => transactionalId,
        ({ topics }) => topics.join(", ") || "no topic",
      ),
  ],
  ["connector", ({ connectors = known([]) }) => each(connectors, ({ name }) => name, connectorText)],
];

/** Things of one value each. */
function connectorText({ className, state, tasks, topics, settings }: AssessedConnector): string {
  const of = topics.known ? topics.value.join(", ") : "topics unknown";
  return `${className}, ${state}, ${count(tasks.total, "task")}, ${tasks.failed} failed, ${of || "no topic"}, ${canonical(settings)}`;
}

function each<T>(
  list: Known<readonly T[]>,
  nameOf: (thing: T) => string,
  textOf: (thing: T) => string,
): Known<Things> {
  if (!list.known) return list;
  return known(things(list.value, nameOf, textOf, (thing) => new Map([["value", { text: textOf(thing) }]])));
}

function things<T>(
  list: readonly T[],
  nameOf: (thing: T) => string,
  textOf: (thing: T) => string,
  cellsOf: (thing: T) => Cells,
): Things {
  return new Map(list.map((thing) => [nameOf(thing), { text: textOf(thing), cells: cellsOf(thing) }]));
}

function exact(value: string | number | boolean | null): Cell {
  return { text: String(value ?? "not told") };
}

/** Why something is not known may be told otherwise each time: that is no change. */
function told<T>(value: Known<T>, write: (value: T) => string = String): Cell {
  return { text: value.known ? write(value.value) : "unknown" };
}

function measured(value: Known<number>, write: (value: number) => string, floor: number): Cell {
  return value.known
    ? { text: write(value.value), measured: { value: value.value, floor } }
    : { text: "unknown" };
}

function records(perSecond: number): string {
  return `${rate(perSecond)} records/s`;
}

function topicText(topic: AssessedTopic): string {
  return `${count(topic.partitions, "partition")}, RF ${topic.replicationFactor}`;
}

function topicCells(topic: AssessedTopic): Cells {
  const { writers } = topic;
  return new Map([
    ["topic id", told(topic.topicId)],
    ["partitions", exact(topic.partitions)],
    ["replication factor", exact(topic.replicationFactor)],
    ["under-replicated", exact(topic.underReplicated)],
    ["offline", exact(topic.offline)],
    ["role", exact(topic.role?.kind ?? "none")],
    ...Object.entries(topic.configs).map(([key, { value }]): [string, Cell] => [key, exact(value)]),
    ["timestamp type", told(topic.timestampType)],
    ["compression", told(topic.compression, (kinds) => kinds.join(", "))],
    ["keys", told(topic.keys)],
    ["headers", told(topic.headers)],
    ["idempotent writers", told(writers.idempotent)],
    ["transactional writers", told(writers.transactional)],
    ["open transactions", told(topic.openTransactions, (open) => String(open.length))],
    ["written", measured(topic.recordsPerSecond, records, 1)],
    ["written, bytes", measured(topic.bytesPerSecond, bytesRate, 1000)],
    ["read", measured(topic.recordsOutPerSecond, records, 1)],
    ["record size", measured(topic.averageRecordBytes, bytes, 16)],
    ["on disk", measured(topic.bytesOnDisk, bytes, 1_000_000)],
  ]);
}

function groupText({ state, members, topics }: AssessedGroup): string {
  return `${state}, ${count(members.length, "member")}, ${count(topics.length, "topic")}`;
}

function groupCells(group: AssessedGroup): Cells {
  const clients = [...new Set(group.members.map(({ clientId, host }) => `${clientId} at ${host}`))];
  return new Map([
    ["type", told(group.type)],
    ["state", exact(group.state)],
    ["members", exact(group.members.length)],
    ["clients", exact(clients.toSorted().join(", ") || "none")],
    ["topics", exact(group.topics.join(", ") || "none")],
    ["activity", told(group.activity)],
    ["assign()", told(group.usesAssign)],
    ["lag", measured(group.lag, (lag) => `${figure(lag)} records`, 1000)],
  ]);
}

function clusterCells({ clusterId, version, mode, features }: Assessment): Cells {
  return new Map([
    ["cluster id", exact(clusterId)],
    ["version", told(version)],
    ["mode", told(mode)],
    [
      "features",
      told(features, (list) => list.map(({ name, level }) => `${name} ${level}`).join(", ") || "none"),
    ],
  ]);
}

function brokerCells({ host, rack }: Assessment["brokers"][number]): Cells {
  return new Map([
    ["host", exact(host)],
    ["rack", exact(rack ?? "none")],
  ]);
}

function settingText({ value, others }: KnownItem<Assessment["brokerSettings"]>): string {
  return [
    value ?? "not told",
    ...others.map((other) => `${other.value ?? "not told"} on broker ${other.broker}`),
  ].join(", ");
}

function aclText(acl: KnownItem<Assessment["acls"]>): string {
  const { permission, principal, operation, resourceType, resourceName, patternType, host } = acl;
  return `${permission} ${principal} ${operation} on ${resourceType} ${resourceName} (${patternType}) from ${host}`;
}

function entityText({ type, name }: KnownItem<Assessment["quotas"]>["entity"][number]): string {
  return `${type} ${name ?? "(default)"}`;
}

/** Two findings of one code about one thing, as of two settings of a topic, are told apart by their evidence. */
function findingsOf(findings: Assessment["findings"]): Things {
  const found = new Map<string, { text: string; cells: Cells }>();
  for (const { code, subject, severity, state, evidence } of findings) {
    if (state === "not found") continue;
    const name = `${code} ${subject}`;
    const weight = state === "unknown" ? "unknown" : severity;
    found.set(found.has(name) ? `${name}: ${evidence}` : name, {
      text: `${weight}: ${evidence}`,
      cells: new Map([["severity", exact(weight)]]),
    });
  }
  return found;
}

type KnownItem<K> = Extract<K, { known: true }> extends { value: ReadonlyArray<infer T> } ? T : never;
