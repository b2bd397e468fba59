import type { AssessedTopic } from "#domain/assessment.ts";
import { count, short } from "#domain/wording.ts";
import {
  type Check,
  foundHit,
  kafkaPage,
  type Look,
  mskPage,
  ofTopics,
  unknownHit,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import type { TargetTopic, View } from "./view.ts";

/** Where a mirror does other than one expects: names, roles of topics, what is on the target already. */

/** What the default `topics.exclude` leaves out besides internal topics. */
const excludedByDefault = /\.replica$|^__|^mm2[.-]/;

/** ReplicationPolicy.isInternalTopic up to 3.9. */
const looksInternal = /[.-]internal$/;

/** The longest name that leaves room for "source." within Kafka's 249 characters. */
const longestRenamed = 249 - "source.".length;

/**
 * In a list of patterns "." stands for any character, so that "a.b" takes "a-b" along. Names with dots at the same places
 * are compared at once, by what is left without these places: no name with each other one.
 */
function matchedToo(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const byPlaces = Map.groupBy(
    names.filter((name) => name.includes(".")),
    (name) => `${name.length}:${placesOf(name).join()}`,
  );
  const byLength = Map.groupBy(names, ({ length }) => length);
  const found = new Map<string, readonly string[]>();
  for (const own of byPlaces.values()) {
    const [first = ""] = own;
    const places = new Set(placesOf(first));
    const rest = (name: string) =>
      name
        .split("")
        .filter((_, place) => !places.has(place))
        .join("");
    const alike = Map.groupBy(byLength.get(first.length) ?? [], rest);
    for (const name of own) {
      const others = (alike.get(rest(name)) ?? []).filter((other) => other !== name);
      if (others.length > 0) found.set(name, others.toSorted());
    }
  }
  return found;
}

function placesOf(name: string): readonly number[] {
  return name.split("").flatMap((character, place) => (character === "." ? [place] : []));
}

/** Metrics write "_" for ".": brokers refuse a topic whose name differs from another only so. */
function lookCollisions(view: View): Look {
  const bySafe = Map.groupBy(view.wanted, ({ name }) => name.replaceAll(".", "_"));
  const pairs = [...bySafe.values()].filter(({ length }) => length > 1);
  return {
    at: count(view.wanted.length, "topic"),
    hits: pairs.map((topics) => {
      const names = topics.map(({ name }) => name).toSorted();
      return foundHit(names[0] ?? "", `${names.join(" and ")} differ only in "." and "_"`);
    }),
  };
}

function lookTarget(view: View, judge: (topic: AssessedTopic, there: TargetTopic) => Verdict): Look {
  const { target } = view.context;
  const at = "topics on the target";
  if (target === undefined)
    return { at, hits: [unknownHit("cluster", "the target cluster was not looked at")] };
  if (!target.known) return { at, hits: [unknownHit("cluster", target.why)] };
  if (target.value.size === 0) return { at: `${at}: there is none`, hits: [] };
  const look = ofTopics(view.wanted, (topic) => {
    const there = target.value.get(topic.name);
    return there === undefined ? undefined : judge(topic, there);
  });
  return { ...look, at: `${look.at} against those on the target` };
}

function lookRole(view: View, kinds: ReadonlySet<string>, tell: (topic: AssessedTopic) => string): Look {
  return ofTopics(view.wanted, (topic) =>
    topic.role !== null && kinds.has(topic.role.kind) ? tell(topic) : undefined,
  );
}

export const replicationChecks: readonly Check[] = [
  {
    code: "TOPIC_RENAMED",
    severity: "blocker",
    seen: 'A name that ends in "heartbeats": IdentityReplicationPolicy takes it for a topic of MirrorMaker 2 and puts the source\'s alias in front.',
    remedy: "Rename the topic, or exclude it from replication.topics",
    page: kafkaPage("georeplication"),
    look: (view) =>
      ofTopics(view.wanted, ({ name }) =>
        name.endsWith("heartbeats")
          ? `the name ends in "heartbeats"; MirrorMaker 2 would call it source.${name}`
          : undefined,
      ),
  },
  {
    code: "TOPIC_NOT_MIRRORED",
    severity: "warning",
    seen: 'A name that ends in ".internal" or "-internal" or begins with a dot: MirrorMaker 2 up to 3.9 leaves it out (ReplicationPolicy.isInternalTopic). Topics of MirrorMaker 2 itself are another finding.',
    remedy: "Use Connect workers of Kafka 4.0 or newer (KIP-1074), rename it, or exclude it",
    page: kafkaPage("georeplication"),
    look: (view) =>
      ofTopics(view.wanted, ({ name, role }) =>
        role?.kind !== "mirrormaker" && (looksInternal.test(name) || name.startsWith("."))
          ? "MirrorMaker 2 up to 3.9 takes this name for one of its own topics and leaves it out"
          : undefined,
      ),
  },
  {
    code: "TOPIC_EXCLUDED",
    severity: "warning",
    seen: 'A name that ends in ".replica" or begins with "__", "mm2-" or "mm2.": the default of topics.exclude leaves it out of any mirror that does not say otherwise.',
    remedy:
      "The bot's own mirror takes .replica along; rename the others, or exclude them from replication.topics",
    page: kafkaPage("georeplication"),
    look: (view) =>
      ofTopics(view.wanted, ({ name, role }) =>
        role?.kind !== "mirrormaker" && excludedByDefault.test(name) && !looksInternal.test(name)
          ? `the name matches ${String(excludedByDefault)}, which MirrorMaker 2 excludes by default`
          : undefined,
      ),
  },
  {
    code: "MIRRORMAKER_PRESENT",
    severity: "warning",
    seen: "Topics in which a MirrorMaker 2 keeps its state: another mirror reads or writes this cluster. With equal topic names nothing sees a circle.",
    remedy:
      "Find out what runs it and where it copies to; exclude what it writes here, or stop it before the copy begins",
    page: kafkaPage("georeplication"),
    look: (view) => lookRole(view, new Set(["mirrormaker"]), ({ role }) => role?.evidence ?? ""),
  },
  {
    code: "TOPIC_PATTERN",
    severity: "info",
    seen: "A name with a dot that, read as a pattern, also matches another topic: lists of MirrorMaker 2 and of replication.topics hold patterns.",
    remedy: String.raw`Write the dot as \. in replication.topics; the bot's mirrors do`,
    page: kafkaPage("georeplication"),
    look: (view) => {
      const others = matchedToo(view.topics.map(({ name }) => name));
      return ofTopics(view.wanted, ({ name }) => {
        const own = others.get(name);
        return own === undefined ? undefined : `as a pattern it also matches ${short(own)}`;
      });
    },
  },
  {
    code: "TOPIC_COLLISION",
    severity: "blocker",
    seen: 'Two names that differ only in "." and "_": metrics know one of them, and brokers refuse to create the second.',
    remedy: "Rename one of them before the copy, or exclude it from replication.topics",
    page: kafkaPage("basic_ops_add_topic"),
    look: lookCollisions,
  },
  {
    code: "TOPIC_NAME_LONG",
    severity: "info",
    seen: "A name of more than 242 characters: with an alias in front, as MirrorMaker 2's default policy writes it, it would pass Kafka's limit of 249.",
    remedy:
      "Nothing is needed for the bot's own mirror, which keeps names; another mirror needs the identity policy",
    page: kafkaPage("georeplication"),
    look: (view) =>
      ofTopics(view.wanted, ({ name }) =>
        name.length > longestRenamed
          ? `${name.length} characters; "source." in front makes ${name.length + 7} of 249`
          : undefined,
      ),
  },
  {
    code: "TARGET_TOPIC_EXISTS",
    severity: "blocker",
    seen: "A topic of this name is on the target and holds records: copies would mix with them, and offsets of both sides have no fixed distance.",
    remedy: "Look what wrote it; delete it on the target, or exclude it from replication.topics",
    find: findOut.target,
    page: kafkaPage("georeplication"),
    look: (view) =>
      lookTarget(view, (_topic, { records }) =>
        whenKnown(records, (held) =>
          held > 0 ? `it is on the target with ${count(held, "record")}` : undefined,
        ),
      ),
  },
  {
    code: "TARGET_PARTITIONS_DIFFER",
    severity: "blocker",
    seen: "A topic of this name is on the target with another number of partitions: keys would go to other partitions as soon as producers move, and order by key ends.",
    remedy: "Delete the empty topic on the target, so that it is created with the source's partitions",
    find: findOut.target,
    page: kafkaPage("basic_ops_modify_topic"),
    look: (view) =>
      lookTarget(view, (topic, { partitions }) =>
        partitions === topic.partitions
          ? undefined
          : `${topic.partitions} partitions on the source, ${partitions} on the target`,
      ),
  },
  {
    code: "STREAMS_INTERNALS",
    severity: "warning",
    seen: "Changelog and repartition topics of Kafka Streams. They belong to one application, whose local state is rebuilt from them.",
    remedy:
      "Move the application with all its topics in one wave, stopped and drained; or let it begin anew on MSK",
    page: kafkaPage("streamsapi"),
    look: (view) =>
      lookRole(
        view,
        new Set(["streams-changelog", "streams-repartition"]),
        ({ role }) =>
          `${role?.kind} of ${role?.owner ?? "an application that nothing names"}: ${role?.evidence}`,
      ),
  },
  {
    code: "CONNECT_INTERNALS",
    severity: "warning",
    seen: "Topics in which Kafka Connect keeps configurations, offsets and status. Offsets in them name the source's connectors; two clusters of workers on copies of one would both run every connector.",
    remedy:
      "Leave them behind and set connectors up on MSK with their offsets (PATCH /connectors/NAME/offsets), or stop the workers and move all three topics at once",
    page: kafkaPage("connect_running"),
    look: (view) =>
      lookRole(
        view,
        new Set(["connect-configs", "connect-offsets", "connect-status"]),
        ({ role }) => `${role?.kind}: ${role?.evidence}`,
      ),
  },
  {
    code: "SCHEMA_REGISTRY",
    severity: "warning",
    seen: "The topic in which a schema registry keeps its schemas. Records carry ids of it; a registry that begins anew would give the ids to other schemas.",
    remedy:
      "Mirror the topic with the records that need it, set the old registry read-only before the new one starts, and keep ids",
    page: mskPage("msk-migrating"),
    look: (view) => lookRole(view, new Set(["schema-registry"]), ({ role }) => role?.evidence ?? ""),
  },
];
