import type { AssessedGroup } from "#domain/assessment.ts";
import { count, short, took } from "#domain/wording.ts";
import {
  type Check,
  foundHit,
  kafkaPage,
  type Look,
  mskPage,
  ofGroups,
  unknownHit,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import type { StrayPosition } from "./positions.ts";
import { isBefore, type Release, releaseOf, type View } from "./view.ts";

/** Which groups would not go on on MSK where they stopped. */

/** Groups that commit offsets of topics: workers of Connect do not, and share groups keep state of their own. */
function committing({ groups }: View): readonly AssessedGroup[] {
  return groups.filter(
    ({ protocolType, type }) => protocolType !== "connect" && !(type.known && type.value === "share"),
  );
}

function lookPositions(
  view: View,
  kind: StrayPosition["kind"],
  tell: (stray: StrayPosition) => string,
): Look {
  const at = count(view.groups.length, "group");
  const { positions } = view.context;
  if (positions === undefined)
    return {
      at,
      hits: [unknownHit("cluster", "committed offsets were not compared with what partitions hold")],
    };
  if (!positions.known) return { at, hits: [unknownHit("cluster", positions.why)] };
  const wanted = new Set(view.wanted.map(({ name }) => name));
  const strays = positions.value.filter((stray) => stray.kind === kind && wanted.has(stray.topic));
  const byGroup = Map.groupBy(strays, ({ group }) => group);
  return {
    at,
    hits: [...byGroup].map(([group, own]) => foundHit(group, short(own.map(tell), 4))),
  };
}

function whereOf({ topic, partition }: StrayPosition): string {
  return `${topic}-${partition}`;
}

/** A group without one commit: only those of the protocol "consumer" are readers for certain. */
function lookWithoutOffsets({ groups }: View): Look {
  const own = groups.filter(
    ({ protocolType, topics, type }) =>
      protocolType === "consumer" && topics.length === 0 && !(type.known && type.value === "share"),
  );
  return {
    at: count(groups.length, "group"),
    hits: own.map(({ id, members }) => ({
      ...foundHit(id, `no committed offset, ${count(members.length, "member")}`),
      severity: members.length > 0 ? "warning" : "info",
    })),
  };
}

function lookUnmirrored(view: View): Look {
  const wanted = new Set(view.wanted.map(({ name }) => name));
  const present = new Set(view.topics.map(({ name }) => name));
  return ofGroups(committing(view), (group) => {
    const assigned = group.members.flatMap(({ assignment }) => assignment.map(({ topic }) => topic));
    const others = [...new Set([...group.topics, ...assigned])].filter((name) => !wanted.has(name));
    if (others.length === 0) return undefined;
    const named = others.map((name) => (present.has(name) ? name : `${name} (no longer there)`));
    return `reads ${short(named.toSorted())}, which no wave copies`;
  });
}

/** `offsets.retention.minutes` of the brokers; seven days by default. */
function judgeAging(view: View, group: AssessedGroup): Verdict {
  if (group.topics.length === 0 || group.members.length > 0) return undefined;
  return whenKnown(group.activity, (activity) => {
    if (activity === "active") return undefined;
    return whenKnown(group.lastCommit, (last) => {
      const minutes = Number(view.brokerConfigs["offsets.retention.minutes"] ?? 10_080);
      const age = view.now - Date.parse(last);
      return age > (minutes * 60_000) / 2
        ? `no member, last commit ${last}; the brokers forget offsets after ${took(minutes * 60_000)} without a member`
        : undefined;
    });
  });
}

function judgeAssign(group: AssessedGroup): Verdict {
  return whenKnown(group.usesAssign, (uses) =>
    uses ? "its commits advance and it has no member: it picks partitions with assign()" : undefined,
  );
}

const protocolReleases: ReadonlyMap<string, Release> = new Map([
  ["consumer", [4, 0]],
  ["streams", [4, 2]],
]);

function judgeProtocol(view: View, group: AssessedGroup): Verdict {
  return whenKnown(group.type, (type) => {
    const needed = protocolReleases.get(type);
    const target = releaseOf(view.targetVersion);
    if (needed === undefined) return undefined;
    if (!target.known) return { unknown: target.why };
    return isBefore(target.value, needed)
      ? `it uses the protocol "${type}", which Kafka has from ${needed.join(".")} on; MSK ${view.targetVersion} is wanted`
      : undefined;
  });
}

function judgeReadable({ state, members, topics }: AssessedGroup): Verdict {
  const dark = state === "Unknown" && members.length === 0;
  return dark
    ? { unknown: `its coordinator does not tell its state; ${count(topics.length, "topic")} with commits` }
    : undefined;
}

/** CloudWatch's lag metrics leave out what is not ASCII or has a colon: metrics-details.html. */
function judgeName({ id }: AssessedGroup): Verdict {
  return /^[\u0020-\u0039\u003b-\u007e]*$/u.test(id)
    ? undefined
    : `the id ${JSON.stringify(id)} has a colon or is not ASCII`;
}

export const groupChecks: readonly Check[] = [
  {
    code: "GROUP_WITHOUT_OFFSETS",
    severity: "warning",
    seen: "A group of consumers that has committed nothing: a warning with members, of information without.",
    remedy: "It starts on MSK where its auto.offset.reset says; or let it commit first",
    page: kafkaPage("consumerconfigs_auto.offset.reset"),
    look: lookWithoutOffsets,
  },
  {
    code: "GROUP_OFFSET_EXPIRED",
    severity: "warning",
    seen: "A committed offset below the first one held: records that the group has not read are gone, on the source already.",
    remedy: "Let the group catch up or reset it on the source; on MSK it begins at the first record copied",
    find: findOut.positions,
    page: kafkaPage("consumerconfigs_auto.offset.reset"),
    look: (view) =>
      lookPositions(
        view,
        "expired",
        (stray) => `${whereOf(stray)} committed ${stray.committed}, the log starts at ${stray.start}`,
      ),
  },
  {
    code: "GROUP_OFFSET_BEYOND_END",
    severity: "blocker",
    seen: "A committed offset past the end of its partition, as after a topic was deleted and created anew or an unclean election. There is no record to translate it by.",
    remedy: "Reset the group's offsets of this topic on the source, then assess again",
    find: findOut.positions,
    page: kafkaPage("basic_ops_consumer_group"),
    look: (view) =>
      lookPositions(
        view,
        "beyond",
        (stray) => `${whereOf(stray)} committed ${stray.committed}, the log ends at ${stray.end}`,
      ),
  },
  {
    code: "GROUP_PARTITION_UNCOMMITTED",
    severity: "warning",
    seen: "A group has committed on some partitions of a topic and not on others that hold records. There it starts where auto.offset.reset says, on MSK as on the source.",
    remedy: "Let it read and commit there, or accept that latest skips and earliest repeats",
    find: findOut.positions,
    page: kafkaPage("consumerconfigs_auto.offset.reset"),
    look: (view) =>
      lookPositions(
        view,
        "none",
        (stray) => `${whereOf(stray)} holds ${stray.start} to ${stray.end} and nothing is committed`,
      ),
  },
  {
    code: "GROUP_READS_UNMIRRORED",
    severity: "warning",
    seen: "A group has commits or an assignment on a topic that is not copied, as replication.topics and the waves say.",
    remedy: "Add the topic to replication.topics, or take it out of the application before the cutover",
    page: kafkaPage("georeplication"),
    look: lookUnmirrored,
  },
  {
    code: "GROUP_COMMITS_AGING",
    severity: "warning",
    seen: "A group without members whose last commit is older than half of offsets.retention.minutes: the brokers forget its offsets soon, and then there is nothing to carry over.",
    remedy: "Start it, raise offsets.retention.minutes, or say that it is no longer used",
    find: "Grant the bot READ on __consumer_offsets, or ask the group's owner when it last ran",
    page: kafkaPage("brokerconfigs_offsets.retention.minutes"),
    look: (view) => ofGroups(committing(view), (group) => judgeAging(view, group)),
  },
  {
    code: "GROUP_USES_ASSIGN",
    severity: "warning",
    seen: "Commits advance while the group has no member: its application uses assign(). It looks empty while it runs, so that nothing but its commits shows that it has stopped.",
    remedy:
      "Name it as a client in ferry.yaml with a driver that stops it, and stop it before its offsets are translated",
    find: "Ask the group's owner whether it subscribes or uses assign(), or assess again while it runs",
    page: kafkaPage("basic_ops_consumer_group"),
    look: (view) => ofGroups(committing(view), judgeAssign),
  },
  {
    code: "GROUP_PROTOCOL",
    severity: "warning",
    seen: "A group of the protocols consumer (KIP-848, Kafka 4.0) or streams (KIP-1071, Kafka 4.2), against the version wanted of MSK. On an older one its applications cannot join.",
    remedy:
      "Choose a target.shape.kafkaVersion that has it, or set group.protocol=classic in the application",
    find: findOut.groupTypes,
    page: mskPage("supported-kafka-versions"),
    look: (view) => ofGroups(view.groups, (group) => judgeProtocol(view, group)),
  },
  {
    code: "GROUP_SHARE",
    severity: "blocker",
    seen: "A share group (KIP-932): it has no committed offsets but the state of single records, which nothing translates, and Express does not have them.",
    remedy:
      "Drain it on the source before the cutover and start it on MSK at a chosen time, or keep it where it is",
    find: findOut.groupTypes,
    page: mskPage("supported-kafka-versions"),
    look: (view) =>
      ofGroups(view.groups, (group) =>
        whenKnown(group.type, (type) =>
          type === "share" ? `a share group in state ${group.state}` : undefined,
        ),
      ),
  },
  {
    code: "GROUP_STATIC_MEMBERS",
    severity: "info",
    seen: "Members with group.instance.id (KIP-345) stay in the group after they stopped, until their session ends: so long its offsets cannot be set.",
    remedy: "Wait for session.timeout.ms after they stopped, or remove them with kafka-consumer-groups",
    page: kafkaPage("consumerconfigs_group.instance.id"),
    look: (view) =>
      ofGroups(view.groups, ({ members }) => {
        const ids = members.flatMap(({ instanceId }) => (instanceId === null ? [] : [instanceId]));
        return ids.length === 0
          ? undefined
          : `${count(ids.length, "static member")}: ${short(ids.toSorted())}`;
      }),
  },
  {
    code: "GROUP_STATE",
    severity: "warning",
    seen: "The coordinator does not tell the state of a group and no member shows: nothing says that it may be overwritten.",
    remedy: "Grant the bot DESCRIBE on the group, or run kafka-consumer-groups --describe --state",
    find: "Grant the bot DESCRIBE on the group, or run kafka-consumer-groups.sh --describe --state",
    page: kafkaPage("basic_ops_consumer_group"),
    look: (view) => ofGroups(view.groups, judgeReadable),
  },
  {
    code: "GROUP_NAME",
    severity: "info",
    seen: "A group's id with a colon or with letters that are not ASCII: MSK reports no lag of it to CloudWatch.",
    remedy: "Watch its lag by other means than CloudWatch; /ferry lag shows it",
    page: mskPage("metrics-details"),
    look: (view) => ofGroups(committing(view), judgeName),
  },
];
