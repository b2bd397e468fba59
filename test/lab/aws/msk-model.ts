import { z } from "zod";

const enabled = z.looseObject({ Enabled: z.boolean().optional() });

export const clientAuthentication = z.looseObject({
  Sasl: z.looseObject({ Scram: enabled.optional(), Iam: enabled.optional() }).optional(),
  Tls: z
    .looseObject({
      Enabled: z.boolean().optional(),
      CertificateAuthorityArnList: z.array(z.string()).optional(),
    })
    .optional(),
  Unauthenticated: enabled.optional(),
});
export type ClientAuthentication = z.infer<typeof clientAuthentication>;

export const encryptionInfo = z.looseObject({
  EncryptionAtRest: z.looseObject({ DataVolumeKMSKeyId: z.string() }).optional(),
  EncryptionInTransit: z
    .looseObject({ ClientBroker: z.string().optional(), InCluster: z.boolean().optional() })
    .optional(),
});

export const provisionedThroughput = z.looseObject({
  Enabled: z.boolean().optional(),
  VolumeThroughput: z.number().optional(),
});
export type ProvisionedThroughput = z.infer<typeof provisionedThroughput>;

const storageInfo = z.looseObject({
  EbsStorageInfo: z
    .looseObject({
      VolumeSize: z.number().optional(),
      ProvisionedThroughput: provisionedThroughput.optional(),
    })
    .optional(),
});

export const connectivityInfo = z.looseObject({
  PublicAccess: z.looseObject({ Type: z.string().optional() }).optional(),
  VpcConnectivity: z.looseObject({ ClientAuthentication: clientAuthentication.optional() }).optional(),
  NetworkType: z.string().optional(),
});

export const configurationInfo = z.looseObject({ Arn: z.string(), Revision: z.number() });

export const loggingInfo = z.looseObject({
  BrokerLogs: z
    .looseObject({
      CloudWatchLogs: z.looseObject({ Enabled: z.boolean(), LogGroup: z.string().optional() }).optional(),
    })
    .optional(),
});
const openMonitoring = z.record(z.string(), z.unknown());

/** A provisioned cluster as asked for: CreateCluster's members, and those of CreateClusterV2's `Provisioned`. */
export const provisionedRequest = z.looseObject({
  BrokerNodeGroupInfo: z.looseObject({
    BrokerAZDistribution: z.string().optional(),
    ClientSubnets: z.array(z.string()),
    InstanceType: z.string(),
    SecurityGroups: z.array(z.string()).optional(),
    StorageInfo: storageInfo.optional(),
    ConnectivityInfo: connectivityInfo.optional(),
    ZoneIds: z.array(z.string()).optional(),
  }),
  KafkaVersion: z.string(),
  NumberOfBrokerNodes: z.number(),
  Rebalancing: z.looseObject({ Status: z.string().optional() }).optional(),
  ClientAuthentication: clientAuthentication.optional(),
  ConfigurationInfo: configurationInfo.optional(),
  EncryptionInfo: encryptionInfo.optional(),
  EnhancedMonitoring: z.string().optional(),
  OpenMonitoring: openMonitoring.optional(),
  LoggingInfo: loggingInfo.optional(),
  StorageMode: z.string().optional(),
});
export type ProvisionedRequest = z.infer<typeof provisionedRequest>;

/** A running cluster's settings: what was asked for, with MSK's defaults filled in. */
export type Settings = ProvisionedRequest;

export const serverlessRequest = z.looseObject({
  VpcConfigs: z.array(
    z.looseObject({ SubnetIds: z.array(z.string()), SecurityGroupIds: z.array(z.string()).optional() }),
  ),
  ClientAuthentication: z
    .looseObject({ Sasl: z.looseObject({ Iam: enabled.optional() }).optional() })
    .optional(),
});
export type ServerlessRequest = z.infer<typeof serverlessRequest>;

type ClusterState =
  | "CREATING"
  | "ACTIVE"
  | "UPDATING"
  | "DELETING"
  | "FAILED"
  | "HEALING"
  | "MAINTENANCE"
  | "REBOOTING_BROKER";

export type Cluster = {
  arn: string;
  name: string;
  account: string;
  region: string;
  createdAt: number;
  currentVersion: string;
  state: ClusterState;
  stateInfo: { Code: string; Message: string } | undefined;
  tags: { [key: string]: string };
  kind: { type: "PROVISIONED"; settings: Settings } | { type: "SERVERLESS"; settings: ServerlessRequest };
  activeOperation: string | undefined;
  /** When the change under way ends, in ms; undefined when the cluster is at rest. */
  settlesAt: number | undefined;
  /** When storage may be changed again, in ms. */
  storageFreeAt: number;
  scramSecrets: string[];
  policy: { version: string; text: string } | undefined;
};

export type ClusterOperation = {
  arn: string;
  cluster: string;
  type: string;
  state: "PENDING" | "UPDATE_IN_PROGRESS" | "UPDATE_COMPLETE" | "UPDATE_FAILED";
  startedAt: number;
  endedAt: number | undefined;
  error: { ErrorCode: string; ErrorString: string } | undefined;
  before: Settings;
  after: Settings;
  /** Decided when it starts, applied when it ends. */
  failsWith: { ErrorCode: string; ErrorString: string } | undefined;
};

export type Configuration = {
  arn: string;
  name: string;
  description: string;
  account: string;
  region: string;
  createdAt: number;
  kafkaVersions: string[];
  state: "ACTIVE" | "DELETING";
  revisions: { revision: number; createdAt: number; description: string; properties: Uint8Array }[];
  tags: { [key: string]: string };
};

export function isExpress(instanceType: string): boolean {
  return instanceType.startsWith("express.");
}

export function isKraft(version: string): boolean {
  return version.endsWith(".kraft");
}

export function isOn(part: { Enabled?: boolean | undefined } | undefined): boolean {
  return part?.Enabled === true;
}

type Schemes = {
  iam: boolean;
  scram: boolean;
  tls: boolean;
  authorities: string[];
  open: boolean | undefined;
};

/** Which authentication schemes are on; `open` is unauthenticated access, undefined where nothing was said. */
export function schemesOf(auth: ClientAuthentication | undefined): Schemes {
  const { Sasl, Tls, Unauthenticated } = auth ?? {};
  const authorities = Tls?.CertificateAuthorityArnList ?? [];
  return {
    iam: isOn(Sasl?.Iam),
    scram: isOn(Sasl?.Scram),
    tls: Tls?.Enabled ?? authorities.length > 0,
    authorities,
    open: Unauthenticated?.Enabled,
  };
}
