import type { Cloud } from "./cloud.ts";
import {
  isExpress,
  isKraft,
  type ProvisionedRequest,
  type ServerlessRequest,
  type Settings,
  schemesOf,
} from "./msk-model.ts";
import { badRequest } from "./refusal.ts";
import {
  authenticationRule,
  brokerCountRule,
  connectivityAtCreateRule,
  enumRule,
  instanceTypeRule,
  loggingRule,
  propertiesForBrokersRule,
  serverlessRule,
  storageRule,
  subnetRule,
  TEXT,
  UNRECORDED,
  type Verdict,
  versionRule,
} from "./rules-msk.ts";
import type { Caller } from "./shapes.ts";

type Encryption = {
  EncryptionAtRest: { DataVolumeKMSKeyId: string };
  EncryptionInTransit: { ClientBroker: string; InCluster: boolean };
};

/** Throws the first verdict that is a refusal, with the parameter it names. */
export function refuseIf(...verdicts: Verdict[]): void {
  const verdict = verdicts.find((text) => text !== undefined);
  if (verdict === undefined) return;
  throw badRequest(verdict, /\(InvalidParameter: (\w+)\)/.exec(verdict)?.[1]);
}

/** A configuration revision as a cluster of that broker type may use it; throws 400 refusals. */
export function checkConfiguration(
  cloud: Cloud,
  info: { Arn: string; Revision: number },
  instanceType: string,
): void {
  const configuration = cloud.configurations.find((each) => each.arn === info.Arn);
  if (configuration === undefined) throw badRequest(TEXT.configurationArn);
  const revision = configuration.revisions.find((each) => each.revision === info.Revision);
  if (revision === undefined) throw badRequest(UNRECORDED.revisionMissing);
  refuseIf(propertiesForBrokersRule(Buffer.from(revision.properties).toString(), instanceType));
}

/** Number of Availability Zones of the client subnets; throws where they are not fit for MSK. */
function zonesOf(cloud: Cloud, ids: readonly string[]): number {
  const subnets = ids.map((id) => cloud.world.subnets.find((each) => each.id === id));
  const zones = new Set<string>();
  const vpcs = new Set<string>();
  for (const subnet of subnets) {
    if (subnet === undefined) throw badRequest(UNRECORDED.subnetMissing, "clientSubnets");
    if (subnet.zoneId === "use1-az3") throw badRequest(UNRECORDED.subnetUnsupportedZone, "clientSubnets");
    zones.add(subnet.zoneId);
    vpcs.add(subnet.vpc);
  }
  if (vpcs.size > 1) throw badRequest(UNRECORDED.subnetVpc, "clientSubnets");
  if (zones.size < subnets.length) throw badRequest(UNRECORDED.subnetZones, "clientSubnets");
  return zones.size;
}

/** `already`: brokers of the cluster itself, where it is there and gets others. */
export function checkQuotas(
  cloud: Cloud,
  caller: Pick<Caller, "account">,
  request: Pick<ProvisionedRequest, "KafkaVersion" | "NumberOfBrokerNodes">,
  already = 0,
): void {
  const kraft = isKraft(request.KafkaVersion);
  const limit = cloud.quota(kraft ? "brokersPerClusterKRaft" : "brokersPerClusterZooKeeper");
  if (request.NumberOfBrokerNodes > limit)
    throw badRequest(UNRECORDED.brokersPerCluster, "numberOfBrokerNodes");
  let used = request.NumberOfBrokerNodes - already;
  for (const each of cloud.clusters) {
    if (each.account === caller.account && each.kind.type === "PROVISIONED")
      used += each.kind.settings.NumberOfBrokerNodes;
  }
  if (used > cloud.quota("brokersPerAccount")) throw badRequest(UNRECORDED.brokersPerAccount);
}

