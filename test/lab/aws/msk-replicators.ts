import { z } from "zod";
import { type Cloud, clusterVersion, handler, mskSuffix, page, paging } from "./cloud.ts";
import { refuseIf } from "./msk-checks.ts";
import { type Cluster, schemesOf } from "./msk-model.ts";
import { badRequest, conflict, notFound } from "./refusal.ts";
import { TEXT } from "./rules-msk.ts";
import {
  clustersRule,
  groupReplication,
  type KafkaClusterEntry,
  kafkaCluster,
  REPLICATOR_TEXT,
  REPLICATOR_UNRECORDED,
  type ReplicationInfo,
  replicationInfo,
  replicationRule,
  replicatorNameRule,
  roleRule,
  topicReplication,
  topicsRule,
} from "./rules-replicator.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";

/** MSK Replicators: created in 30 min, changed in 10, deleted in 5; nothing pauses them. */

type State = "CREATING" | "RUNNING" | "UPDATING" | "DELETING" | "FAILED";

export type Replicator = {
  arn: string;
  name: string;
  account: string;
  region: string;
  description: string | undefined;
  role: string;
  createdAt: number;
  currentVersion: string;
  state: State;
  stateInfo: { Code: string; Message: string } | undefined;
  tags: { [key: string]: string };
  clusters: KafkaClusterEntry[];
  info: ReplicationInfo;
  logDelivery: Shape | undefined;
  /** When the change under way ends, in ms. */
  settlesAt: number | undefined;
  /** Takes effect when an update ends. */
  next: ReplicationInfo | undefined;
};

const minutes = { create: 30, update: 10, remove: 5 } as const;
const TAGS = z.record(z.string(), z.string()).default({});
const logDelivery = z.looseObject({}).optional();

/** Carries every replicator whose time has come into its next state. Called before each request is answered. */
export function settleReplicators(cloud: Cloud): void {
  for (const replicator of cloud.replicators.slice()) {
    if (replicator.settlesAt === undefined || cloud.now() < replicator.settlesAt) continue;
    replicator.settlesAt = undefined;
    if (replicator.state === "DELETING") {
      cloud.replicators.splice(cloud.replicators.indexOf(replicator), 1);
      continue;
    }
    const failure =
      replicator.state === "CREATING" ? cloud.faults.take("fail-create", "replicator") : undefined;
    replicator.state = failure === undefined ? "RUNNING" : "FAILED";
    replicator.stateInfo = failure && { Code: failure.code, Message: failure.message };
    replicator.currentVersion = clusterVersion();
    replicator.info = replicator.next ?? replicator.info;
    replicator.next = undefined;
  }
}

function find(cloud: Cloud, arn: string): Replicator {
  const replicator = cloud.replicators.find((each) => each.arn === arn);
  if (replicator === undefined) throw notFound(REPLICATOR_UNRECORDED.missing, "replicatorArn");
  return replicator;
}

/** What the target must be: provisioned, of the caller's Region, with IAM and enough brokers of a kind that serves. */
function checkTarget(cloud: Cloud, caller: Caller, info: ReplicationInfo): void {
  const arn = info.TargetKafkaClusterArn;
  // An Apache Kafka cluster may be the target of the way back.
  if (arn === undefined) return;
  if (arn.split(":")[3] !== caller.region) {
    throw badRequest(`${REPLICATOR_TEXT.targetRegion} ${caller.region}`);
  }
  const cluster = cloud.clusters.find((each) => each.arn === arn);
  if (cluster === undefined) throw notFound("The cluster does not exist.", "clusterArn");
  if (cluster.state !== "ACTIVE") throw badRequest(REPLICATOR_UNRECORDED.targetInactive);
  checkBrokers(cluster);
}

function checkBrokers({ kind }: Cluster): void {
  if (kind.type !== "PROVISIONED") throw badRequest(REPLICATOR_UNRECORDED.serverlessTarget);
  const { settings } = kind;
  if (!schemesOf(settings.ClientAuthentication).iam) throw badRequest(REPLICATOR_UNRECORDED.targetIam);
  const { InstanceType, ClientSubnets } = settings.BrokerNodeGroupInfo;
  if (InstanceType.includes(".t3.")) throw badRequest(REPLICATOR_UNRECORDED.targetType);
  const least = ClientSubnets.length === 2 ? 4 : 3;
  if (settings.NumberOfBrokerNodes < least) throw badRequest(REPLICATOR_UNRECORDED.targetBrokers);
}

