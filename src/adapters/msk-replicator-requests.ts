import type {
  CreateReplicatorCommandInput,
  KafkaClusterClientAuthentication,
  UpdateReplicationInfoCommandInput,
} from "@aws-sdk/client-kafka";
import type { Replicator, ReplicatorSite } from "#domain/mirror/replicator.ts";
import { topicPattern } from "#domain/mirror/replicator-rules.ts";
import { ownerTag } from "#domain/plan/provisioning.ts";
import type { ReplicatorSettings } from "#domain/replicator-settings.ts";

/** What MSK is asked for, built from a flow and the two clusters it joins. */

/**
 * Everything of it stays for life but the lists. EARLIEST and IDENTICAL: a whole copy under the same names. Nothing but
 * records is copied: configurations, ACLs and topics are the bot's own, group offsets are translated exactly by it, and
 * a second writer of them would move what it has committed.
 */
export function creationInput(
  name: string,
  topics: readonly string[],
  site: ReplicatorSite,
): CreateReplicatorCommandInput {
  const { settings } = site;
  return {
    ReplicatorName: name,
    Description: `MSK Ferry, migration ${site.migration}`,
    ServiceExecutionRoleArn: settings.role,
    Tags: { [ownerTag]: site.migration },
    KafkaClusters: clusters(site),
    ReplicationInfoList: [
      {
        SourceKafkaClusterId: site.sourceId,
        TargetKafkaClusterArn: site.targetArn,
        TargetCompressionType: settings.compression,
        TopicReplication: {
          ...topicsPart(topics),
          StartingPosition: { Type: "EARLIEST" },
          TopicNameConfiguration: { Type: "IDENTICAL" },
        },
        ConsumerGroupReplication: noGroups(),
      },
    ],
    ...(settings.logGroup === undefined ? {} : { LogDelivery: logDelivery(settings.logGroup) }),
  };
}

/** The API asks for the ids of both clusters, which DescribeReplicator does not give (terraform-provider-aws #50070). */
export function updateInput(
  replicator: Replicator,
  topics: readonly string[],
  site: ReplicatorSite,
): UpdateReplicationInfoCommandInput {
  return {
    ReplicatorArn: replicator.arn,
    CurrentVersion: replicator.version,
    SourceKafkaClusterId: site.sourceId,
    TargetKafkaClusterArn: site.targetArn,
    TopicReplication: topicsPart(topics),
  };
}

/** VpcConfig stands on the MSK entry alone: on the other one AWS refuses it. */
function clusters(site: ReplicatorSite): NonNullable<CreateReplicatorCommandInput["KafkaClusters"]> {
  const { settings } = site;
  return [
    {
      ApacheKafkaCluster: {
        ApacheKafkaClusterId: site.sourceId,
        BootstrapBrokerString: site.bootstrap.join(","),
      },
      ClientAuthentication: authentication(settings),
      EncryptionInTransit: {
        EncryptionType: "TLS",
        ...(settings.caSecretArn === undefined ? {} : { RootCaCertificate: settings.caSecretArn }),
      },
    },
    {
      AmazonMskCluster: { MskClusterArn: site.targetArn },
      VpcConfig: {
        SubnetIds: [...(settings.subnets ?? site.subnets)],
        SecurityGroupIds: [...(settings.securityGroups ?? site.securityGroups)],
      },
    },
  ];
}

function authentication({ scram, mtls }: ReplicatorSettings): KafkaClusterClientAuthentication {
  if (scram !== undefined) {
    return { SaslScram: { Mechanism: scram.mechanism, SecretArn: scram.secretArn } };
  }
  return mtls === undefined ? {} : { MTLS: { SecretArn: mtls.secretArn } };
}

function topicsPart(topics: readonly string[]) {
  return {
    TopicsToReplicate: [...topics].sort().map(topicPattern),
    TopicsToExclude: [],
    CopyAccessControlListsForTopics: false,
    CopyTopicConfigurations: false,
    DetectAndCopyNewTopics: false,
  };
}

/** The list is required; what it names is excluded again, and nothing is detected or synchronised. */
function noGroups() {
  return {
    ConsumerGroupsToReplicate: [".*"],
    ConsumerGroupsToExclude: [".*"],
    DetectAndCopyNewConsumerGroups: false,
    SynchroniseConsumerGroupOffsets: false,
  };
}

function logDelivery(logGroup: string) {
  return { ReplicatorLogDelivery: { CloudWatchLogs: { Enabled: true, LogGroup: logGroup } } };
}
