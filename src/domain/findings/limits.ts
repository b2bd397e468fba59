import { type AssessedTopic, sumKnown } from "#domain/assessment.ts";
import { brokerType, expressBrokers, limits, standardBrokers } from "#domain/msk/data.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import {
  type Check,
  foundHit,
  type Look,
  mskPage,
  ofCluster,
  ofTopics,
  unknownHit,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import type { View } from "./view.ts";

/** What MSK, MSK Serverless and MSK Replicator hold at most: limits.html and bestpractices.html. */

/** Replicas on the target. */
function replicas({ wanted, targetReplicas }: View): number {
  return partitionsOf(wanted) * targetReplicas;
}

function partitionsOf(topics: readonly AssessedTopic[]): number {
  return topics.reduce((sum, { partitions }) => sum + partitions, 0);
}

function bytesIn(topics: readonly AssessedTopic[]): Known<number> {
  const { sum, unknown: missing } = sumKnown(topics.map(({ bytesPerSecond }) => bytesPerSecond));
  return missing === 0 ? known(sum) : unknown(`the rate of ${missing} topics is not known`);
}

/** The fleet that ferry.yaml names, or the largest there can be. */
function fleet(view: View): { readonly brokers: number; readonly type: string; readonly named: boolean } {
  const shape = view.context.settings?.target.shape;
  const types = view.kind === "express" ? expressBrokers : standardBrokers;
  const largest = types.at(-1)?.instanceType ?? "";
  const most = view.targetVersion.endsWith(".kraft")
    ? limits.brokersPerCluster.kraft
    : limits.brokersPerCluster.zookeeper;
  const { brokers, instanceType } = shape ?? {};
  return {
    brokers: brokers ?? most,
    type: instanceType ?? largest,
    named: brokers !== undefined && instanceType !== undefined,
  };
}

function judgePartitions(view: View, which: "partitionsMax" | "partitionsRecommended"): Verdict {
  if (view.kind === "serverless") return undefined;
  const { brokers, type, named } = fleet(view);
  const limit = brokerType(type)?.[which];
  if (limit === undefined) return { unknown: `the limits of ${type} are not on record` };
  if (which === "partitionsRecommended" && !named) return undefined;
  const wanted = replicas(view);
  if (wanted <= limit * brokers) return undefined;
  const word = which === "partitionsMax" ? "take at most" : "are meant for";
  return `${figure(wanted)} partitions with their replicas; ${brokers} brokers of ${type} ${word} ${figure(limit * brokers)}`;
}

function lookServerless(view: View): Look {
  const at = "limits of MSK Serverless";
  if (view.kind !== "serverless") return { at: `${at}: it is not wanted`, hits: [] };
  const partitions = partitionsOf(view.wanted);
  const compacted = partitionsOf(view.wanted.filter((topic) => topic.compacted));
  const rate = bytesIn(view.wanted);
  const over = [
    [partitions, limits.serverless.partitions, "partitions"],
    [compacted, limits.serverless.compactedPartitions, "partitions of compacted topics"],
    [view.groups.length, limits.serverless.groups, "groups"],
    [rate.known ? rate.value / 1e6 : 0, limits.serverless.ingressMBps, "MB/s in"],
    [view.acls.known ? view.acls.value.length : 0, 0, "ACLs (MSK Serverless has IAM only)"],
  ] as const;
  const hits = over
    .filter(([value, limit]) => value > limit)
    .map(([value, limit, what]) =>
      foundHit("cluster", `${figure(value)} ${what}; MSK Serverless takes ${limit}`),
    );
  return { at, hits: rate.known ? hits : [...hits, unknownHit("cluster", rate.why)] };
}

const replicator = { topics: 750, bytesPerSecond: 1e9, recordBytes: 10_000_000 } as const;

function usesReplicator(view: View): boolean {
  return view.context.settings?.replication.engine === "replicator";
}

function judgeReplicatorTopics(view: View): Verdict {
  if (!usesReplicator(view)) return undefined;
  if (view.wanted.length > replicator.topics) {
    return `${figure(view.wanted.length)} topics; one Replicator takes ${replicator.topics}`;
  }
  return whenKnown(bytesIn(view.wanted), (rate) =>
    rate > replicator.bytesPerSecond
      ? `${figure(rate / 1e6)} MB/s in; one Replicator takes 1,000`
      : undefined,
  );
}

/** MB/s into one partition of Express. */
const expressPartitionMBps = 15;

