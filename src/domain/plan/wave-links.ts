import { type ObservedWriter, offsetPartitionOf, offsetsTopic } from "#domain/assess/observed-writers.ts";
import type { AssessedGroup, AssessedTopic } from "#domain/assessment.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";

/** Whatever ties topics and groups to one another, so that they can only move at the same moment. */
export type Link = {
  /** `transaction` and `writer` were seen on the source; `producer` stands in ferry.yaml. */
  readonly kind: "group" | "producer" | "transaction" | "writer" | "streams";
  readonly name: string;
  readonly topics: readonly string[];
  /** Groups that it reads as; a group's own link names itself. */
  readonly groups: readonly string[];
};

export type LinkQuestion = {
  readonly topics: readonly AssessedTopic[];
  readonly groups: readonly AssessedGroup[];
  readonly groupLinks: ReadonlyArray<{ readonly name: string; readonly topics: readonly string[] }>;
  readonly clients: MigrationSettings["clients"];
  readonly writers: Known<readonly ObservedWriter[]>;
  readonly carried: ReadonlyMap<string, unknown>;
};

export function linksOf(question: LinkQuestion): readonly Link[] {
  const groups = question.groupLinks.map(
    ({ name, topics }): Link => ({ kind: "group", name, topics, groups: [name] }),
  );
  const seen = [...streamsLinks(question), ...writerLinks(question)];
  // What was only seen and ties nothing to anything is no reason for a wave of its own.
  return [...groups, ...producerLinks(question), ...seen.filter(ties)];
}

function ties({ topics, groups }: Link): boolean {
  return topics.length > 0 && topics.length + groups.length > 1;
}

function producerLinks({ clients, carried }: LinkQuestion): readonly Link[] {
  return clients
    .filter((client) => client.role === "producer")
    .map(({ name, topics }): Link => {
      return { kind: "producer", name, topics: topics.filter((topic) => carried.has(topic)), groups: [] };
    })
    .filter(({ topics }) => topics.length > 0);
}

/** Names that Kafka Streams gives: <application.id>-<store>-changelog, …-repartition, and the topics of foreign-key joins (KIP-213). */
const streamsTopic = /-(?:changelog|repartition)$|-KTABLE-FK-JOIN-SUBSCRIPTION-.*-topic$/;
/** Stores and steps that nobody named carry these words behind the application's id. */
const generated = /-(?:KSTREAM|KTABLE)-/;

/**
 * The application that owns a topic by Streams' naming, one of `known` where its id ends there: an `application.id` is
 * its group's id too. `undefined`: not by this name.
 */
function streamsApplication(topic: string, known: ReadonlySet<string>): string | undefined {
  if (!streamsTopic.test(topic)) return undefined;
  for (let cut = topic.lastIndexOf("-"); cut > 0; cut = topic.lastIndexOf("-", cut - 1)) {
    const id = topic.slice(0, cut);
    if (known.has(id)) return id;
  }
  const [id, ...rest] = topic.split(generated);
  return rest.length > 0 && id !== "" ? id : undefined;
}

function streamsLinks({ carried, groups, groupLinks }: LinkQuestion): readonly Link[] {
  const internal = [...carried.keys()].filter((topic) => streamsTopic.test(topic)).toSorted(compareText);
  const ids = new Set(groups.map(({ id }) => id));
  // An application without a group still shows its id in the names that nobody chose.
  for (const topic of internal) ids.add(streamsApplication(topic, ids) ?? topic);
  const moving = new Set(groupLinks.map(({ name }) => name));
  const owned = internal.flatMap((topic) => {
    const id = streamsApplication(topic, ids);
    return id === undefined ? [] : [{ id, topic }];
  });
  return [...Map.groupBy(owned, ({ id }) => id)].map(([name, topics]) => ({
    kind: "streams",
    name,
    topics: topics.map(({ topic }) => topic),
    groups: moving.has(name) ? [name] : [],
  }));
}

/** A transactional id's own numbering of its instances: "checkout-3", "app-0a1b2c3d-…-1". */
const instance = /(?:[-_.](?:\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))+$/;

function writerLinks({ writers, carried, topics, groups, groupLinks }: LinkQuestion): readonly Link[] {
  if (!writers.known) return [];
  const partitions = topics.find(({ name }) => name === offsetsTopic)?.partitions;
  const moving = new Set(groupLinks.map(({ name }) => name));
  const byPartition =
    partitions === undefined
      ? new Map<number, readonly AssessedGroup[]>()
      : Map.groupBy(groups, ({ id }) => offsetPartitionOf(id, partitions));
  const links = writers.value.map(({ transactionalId, topics, offsetPartitions }): Link => {
    // Several groups may share a partition: then it is not known which one reads here.
    const readers = offsetPartitions.flatMap((partition) => {
      const [only, ...others] = byPartition.get(partition) ?? [];
      return only === undefined || others.length > 0 ? [] : [only.id];
    });
    const own = readers.filter((group) => moving.has(group));
    const written = topics.filter((topic) => carried.has(topic));
    return transactionalId === undefined
      ? { kind: "writer", name: "an idempotent producer", topics: written, groups: own }
      : {
          kind: "transaction",
          name: transactionalId.replace(instance, "") || transactionalId,
          topics: written,
          groups: own,
        };
  });
  const distinct = new Map(
    links.map((link) => [`${link.kind} ${link.name} ${link.topics.join()} ${link.groups.join()}`, link]),
  );
  return [...distinct.values()];
}

/** Topics to which something writes in transactions. */
export function transactionalTopics(writers: Known<readonly ObservedWriter[]>): Known<ReadonlySet<string>> {
  if (!writers.known) return writers;
  const transactional = writers.value.filter(({ transactionalId }) => transactionalId !== undefined);
  return { known: true, value: new Set(transactional.flatMap(({ topics }) => topics)) };
}

/** Why these belong together, the first six. */
export function reasonOf(links: readonly Link[]): string {
  const order = ["group", "producer", "streams", "transaction", "writer"];
  return links
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || compareText(a.name, b.name))
    .slice(0, 6)
    .map(linkText)
    .concat(links.length > 6 ? [`and ${links.length - 6} more`] : [])
    .join("; ");
}

function linkText({ kind, name, topics, groups }: Link): string {
  switch (kind) {
    case "group":
      return `${name} reads ${some(topics)}`;
    case "producer":
    case "writer":
      return `${name} writes ${some(topics)}`;
    case "streams":
      return `Streams application ${name} keeps ${some(topics)}`;
    case "transaction": {
      const commits = groups.length > 0 ? ` and commits for ${groups.join(", ")}` : "";
      return `transactions of ${name} write ${some(topics)}${commits}`;
    }
  }
}

function some(topics: readonly string[]): string {
  const shown = topics.slice(0, 4).join(", ");
  return topics.length > 4 ? `${shown} and ${topics.length - 4} more` : shown;
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
