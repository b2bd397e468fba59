import {
  ACTIVE_VERSIONS,
  BROKER_TYPES,
  DEPRECATED_VERSIONS,
  ENUMS,
  EXPRESS_PROPERTIES,
  EXPRESS_TOPIC_PROPERTIES,
  EXPRESS_VERSIONS,
  type PropertyRule,
  STANDARD_PROPERTIES,
  STANDARD_VERSIONS,
} from "./msk-catalogue.ts";
import {
  type ClientAuthentication,
  isExpress,
  isKraft,
  isOn,
  type ProvisionedRequest,
  type ProvisionedThroughput,
  type ServerlessRequest,
  schemesOf,
} from "./msk-model.ts";
import { isShape } from "./shapes.ts";

/** Why a request is refused, in MSK's words, or undefined where the rule has nothing against it. */
export type Verdict = string | undefined;

/**
 * Texts that the live API answered (recorded in us-east-1, September 2026, and in public issue threads). What has no
 * known live text is worded in UNRECORDED.
 */
export const TEXT = {
  subnetCount: "Specify either two or three client subnets.",
  subnetDuplicate: "The list provided contains duplicate items.",
  brokerCount:
    "The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter.",
  expressSubnets: "Clusters with Express instance types require 3 subnets.",
  expressStorageInfo: "The storageInfo parameter is not supported for Express instance types.",
  expressStorageMode: "The storageMode parameter is not supported for Express instance types.",
  publicAtCreate:
    "When creating a cluster, the only valid value for the Type parameter in PublicAccess is DISABLED.",
  vpcConnectivityAtCreate:
    "When creating a cluster, all vpcConnectivity auth schemes must be disabled ('enabled' : false).",
  dualStackAtCreate:
    "Invalid NetworkType value in ConnectivityInfo. When creating a cluster, only IPV4 is supported.",
  authNeedsTls:
    "Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication.",
  authNeedsInCluster: "To turn on client authentication, you must also turn on in-cluster encryption.",
  unauthOff: "Unauthenticated cannot be set to false without enabling any authentication mechanisms.",
  tlsPlaintext:
    "You must enable unauthenticated traffic explicitly to use client-authentication using SASL over TLS_PLAINTEXT.",
  clusterName:
    "The parameter value contains one or more characters that are not valid. (InvalidParameter: clusterName)",
  cloudwatchLogs:
    "To use CloudWatch Logs as a destination for broker logs, you must specify a CloudWatch log group.",
  tieredType: "Tiered storage is not supported for the specified broker type.",
  mtlsCa: "One or more of the certificate authority ARNs provided in the request are invalid.",
  serverlessAuth: "A serverless cluster must use SASL/IAM authentication",
  scramForeign: "The provided secret ARN is invalid. (InvalidParameter: secretArnList)",
  scramPrefix:
    "The provided secret arn cannot be used with Amazon MSK. Secret names must have the prefix 'AmazonMSK_'",
  throughputType: "Provisioned throughput is not supported for the specified broker type.",
  throughputRange: "EBS volume throughput should be between 250 and 1000 MiB/s.",
  throughputVolume:
    "To enable ProvisionedThroughput, you must set volume size to a value that is greater than or equal to 10.",
  throughputEnabled: "To specify a value for VolumeThroughput, you must enable ProvisionedThroughput.",
  staleVersion: "The version of the cluster isn’t current. Check the current version and try again.",
  nothingToUpdate:
    "The request does not include any updates to the EBS volumes of the cluster. Verify the request, then try again.",
  nameTaken: "A resource with this name already exists.",
  configurationArn: "Invalid Configuration ARN.",
  clusterPolicy: "The cluster policy is not valid. Invalid cluster arn:",
} as const;

