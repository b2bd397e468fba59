import type { AssessedGroup, AssessedTopic } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";

/** Which topics and groups move at all. What is left out is named with its reason. */

export type Exclusion = { readonly kind: "topic" | "group"; readonly name: string; readonly why: string };

/** Kafka's, Connect's and MirrorMaker's own topics: state of that cluster, worthless or harmful on another. */
const ownNames: ReadonlyArray<readonly [RegExp, string]> = [
  [/^__/, "an internal topic of Kafka: the target has its own"],
  [/^mm2-(offset-syncs|offsets|configs|status)\./, "an internal topic of MirrorMaker 2"],
  [/\.checkpoints\.internal$/, "an internal topic of MirrorMaker 2"],
  [
    /(^|[._-])connect[._-](offsets?|configs?|status)$/,
    "an internal topic of Kafka Connect: its workers keep their state there",
  ],
  [/^ferry-.*-offsets-/, "a topic in which the bot's own mirrors keep their offsets"],
  [
    /heartbeats$/,
    'the name ends in "heartbeats": MirrorMaker 2 would put its alias in front; rename it to carry it over',
  ],
];

/** ReplicationPolicy.isInternalTopic up to Kafka 3.9 (KIP-1074 ends it). A wave of ferry.yaml may still name it. */
const looksInternal = /[.-]internal$|^\./;

/** Topics by `replication.topics` (whole names, as Connect matches them), less what must not move. */
export function selectTopics(
  topics: readonly AssessedTopic[],
  patterns: readonly string[],
  named: ReadonlySet<string>,
): { readonly selected: readonly AssessedTopic[]; readonly excluded: readonly Exclusion[] } {
  const matches = matcher("replication.topics", patterns);
  const excluded: Exclusion[] = [];
  const selected = topics.filter((topic) => {
    const why = topicReason(topic, matches, named);
    if (why !== undefined) excluded.push({ kind: "topic", name: topic.name, why });
    return why === undefined;
  });
  return { selected, excluded };
}

function topicReason(
  { name, internal }: AssessedTopic,
  matches: (name: string) => boolean,
  named: ReadonlySet<string>,
): string | undefined {
  if (internal) return "an internal topic of Kafka: the target has its own";
  const own = ownNames.find(([pattern]) => pattern.test(name));
  if (own !== undefined) return own[1];
  if (named.has(name)) return undefined;
  if (looksInternal.test(name))
    return "MirrorMaker 2 up to 3.9 takes this name for one of its own; name it in a wave where the workers are Kafka 4.0 or newer";
  return matches(name) ? undefined : "no pattern of replication.topics matches";
}

type GroupLink = { readonly kind: "group"; readonly name: string; readonly topics: readonly string[] };

/** Groups by `replication.groups` that have committed offsets on a topic that moves. */
export function selectGroups(
  groups: readonly AssessedGroup[],
  patterns: readonly string[],
  carried: ReadonlyMap<string, unknown>,
): { readonly links: readonly GroupLink[]; readonly excluded: readonly Exclusion[] } {
  const matches = matcher("replication.groups", patterns);
  const excluded: Exclusion[] = [];
  const links = groups.flatMap((group): readonly GroupLink[] => {
    const topics = group.topics.filter((topic) => carried.has(topic));
    const why = groupReason(group, topics, matches);
    if (why === undefined) return [{ kind: "group", name: group.id, topics }];
    excluded.push({ kind: "group", name: group.id, why });
    return [];
  });
  return { links, excluded };
}

function groupReason(
  { id, protocolType, topics }: AssessedGroup,
  carried: readonly string[],
  matches: (name: string) => boolean,
): string | undefined {
  if (protocolType === "connect") return "a group of Kafka Connect workers: it has no offsets of topics";
  if (!matches(id)) return "no pattern of replication.groups matches";
  if (topics.length === 0) return "no committed offset: it starts on MSK where its auto.offset.reset says";
  return carried.length === 0 ? "none of its topics moves" : undefined;
}

function matcher(key: string, patterns: readonly string[]): (name: string) => boolean {
  const compiled = patterns.map((pattern) => {
    try {
      return new RegExp(`^(?:${pattern})$`);
    } catch (cause) {
      throw new FerryError("E_SETTINGS", `${key}: ${pattern} is not a regular expression`, { cause });
    }
  });
  return (name) => compiled.some((pattern) => pattern.test(name));
}
