import type { ClusterRequest, MskCluster, MskConfiguration } from "#domain/msk.ts";

/** How every ARN of the MSK in memory begins. */
export const arn = "arn:aws:kafka:us-east-1:123456789012";
const kms = "arn:aws:kms:us-east-1:123456789012:key";

/** A cluster that somebody made without asking for anything special. */
export function plain(name: string, createdAt: number): MskCluster {
  return {
    arn: `${arn}:cluster/${name}/1`,
    name,
    state: "ACTIVE",
    createdAt,
    kind: "standard",
    currentVersion: "K1",
    kafkaVersion: "3.9.x",
    instanceType: "kafka.m7g.large",
    brokers: 3,
    volumeGiB: 100,
    provisionedThroughputMiBs: undefined,
    monitoring: "DEFAULT",
    auth: ["iam"],
    transit: "tls",
    configurationArn: undefined,
    configurationRevision: undefined,
    subnets: ["subnet-a", "subnet-b", "subnet-c"],
    securityGroups: ["sg-1"],
    kmsKey: undefined,
    encryptsInCluster: true,
    certificateAuthorities: [],
    logs: {},
    prometheus: true,
    publicAccess: false,
    tags: {},
  };
}

/** What a request leads to. */
export function created(
  request: ClusterRequest,
  configuration: Pick<MskConfiguration, "arn" | "revision">,
  now: number,
): MskCluster {
  return {
    ...plain(request.name, now),
    state: "CREATING",
    kind: request.kind,
    kafkaVersion: request.kafkaVersion,
    instanceType: request.instanceType,
    brokers: request.brokers,
    volumeGiB: request.volumeGiB,
    provisionedThroughputMiBs: request.provisionedThroughputMiBs,
    monitoring: request.monitoring,
    auth: [request.auth],
    transit: request.transit,
    configurationArn: configuration.arn,
    configurationRevision: configuration.revision,
    subnets: request.subnets,
    securityGroups: request.securityGroups,
    kmsKey: request.kmsKey ?? `${kms}/aws-kafka`,
    certificateAuthorities: request.certificateAuthorities ?? [],
    logs: request.logs ?? {},
    prometheus: request.prometheus,
    tags: request.tags,
  };
}
