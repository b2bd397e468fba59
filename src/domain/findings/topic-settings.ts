import type { AssessedTopic } from "#domain/assessment.ts";
import { expressConfigKeys, standardConfigKeys } from "#domain/msk/data.ts";
import { planTopic } from "#domain/msk/topic-plan.ts";
import { count, figure, short } from "#domain/wording.ts";
import {
  type Check,
  foundHit,
  kafkaPage,
  type Look,
  mskPage,
  ofCluster,
  ofTopics,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import { brokerSetting, dayMs, numberOf, settingOf, type TargetKind, type View } from "./view.ts";

/** What is set on topics and brokers, against what MSK takes and what keeps records safe there. */

/** Settings of the topic itself that have no place on MSK, each with its reason. */
function refused(topic: AssessedTopic, kind: "standard" | "express", replicas: number): Verdict {
  const dropped = planTopic(topic, { kind }, replicas).adjusted.filter(
    ({ key, to }) => to === null && topic.configs[key]?.origin === "topic",
  );
  if (dropped.length === 0) return undefined;
  return short(
    dropped.map(({ key, from, why }) => `${key}=${from ?? "not told"}: ${why}`),
    4,
  );
}

function lookBrokerKeys(view: View): Look {
  const legal = view.kind === "express" ? expressConfigKeys : standardConfigKeys;
  const names = Object.keys(view.brokerConfigs);
  const at = count(names.length, "broker setting");
  const strange = names.filter((name) => !legal.has(name)).toSorted();
  if (strange.length === 0) return { at, hits: [] };
  // Names only: what MSK does not take may hold secrets.
  return {
    at,
    hits: [
      foundHit(
        "cluster",
        `${count(strange.length, "broker setting")} that MSK does not take: ${short(strange, 12)}`,
      ),
    ],
  };
}

/** What a topic inherits from server.properties and would lose on MSK. */
function lookInherited(view: View): Look {
  const inherited = view.wanted.filter(({ configs }) => {
    const entry = configs["retention.ms"];
    return entry?.origin === "broker-static" && Number(entry.value) !== 7 * dayMs;
  });
  const at = count(view.wanted.length, "topic");
  const [first] = inherited;
  if (first === undefined) return { at, hits: [] };
  const evidence = `retention.ms ${first.configs["retention.ms"]?.value} comes from server.properties`;
  return { at, hits: [foundHit(count(inherited.length, "topic"), evidence)] };
}

function judgeMinIsr(view: View, topic: AssessedTopic): Verdict {
  return whenKnown(numberOf(settingOf(view, topic, "min.insync.replicas", "1")), (least) => {
    const most = Math.max(1, view.targetReplicas - 1);
    if (least > topic.replicationFactor) {
      return `min.insync.replicas is ${least} with ${topic.replicationFactor} replicas: writes with acks=all are refused already`;
    }
    return least > most
      ? `min.insync.replicas is ${least}; with ${view.targetReplicas} replicas on MSK writes stop whenever a broker is patched`
      : undefined;
  });
}

function lookUnclean(view: View): Look {
  const topics = ofTopics(view.wanted, (topic) =>
    whenKnown(settingOf(view, topic, "unclean.leader.election.enable", "false"), (value) =>
      value === "true" && topic.configs["unclean.leader.election.enable"]?.origin === "topic"
        ? "unclean.leader.election.enable=true on the topic"
        : undefined,
    ),
  );
  if (brokerSetting(view, "unclean.leader.election.enable") !== "true") return topics;
  return {
    at: topics.at,
    hits: [foundHit("cluster", "unclean.leader.election.enable=true on the brokers"), ...topics.hits],
  };
}

const remoteKeys = ["remote.storage.enable", "remote.log.storage.system.enable"] as const;

function lookTiered(view: View): Look {
  const topics = ofTopics(view.wanted, ({ configs }) =>
    configs[remoteKeys[0]]?.value === "true"
      ? `${remoteKeys[0]}=true: older records are in remote storage`
      : undefined,
  );
  if (brokerSetting(view, remoteKeys[1]) !== "true" || topics.hits.length > 0) return topics;
  return { at: topics.at, hits: [foundHit("cluster", `${remoteKeys[1]}=true, and no topic uses it`)] };
}

function judgeUnlimited(view: View, topic: AssessedTopic): Verdict {
  if (topic.compacted) return undefined;
  return whenKnown(settingOf(view, topic, "retention.ms", String(7 * dayMs)), (ms) =>
    whenKnown(settingOf(view, topic, "retention.bytes", "-1"), (bytes) =>
      ms === "-1" && bytes === "-1"
        ? "retention.ms and retention.bytes are -1: nothing is ever deleted"
        : undefined,
    ),
  );
}

const windowKeys = [
  "message.timestamp.before.max.ms",
  "message.timestamp.after.max.ms",
  "message.timestamp.difference.max.ms",
] as const;

function judgeWindow({ configs }: AssessedTopic): Verdict {
  const set = windowKeys.flatMap((key) => {
    const { value, origin } = configs[key] ?? { value: null, origin: "default" };
    return value === null || origin === "default" ? [] : [`${key}=${value}`];
  });
  return set.length === 0 ? undefined : set.join(", ");
}

const smallestSegment = 1_048_576;

/** The kind of broker whose list of topic settings counts; `undefined`: the plan decides, and standard takes all. */
function restricted(kind: TargetKind | undefined): "standard" | "express" {
  return kind === "express" ? "express" : "standard";
}

export const topicSettingChecks: readonly Check[] = [
  {
    code: "TOPIC_SETTING_REFUSED",
    severity: "warning",
    seen: "A setting on the topic that MSK does not take for the kind of broker in target.shape: not one of Apache Kafka's, ended with Kafka 4.0, or not on the list for Express.",
    remedy: "Nothing is needed where the reason is acceptable: the plan leaves it out and names it",
    page: mskPage("msk-configuration-express-read-write"),
    look: (view) =>
      ofTopics(view.wanted, (topic) => refused(topic, restricted(view.kind), view.targetReplicas)),
  },
  {
    code: "EXPRESS_SETTING_REFUSED",
    severity: "info",
    seen: "Only while target.shape leaves the kind of broker open: settings of topics that Express would not take.",
    remedy: "Weigh it when the plan compares standard and express",
    page: mskPage("msk-configuration-express-read-write"),
    look: (view) =>
      ofTopics(view.kind === undefined ? view.wanted : [], (topic) => {
        const standard = refused(topic, "standard", view.targetReplicas);
        const express = refused(topic, "express", 3);
        return express === standard ? undefined : express;
      }),
  },
  {
    code: "BROKER_SETTING_REFUSED",
    severity: "info",
    seen: "Settings of the brokers that are not on MSK's list for this kind of broker: one of them fails CreateConfiguration as a whole. Only their names are shown.",
    remedy: "Nothing is needed: the plan leaves them out; look whether something relies on one",
    page: mskPage("msk-configuration-properties"),
    look: lookBrokerKeys,
  },
  {
    code: "BROKER_SETTINGS",
    severity: "info",
    seen: "Topics whose retention comes from server.properties. MirrorMaker 2 copies only what is set on the topic.",
    remedy: "The plan writes it to the topics on MSK; MirrorMaker 2 would not copy it",
    page: mskPage("msk-default-configuration"),
    look: lookInherited,
  },
  {
    code: "MIN_ISR_HIGH",
    severity: "warning",
    seen: "min.insync.replicas in effect, against the topic's replicas and those it gets on MSK less one, since MSK restarts brokers one by one to patch them.",
    remedy: "The plan lowers it on MSK; on the source set it below the number of replicas",
    find: findOut.topicSettings,
    page: mskPage("bestpractices"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeMinIsr(view, topic)),
  },
  {
    code: "UNCLEAN_ELECTION",
    severity: "warning",
    seen: "unclean.leader.election.enable is true: an election can lose acknowledged records, and what the mirror copied is then no longer what the source holds.",
    remedy:
      "Set it to false on the source until the cutover; the plan sets false on MSK, whose default on standard brokers is true",
    find: findOut.topicSettings,
    page: mskPage("msk-default-configuration"),
    look: lookUnclean,
  },
  {
    code: "SINGLE_REPLICA",
    severity: "warning",
    seen: "Topics with one replica on a cluster of several brokers: a lost broker is a lost topic, before or while it is copied.",
    remedy:
      "Raise the replicas before the copy, or copy these topics first; on MSK they get the replicas of the target",
    page: kafkaPage("basic_ops_increase_replication_factor"),
    look: (view) =>
      ofTopics(view.brokers.length > 1 ? view.wanted : [], ({ replicationFactor }) =>
        replicationFactor === 1 ? `one replica on ${view.brokers.length} brokers` : undefined,
      ),
  },
  {
    code: "REPLICAS_MANY",
    severity: "info",
    seen: "Topics with more than three replicas: MSK has two or three zones, and Express sets three whatever is asked.",
    remedy: "Nothing is needed: the plan creates them with the replicas of the target",
    page: mskPage("msk-configuration-express-read-write"),
    look: (view) =>
      ofTopics(view.wanted, ({ replicationFactor }) =>
        replicationFactor > 3 ? `${replicationFactor} replicas; on MSK ${view.targetReplicas}` : undefined,
      ),
  },
  {
    code: "TIERED_STORAGE",
    severity: "warning",
    seen: "remote.storage.enable on a topic, or remote.log.storage.system.enable on the brokers. The copy reads records back from remote storage, which is slow and may cost, and lands on MSK's own storage.",
    remedy:
      "Count the remote bytes when sizing; switch tiered storage on after the migration, where MSK has it",
    page: mskPage("msk-tiered-storage"),
    look: lookTiered,
  },
  {
    code: "RETENTION_UNLIMITED",
    severity: "info",
    seen: "A topic that neither compacts nor deletes.",
    remedy: "Decide a retention before MSK's storage is sized, or accept that it grows for ever",
    find: findOut.topicSettings,
    page: kafkaPage("topicconfigs_retention.ms"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeUnlimited(view, topic)),
  },
  {
    code: "TIMESTAMP_LIMITS",
    severity: "warning",
    seen: "message.timestamp.before.max.ms, after.max.ms or difference.max.ms is set on the topic or the brokers. On MSK it would refuse copies of older records, which stops the mirror.",
    remedy: "The plan lifts it on MSK; set it again when the producers have moved",
    page: kafkaPage("topicconfigs_message.timestamp.before.max.ms"),
    look: (view) => ofTopics(view.wanted, judgeWindow),
  },
  {
    code: "SEGMENT_SMALL",
    severity: "info",
    seen: "segment.bytes of a topic below 1 MiB: Kafka 4.0 takes no smaller one (KIP-1030).",
    remedy: "Nothing is needed: the plan raises it",
    page: kafkaPage("topicconfigs_segment.bytes"),
    look: (view) =>
      ofTopics(view.wanted, ({ configs }) => {
        const bytes = Number(configs["segment.bytes"]?.value ?? Number.NaN);
        return bytes < smallestSegment ? `segment.bytes is ${figure(bytes)}` : undefined;
      }),
  },
  {
    code: "AUTO_CREATE",
    severity: "warning",
    seen: "auto.create.topics.enable of the brokers, true by default on Apache Kafka and false on MSK. Topics that appear by being used will not appear there.",
    remedy:
      "Find applications that count on it, and create their topics; those of the inventory are created by the bot",
    find: "Grant the bot DESCRIBE_CONFIGS on the cluster, or look in server.properties of the brokers",
    page: mskPage("msk-default-configuration"),
    look: (view) => {
      const value = brokerSetting(view, "auto.create.topics.enable");
      if (value === null)
        return ofCluster("", { unknown: "the brokers do not tell auto.create.topics.enable" });
      const said = `auto.create.topics.enable is ${value ?? "true by default"}`;
      return ofCluster("auto.create.topics.enable", value === "false" ? undefined : said);
    },
  },
];
