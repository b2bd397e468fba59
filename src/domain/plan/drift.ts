import { hashOf } from "#domain/canonical.ts";
import type {
  BrokerLogs,
  ClusterRequest,
  ConfigurationRequest,
  MskCluster,
  MskConfiguration,
} from "#domain/msk.ts";
import { propertiesOf } from "./provisioning.ts";

/** Where a cluster that exists is not what was planned, field by field. */

export type Drift = { readonly what: string; readonly planned: string; readonly found: string };

/**
 * Everything that CreateClusterV2 was or would have been told. A volume may be larger: storage only grows. A key for
 * encryption at rest that was not planned is AWS's own to choose. Storage auto scaling is not part of a cluster:
 * it is shown beside, and is no reason to ask.
 */
export function drift(request: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  const compared: readonly Drift[] = [
    { what: "kind", planned: request.kind, found: cluster.kind },
    { what: "instance type", planned: request.instanceType, found: cluster.instanceType },
    { what: "brokers", planned: String(request.brokers), found: String(cluster.brokers) },
    { what: "Kafka version", planned: request.kafkaVersion, found: cluster.kafkaVersion },
    { what: "subnets", planned: listed(request.subnets), found: listed(cluster.subnets) },
    {
      what: "security groups",
      planned: listed(request.securityGroups),
      found: listed(cluster.securityGroups),
    },
    { what: "transit", planned: request.transit, found: cluster.transit },
    { what: "encryption within the cluster", planned: "on", found: onOff(cluster.encryptsInCluster) },
    { what: "public access", planned: "off", found: onOff(cluster.publicAccess) },
    { what: "multi-VPC access", planned: "off", found: listed(cluster.multiVpc ?? []) || "off" },
    { what: "access by IPv6", planned: "off", found: onOff(cluster.dualStack === true) },
    { what: "tiered storage", planned: "off", found: onOff(cluster.tiered === true) },
    { what: "broker logs", planned: logsText(request.logs ?? {}), found: logsText(cluster.logs) },
    { what: "monitoring", planned: request.monitoring, found: cluster.monitoring },
    { what: "open monitoring", planned: onOff(request.prometheus), found: onOff(cluster.prometheus) },
  ];
  return [
    ...compared.filter(({ planned, found }) => planned !== found),
    ...authDrift(request, cluster),
    ...volumeDrift(request, cluster),
    ...throughputDrift(request, cluster),
    ...keyDrift(request, cluster),
    ...tagDrift(request, cluster),
  ];
}

function onOff(state: boolean): string {
  return state ? "on" : "off";
}

/** More schemes than planned are drift, too: each is a door. */
function authDrift(
  { auth, certificateAuthorities = [] }: ClusterRequest,
  cluster: MskCluster,
): readonly Drift[] {
  const found = cluster.auth.toSorted().join(", ") || "none";
  const authorities = {
    what: "certificate authorities",
    planned: listed(certificateAuthorities) || "none",
    found: listed(cluster.certificateAuthorities) || "none",
  };
  return [
    ...(found === auth ? [] : [{ what: "authentication", planned: auth, found }]),
    ...(authorities.planned === authorities.found ? [] : [authorities]),
  ];
}

function volumeDrift({ volumeGiB }: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  if (volumeGiB === undefined || (cluster.volumeGiB ?? volumeGiB) >= volumeGiB) return [];
  return [{ what: "volume", planned: `${volumeGiB} GiB`, found: `${cluster.volumeGiB} GiB` }];
}

function throughputDrift(request: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  const [planned, found] = [request, cluster].map(({ provisionedThroughputMiBs: rate }) =>
    rate === undefined ? "none" : `${rate} MiB/s`,
  );
  if (planned === undefined || found === undefined || planned === found) return [];
  return [{ what: "provisioned throughput", planned, found }];
}

function keyDrift({ kmsKey }: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  if (kmsKey === undefined || cluster.kmsKey === kmsKey) return [];
  return [{ what: "KMS key at rest", planned: kmsKey, found: cluster.kmsKey ?? "unknown" }];
}

/** A cluster that others made carries no tag of ours: that is who it belongs to, not what it is. */
function tagDrift({ tags }: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  return Object.entries(tags).flatMap(([key, planned]) => {
    const found = cluster.tags[key];
    return found === undefined || found === planned ? [] : [{ what: `tag ${key}`, planned, found }];
  });
}

function logsText({ cloudWatch, s3, firehose }: BrokerLogs): string {
  const places = [
    ...(cloudWatch === undefined ? [] : [`CloudWatch ${cloudWatch}`]),
    ...(s3 === undefined ? [] : [`S3 ${s3.bucket}/${s3.prefix ?? ""}`]),
    ...(firehose === undefined ? [] : [`Firehose ${firehose}`]),
  ];
  return places.join(", ") || "none";
}

/** The brokers' configuration: whose, and each property. `undefined`: the cluster runs on MSK's default. */
export function configurationDrift(
  request: ConfigurationRequest,
  found: MskConfiguration | undefined,
): readonly Drift[] {
  if (found === undefined) {
    return [{ what: "configuration", planned: request.name, found: "MSK's default" }];
  }
  const name = found.arn.split("/")[1] ?? found.arn;
  const [planned, actual] = [propertiesOf(request.properties), propertiesOf(found.properties)];
  const keys = [...new Set([...planned.keys(), ...actual.keys()])].toSorted();
  return [
    ...(name === request.name
      ? []
      : [{ what: "configuration", planned: request.name, found: `${name}, revision ${found.revision}` }]),
    ...keys
      .filter((key) => planned.get(key) !== actual.get(key))
      .map((key) => ({
        what: `${key} in revision ${found.revision} of ${name}`,
        planned: planned.get(key) ?? "not set",
        found: actual.get(key) ?? "not set",
      })),
  ];
}

function listed(names: readonly string[]): string {
  return names.toSorted().join(", ");
}

export function driftText({ what, planned, found }: Drift): string {
  return `${what}: ${found}, planned ${planned}`;
}

/** Names these differences of this cluster: an answer to them is none to others. */
export function driftFingerprint(arn: string, differences: readonly Drift[]): string {
  return hashOf({ arn, differences }).slice(0, 8);
}
