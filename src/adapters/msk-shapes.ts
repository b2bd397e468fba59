import type {
  ClientAuthentication,
  CreateClusterV2CommandInput,
  GetBootstrapBrokersResponse,
  ProvisionedRequest,
} from "@aws-sdk/client-kafka";
import { z } from "zod";
import type { ClusterRequest, MskCluster, MskConfiguration, OperationState } from "#domain/msk.ts";
import { parseAnswer } from "./aws.ts";

/** MSK's shapes and ours. What AWS answers is parsed: every member of the SDK's types is optional. */

const Switch = z.object({ Enabled: z.boolean().optional() }).optional();

const AuthenticationAnswer = z.object({
  Sasl: z.object({ Iam: Switch, Scram: Switch }).optional(),
  Tls: Switch,
  Unauthenticated: Switch,
});
type AuthenticationAnswer = z.infer<typeof AuthenticationAnswer>;

const ProvisionedAnswer = z.object({
  BrokerNodeGroupInfo: z.object({
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
  EncryptionInfo: z
    .object({ EncryptionInTransit: z.object({ ClientBroker: z.string().optional() }).optional() })
    .optional(),
  EnhancedMonitoring: z.string().default("DEFAULT"),
  NumberOfBrokerNodes: z.number(),
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
    transit: transitOf(answer.EncryptionInfo?.EncryptionInTransit?.ClientBroker),
    configurationArn: software.ConfigurationArn,
    configurationRevision: software.ConfigurationRevision,
    subnets: group.ClientSubnets,
    securityGroups: group.SecurityGroups,
  };
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

const clientBroker = { tls: "TLS", "tls-plaintext": "TLS_PLAINTEXT", plaintext: "PLAINTEXT" } as const;

/** CreateClusterV2's request. Express takes neither StorageInfo nor StorageMode. */
export function creationInput(
  request: ClusterRequest,
  configuration: MskConfiguration,
): CreateClusterV2CommandInput {
  return {
    ClusterName: request.name,
    Tags: { ...request.tags },
    Provisioned: {
      KafkaVersion: request.kafkaVersion,
      NumberOfBrokerNodes: request.brokers,
      BrokerNodeGroupInfo: {
        InstanceType: request.instanceType,
        ClientSubnets: [...request.subnets],
        SecurityGroups: [...request.securityGroups],
        ...(request.kind === "express" ? {} : { StorageInfo: storage(request) }),
      },
      ClientAuthentication: authentication(request),
      // Always sent: AWS's pages disagree about the default.
      EncryptionInfo: {
        EncryptionInTransit: { ClientBroker: clientBroker[request.transit], InCluster: true },
        ...(request.kmsKey === undefined ? {} : { EncryptionAtRest: { DataVolumeKMSKeyId: request.kmsKey } }),
      },
      ConfigurationInfo: { Arn: configuration.arn, Revision: configuration.revision },
      EnhancedMonitoring: request.monitoring,
      ...observation(request),
    },
  };
}

function storage({ volumeGiB, provisionedThroughputMiBs: rate }: ClusterRequest) {
  return {
    EbsStorageInfo: {
      ...(volumeGiB === undefined ? {} : { VolumeSize: volumeGiB }),
      ...(rate === undefined ? {} : { ProvisionedThroughput: { Enabled: true, VolumeThroughput: rate } }),
    },
  };
}

function authentication({ auth, certificateAuthorities = [] }: ClusterRequest): ClientAuthentication {
  switch (auth) {
    case "iam":
      return { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } };
    case "scram":
      return { Sasl: { Scram: { Enabled: true } }, Unauthenticated: { Enabled: false } };
    case "tls":
      return {
        Tls: { Enabled: true, CertificateAuthorityArnList: [...certificateAuthorities] },
        Unauthenticated: { Enabled: false },
      };
    case "unauthenticated":
      return { Unauthenticated: { Enabled: true } };
  }
}

function observation({
  prometheus,
  logGroup,
}: ClusterRequest): Pick<ProvisionedRequest, "OpenMonitoring" | "LoggingInfo"> {
  const exporter = { EnabledInBroker: true };
  return {
    ...(prometheus
      ? { OpenMonitoring: { Prometheus: { JmxExporter: exporter, NodeExporter: exporter } } }
      : {}),
    ...(logGroup === undefined
      ? {}
      : { LoggingInfo: { BrokerLogs: { CloudWatchLogs: { Enabled: true, LogGroup: logGroup } } } }),
  };
}

/** Brokers for this way to authenticate; without authentication the plain listener wherever there is one. */
export function bootstrapOf(
  answer: GetBootstrapBrokersResponse,
  auth: ClusterRequest["auth"],
  transit: ClusterRequest["transit"],
): readonly string[] | undefined {
  const brokers = listFor(answer, auth, transit);
  return brokers === undefined || brokers === "" ? undefined : brokers.split(",").map((each) => each.trim());
}

function listFor(
  answer: GetBootstrapBrokersResponse,
  auth: ClusterRequest["auth"],
  transit: ClusterRequest["transit"],
): string | undefined {
  if (auth === "iam") return answer.BootstrapBrokerStringSaslIam;
  if (auth === "scram") return answer.BootstrapBrokerStringSaslScram;
  return auth === "unauthenticated" && transit !== "tls"
    ? answer.BootstrapBrokerString
    : answer.BootstrapBrokerStringTls;
}

const OperationAnswer = z.object({
  OperationState: z.string(),
  ErrorInfo: z.object({ ErrorCode: z.string().optional(), ErrorString: z.string().optional() }).optional(),
});

/** A state that is not known here is one that is still under way: only the two ends are decided upon. */
export function operationOf(answer: unknown): OperationState {
  const { OperationState: state, ErrorInfo } = parseAnswer(OperationAnswer, answer, "an operation");
  const reason = [ErrorInfo?.ErrorCode, ErrorInfo?.ErrorString].filter((part) => part !== undefined);
  if (state === "UPDATE_COMPLETE" || state === "PENDING") return { state };
  if (state === "UPDATE_FAILED") return { state, reason: reason.join(": ") };
  return { state: "UPDATE_IN_PROGRESS" };
}