export const limitChecks: readonly Check[] = [
  {
    code: "PARTITIONS_TOO_MANY",
    severity: "blocker",
    seen: "Partitions of the topics that move times their replicas on MSK, against what the brokers in target.shape take, or the largest cluster there can be. Above it MSK refuses updates of configuration and version, and SCRAM secrets.",
    remedy: "Name more or larger brokers in target.shape, or leave topics out of replication.topics",
    find: "Look the type up in AWS's table of partitions per broker",
    page: mskPage("bestpractices"),
    look: (view) =>
      ofCluster("partitions against the most that brokers take", judgePartitions(view, "partitionsMax")),
  },
  {
    code: "PARTITIONS_ADVICE",
    severity: "warning",
    seen: "The same sum, against what AWS advises for the brokers that target.shape names.",
    remedy: "Leave the shape to the plan, or name more or larger brokers",
    find: "Look the type up in AWS's table of partitions per broker",
    page: mskPage("bestpractices"),
    look: (view) =>
      ofCluster("partitions against AWS's advice", judgePartitions(view, "partitionsRecommended")),
  },
  {
    code: "BROKERS_MANY",
    severity: "warning",
    seen: "The source has more brokers than one MSK cluster may: 30 with ZooKeeper, 60 with KRaft.",
    remedy: "Ask AWS for a higher quota before planning, or choose larger brokers",
    page: mskPage("limits"),
    look: (view) =>
      ofCluster(
        "brokers against MSK's quota",
        view.brokers.length > limits.brokersPerCluster.kraft
          ? `${view.brokers.length} brokers; an MSK cluster takes ${limits.brokersPerCluster.kraft}`
          : undefined,
      ),
  },
  {
    code: "SERVERLESS_LIMITS",
    severity: "blocker",
    seen: "Only where target.shape.kind is serverless: partitions, compacted partitions, groups, bytes in and ACLs against its quotas.",
    remedy: "Choose standard or express in target.shape.kind",
    find: findOut.rates,
    page: mskPage("limits"),
    look: lookServerless,
  },
  {
    code: "EXPRESS_PARTITION_RATE",
    severity: "warning",
    seen: "Only for Express brokers: bytes into a topic by its partitions, spread evenly, against 15 MB/s for each.",
    remedy:
      "Give the topic more partitions before the copy, where its keys allow it, or choose standard brokers",
    find: findOut.rates,
    page: mskPage("limits"),
    look: (view) =>
      ofTopics(view.kind === "express" ? view.wanted : [], (topic) =>
        whenKnown(topic.bytesPerSecond, (rate) => {
          const each = rate / topic.partitions / 1e6;
          return each > expressPartitionMBps
            ? `${each.toFixed(1)} MB/s into each of ${topic.partitions} partitions`
            : undefined;
        }),
      ),
  },
  {
    code: "REPLICATOR_LIMITS",
    severity: "blocker",
    seen: "Only where replication.engine is replicator: topics and bytes per second against what one Replicator takes.",
    remedy: "Split the migration, or choose the engine connect or mirrormaker",
    find: findOut.rates,
    page: mskPage("limits"),
    look: (view) => ofCluster("topics and rate against one Replicator", judgeReplicatorTopics(view)),
  },
  {
    code: "REPLICATOR_RECORD_SIZE",
    severity: "warning",
    seen: "Only where replication.engine is replicator: max.message.bytes above the 10 MB that a Replicator takes across Regions; in one Region it takes 20 MB.",
    remedy: "Keep such topics out of replication.topics, or choose the engine connect or mirrormaker",
    page: mskPage("limits"),
    look: (view) =>
      ofTopics(usesReplicator(view) ? view.wanted : [], ({ configs }) => {
        const limit = Number(configs["max.message.bytes"]?.value ?? Number.NaN);
        return limit > replicator.recordBytes ? `max.message.bytes is ${limit}` : undefined;
      }),
  },
  {
    code: "IAM_CONNECTIONS",
    severity: "info",
    seen: "Only where target.auth is iam: MSK takes 3,000 connections a broker by IAM. Kafka tells members of groups, not connections. The broker's MBean kafka.server:type=socket-server-metrics, connection-count, does.",
    remedy: "Read connection-count on each broker; listener.name.client_iam.max.connections raises the limit",
    find: "Read connection-count of kafka.server:type=socket-server-metrics on each broker",
    page: mskPage("limits"),
    look: (view) => ofCluster("connections by IAM", judgeConnections(view)),
  },
];

const iamConnections = 3000;

function judgeConnections(view: View): Verdict {
  if (view.context.settings?.target.auth !== "iam") return undefined;
  const members = view.groups.reduce((sum, group) => sum + group.members.length, 0);
  if (members > iamConnections)
    return `${figure(members)} members of groups; one broker takes ${figure(iamConnections)} connections`;
  return {
    unknown: `${figure(members)} members of groups are seen; how many connections there are no request of Kafka tells`,
  };
}