const creation = z.object({
  ReplicatorName: z.string(),
  Description: z.string().optional(),
  KafkaClusters: z.array(kafkaCluster),
  ReplicationInfoList: z.array(replicationInfo),
  ServiceExecutionRoleArn: z.string(),
  Tags: TAGS,
  LogDelivery: logDelivery,
});

function isCallers(each: Replicator, caller: Caller): boolean {
  return each.account === caller.account && each.region === caller.region;
}

function create(cloud: Cloud, input: z.infer<typeof creation>, caller: Caller): Shape {
  refuseIf(
    replicatorNameRule(input.ReplicatorName),
    clustersRule(input.KafkaClusters),
    replicationRule(input.ReplicationInfoList, input.KafkaClusters),
    roleRule(input.ServiceExecutionRoleArn, caller.account),
  );
  const [info] = input.ReplicationInfoList;
  if (info === undefined) throw badRequest(REPLICATOR_UNRECORDED.oneReplication);
  const own = cloud.replicators.filter((each) => isCallers(each, caller));
  if (own.some((each) => each.name === input.ReplicatorName)) throw conflict(TEXT.nameTaken);
  if (own.length >= cloud.quota("replicators")) throw badRequest(REPLICATOR_UNRECORDED.replicators);
  checkTarget(cloud, caller, info);
  const replicator: Replicator = {
    arn: `arn:aws:kafka:${caller.region}:${caller.account}:replicator/${input.ReplicatorName}/${mskSuffix()}`,
    name: input.ReplicatorName,
    ...caller,
    description: input.Description,
    role: input.ServiceExecutionRoleArn,
    createdAt: cloud.now(),
    currentVersion: clusterVersion(),
    state: "CREATING",
    stateInfo: undefined,
    tags: input.Tags,
    clusters: input.KafkaClusters,
    info,
    logDelivery: input.LogDelivery,
    settlesAt: cloud.now() + cloud.minutes(minutes.create),
    next: undefined,
  };
  cloud.replicators.push(replicator);
  return answerOf(replicator);
}

function answerOf(replicator: Replicator): Shape {
  return {
    ReplicatorArn: replicator.arn,
    ReplicatorName: replicator.name,
    ReplicatorState: replicator.state,
  };
}

/** AWS calls the clusters by aliases in what it answers, not by ids (terraform-provider-aws #50070). */
function aliasOf(entry: KafkaClusterEntry): string {
  const arn = entry.AmazonMskCluster?.MskClusterArn;
  return arn === undefined
    ? `external-${(entry.ApacheKafkaCluster?.ApacheKafkaClusterId ?? "").slice(0, 8)}`
    : (arn.split("/")[1] ?? arn);
}

function aliases({ clusters, info }: Replicator): Shape {
  const of = (arn: string | undefined, id: string | undefined) => {
    const entry = clusters.find(
      (each) =>
        each.AmazonMskCluster?.MskClusterArn === arn || each.ApacheKafkaCluster?.ApacheKafkaClusterId === id,
    );
    return entry === undefined ? undefined : aliasOf(entry);
  };
  return {
    SourceKafkaClusterAlias: of(info.SourceKafkaClusterArn, info.SourceKafkaClusterId),
    TargetKafkaClusterAlias: of(info.TargetKafkaClusterArn, info.TargetKafkaClusterId),
  };
}

function common(replicator: Replicator): Shape {
  return {
    ...answerOf(replicator),
    CreationTime: new Date(replicator.createdAt),
    CurrentVersion: replicator.currentVersion,
    IsReplicatorReference: false,
    ReplicatorResourceArn: replicator.arn,
  };
}

function summaryOf(replicator: Replicator): Shape {
  return {
    ...common(replicator),
    KafkaClustersSummary: replicator.clusters.map((entry) => ({
      AmazonMskCluster: entry.AmazonMskCluster,
      ApacheKafkaCluster: entry.ApacheKafkaCluster,
      KafkaClusterAlias: aliasOf(entry),
    })),
    ReplicationInfoSummaryList: [aliases(replicator)],
  };
}

function describe(replicator: Replicator): Shape {
  const { info } = replicator;
  return {
    ...common(replicator),
    KafkaClusters: replicator.clusters.map((entry) => ({ ...entry, KafkaClusterAlias: aliasOf(entry) })),
    ReplicationInfoList: [
      {
        ...aliases(replicator),
        TargetCompressionType: info.TargetCompressionType,
        TopicReplication: info.TopicReplication,
        ConsumerGroupReplication: info.ConsumerGroupReplication,
      },
    ],
    ReplicatorDescription: replicator.description,
    ServiceExecutionRoleArn: replicator.role,
    StateInfo: replicator.stateInfo,
    Tags: replicator.tags,
    LogDelivery: replicator.logDelivery,
  };
}

