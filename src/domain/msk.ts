/** Amazon MSK as the jobs see it: the port, and what goes over it. Source: @aws-sdk/client-kafka 3.1169. */

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
  readonly tags: Readonly<Record<string, string>>;
};

export type MskConfiguration = {
  readonly arn: string;
  readonly revision: number;
  readonly properties: string;
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
  readonly logGroup?: string;
  readonly tags: Readonly<Record<string, string>>;
};

export type OperationState = {
  readonly state: "PENDING" | "UPDATE_IN_PROGRESS" | "UPDATE_COMPLETE" | "UPDATE_FAILED";
  readonly reason?: string;
};

/** Errors: `E_AWS_*`, with AWS's own sentence. */
export type Msk = {
  /** Versions on which a cluster can be created now (ListKafkaVersions, any ACTIVE row). */
  versions(): Promise<readonly string[]>;
  findCluster(name: string): Promise<MskCluster | undefined>;
  describeCluster(arn: string): Promise<MskCluster>;
  findConfiguration(name: string): Promise<MskConfiguration | undefined>;
  /** The one of this name where there is one already: names are unique in an account and Region. */
  createConfiguration(request: ConfigurationRequest): Promise<MskConfiguration>;
  /** A new revision; clusters keep the one they have. */
  reviseConfiguration(arn: string, description: string, properties: string): Promise<MskConfiguration>;
  /**
   * Returns the ARN at once; the cluster is CREATING for about half an hour. Where one of this name exists already, its
   * ARN: whoever calls compares it with what was asked for. `E_AWS_UNREACHABLE` when it exists but is not listed yet.
   */
  createCluster(request: ClusterRequest, configuration: MskConfiguration): Promise<string>;
  scramSecrets(arn: string): Promise<readonly string[]>;
  /** Those that are associated already are no error. */
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
};