/** Our wording: the rule is documented, the live text is not known. */
export const UNRECORDED = {
  notActive: "This operation is only valid for resources that are in one of the following states :[ACTIVE]",
  clusterMissing: "The cluster does not exist.",
  configurationMissing: "The configuration does not exist.",
  configurationInUse: "The configuration is in use by one or more Amazon MSK clusters.",
  revisionMissing: "The configuration revision does not exist.",
  operationMissing: "The cluster operation does not exist.",
  subnetMissing: "One or more of the specified client subnets do not exist.",
  subnetZones: "The specified client subnets must be in different Availability Zones.",
  subnetVpc: "The specified client subnets must be in the same VPC.",
  subnetUnsupportedZone: "One or more subnets belong to unsupported availability zones: [use1-az3].",
  securityGroup: "One or more of the specified security groups are invalid.",
  instanceType: "Unsupported InstanceType.",
  kraftOnT3: "KRaft metadata mode is not supported for the specified broker type.",
  volumeSize: "VolumeSize must be between 1 and 16384 GiB.",
  volumeShrinks: "You can't decrease the volume size of a broker.",
  allBrokers: "KafkaBrokerNodeId must be All: storage is changed for every broker at once.",
  storageCooldown: "Storage is optimizing. Wait for the cool-down period of 6 hours to end, then try again.",
  brokersPerCluster: "The number of broker nodes exceeds the quota per cluster.",
  brokersPerAccount: "The number of broker nodes exceeds the quota per account.",
  configurations: "The number of configurations exceeds the quota per account.",
  revisions: "The number of configuration revisions exceeds the quota.",
  serverlessUpdate: "This operation is not supported for serverless clusters.",
  configurationName:
    "The parameter value contains one or more characters that are not valid. (InvalidParameter: name)",
  immutableEncryption: "In-cluster encryption and the KMS key of a cluster can't be changed.",
  brokerFamily: "You can't change between Standard and Express broker types.",
  secretsPerCall: "A request may have at most 10 secret ARNs.",
  partitionsShrink: "The number of partitions of a topic can only be increased.",
  scramOff: "SASL/SCRAM authentication is not turned on for this cluster.",
  policyMissing: "The cluster has no policy.",
  policyForm: "The cluster policy is not valid.",
  policyVersion: "The version of the cluster policy isn't current.",
  publicUnauthenticated: "Public access needs unauthenticated access to be off.",
  publicPlaintext: "Public access needs encryption in transit TLS, within the cluster too.",
  publicAcls: "Public access with SASL/SCRAM or mTLS needs allow.everyone.if.no.acl.found to be false.",
  multiVpcType: "Multi-VPC connectivity is not supported for the specified broker type.",
  multiVpcScheme: "Multi-VPC connectivity needs the same authentication scheme on the cluster.",
  multiVpcAcls:
    "Multi-VPC connectivity with SASL/SCRAM or mTLS needs allow.everyone.if.no.acl.found to be false.",
  versionTarget: "The cluster can't be updated to the specified Kafka version.",
  rebalancing: "Intelligent rebalancing is only supported for Express instance types.",
  rebalancingStatus: "Rebalancing has that status already.",
  serverlessSubnets: "A VPC config of a serverless cluster must have two to six subnets.",
  serverlessVpcs: "A serverless cluster may have at most 5 VPC configs.",
  twoSubnets: "Specify exactly two client subnets in this Region.",
  compactionLag: "max.compaction.lag.ms must be at least 7 days for Express instance types.",
} as const;

/** CreateCluster's version rule: what Standard and Express brokers can be created with. */
export function versionRule(version: string, instanceType: string): Verdict {
  const known = [...ACTIVE_VERSIONS, ...DEPRECATED_VERSIONS];
  const valid = isExpress(instanceType) ? EXPRESS_VERSIONS : STANDARD_VERSIONS;
  if (!known.includes(version))
    return `Unsupported KafkaVersion [${version}]. Valid values: [${valid.join(", ")}]`;
  if (valid.includes(version)) return undefined;
  const tier = isExpress(instanceType) ? "Express" : "Standard";
  return `${tier} instance types are not supported for Kafka version ${version}. Valid values: [${valid.join(", ")}]`;
}

/** CreateConfiguration takes deprecated versions too; only unknown ones fail. */
export function configurationVersionRule(versions: readonly string[]): Verdict {
  const known = [...DEPRECATED_VERSIONS, ...ACTIVE_VERSIONS];
  const unknown = versions.find((version) => !known.includes(version));
  if (unknown === undefined) return undefined;
  return `Unsupported KafkaVersion [${unknown}]. Valid values: [${known.join(", ")}]`;
}

export function instanceTypeRule(instanceType: string, version: string): Verdict {
  if (!BROKER_TYPES.has(instanceType)) return UNRECORDED.instanceType;
  return instanceType === "kafka.t3.small" && isKraft(version) ? UNRECORDED.kraftOnT3 : undefined;
}

