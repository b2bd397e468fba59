import { count, short } from "#domain/wording.ts";
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
import type { View } from "./view.ts";

/** How the source itself stands: a copy is more load, and a source that falls over is worse than one that waits. */

/** Topics of Kafka itself are looked at too: a group is told by the leader of the partition that holds its offsets. */
function lookOffline(view: View): Look {
  return ofTopics(view.topics, ({ name, offline, partitions }) => {
    const hidden =
      name === "__consumer_offsets" ? "; groups whose offsets are there are missing from this report" : "";
    return offline > 0 ? `${offline} of ${partitions} partitions have no leader${hidden}` : undefined;
  });
}

function lookUnderReplicated(view: View): Look {
  return ofTopics(view.topics, ({ offline, underReplicated, partitions }) =>
    underReplicated > 0 && offline === 0
      ? `${underReplicated} of ${partitions} partitions miss in-sync replicas`
      : undefined,
  );
}

/** Kafka logs no line when disks fill: the broker stops. */
const fullest = 0.85;

function judgeDisks(view: View): Verdict {
  const { disks } = view.context;
  if (disks === undefined) return { unknown: "how full the brokers' disks are was not read" };
  return whenKnown(disks, (all) => {
    const full = all.filter(({ total, usable }) => total > 0 && usable < total * (1 - fullest));
    if (full.length === 0) return undefined;
    return short(
      full.map(
        ({ broker, total, usable }) =>
          `broker ${broker}: ${Math.round((1 - usable / total) * 100)} % of ${Math.round(total / 1e9)} GB`,
      ),
    );
  });
}

function judgeController(view: View): Verdict {
  const { controller } = view.context;
  if (controller === undefined) return { unknown: "which broker is the controller was not asked" };
  return controller === null ? "the brokers name no controller" : undefined;
}

function judgeDifference(view: View): Verdict {
  return whenKnown(view.brokerSettings, (settings) => {
    const different = settings.filter(({ name, others }) => others.length > 0 && !ownByNature.test(name));
    return different.length === 0
      ? undefined
      : short(
          different.map(
            ({ name, value, others }) =>
              `${name}=${value ?? "not told"}, on broker ${others[0]?.broker} ${others[0]?.value ?? "not told"}`,
          ),
          6,
        );
  });
}

/** What has to differ from broker to broker. */
const ownByNature =
  /^(?:broker\.|node\.id|reserved\.|log\.dirs?$|metadata\.log\.dir|(?:advertised\.)?listeners$|host\.name|port$|advertised\.(?:host|port)|.*ssl\.keystore|.*rack)/;

/** Classes that an MSK broker would not have. */
const pluginKeys =
  /(?:^authorizer\.class\.name|^principal\.builder\.class|^metric\.reporters|^kafka\.metrics\.reporters|\.policy\.class\.name|^client\.quota\.callback\.class|^replica\.selector\.class|\.callback\.handler\.class|^security\.providers)$/;
const apacheClass = /^(?:org\.apache\.kafka\.|kafka\.(?:security|server|metrics)\.)/;

function judgePlugins({ brokerConfigs }: View): Verdict {
  const own = Object.entries(brokerConfigs).flatMap(([key, value]) => {
    if (!pluginKeys.test(key) || value === null || value === "") return [];
    const classes = value.split(",").filter((name) => !apacheClass.test(name.trim()));
    return classes.length === 0 ? [] : [`${key}=${classes.join(",")}`];
  });
  const vendor = Object.keys(brokerConfigs).filter((key) => key.startsWith("confluent."));
  if (vendor.length > 0) own.push(`${count(vendor.length, "setting")} confluent.*`);
  return own.length === 0 ? undefined : short(own.toSorted(), 6);
}

const throttled = /^(?:leader|follower)\.replication\.throttled\.replicas$/;

