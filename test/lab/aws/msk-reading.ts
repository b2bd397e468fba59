import { z } from "zod";
import { type Cloud, handler, page, paging } from "./cloud.ts";
import { ACTIVE_VERSIONS, DEPRECATED_VERSIONS, kafkaVersionRows } from "./msk-catalogue.ts";
import { findCluster } from "./msk-clusters.ts";
import { type ClientAuthentication, type Cluster, isKraft, type Settings, schemesOf } from "./msk-model.ts";
import { badRequest, notFound } from "./refusal.ts";
import { secretRule, TEXT, UNRECORDED, versionRule } from "./rules-msk.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";

const byArn = z.object({ ClusterArn: z.string() });

function secured(auth: ClientAuthentication | undefined, via: "Public" | "VpcConnectivity"): string[] {
  const { tls, scram, iam } = schemesOf(auth);
  const members: [boolean, string][] = [
    [tls, "Tls"],
    [scram, "SaslScram"],
    [iam, "SaslIam"],
  ];
  return members.flatMap(([on, name]) => (on ? [`BootstrapBrokerString${via}${name}`] : []));
}

/** Which Bootstrap… members a cluster has: one per scheme that is on; all lead to the lab's real broker. */
function bootstrapMembers(settings: Settings): string[] {
  const auth = settings.ClientAuthentication;
  const transit = settings.EncryptionInfo?.EncryptionInTransit?.ClientBroker ?? "TLS";
  const { tls, scram, iam, open } = schemesOf(auth);
  const members: [boolean, string][] = [
    [open !== false && transit !== "TLS", "BootstrapBrokerString"],
    [(open !== false || tls) && transit !== "PLAINTEXT", "BootstrapBrokerStringTls"],
    [scram, "BootstrapBrokerStringSaslScram"],
    [iam, "BootstrapBrokerStringSaslIam"],
  ];
  const { PublicAccess, VpcConnectivity } = settings.BrokerNodeGroupInfo.ConnectivityInfo ?? {};
  return [
    ...members.flatMap(([on, name]) => (on ? [name] : [])),
    ...secured(VpcConnectivity?.ClientAuthentication, "VpcConnectivity"),
    ...(PublicAccess?.Type === "SERVICE_PROVIDED_EIPS" ? secured(auth, "Public") : []),
  ];
}

function bootstrap(cloud: Cloud, cluster: Cluster): Shape {
  if (cluster.state === "CREATING" || cluster.state === "FAILED") throw badRequest(UNRECORDED.notActive);
  if (cluster.kind.type === "SERVERLESS") return { BootstrapBrokerStringSaslIam: cloud.bootstrap };
  return Object.fromEntries(bootstrapMembers(cluster.kind.settings).map((name) => [name, cloud.bootstrap]));
}

function nodes(cloud: Cloud, cluster: Cluster): Shape[] {
  if (cluster.kind.type !== "PROVISIONED") throw badRequest(UNRECORDED.serverlessUpdate);
  const { settings } = cluster.kind;
  const subnets = settings.BrokerNodeGroupInfo.ClientSubnets;
  return Array.from({ length: settings.NumberOfBrokerNodes }, (_, at) => ({
    AddedToClusterTime: new Date(cluster.createdAt).toISOString(),
    BrokerNodeInfo: {
      AttachedENIId: `eni-0a1b2c3d4e5f6${String(at + 1).padStart(4, "0")}`,
      BrokerId: at + 1,
      ClientSubnet: subnets[at % subnets.length],
      ClientVpcIpAddress: `10.20.${1 + (at % subnets.length)}.${10 + at}`,
      CurrentBrokerSoftwareInfo: { KafkaVersion: settings.KafkaVersion },
      Endpoints: [cloud.bootstrap],
    },
    InstanceType: settings.BrokerNodeGroupInfo.InstanceType.replace("kafka.", ""),
    NodeARN: `${cluster.arn.replace(":cluster/", ":broker/")}/${at + 1}`,
    NodeType: "BROKER",
  }));
}

/** Upgrades only, in the same metadata mode, and the one step from ZooKeeper to KRaft: 3.9.x to 3.9.x.kraft. */
export function upgradesOf(version: string, instanceType: string): string[] {
  const from = ACTIVE_VERSIONS.indexOf(version);
  return ACTIVE_VERSIONS.filter((target, at) => {
    if (at <= from || versionRule(target, instanceType) !== undefined) return false;
    return isKraft(target) === isKraft(version) || (version === "3.9.x" && target === "3.9.x.kraft");
  });
}