/** us-west-1 has two Availability Zones for MSK (guide, msk-create-cluster.html). */
export function subnetRule(subnets: readonly string[], instanceType: string, region = ""): Verdict {
  if (new Set(subnets).size !== subnets.length) return TEXT.subnetDuplicate;
  if (region === "us-west-1" && subnets.length === 3) return UNRECORDED.twoSubnets;
  if (isExpress(instanceType)) return subnets.length === 3 ? undefined : TEXT.expressSubnets;
  return subnets.length === 2 || subnets.length === 3 ? undefined : TEXT.subnetCount;
}

/** `zones` counts the Availability Zones of the client subnets. */
export function brokerCountRule(brokers: number, zones: number): Verdict {
  return brokers > 0 && brokers % zones === 0 ? undefined : TEXT.brokerCount;
}

function rateRule(instanceType: string, rate: number, max: number): Verdict {
  if (rate < 250 || rate > 1000) return TEXT.throughputRange;
  if (rate <= max) return undefined;
  const type = instanceType.replace("kafka.", "");
  return `For brokers of type ${type}, the maximum value for VolumeThroughput cannot exceed ${max} MiB/s.`;
}

/** Sizes in GiB, throughput in MiB/s. */
export function throughputRule(
  instanceType: string,
  volumeGiB: number | undefined,
  asked: ProvisionedThroughput | undefined,
): Verdict {
  const rate = asked?.VolumeThroughput;
  if (!isOn(asked)) return rate === undefined ? undefined : TEXT.throughputEnabled;
  const max = BROKER_TYPES.get(instanceType)?.throughputMax ?? null;
  if (max === null) return TEXT.throughputType;
  if ((volumeGiB ?? 0) < 10) return TEXT.throughputVolume;
  return rateRule(instanceType, rate ?? 250, max);
}

export function tieredRule(mode: string | undefined, instanceType: string): Verdict {
  return mode === "TIERED" && instanceType === "kafka.t3.small" ? TEXT.tieredType : undefined;
}

function expressStorageRule(request: ProvisionedRequest): Verdict {
  if (request.BrokerNodeGroupInfo.StorageInfo !== undefined) return TEXT.expressStorageInfo;
  return request.StorageMode === undefined ? undefined : TEXT.expressStorageMode;
}

export function storageRule(request: ProvisionedRequest): Verdict {
  const { InstanceType, StorageInfo } = request.BrokerNodeGroupInfo;
  if (isExpress(InstanceType)) return expressStorageRule(request);
  const volume = StorageInfo?.EbsStorageInfo;
  const size = volume?.VolumeSize;
  if (size !== undefined && (size < 1 || size > 16_384)) return UNRECORDED.volumeSize;
  return (
    tieredRule(request.StorageMode, InstanceType) ??
    throughputRule(InstanceType, size, volume?.ProvisionedThroughput)
  );
}

/** Public access, multi-VPC connectivity and dual stack can only be turned on by an update. */
export function connectivityAtCreateRule(request: ProvisionedRequest): Verdict {
  const asked = request.BrokerNodeGroupInfo.ConnectivityInfo;
  if ((asked?.PublicAccess?.Type ?? "DISABLED") !== "DISABLED") return TEXT.publicAtCreate;
  const { iam, scram, tls } = schemesOf(asked?.VpcConnectivity?.ClientAuthentication);
  if (iam || scram || tls) return TEXT.vpcConnectivityAtCreate;
  return asked?.NetworkType === "DUAL" ? TEXT.dualStackAtCreate : undefined;
}

/** Client authentication against encryption in transit. `clientBroker` and `inCluster` with defaults filled in. */
export function authenticationRule(
  auth: ClientAuthentication | undefined,
  clientBroker: string,
  inCluster: boolean,
): Verdict {
  const { iam, scram, tls, authorities, open } = schemesOf(auth);
  if (authorities.some((arn) => !/^arn:aws[\w-]*:acm-pca:/.test(arn))) return TEXT.mtlsCa;
  const sasl = iam || scram;
  if (!sasl && !tls) return open === false ? TEXT.unauthOff : undefined;
  if (clientBroker === "PLAINTEXT") return TEXT.authNeedsTls;
  if (!inCluster) return TEXT.authNeedsInCluster;
  return sasl && clientBroker === "TLS_PLAINTEXT" && open !== true ? TEXT.tlsPlaintext : undefined;
}

export function loggingRule(logging: ProvisionedRequest["LoggingInfo"]): Verdict {
  const target = logging?.BrokerLogs?.CloudWatchLogs;
  return target?.Enabled === true && (target.LogGroup ?? "") === "" ? TEXT.cloudwatchLogs : undefined;
}

