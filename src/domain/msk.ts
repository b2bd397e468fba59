/** Amazon MSK as the jobs see it: the port, and what goes over it. Source: @aws-sdk/client-kafka 3.1169. */

import type { Known } from "./topology.ts";

export type MskState =
  | "ACTIVE"
  | "CREATING"
  | "DELETING"
  | "FAILED"
  | "HEALING"
  | "MAINTENANCE"
  | "REBOOTING_BROKER"
  | "UPDATING";

export type MskCluster = {
  readonly arn: string;
  readonly name: string;
  readonly state: MskState;
  /** Why it is FAILED, in AWS's words. */
  readonly reason?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number | undefined;
  readonly kind: "standard" | "express" | "serverless";
  /** Needed for every update; changes with each. */
  readonly currentVersion: string;
  readonly kafkaVersion: string;
  readonly instanceType: string;
  readonly brokers: number;
  readonly volumeGiB: number | undefined;
  readonly provisionedThroughputMiBs: number | undefined;
  readonly monitoring: string;
  readonly auth: readonly ("iam" | "scram" | "tls" | "unauthenticated")[];
  readonly transit: "tls" | "tls-plaintext" | "plaintext";
  readonly configurationArn: string | undefined;
  readonly configurationRevision: number | undefined;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** At rest: ARN of the KMS key; `undefined` where AWS does not say. */
  readonly kmsKey: string | undefined;
  readonly encryptsInCluster: boolean;
  /** For mutual TLS: ARNs of private certificate authorities. */
  readonly certificateAuthorities: readonly string[];
  readonly logs: BrokerLogs;
  /** Open monitoring: both exporters, in the broker. */
  readonly prometheus: boolean;
  readonly publicAccess: boolean;
  /** Schemes that clients of other VPCs may log in with over PrivateLink; absent: none. */
  readonly multiVpc?: readonly string[];
  /** Reached by IPv6, too. */
  readonly dualStack?: boolean;
  /** Old records go to tiered storage. */
  readonly tiered?: boolean;
  readonly tags: Readonly<Record<string, string>>;
};

/** Where the brokers' logs go; nowhere where a part is absent. */
export type BrokerLogs = {
  /** Name of a CloudWatch log group. */
  readonly cloudWatch?: string;
  readonly s3?: { readonly bucket: string; readonly prefix?: string };
  /** Name of a Firehose delivery stream. */
  readonly firehose?: string;
};

export type MskConfiguration = {
  readonly arn: string;
  readonly revision: number;
  readonly properties: string;
  /** Configurations carry no tags; this says whose it is. Empty where AWS does not say. */
  readonly description: string;
};

export type ConfigurationRequest = {
  readonly name: string;
  readonly description: string;
  readonly kafkaVersions: readonly string[];
  /** Newline-separated key=value. */
  readonly properties: string;
};

export type ClusterRequest = {
  readonly name: string;
  readonly kind: "standard" | "express";
  readonly kafkaVersion: string;
  readonly instanceType: string;
  readonly brokers: number;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** Standard only. */
  readonly volumeGiB?: number;
  readonly provisionedThroughputMiBs?: number;
  readonly auth: "iam" | "scram" | "tls" | "unauthenticated";
  /** For mutual TLS: ARNs of private certificate authorities. */
  readonly certificateAuthorities?: readonly string[];
  readonly transit: "tls" | "tls-plaintext" | "plaintext";
  readonly kmsKey?: string;
  readonly monitoring: "DEFAULT" | "PER_BROKER" | "PER_TOPIC_PER_BROKER" | "PER_TOPIC_PER_PARTITION";
  readonly prometheus: boolean;
  readonly logs?: BrokerLogs;
  readonly tags: Readonly<Record<string, string>>;
};

export type OperationState = {
  readonly state: "PENDING" | "UPDATE_IN_PROGRESS" | "UPDATE_COMPLETE" | "UPDATE_FAILED";
  readonly reason?: string;
};

/** What Application Auto Scaling has of a cluster's volumes. */
export type StorageScaling = {
  readonly minGiB: number;
  readonly maxGiB: number;
  /** Somebody has told it to wait: it grows nothing. */
  readonly isSuspended: boolean;
  /** `percent`: of the volume, when it grows; `undefined`: it goes by something else. */
  readonly policies: ReadonlyArray<{ readonly name: string; readonly percent: number | undefined }>;
  readonly tags: Readonly<Record<string, string>>;
};

/** Errors: `E_AWS_*`, with AWS's own sentence. */
export type Msk = {
  /** Versions on which a cluster can be created now (ListKafkaVersions, any ACTIVE row). */
  versions(): Promise<readonly string[]>;
  findCluster(name: string): Promise<MskCluster | undefined>;
  /** `E_TARGET_ABSENT` when there is none of this ARN. Sees a new one before lists do. */
  describeCluster(arn: string): Promise<MskCluster>;
  findConfiguration(name: string): Promise<MskConfiguration | undefined>;
  /** The revision that a cluster uses. `E_AWS_REFUSED` when there is none. */
  describeConfiguration(arn: string, revision: number): Promise<MskConfiguration>;
  /** The one of this name where there is one already: names are unique in an account and Region. */
  createConfiguration(request: ConfigurationRequest): Promise<MskConfiguration>;
  /** A new revision; clusters keep the one they have. */
  reviseConfiguration(arn: string, description: string, properties: string): Promise<MskConfiguration>;
  /**
   * Returns the ARN at once; the cluster is CREATING for about half an hour. Where one of this name exists already, its
   * ARN: whoever calls compares it with what was asked for. `E_AWS_UNREACHABLE` when it exists but is not listed yet.
   */
  createCluster(
    request: ClusterRequest,
    configuration: Pick<MskConfiguration, "arn" | "revision">,
  ): Promise<string>;
  scramSecrets(arn: string): Promise<readonly string[]>;
  /** Those that are associated already are no error. `E_AWS_REFUSED` names every secret that MSK did not take, and why. */
  associateScram(arn: string, secretArns: readonly string[]): Promise<void>;
  /** host:port list for this way to authenticate; `undefined`: the cluster has none. Refused while it is CREATING. */
  bootstrap(
    arn: string,
    auth: ClusterRequest["auth"],
    transit: ClusterRequest["transit"],
  ): Promise<readonly string[] | undefined>;
  /** All brokers at once (broker id "All"). Returns the operation's ARN. */
  updateStorage(cluster: MskCluster, volumeGiB: number): Promise<string>;
  updateMonitoring(cluster: MskCluster, level: ClusterRequest["monitoring"]): Promise<string>;
  operation(arn: string): Promise<OperationState>;
  /** What lets the volumes of a cluster grow by itself; `undefined` where nothing is registered. */
  storageScaling(arn: string): Promise<StorageScaling | undefined>;
  /** Registers the volumes, with tags. Where they are registered already nothing is changed: whoever calls looks again. */
  registerStorage(arn: string, capacity: Pick<StorageScaling, "minGiB" | "maxGiB" | "tags">): Promise<void>;
  /** Puts the policy of this name, or puts it right. `E_AWS_REFUSED` where nothing is registered. It never shrinks. */
  putStoragePolicy(arn: string, policy: { readonly name: string; readonly percent: number }): Promise<void>;
  /** How full the fullest broker's volume is by its own word, 0 to 100. Unknown while one of them has told nothing lately. */
  diskUsed(
    cluster: Pick<MskCluster, "name" | "brokers">,
  ): Promise<Known<{ readonly broker: number; readonly percent: number }>>;
};