export const brokerChecks: readonly Check[] = [
  {
    code: "PARTITIONS_OFFLINE",
    severity: "blocker",
    seen: "Partitions without a leader, of Kafka's own topics too.",
    remedy: "Bring the brokers back; nothing can be copied from an offline partition",
    page: kafkaPage("replication"),
    look: lookOffline,
  },
  {
    code: "UNDER_REPLICATED",
    severity: "warning",
    seen: "Partitions with fewer in-sync replicas than replicas. One more broker less and they are offline.",
    remedy: "Let replication recover before the copy adds load",
    page: kafkaPage("replication"),
    look: lookUnderReplicated,
  },
  {
    code: "REASSIGNMENT",
    severity: "warning",
    seen: "Throttled replicas are written on a topic: a reassignment of partitions is under way, or its throttle was left behind.",
    remedy: "Let it end and verify it with kafka-reassign-partitions.sh --verify, which removes the throttle",
    page: kafkaPage("rep-throttle"),
    look: (view) =>
      ofTopics(view.wanted, ({ configs }) => {
        const own = Object.entries(configs).filter(
          ([key, { value }]) => throttled.test(key) && value !== null && value !== "",
        );
        return own.length === 0 ? undefined : own.map(([key, { value }]) => `${key}=${value}`).join(", ");
      }),
  },
  {
    code: "DISK_FULL",
    severity: "blocker",
    seen: "A log directory of a broker is more than 85 % full. Brokers tell it from Kafka 3.3 on (DescribeLogDirs, KIP-827); where it is not read, look at the brokers with df.",
    remedy: "Free or add space first: a copy keeps segments open and may make retention wait",
    find: "Look at the brokers with df, or at their monitoring",
    page: kafkaPage("monitoring"),
    look: (view) => ofCluster("the brokers' disks", judgeDisks(view)),
  },
  {
    code: "CONTROLLER_MISSING",
    severity: "blocker",
    seen: "The brokers name no controller: no leader is elected and no topic changes.",
    remedy: "Repair the controller quorum or ZooKeeper before anything else",
    find: "Run kafka-metadata-quorum.sh describe --status, or read /controller in ZooKeeper",
    page: kafkaPage("kraft"),
    look: (view) => ofCluster("the controller", judgeController(view)),
  },
  {
    code: "BROKERS_DIFFER",
    severity: "warning",
    seen: "A setting that is not the same on all brokers, other than what has to differ. MSK has one configuration for all.",
    remedy: "Find out which value is meant; the plan takes that of the broker with the lowest id",
    find: findOut.brokerSettings,
    page: mskPage("msk-configuration"),
    look: (view) => ofCluster("settings of the brokers against each other", judgeDifference(view)),
  },
  {
    code: "SINGLE_BROKER",
    severity: "warning",
    seen: "The cluster has one broker: while it is away nothing is copied, and what it loses is lost.",
    remedy: "Take a backup of its log directory, and do not restart it during the copy",
    page: kafkaPage("replication"),
    look: (view) =>
      ofCluster(count(view.brokers.length, "broker"), view.brokers.length === 1 ? "one broker" : undefined),
  },
  {
    code: "RACKS_UNKNOWN",
    severity: "info",
    seen: "No broker of several names its rack: a mirror cannot read from the nearest replica (KIP-392), and traffic between zones is not known.",
    remedy: "Set broker.rack to the availability zone where traffic between zones costs",
    page: kafkaPage("brokerconfigs_broker.rack"),
    look: (view) => {
      const none = view.brokers.length > 1 && view.brokers.every(({ rack }) => rack === null);
      return ofCluster(
        "racks of brokers",
        none ? `none of ${view.brokers.length} brokers has a rack` : undefined,
      );
    },
  },
  {
    code: "BROKER_PLUGINS",
    severity: "warning",
    seen: "Classes in the brokers' settings that are not Apache Kafka's: authorizers, policies, quota callbacks, reporters; or settings of a vendor's distribution. MSK has none of them.",
    remedy: "Find out what relies on each, and replace it: an authorizer by ACLs or IAM, a policy by review",
    page: mskPage("msk-configuration-properties"),
    look: (view) => ofCluster("classes in the brokers' settings", judgePlugins(view)),
  },
];

/** A topic that was deleted while the assessment measured. */
export const vanishedCheck: Check = {
  code: "TOPIC_VANISHED",
  severity: "info",
  seen: "A topic was there when measuring began and not when it ended: nothing is known of it, and it is left out.",
  remedy: "If it is created anew, assess again before planning",
  find: "Assess again: a topic that was created anew is in the next report",
  page: kafkaPage("basic_ops_add_topic"),
  look: ({ topics, context: { vanished = [] } }) => ({
    at: count(topics.length, "topic"),
    hits: vanished.map((name) => ({
      ...foundHit(
        name,
        "it was deleted while the assessment measured; nothing is known of it, and it is left out",
      ),
      state: "unknown",
    })),
  }),
};
