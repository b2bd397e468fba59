import { z } from "zod";
import type { BrokerLogs, MskCluster } from "#domain/msk.ts";
import { parseAnswer } from "./aws.ts";

/** What AWS answers of a cluster, and ours: every member of the SDK's types is optional. */

const Switch = z.object({ Enabled: z.boolean().optional() }).optional();

const AuthenticationAnswer = z.object({
  Sasl: z.object({ Iam: Switch, Scram: Switch }).optional(),
  Tls: z
    .object({ Enabled: z.boolean().optional(), CertificateAuthorityArnList: z.array(z.string()).default([]) })
    .optional(),
  Unauthenticated: Switch,
});
type AuthenticationAnswer = z.infer<typeof AuthenticationAnswer>;

const Exporter = z.object({ EnabledInBroker: z.boolean().optional() }).optional();
const EncryptionAnswer = z.object({
  EncryptionAtRest: z.object({ DataVolumeKMSKeyId: z.string().optional() }).optional(),
  EncryptionInTransit: z
    .object({ ClientBroker: z.string().optional(), InCluster: z.boolean().optional() })
    .optional(),
});
const LoggingAnswer = z.object({
  BrokerLogs: z
    .object({
      CloudWatchLogs: z
        .object({ Enabled: z.boolean().optional(), LogGroup: z.string().optional() })
        .optional(),
      Firehose: z
        .object({ Enabled: z.boolean().optional(), DeliveryStream: z.string().optional() })
        .optional(),
      S3: z
        .object({
          Enabled: z.boolean().optional(),
          Bucket: z.string().optional(),
          Prefix: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
});

const ProvisionedAnswer = z.object({
  BrokerNodeGroupInfo: z.object({
    ConnectivityInfo: z
      .object({
        PublicAccess: z.object({ Type: z.string().optional() }).optional(),
        VpcConnectivity: z
          .object({
            ClientAuthentication: z
              .object({ Sasl: z.object({ Iam: Switch, Scram: Switch }).optional(), Tls: Switch })
              .optional(),
          })
          .optional(),
        NetworkType: z.string().optional(),
      })
      .optional(),
    InstanceType: z.string(),
    ClientSubnets: z.array(z.string()),
    SecurityGroups: z.array(z.string()).default([]),
    StorageInfo: z
      .object({
        EbsStorageInfo: z
          .object({
            VolumeSize: z.number().optional(),
            ProvisionedThroughput: z
              .object({ Enabled: z.boolean().optional(), VolumeThroughput: z.number().optional() })
              .optional(),
          })
          .optional(),
      })
      .optional(),
  }),
  CurrentBrokerSoftwareInfo: z.object({
    KafkaVersion: z.string(),
    ConfigurationArn: z.string().optional(),
    ConfigurationRevision: z.number().optional(),
  }),
  ClientAuthentication: AuthenticationAnswer.optional(),
  EncryptionInfo: EncryptionAnswer.optional(),
  LoggingInfo: LoggingAnswer.optional(),
  OpenMonitoring: z
    .object({ Prometheus: z.object({ JmxExporter: Exporter, NodeExporter: Exporter }).optional() })
    .optional(),
  EnhancedMonitoring: z.string().default("DEFAULT"),
  NumberOfBrokerNodes: z.number(),
  StorageMode: z.string().optional(),
});
type ProvisionedAnswer = z.infer<typeof ProvisionedAnswer>;

const ServerlessAnswer = z.object({
  VpcConfigs: z
    .array(z.object({ SubnetIds: z.array(z.string()), SecurityGroupIds: z.array(z.string()).default([]) }))
    .default([]),
});

const ClusterAnswer = z.object({
  ClusterArn: z.string(),
  ClusterName: z.string(),
  CreationTime: z.date().optional(),
  CurrentVersion: z.string().default(""),
  State: z.enum([
    "ACTIVE",
    "CREATING",
    "DELETING",
    "FAILED",
    "HEALING",
    "MAINTENANCE",
    "REBOOTING_BROKER",
    "UPDATING",
  ]),
  StateInfo: z.object({ Code: z.string().optional(), Message: z.string().optional() }).optional(),
  Tags: z.record(z.string(), z.string()).default({}),
  Provisioned: ProvisionedAnswer.optional(),
  Serverless: ServerlessAnswer.optional(),
});

export function clusterOf(answer: unknown): MskCluster {
  const cluster = parseAnswer(ClusterAnswer, answer, "a cluster");
  const { StateInfo, Provisioned, Serverless } = cluster;
  const reason = [StateInfo?.Code, StateInfo?.Message].filter((part) => part !== undefined).join(": ");
  const common = {
    arn: cluster.ClusterArn,
    name: cluster.ClusterName,
    state: cluster.State,
    ...(reason === "" ? {} : { reason }),
    createdAt: cluster.CreationTime?.getTime(),
    currentVersion: cluster.CurrentVersion,
    tags: cluster.Tags,
  };
  if (Provisioned !== undefined) return { ...common, ...provisioned(Provisioned) };
  const [network] = Serverless?.VpcConfigs ?? [];
  return {
    ...common,
    kind: "serverless",
    kafkaVersion: "",
    instanceType: "",
    brokers: 0,
    volumeGiB: undefined,
    provisionedThroughputMiBs: undefined,
    monitoring: "DEFAULT",
    auth: ["iam"],
    transit: "tls",
    configurationArn: undefined,
    configurationRevision: undefined,
    subnets: network?.SubnetIds ?? [],
    securityGroups: network?.SecurityGroupIds ?? [],
    kmsKey: undefined,
    encryptsInCluster: true,
    certificateAuthorities: [],
    logs: {},
    prometheus: false,
    publicAccess: false,
  };
}

function provisioned(
  answer: ProvisionedAnswer,
): Omit<MskCluster, "arn" | "name" | "state" | "reason" | "createdAt" | "currentVersion" | "tags"> {
  const { BrokerNodeGroupInfo: group, CurrentBrokerSoftwareInfo: software } = answer;
  const volume = group.StorageInfo?.EbsStorageInfo;
  const throughput = volume?.ProvisionedThroughput;
  return {
    kind: group.InstanceType.startsWith("express.") ? "express" : "standard",
    kafkaVersion: software.KafkaVersion,
    instanceType: group.InstanceType,
    brokers: answer.NumberOfBrokerNodes,
    volumeGiB: volume?.VolumeSize,
    provisionedThroughputMiBs: throughput?.Enabled === true ? throughput.VolumeThroughput : undefined,
    monitoring: answer.EnhancedMonitoring,
    auth: schemes(answer.ClientAuthentication),
    configurationArn: software.ConfigurationArn,
    configurationRevision: software.ConfigurationRevision,
    subnets: group.ClientSubnets,
    securityGroups: group.SecurityGroups,
    ...encryption(answer.EncryptionInfo),
    certificateAuthorities: answer.ClientAuthentication?.Tls?.CertificateAuthorityArnList ?? [],
    logs: logsOf(answer.LoggingInfo),
    prometheus: exports(answer.OpenMonitoring?.Prometheus),
    publicAccess: isPublic(group),
    ...reachedBesides(group),
    ...(answer.StorageMode === "TIERED" ? { tiered: true } : {}),
  };
}

function reachedBesides({
  ConnectivityInfo,
}: ProvisionedAnswer["BrokerNodeGroupInfo"]): Pick<MskCluster, "multiVpc" | "dualStack"> {
  const { Sasl, Tls } = ConnectivityInfo?.VpcConnectivity?.ClientAuthentication ?? {};
  const asked = [
    ["iam", Sasl?.Iam],
    ["scram", Sasl?.Scram],
    ["tls", Tls],
  ] as const;
  const multiVpc = asked.flatMap(([scheme, state]) => (state?.Enabled === true ? [scheme] : []));
  return {
    ...(multiVpc.length === 0 ? {} : { multiVpc }),
    ...(ConnectivityInfo?.NetworkType === "DUAL" ? { dualStack: true } : {}),
  };
}

function isPublic({ ConnectivityInfo }: ProvisionedAnswer["BrokerNodeGroupInfo"]): boolean {
  return (ConnectivityInfo?.PublicAccess?.Type ?? "DISABLED") !== "DISABLED";
}

function encryption({
  EncryptionAtRest: atRest,
  EncryptionInTransit: inTransit,
}: z.infer<typeof EncryptionAnswer> = {}): Pick<MskCluster, "kmsKey" | "transit" | "encryptsInCluster"> {
  return {
    kmsKey: atRest?.DataVolumeKMSKeyId,
    transit: transitOf(inTransit?.ClientBroker),
    encryptsInCluster: inTransit?.InCluster !== false,
  };
}

function exports(
  prometheus: NonNullable<ProvisionedAnswer["OpenMonitoring"]>["Prometheus"] | undefined,
): boolean {
  const { JmxExporter, NodeExporter } = prometheus ?? {};
  return JmxExporter?.EnabledInBroker === true && NodeExporter?.EnabledInBroker === true;
}

function logsOf(answer: ProvisionedAnswer["LoggingInfo"]): BrokerLogs {
  const { CloudWatchLogs, Firehose, S3 } = answer?.BrokerLogs ?? {};
  const cloudWatch = CloudWatchLogs?.Enabled === true ? CloudWatchLogs.LogGroup : undefined;
  const firehose = Firehose?.Enabled === true ? Firehose.DeliveryStream : undefined;
  const s3 = S3?.Enabled === true ? bucketOf(S3) : undefined;
  return {
    ...(cloudWatch === undefined ? {} : { cloudWatch }),
    ...(s3 === undefined ? {} : { s3 }),
    ...(firehose === undefined ? {} : { firehose }),
  };
}

type BucketAnswer = { readonly Bucket?: string | undefined; readonly Prefix?: string | undefined };

function bucketOf({ Bucket, Prefix }: BucketAnswer): BrokerLogs["s3"] {
  if (Bucket === undefined) return undefined;
  return { bucket: Bucket, ...(Prefix === undefined ? {} : { prefix: Prefix }) };
}

/** Without a word about it a cluster admits everybody: MSK's default. */
function schemes({ Sasl, Tls, Unauthenticated }: AuthenticationAnswer = {}): MskCluster["auth"] {
  const asked = [
    ["iam", Sasl?.Iam],
    ["scram", Sasl?.Scram],
    ["tls", Tls],
  ] as const;
  const named = asked.flatMap(([scheme, state]) => (state?.Enabled === true ? [scheme] : []));
  const open = Unauthenticated?.Enabled ?? named.length === 0;
  return open ? [...named, "unauthenticated"] : named;
}

function transitOf(clientBroker: string | undefined): MskCluster["transit"] {
  if (clientBroker === "PLAINTEXT") return "plaintext";
  return clientBroker === "TLS_PLAINTEXT" ? "tls-plaintext" : "tls";
}
