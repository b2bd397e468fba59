import type {
  ClientAuthentication,
  CreateClusterV2CommandInput,
  GetBootstrapBrokersResponse,
  ProvisionedRequest,
} from "@aws-sdk/client-kafka";
import { z } from "zod";
import type { BrokerLogs, ClusterRequest, MskConfiguration, OperationState } from "#domain/msk.ts";
import { parseAnswer } from "./aws.ts";

/** MSK's shapes and ours. What AWS answers is parsed: every member of the SDK's types is optional. */

const clientBroker = { tls: "TLS", "tls-plaintext": "TLS_PLAINTEXT", plaintext: "PLAINTEXT" } as const;

/** CreateClusterV2's request. Express takes neither StorageInfo nor StorageMode. */
export function creationInput(
  request: ClusterRequest,
  configuration: Pick<MskConfiguration, "arn" | "revision">,
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
  logs,
}: ClusterRequest): Pick<ProvisionedRequest, "OpenMonitoring" | "LoggingInfo"> {
  const exporter = { EnabledInBroker: true };
  return {
    ...(prometheus
      ? { OpenMonitoring: { Prometheus: { JmxExporter: exporter, NodeExporter: exporter } } }
      : {}),
    ...(logs === undefined ? {} : { LoggingInfo: { BrokerLogs: logDestinations(logs) } }),
  };
}

function logDestinations({ cloudWatch, s3, firehose }: BrokerLogs) {
  return {
    ...(cloudWatch === undefined ? {} : { CloudWatchLogs: { Enabled: true, LogGroup: cloudWatch } }),
    ...(s3 === undefined
      ? {}
      : {
          S3: { Enabled: true, Bucket: s3.bucket, ...(s3.prefix === undefined ? {} : { Prefix: s3.prefix }) },
        }),
    ...(firehose === undefined ? {} : { Firehose: { Enabled: true, DeliveryStream: firehose } }),
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
