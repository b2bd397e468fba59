import { z } from "zod";
import type { Verdict } from "./rules-msk.ts";

/** CreateReplicator's rules, pure. */

/** Texts that the live API answered (recorded in us-east-1, September 2026). */
export const REPLICATOR_TEXT = {
  vpcOnApache:
    "The vpcConfig parameter is only supported for AmazonMskCluster. (InvalidParameter: vpcConfig)",
  authentication:
    "Apache Kafka clusters require authentication configuration. Specify the clientAuthentication parameter.",
  enhancedPrefixed:
    "The consumerGroupOffsetSyncMode value ENHANCED is only supported when topicNameConfiguration type is IDENTICAL.",
  notInList: "Source and target Kafka cluster ARNs must be present in kafkaClusters",
  passRole: "Cross-account pass role is not allowed.",
  targetRegion: "The target cluster must be from region",
  bothKinds: "Cannot specify both AmazonMskCluster and ApacheKafkaCluster in a kafkaCluster object",
  duplicates: "Kafka cluster list contains duplicate cluster ARNs",
  bothArnAndId: "Cannot specify both sourceKafkaClusterArn and sourceKafkaClusterId",
} as const;

/** Our wording: the rule is documented, the live text is not known. */
export const REPLICATOR_UNRECORDED = {
  name: "The parameter value contains one or more characters that are not valid. (InvalidParameter: replicatorName)",
  twoClusters: "The kafkaClusters parameter must have exactly 2 entries.",
  oneReplication: "The replicationInfoList parameter must have exactly 1 entry.",
  noKind: "Specify either amazonMskCluster or apacheKafkaCluster.",
  duplicateIds: "The kafkaClusters parameter contains duplicate clusters.",
  idNotInList: "Source and target Kafka cluster IDs must be present in kafkaClusters",
  oneAuthentication: "Specify exactly one of saslScram, mTLS and saslOAuthBearer.",
  encryption: "Apache Kafka clusters require encryption in transit TLS.",
  vpcMissing: "The vpcConfig parameter is required for AmazonMskCluster.",
  serverlessTarget: "The target cluster must be a provisioned cluster.",
  targetIam: "The target cluster must have IAM authentication turned on.",
  targetBrokers: "The target cluster has too few brokers for a Replicator.",
  targetType: "The broker type of the target cluster is not supported for a Replicator.",
  targetInactive: "The target cluster is not in state ACTIVE.",
  topics: "The topicsToReplicate parameter must have at least one entry.",
  pattern: "A topic pattern must have at most 249 characters.",
  missing: "The replicator does not exist.",
  state: "This operation is only valid for resources that are in one of the following states :[RUNNING]",
  staleVersion: "The version of the replicator isn’t current. Check the current version and try again.",
  replicators: "The number of replicators exceeds the quota per account.",
  eitherChange: "Specify either replication settings or logDelivery.",
  otherClusters: "The source and target cluster must be those of the replicator.",
  nothing: "The request does not include any updates to the replicator.",
} as const;

const text = REPLICATOR_TEXT;
const ours = REPLICATOR_UNRECORDED;

const vpcConfig = z.looseObject({
  SubnetIds: z.array(z.string()),
  SecurityGroupIds: z.array(z.string()).optional(),
});
const authentication = z.looseObject({
  SaslScram: z.looseObject({ Mechanism: z.enum(["SHA256", "SHA512"]), SecretArn: z.string() }).optional(),
  MTLS: z.looseObject({ SecretArn: z.string() }).optional(),
  SaslOAuthBearer: z.looseObject({}).optional(),
});
export const kafkaCluster = z.looseObject({
  AmazonMskCluster: z.looseObject({ MskClusterArn: z.string() }).optional(),
  ApacheKafkaCluster: z
    .looseObject({ ApacheKafkaClusterId: z.string(), BootstrapBrokerString: z.string() })
    .optional(),
  VpcConfig: vpcConfig.optional(),
  ClientAuthentication: authentication.optional(),
  EncryptionInTransit: z
    .looseObject({ EncryptionType: z.enum(["TLS"]), RootCaCertificate: z.string().optional() })
    .optional(),
});
export type KafkaClusterEntry = z.infer<typeof kafkaCluster>;

