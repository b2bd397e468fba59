import type { ReplicatorApi } from "#domain/mirror/replicator.ts";
import type { Msk } from "#domain/msk.ts";
import type { Network } from "#domain/network.ts";

/**
 * What each call of the ports needs of IAM. Tests hold it equal to what the adapters really send and to what each step
 * really calls. Which action takes which resource: Service Authorization Reference (kafka, ec2, kafka-cluster).
 */

/** `any`: the action takes no resource of its own, so that only "*" lets it pass. */
export type IamResource =
  | "any"
  | "cluster"
  | "configuration"
  | "scalable-target"
  | "alarm"
  | "any-configuration"
  | "peering"
  | "peering-connection"
  | "route-table"
  | "security-group"
  | "replicator"
  | "new-replicator"
  | "broker-cluster"
  | "broker-topic"
  | "broker-own-topic"
  | "broker-group"
  | "broker-transaction";

export const mskActions: Readonly<Record<keyof Msk, readonly string[]>> = {
  versions: ["kafka:ListKafkaVersions"],
  findCluster: ["kafka:ListClustersV2"],
  describeCluster: ["kafka:DescribeClusterV2"],
  findConfiguration: ["kafka:ListConfigurations", "kafka:DescribeConfigurationRevision"],
  describeConfiguration: ["kafka:DescribeConfigurationRevision"],
  createConfiguration: [
    "kafka:CreateConfiguration",
    "kafka:ListConfigurations",
    "kafka:DescribeConfigurationRevision",
  ],
  reviseConfiguration: ["kafka:UpdateConfiguration"],
  createCluster: ["kafka:CreateClusterV2", "kafka:ListClustersV2"],
  scramSecrets: ["kafka:ListScramSecrets"],
  associateScram: ["kafka:BatchAssociateScramSecret"],
  bootstrap: ["kafka:GetBootstrapBrokers"],
  updateStorage: ["kafka:UpdateBrokerStorage"],
  updateMonitoring: ["kafka:UpdateMonitoring"],
  operation: ["kafka:DescribeClusterOperationV2"],
  diskUsed: ["cloudwatch:GetMetricData"],
  storageScaling: [
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:ListTagsForResource",
  ],
  registerStorage: [
    "application-autoscaling:RegisterScalableTarget",
    "application-autoscaling:DescribeScalableTargets",
  ],
  putStoragePolicy: ["application-autoscaling:PutScalingPolicy"],
};

export const networkActions: Readonly<Record<keyof Network, readonly string[]>> = {
  vpc: ["ec2:DescribeVpcs"],
  vpcOfSubnets: ["ec2:DescribeSubnets", "ec2:DescribeVpcs"],
  subnets: ["ec2:DescribeSubnets"],
  peerings: ["ec2:DescribeVpcPeeringConnections"],
  createPeering: ["ec2:CreateVpcPeeringConnection", "ec2:DescribeVpcPeeringConnections"],
  acceptPeering: ["ec2:AcceptVpcPeeringConnection", "ec2:DescribeVpcPeeringConnections"],
  tagPeering: ["ec2:CreateTags"],
  resolveDns: ["ec2:ModifyVpcPeeringConnectionOptions"],
  routeTables: ["ec2:DescribeRouteTables"],
  createRoute: ["ec2:CreateRoute", "ec2:DescribeRouteTables"],
  deleteRoute: ["ec2:DeleteRoute"],
  deletePeering: ["ec2:DeleteVpcPeeringConnection", "ec2:DescribeVpcPeeringConnections"],
  ingress: ["ec2:DescribeSecurityGroups"],
  allowIngress: ["ec2:AuthorizeSecurityGroupIngress"],
  revokeIngress: ["ec2:RevokeSecurityGroupIngress"],
  attachments: ["ec2:DescribeTransitGatewayVpcAttachments"],
  vpnConnections: ["ec2:DescribeVpnConnections"],
};

/** `metrics`: what CloudWatch has of a Replicator. */
export type ReplicatorCall = keyof ReplicatorApi | "metrics";

export const replicatorActions: Readonly<Record<ReplicatorCall, readonly string[]>> = {
  describe: ["kafka:DescribeReplicator"],
  list: ["kafka:ListReplicators"],
  create: ["kafka:CreateReplicator"],
  update: ["kafka:UpdateReplicationInfo"],
  remove: ["kafka:DeleteReplicator"],
  metrics: ["cloudwatch:GetMetricData"],
};

/** Actions that take a resource; every other one is asked for "any". */
const resources: ReadonlyMap<string, IamResource> = new Map<string, IamResource>([
  ["kafka:DescribeClusterV2", "cluster"],
  ["kafka:GetBootstrapBrokers", "cluster"],
  ["kafka:ListScramSecrets", "cluster"],
  ["kafka:BatchAssociateScramSecret", "cluster"],
  ["kafka:UpdateBrokerStorage", "cluster"],
  ["kafka:UpdateMonitoring", "cluster"],
  ["kafka:TagResource", "cluster"],
  ["kafka:DescribeConfigurationRevision", "any-configuration"],
  ["kafka:UpdateConfiguration", "configuration"],
  ["kafka:DescribeReplicator", "replicator"],
  ["kafka:CreateReplicator", "new-replicator"],
  ["kafka:UpdateReplicationInfo", "replicator"],
  ["kafka:DeleteReplicator", "replicator"],
  ["application-autoscaling:ListTagsForResource", "scalable-target"],
  ["application-autoscaling:RegisterScalableTarget", "scalable-target"],
  ["application-autoscaling:PutScalingPolicy", "scalable-target"],
  ["ec2:CreateVpcPeeringConnection", "peering"],
  ["ec2:AcceptVpcPeeringConnection", "peering"],
  ["ec2:ModifyVpcPeeringConnectionOptions", "peering-connection"],
  ["ec2:DeleteVpcPeeringConnection", "peering-connection"],
  ["ec2:CreateTags", "peering-connection"],
  ["ec2:CreateRoute", "route-table"],
  ["ec2:DeleteRoute", "route-table"],
  ["ec2:AuthorizeSecurityGroupIngress", "security-group"],
  ["ec2:RevokeSecurityGroupIngress", "security-group"],
]);