/** TLS by default: so say the API reference and the guide; the SDK's text disagrees. */
function encryptionWithDefaults(caller: Caller, asked: ProvisionedRequest["EncryptionInfo"]): Encryption {
  const { ClientBroker = "TLS", InCluster = true } = asked?.EncryptionInTransit ?? {};
  const key = `arn:aws:kms:${caller.region}:${caller.account}:key/00000000-0000-4000-8000-00000000c0de`;
  return {
    EncryptionAtRest: asked?.EncryptionAtRest ?? { DataVolumeKMSKeyId: key },
    EncryptionInTransit: { ClientBroker, InCluster },
  };
}

function groupWithDefaults(
  cloud: Cloud,
  group: Settings["BrokerNodeGroupInfo"],
): Settings["BrokerNodeGroupInfo"] {
  const zones = group.ClientSubnets.map(
    (id) => cloud.world.subnets.find((each) => each.id === id)?.zoneId ?? id,
  );
  const storage = group.StorageInfo ?? { EbsStorageInfo: { VolumeSize: 1000 } };
  return {
    ...group,
    BrokerAZDistribution: "DEFAULT",
    ...(isExpress(group.InstanceType) ? {} : { StorageInfo: storage }),
    ConnectivityInfo: { PublicAccess: { Type: "DISABLED" }, NetworkType: "IPV4", ...group.ConnectivityInfo },
    ZoneIds: zones,
  };
}

/** What MSK fills in (API reference). */
function withDefaults(cloud: Cloud, caller: Caller, request: ProvisionedRequest): Settings {
  const { iam, scram, tls, open } = schemesOf(request.ClientAuthentication);
  const express = isExpress(request.BrokerNodeGroupInfo.InstanceType);
  return {
    ...request,
    BrokerNodeGroupInfo: groupWithDefaults(cloud, request.BrokerNodeGroupInfo),
    ClientAuthentication: {
      ...request.ClientAuthentication,
      Unauthenticated: { Enabled: open ?? !(iam || scram || tls) },
    },
    EncryptionInfo: encryptionWithDefaults(caller, request.EncryptionInfo),
    EnhancedMonitoring: request.EnhancedMonitoring ?? "DEFAULT",
    ...(express ? {} : { StorageMode: request.StorageMode ?? "LOCAL" }),
  };
}

/** Settings of a cluster as asked for, with defaults; throws the refusal of the first rule broken. */
export function checkProvisioned(cloud: Cloud, caller: Caller, request: ProvisionedRequest): Settings {
  const group = request.BrokerNodeGroupInfo;
  refuseIf(
    enumRule(request),
    instanceTypeRule(group.InstanceType, request.KafkaVersion),
    versionRule(request.KafkaVersion, group.InstanceType),
    subnetRule(group.ClientSubnets, group.InstanceType, caller.region),
  );
  const zones = zonesOf(cloud, group.ClientSubnets);
  const { ClientBroker, InCluster } = encryptionWithDefaults(
    caller,
    request.EncryptionInfo,
  ).EncryptionInTransit;
  refuseIf(
    brokerCountRule(request.NumberOfBrokerNodes, zones),
    storageRule(request),
    connectivityAtCreateRule(request),
    authenticationRule(request.ClientAuthentication, ClientBroker, InCluster),
    loggingRule(request.LoggingInfo),
  );
  const groups = cloud.world.securityGroups.map((each) => each.id);
  if (group.SecurityGroups?.some((id) => !groups.includes(id)) === true) {
    throw badRequest(UNRECORDED.securityGroup, "securityGroups");
  }
  if (request.ConfigurationInfo !== undefined)
    checkConfiguration(cloud, request.ConfigurationInfo, group.InstanceType);
  checkQuotas(cloud, caller, request);
  return withDefaults(cloud, caller, request);
}

/** Throws the refusal of a serverless cluster that may not be created. */
export function checkServerless(cloud: Cloud, caller: Caller, request: ServerlessRequest): void {
  refuseIf(serverlessRule(request));
  const running = cloud.clusters.filter(
    (each) => each.account === caller.account && each.kind.type === "SERVERLESS",
  );
  if (running.length >= cloud.quota("serverlessClusters")) throw badRequest(UNRECORDED.brokersPerAccount);
}