const patterns = z.array(z.string());
export const topicReplication = z.looseObject({
  TopicsToReplicate: patterns,
  TopicsToExclude: patterns.optional(),
  CopyAccessControlListsForTopics: z.boolean().default(true),
  CopyTopicConfigurations: z.boolean().default(true),
  DetectAndCopyNewTopics: z.boolean().default(true),
  StartingPosition: z.looseObject({ Type: z.enum(["EARLIEST", "LATEST"]).default("LATEST") }).prefault({}),
  TopicNameConfiguration: z
    .looseObject({
      Type: z
        .enum(["IDENTICAL", "PREFIXED_WITH_SOURCE_CLUSTER_ALIAS"])
        .default("PREFIXED_WITH_SOURCE_CLUSTER_ALIAS"),
    })
    .prefault({}),
});
export const groupReplication = z.looseObject({
  ConsumerGroupsToReplicate: patterns,
  ConsumerGroupsToExclude: patterns.optional(),
  DetectAndCopyNewConsumerGroups: z.boolean().default(true),
  SynchroniseConsumerGroupOffsets: z.boolean().default(true),
  ConsumerGroupOffsetSyncMode: z.enum(["LEGACY", "ENHANCED"]).default("LEGACY"),
});
export const replicationInfo = z.looseObject({
  SourceKafkaClusterArn: z.string().optional(),
  SourceKafkaClusterId: z.string().optional(),
  TargetKafkaClusterArn: z.string().optional(),
  TargetKafkaClusterId: z.string().optional(),
  TargetCompressionType: z.enum(["NONE", "GZIP", "SNAPPY", "LZ4", "ZSTD"]),
  TopicReplication: topicReplication,
  ConsumerGroupReplication: groupReplication,
});
export type ReplicationInfo = z.infer<typeof replicationInfo>;

const identity = (entry: KafkaClusterEntry) =>
  entry.AmazonMskCluster?.MskClusterArn ?? entry.ApacheKafkaCluster?.ApacheKafkaClusterId;

export function replicatorNameRule(name: string): Verdict {
  return /^[0-9A-Za-z][0-9A-Za-z-]{0,127}$/.test(name) ? undefined : ours.name;
}

export function clustersRule(entries: readonly KafkaClusterEntry[]): Verdict {
  if (entries.length !== 2) return ours.twoClusters;
  const verdict = entries.map(entryRule).find((each) => each !== undefined);
  if (verdict !== undefined) return verdict;
  return new Set(entries.map(identity)).size < entries.length ? duplicated(entries) : undefined;
}

function duplicated(entries: readonly KafkaClusterEntry[]): Verdict {
  const byArn = entries.every(({ AmazonMskCluster }) => AmazonMskCluster !== undefined);
  return byArn ? text.duplicates : ours.duplicateIds;
}

function entryRule(entry: KafkaClusterEntry): Verdict {
  const { AmazonMskCluster, ApacheKafkaCluster, VpcConfig, ClientAuthentication } = entry;
  if (AmazonMskCluster === undefined && ApacheKafkaCluster === undefined) return ours.noKind;
  if (AmazonMskCluster !== undefined && ApacheKafkaCluster !== undefined) return text.bothKinds;
  if (AmazonMskCluster !== undefined) return VpcConfig === undefined ? ours.vpcMissing : undefined;
  if (VpcConfig !== undefined) return text.vpcOnApache;
  if (ClientAuthentication === undefined) return text.authentication;
  const { SaslScram, MTLS, SaslOAuthBearer } = ClientAuthentication;
  const ways = [SaslScram, MTLS, SaslOAuthBearer].filter((each) => each !== undefined).length;
  if (ways !== 1) return ours.oneAuthentication;
  return entry.EncryptionInTransit === undefined ? ours.encryption : undefined;
}

export function replicationRule(
  list: readonly ReplicationInfo[],
  entries: readonly KafkaClusterEntry[],
): Verdict {
  const [info] = list;
  if (info === undefined || list.length !== 1) return ours.oneReplication;
  return (
    endRule(info.SourceKafkaClusterArn, info.SourceKafkaClusterId, entries) ??
    endRule(info.TargetKafkaClusterArn, info.TargetKafkaClusterId, entries) ??
    topicsRule(info.TopicReplication) ??
    syncRule(info)
  );
}

function endRule(
  arn: string | undefined,
  id: string | undefined,
  entries: readonly KafkaClusterEntry[],
): Verdict {
  if (arn !== undefined && id !== undefined) return text.bothArnAndId;
  const named = new Set(entries.map(identity));
  if (arn !== undefined) return named.has(arn) ? undefined : text.notInList;
  return id !== undefined && named.has(id) ? undefined : id === undefined ? text.notInList : ours.idNotInList;
}

export function topicsRule({ TopicsToReplicate: wanted }: { TopicsToReplicate: readonly string[] }): Verdict {
  if (wanted.length === 0) return ours.topics;
  return wanted.some((pattern) => pattern.length > 249) ? ours.pattern : undefined;
}

function syncRule({ ConsumerGroupReplication: groups, TopicReplication: topics }: ReplicationInfo): Verdict {
  const prefixed = topics.TopicNameConfiguration.Type !== "IDENTICAL";
  return groups.ConsumerGroupOffsetSyncMode === "ENHANCED" && prefixed ? text.enhancedPrefixed : undefined;
}

export function roleRule(role: string, account: string): Verdict {
  return role.split(":")[4] === account ? undefined : text.passRole;
}