export function clusterNameRule(name: string): Verdict {
  return /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/.test(name) ? undefined : TEXT.clusterName;
}

export function configurationNameRule(name: string): Verdict {
  return /^[0-9A-Za-z][0-9A-Za-z-]*$/.test(name) ? undefined : UNRECORDED.configurationName;
}

export function serverlessRule({ ClientAuthentication, VpcConfigs }: ServerlessRequest): Verdict {
  if (ClientAuthentication?.Sasl?.Iam?.Enabled !== true) return TEXT.serverlessAuth;
  if (VpcConfigs.length > 5) return UNRECORDED.serverlessVpcs;
  const fits = VpcConfigs.every(({ SubnetIds }) => SubnetIds.length >= 2 && SubnetIds.length <= 6);
  return fits ? undefined : UNRECORDED.serverlessSubnets;
}

/** Enumerated members anywhere in a request (the wording is ours). */
export function enumRule(value: unknown): Verdict {
  if (Array.isArray(value)) return value.map(enumRule).find((verdict) => verdict !== undefined);
  if (!isShape(value)) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const allowed = ENUMS.get(name);
    if (typeof item === "string" && allowed?.includes(item) === false) {
      return `Invalid value ${item} for ${name}. Valid values: [${allowed.join(", ")}]`;
    }
    const inner = enumRule(item);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** `key=value` lines of a server.properties; blank lines and comments are skipped. */
export function parseProperties(text: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const at = trimmed.indexOf("=");
    entries.set(at < 0 ? trimmed : trimmed.slice(0, at).trim(), at < 0 ? "" : trimmed.slice(at + 1).trim());
  }
  return entries;
}

function numberFits(value: string, rule: PropertyRule): boolean {
  const number = Number(value);
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rule;
  return value !== "" && Number.isFinite(number) && number >= min && number <= max;
}

function valueFits(value: string, rule: PropertyRule): boolean {
  if (rule.kind === "boolean") return value === "true" || value === "false";
  if (rule.kind === "number") return numberFits(value, rule);
  const { oneOf } = rule;
  return oneOf === undefined || value.split(",").every((part) => oneOf.includes(part.trim()));
}

/** CreateConfiguration's check: one bad key fails the call, whatever KafkaVersions says. */
export function propertiesRule(text: string): Verdict {
  for (const [key, value] of parseProperties(text)) {
    const rule = STANDARD_PROPERTIES.get(key) ?? EXPRESS_PROPERTIES.get(key);
    if (rule === undefined) {
      return `Key '${key}' is not supported by at least one Apache Kafka version. Key checked against versions: [${ACTIVE_VERSIONS.join(", ")}]`;
    }
    if (!valueFits(value, rule)) return `Invalid value '${value}' for key '${key}'.`;
  }
  return undefined;
}

/** A configuration against the broker type of the cluster that is to use it (wording ours). */
export function propertiesForBrokersRule(text: string, instanceType: string): Verdict {
  const allowed = isExpress(instanceType) ? EXPRESS_PROPERTIES : STANDARD_PROPERTIES;
  const key = [...parseProperties(text).keys()].find((name) => !allowed.has(name));
  if (key === undefined) return undefined;
  return `Key '${key}' is not supported for ${isExpress(instanceType) ? "Express" : "Standard"} instance types.`;
}

/** Topic keys that Express brokers take (developer guide; wording ours). */
export function expressTopicRule(keys: readonly string[]): Verdict {
  const key = keys.find((name) => !EXPRESS_TOPIC_PROPERTIES.includes(name));
  return key === undefined
    ? undefined
    : `Key '${key}' is not supported for topics of Express instance types.`;
}

export function expressTopicValueRule(configs: ReadonlyMap<string, string>): Verdict {
  const lag = configs.get("max.compaction.lag.ms");
  return lag !== undefined && Number(lag) < 604_800_000 ? UNRECORDED.compactionLag : undefined;
}

/** A secret that MSK can use: same account and Region, name with its prefix. */
export function secretRule(arn: string, account: string, region: string): Verdict {
  const [, , service, secretRegion, secretAccount, kind, name] = arn.split(":");
  if (service !== "secretsmanager" || kind !== "secret") return TEXT.scramForeign;
  if (secretRegion !== region || secretAccount !== account) return TEXT.scramForeign;
  return name?.startsWith("AmazonMSK_") === true ? undefined : TEXT.scramPrefix;
}