const update = z.object({
  ReplicatorArn: z.string(),
  CurrentVersion: z.string(),
  SourceKafkaClusterArn: z.string().optional(),
  SourceKafkaClusterId: z.string().optional(),
  TargetKafkaClusterArn: z.string().optional(),
  TargetKafkaClusterId: z.string().optional(),
  TopicReplication: topicReplication
    .omit({ StartingPosition: true, TopicNameConfiguration: true })
    .optional(),
  ConsumerGroupReplication: groupReplication.omit({ ConsumerGroupOffsetSyncMode: true }).optional(),
  LogDelivery: logDelivery,
});

function change(cloud: Cloud, input: z.infer<typeof update>): Shape {
  const replicator = find(cloud, input.ReplicatorArn);
  if (replicator.state !== "RUNNING") throw badRequest(REPLICATOR_UNRECORDED.state);
  if (replicator.currentVersion !== input.CurrentVersion) {
    throw badRequest(REPLICATOR_UNRECORDED.staleVersion, "currentVersion");
  }
  const { TopicReplication: topics, ConsumerGroupReplication: groups, LogDelivery } = input;
  const settings = topics !== undefined || groups !== undefined;
  if (settings === (LogDelivery !== undefined)) {
    throw badRequest(settings ? REPLICATOR_UNRECORDED.eitherChange : REPLICATOR_UNRECORDED.nothing);
  }
  if (LogDelivery !== undefined) replicator.logDelivery = LogDelivery;
  if (settings) changeReplication(replicator, input);
  replicator.state = "UPDATING";
  replicator.settlesAt = cloud.now() + cloud.minutes(minutes.update);
  return { ReplicatorArn: replicator.arn, ReplicatorState: replicator.state };
}

function changeReplication(replicator: Replicator, input: z.infer<typeof update>): void {
  const { info } = replicator;
  const same =
    input.SourceKafkaClusterArn === info.SourceKafkaClusterArn &&
    input.SourceKafkaClusterId === info.SourceKafkaClusterId &&
    input.TargetKafkaClusterArn === info.TargetKafkaClusterArn &&
    input.TargetKafkaClusterId === info.TargetKafkaClusterId;
  if (!same) throw badRequest(REPLICATOR_UNRECORDED.otherClusters);
  refuseIf(topicsRule(input.TopicReplication ?? info.TopicReplication));
  replicator.next = {
    ...info,
    TopicReplication: { ...info.TopicReplication, ...input.TopicReplication },
    ConsumerGroupReplication: { ...info.ConsumerGroupReplication, ...input.ConsumerGroupReplication },
  };
}

function remove(cloud: Cloud, input: { ReplicatorArn: string; CurrentVersion?: string | undefined }): Shape {
  const replicator = find(cloud, input.ReplicatorArn);
  if (input.CurrentVersion !== undefined && replicator.currentVersion !== input.CurrentVersion) {
    throw badRequest(REPLICATOR_UNRECORDED.staleVersion, "currentVersion");
  }
  if (replicator.state !== "RUNNING" && replicator.state !== "FAILED") {
    throw badRequest(REPLICATOR_UNRECORDED.state);
  }
  replicator.state = "DELETING";
  replicator.settlesAt = cloud.now() + cloud.minutes(minutes.remove);
  return { ReplicatorArn: replicator.arn, ReplicatorState: replicator.state };
}

const byArn = z.object({ ReplicatorArn: z.string() });
const listing = z.object({ ...paging, ReplicatorNameFilter: z.string().optional() });

export function replicatorHandlers(cloud: Cloud): Handlers {
  return {
    CreateReplicator: handler(creation, (input, caller) => create(cloud, input, caller)),
    DescribeReplicator: handler(byArn, (input) => describe(find(cloud, input.ReplicatorArn))),
    ListReplicators: handler(listing, (input, caller) => {
      const listed = cloud.replicators.filter(
        (each) =>
          isCallers(each, caller) &&
          cloud.isListed(each.createdAt) &&
          each.name.startsWith(input.ReplicatorNameFilter ?? ""),
      );
      const { items, NextToken } = page(listed, input);
      return { Replicators: items.map(summaryOf), NextToken };
    }),
    UpdateReplicationInfo: handler(update, (input) => change(cloud, input)),
    DeleteReplicator: handler(byArn.extend({ CurrentVersion: z.string().optional() }), (input) =>
      remove(cloud, input),
    ),
  };
}
