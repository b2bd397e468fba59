import type { Assessment } from "#domain/assessment.ts";
import { cappedTable, mono, some } from "#domain/markdown.ts";
import type { Known } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";

/** The report's sections on who may do what, who uses what, and what is not known. */

const tableRows = 100;

export function accessSections(assessment: Assessment): readonly string[] {
  return [...access(assessment), ...clients(assessment), ...notKnown(assessment)];
}

/** A list that may not be known: its length in the heading, its rows or why there are none below. */
function listed<T>(
  title: string,
  list: Known<readonly T[]>,
  columns: readonly string[],
  rowOf: (item: T) => readonly string[],
): readonly string[] {
  if (!list.known) return [`${title}: unknown`, "", list.why, ""];
  return [
    `${title}: ${figure(list.value.length)}`,
    "",
    ...cappedTable(columns, list.value.map(rowOf), tableRows),
    "",
  ];
}

function access({ acls, scramUsers, quotas, transactions }: Assessment): readonly string[] {
  return [
    "## Access",
    "",
    ...listed(
      "### ACLs",
      acls,
      ["principal", "may", "operation", "resource", "pattern", "from host"],
      (acl) => [
        mono(acl.principal),
        acl.permission,
        acl.operation,
        `${acl.resourceType} ${mono(acl.resourceName)}`,
        acl.patternType,
        acl.host,
      ],
    ),
    ...listed("### SCRAM users", scramUsers, ["user", "mechanisms"], ({ name, mechanisms }) => [
      mono(name),
      mechanisms.join(", "),
    ]),
    ...listed("### Client quotas", quotas, ["of", "limits"], ({ entity, limits }) => [
      entity.map(({ type, name }) => `${type} ${name === null ? "(default)" : mono(name)}`).join(", "),
      Object.entries(limits)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${value}`)
        .join(", "),
    ]),
    ...listed(
      "### Transactional ids",
      transactions,
      ["id", "state", "since", "timeout", "topics"],
      (each) => [
        mono(each.transactionalId),
        each.state,
        each.since ?? "",
        `${figure(each.timeoutMs / 1000)} s`,
        some(each.topics.map(mono)),
      ],
    ),
  ];
}

function clients({ clients: { consumers, producers, allowed } }: Assessment): readonly string[] {
  return [
    "## Who uses what",
    "",
    "### By topic",
    "",
    ...cappedTable(["topic", "read by group", "written by"], byTopic({ consumers, producers }), tableRows),
    "",
    `### Consumers: ${figure(consumers.length)}`,
    "",
    ...cappedTable(
      ["client id", "host", "group", "topics"],
      consumers.map(({ clientId, host, group, topics }) => [
        mono(clientId),
        mono(host),
        mono(group),
        some(topics.map(mono)),
      ]),
      tableRows,
    ),
    "",
    `### Producers that the brokers remember: ${figure(producers.length)}`,
    "",
    ...cappedTable(
      ["producer id", "transactional id", "topics", "last write"],
      producers.map((each) => [
        String(each.producerId),
        each.transactionalId === null ? "none" : mono(each.transactionalId),
        some(each.topics.map(mono)),
        each.lastWrite,
      ]),
      tableRows,
    ),
    "",
    `### Allowed by ACLs: ${figure(allowed.length)}`,
    "",
    ...cappedTable(
      ["principal", "may", "topics"],
      allowed.map(({ principal, operation, topics }) => [
        mono(principal),
        operation,
        some(topics.map(mono), 5),
      ]),
      tableRows,
    ),
    "",
  ];
}

/** The other way round: what people ask of a topic. */
function byTopic({
  consumers,
  producers,
}: Pick<Assessment["clients"], "consumers" | "producers">): ReadonlyArray<readonly string[]> {
  const readers = Map.groupBy(
    consumers.flatMap(({ group, topics }) => topics.map((topic) => ({ topic, name: group }))),
    ({ topic }) => topic,
  );
  const writers = Map.groupBy(
    producers.flatMap(({ producerId, transactionalId, topics }) =>
      topics.map((topic) => ({ topic, name: transactionalId ?? `producer ${producerId}` })),
    ),
    ({ topic }) => topic,
  );
  return [...new Set([...readers.keys(), ...writers.keys()])]
    .toSorted()
    .map((topic) => [mono(topic), names(readers.get(topic)), names(writers.get(topic))]);
}

function names(list: ReadonlyArray<{ readonly name: string }> = []): string {
  const each = new Set(list.map(({ name }) => name));
  return some([...each].toSorted().map(mono)) || "nobody that the cluster tells";
}

/** Each reason once, with what it hides. */
function notKnown(assessment: Assessment): readonly string[] {
  const { unknown } = assessment.clients;
  const values = unknownValues(assessment);
  return [
    "## What cannot be told",
    "",
    ...cappedTable(
      ["what", "why", "how to find out"],
      unknown.map(({ what, why, how }) => [what, why, how]),
      tableRows,
    ),
    "",
    `### Values that were not told: ${figure(values.reduce((sum, { of }) => sum + of.length, 0))}`,
    "",
    ...cappedTable(
      ["value", "of", "why"],
      values.map(({ what, of, why }) => [what, some(of.map(mono)), why]),
      tableRows,
    ),
    "",
  ];
}

type UnknownValues = { readonly what: string; readonly why: string; readonly of: readonly string[] };

function unknownValues({ topics, groups }: Assessment): readonly UnknownValues[] {
  const all = [
    ...topics.flatMap((topic) => unknownIn(topic.name, { ...topic, ...topic.writers })),
    ...groups.flatMap((group) => unknownIn(group.id, group)),
  ];
  const kinds = Map.groupBy(all, ({ what, why, name }) => `${what} ${why.replaceAll(name, "")}`);
  return [...kinds.values()].flatMap(([one, ...others]) =>
    one === undefined ? [] : [{ what: one.what, why: one.why, of: [one, ...others].map(({ name }) => name) }],
  );
}

function unknownIn(name: string, of: object) {
  return Object.entries(of).flatMap(([what, value]) =>
    isUnknown(value) ? [{ what: spaced(what), name, why: value.why }] : [],
  );
}

function isUnknown(value: unknown): value is { readonly known: false; readonly why: string } {
  return (
    typeof value === "object" && value !== null && "known" in value && value.known === false && "why" in value
  );
}

/** "averageRecordBytes" as "average record bytes". */
function spaced(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