function versionHandlers(cloud: Cloud): Handlers {
  return {
    ListKafkaVersions: handler(z.object(paging), (input) => {
      const { items, NextToken } = page(kafkaVersionRows(), input);
      return { KafkaVersions: items, NextToken };
    }),
    GetCompatibleKafkaVersions: handler(z.object({ ClusterArn: z.string().optional() }), (input) => {
      const cluster = input.ClusterArn === undefined ? undefined : findCluster(cloud, input.ClusterArn);
      if (cluster?.kind.type === "SERVERLESS") throw badRequest(UNRECORDED.serverlessUpdate);
      const settings = cluster?.kind.settings;
      const type = settings?.BrokerNodeGroupInfo.InstanceType ?? "kafka.m7g.large";
      const versions =
        settings === undefined ? [...DEPRECATED_VERSIONS, ...ACTIVE_VERSIONS] : [settings.KafkaVersion];
      const rows = versions.map((SourceVersion) => ({
        SourceVersion,
        TargetVersions: upgradesOf(SourceVersion, type),
      }));
      return { CompatibleKafkaVersions: rows };
    }),
  };
}

const secrets = z.object({ ClusterArn: z.string(), SecretArnList: z.array(z.string()) });

function scramCluster(cloud: Cloud, input: z.infer<typeof secrets>): Cluster {
  const cluster = findCluster(cloud, input.ClusterArn);
  if (input.SecretArnList.length > cloud.quota("scramSecretsPerCall"))
    throw badRequest(UNRECORDED.secretsPerCall);
  if (cluster.state !== "ACTIVE") throw badRequest(UNRECORDED.notActive);
  return cluster;
}

function unprocessed(SecretArn: string, ErrorMessage: string): Shape {
  return { ErrorCode: "InvalidSecretArn", ErrorMessage, SecretArn };
}

function associate(cloud: Cloud, input: z.infer<typeof secrets>, caller: Caller): Shape {
  const cluster = scramCluster(cloud, input);
  const auth = cluster.kind.type === "PROVISIONED" ? cluster.kind.settings.ClientAuthentication : undefined;
  if (auth?.Sasl?.Scram?.Enabled !== true) throw badRequest(UNRECORDED.scramOff);
  const refused: Shape[] = [];
  for (const arn of input.SecretArnList) {
    const verdict = secretRule(arn, caller.account, caller.region);
    if (verdict === TEXT.scramForeign) throw badRequest(verdict, "secretArnList");
    if (verdict !== undefined) refused.push(unprocessed(arn, verdict));
    else if (!cluster.scramSecrets.includes(arn)) cluster.scramSecrets.push(arn);
  }
  return { ClusterArn: cluster.arn, UnprocessedScramSecrets: refused };
}

function scramHandlers(cloud: Cloud): Handlers {
  return {
    BatchAssociateScramSecret: handler(secrets, (input, caller) => associate(cloud, input, caller)),
    BatchDisassociateScramSecret: handler(secrets, (input) => {
      const cluster = scramCluster(cloud, input);
      const unknown = input.SecretArnList.filter((arn) => !cluster.scramSecrets.includes(arn));
      cluster.scramSecrets = cluster.scramSecrets.filter((arn) => !input.SecretArnList.includes(arn));
      const rows = unknown.map((arn) => unprocessed(arn, "The secret is not associated with the cluster."));
      return { ClusterArn: cluster.arn, UnprocessedScramSecrets: rows };
    }),
    ListScramSecrets: handler(z.object({ ...paging, ClusterArn: z.string() }), (input) => {
      const { items, NextToken } = page(findCluster(cloud, input.ClusterArn).scramSecrets, input);
      return { SecretArnList: items, NextToken };
    }),
  };
}

function tagHandlers(cloud: Cloud): Handlers {
  function tagged(arn: string): { tags: { [key: string]: string } } {
    const found = [...cloud.clusters, ...cloud.configurations].find((each) => each.arn === arn);
    if (found === undefined) throw notFound("The resource does not exist.", "resourceArn");
    return found;
  }
  const ResourceArn = z.string();
  return {
    TagResource: handler(z.object({ ResourceArn, Tags: z.record(z.string(), z.string()) }), (input) => {
      Object.assign(tagged(input.ResourceArn).tags, input.Tags);
      return {};
    }),
    UntagResource: handler(z.object({ ResourceArn, TagKeys: z.array(z.string()) }), (input) => {
      const resource = tagged(input.ResourceArn);
      const kept = Object.entries(resource.tags).filter(([key]) => !input.TagKeys.includes(key));
      resource.tags = Object.fromEntries(kept);
      return {};
    }),
    ListTagsForResource: handler(z.object({ ResourceArn }), (input) => ({
      Tags: tagged(input.ResourceArn).tags,
    })),
  };
}

/** Bootstrap brokers, nodes, versions, SCRAM secrets and tags. */
export function readingHandlers(cloud: Cloud): Handlers {
  return {
    GetBootstrapBrokers: handler(byArn, (input) => bootstrap(cloud, findCluster(cloud, input.ClusterArn))),
    ListNodes: handler(z.object({ ...paging, ClusterArn: z.string() }), (input) => {
      const { items, NextToken } = page(nodes(cloud, findCluster(cloud, input.ClusterArn)), input);
      return { NodeInfoList: items, NextToken };
    }),
    ...versionHandlers(cloud),
    ...scramHandlers(cloud),
    ...tagHandlers(cloud),
  };
}