export function resourceOf(action: string): IamResource {
  return resources.get(action) ?? "any";
}

type BrokerAction = { readonly action: string; readonly resource: IamResource };

function broker(name: string, resource: IamResource): BrokerAction {
  return { action: `kafka-cluster:${name}`, resource };
}

const describeTopic = broker("DescribeTopic", "broker-topic");
const readTopic = broker("ReadData", "broker-topic");
const describeGroup = broker("DescribeGroup", "broker-group");
const alterCluster = broker("AlterCluster", "broker-cluster");
const describeCluster = broker("DescribeCluster", "broker-cluster");

/**
 * What the brokers of a cluster with IAM authentication ask for each of the bot's requests (guide, iam-access-control.html:
 * semantics of actions), by the port's method. The bot writes no record: `WriteData` is the mirror's, not its.
 */
export const brokerActions: Readonly<Record<string, readonly BrokerAction[]>> = {
  describe: [broker("Connect", "broker-cluster"), describeCluster],
  listTopics: [describeTopic],
  topicConfigs: [describeTopic, broker("DescribeTopicDynamicConfiguration", "broker-topic")],
  brokerConfigs: [broker("DescribeClusterDynamicConfiguration", "broker-cluster")],
  logSizes: [describeCluster],
  createTopics: [broker("CreateTopic", "broker-topic")],
  deleteTopics: [broker("DeleteTopic", "broker-own-topic")],
  offsets: [describeTopic],
  offsetAt: [describeTopic],
  listGroups: [describeCluster, describeGroup],
  describeGroups: [describeGroup],
  committed: [describeGroup, describeTopic],
  commit: [broker("AlterGroup", "broker-group"), readTopic],
  read: [describeTopic, readTopic],
  writers: [describeTopic, readTopic],
  sweep: [describeTopic, readTopic],
  features: [],
  everyBrokersConfigs: [broker("DescribeClusterDynamicConfiguration", "broker-cluster")],
  oldestTimestamps: [describeTopic],
  samples: [describeTopic, readTopic],
  shareGroups: [describeGroup],
  lastCommits: [describeTopic, readTopic],
  quotas: [broker("DescribeClusterDynamicConfiguration", "broker-cluster")],
  scramUsers: [describeCluster],
  disks: [describeCluster],
  producers: [readTopic],
  transactions: [broker("DescribeTransactionalId", "broker-transaction")],
  acls: [describeCluster],
  rights: [describeCluster, describeTopic],
  addAcls: [alterCluster],
  removeAcls: [alterCluster],
  produceQuota: [broker("DescribeClusterDynamicConfiguration", "broker-cluster")],
  limitProduce: [broker("AlterClusterDynamicConfiguration", "broker-cluster")],
  alterQuotas: [broker("AlterClusterDynamicConfiguration", "broker-cluster")],
  alterTopicConfigs: [broker("AlterTopicDynamicConfiguration", "broker-topic")],
};

/**
 * Calls to AWS of one step. `brokers`: it also speaks to the target's brokers, found by name. `replicator`: what it asks of
 * MSK Replicator where that is an engine of this migration.
 */
export type IamStep = {
  readonly name: "plan" | "provision" | "network" | "replicate and after" | "features" | "cleanup";
  readonly msk: ReadonlyArray<keyof Msk>;
  readonly network: ReadonlyArray<keyof Network>;
  readonly replicator: readonly ReplicatorCall[];
  readonly brokers: boolean;
};

export const iamSteps: readonly IamStep[] = [
  { name: "plan", msk: ["versions"], network: [], replicator: [], brokers: false },
  {
    name: "provision",
    msk: [
      "findCluster",
      "describeCluster",
      "versions",
      "findConfiguration",
      "describeConfiguration",
      "createConfiguration",
      "reviseConfiguration",
      "createCluster",
      "bootstrap",
      "scramSecrets",
      "associateScram",
      "storageScaling",
      "registerStorage",
      "putStoragePolicy",
    ],
    network: ["subnets", "ingress"],
    replicator: [],
    brokers: false,
  },
  {
    name: "network",
    msk: [],
    network: [
      "vpc",
      "vpcOfSubnets",
      "subnets",
      "peerings",
      "createPeering",
      "acceptPeering",
      "tagPeering",
      "resolveDns",
      "attachments",
      "vpnConnections",
      "routeTables",
      "createRoute",
      "deleteRoute",
      "ingress",
      "allowIngress",
    ],
    replicator: [],
    brokers: true,
  },
  {
    name: "replicate and after",
    msk: ["findCluster", "describeConfiguration", "bootstrap", "scramSecrets", "diskUsed"],
    network: [],
    replicator: ["describe", "list", "create", "update", "remove", "metrics"],
    brokers: true,
  },
  {
    name: "features",
    msk: [
      "findCluster",
      "describeCluster",
      "updateStorage",
      "updateMonitoring",
      "operation",
      "storageScaling",
    ],
    network: [],
    replicator: [],
    brokers: false,
  },
  {
    name: "cleanup",
    msk: [],
    network: ["vpcOfSubnets", "peerings", "routeTables", "ingress"],
    replicator: ["describe", "list", "remove", "metrics"],
    brokers: true,
  },
];
