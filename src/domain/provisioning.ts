import type { ClusterRequest, ConfigurationRequest, MskCluster } from "./msk.ts";
import { brokerPorts } from "./msk-data.ts";
import type { Plan } from "./plan.ts";
import type { Migration } from "./settings.ts";

/** How a plan becomes requests to MSK, and how a cluster that exists compares with it. */

/** Carried by everything that a migration makes in AWS: this key with the migration's name. */
export const ownerTag = "msk-ferry";

export function ownedBy(migration: string, tags: Readonly<Record<string, string>>): boolean {
  return tags[ownerTag] === migration;
}

export function configurationRequest(plan: Plan, { name, settings }: Migration): ConfigurationRequest {
  return {
    name: `ferry-${settings.target.cluster}`,
    description: `MSK Ferry, migration ${name}, plan ${plan.hash.slice(0, 12)}`,
    kafkaVersions: [plan.shape.kafkaVersion],
    properties: propertiesText(plan.configuration),
  };
}

/** Monitoring is created at DEFAULT, which is free; `/ferry features` raises it. */
export function clusterRequest({ shape }: Plan, { name, settings }: Migration): ClusterRequest {
  const { target } = settings;
  return {
    name: target.cluster,
    kind: shape.kind,
    kafkaVersion: shape.kafkaVersion,
    instanceType: shape.instanceType,
    brokers: shape.brokers,
    subnets: target.subnets,
    securityGroups: target.securityGroups,
    ...(shape.volumeGiB === undefined ? {} : { volumeGiB: shape.volumeGiB }),
    ...(shape.provisionedThroughputMiBs === undefined
      ? {}
      : { provisionedThroughputMiBs: shape.provisionedThroughputMiBs }),
    auth: target.auth,
    transit: target.transit,
    ...(target.kmsKey === undefined ? {} : { kmsKey: target.kmsKey }),
    ...(target.logGroup === undefined ? {} : { logGroup: target.logGroup }),
    monitoring: "DEFAULT",
    prometheus: true,
    tags: { [ownerTag]: name },
  };
}

/** The request as ferry.yaml forces it: what is written in `target.shape` goes before the plan. */
export function forcedRequest(plan: Plan, migration: Migration): ClusterRequest {
  const { kind, ...forced } = migration.settings.target.shape;
  const shape = { ...plan.shape, ...defined(forced), kind: kind === "express" ? kind : plan.shape.kind };
  return clusterRequest({ ...plan, shape }, migration);
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) Object.assign(kept, { [key]: value });
  }
  return kept;
}

/** What ferry.yaml asks for now and the plan does not have: "instanceType kafka.m5.large, planned kafka.m7g.large". */
export function shapeChanges({ shape }: Plan, { settings }: Migration): readonly string[] {
  const planned = new Map<string, string | number | undefined>(Object.entries(shape));
  return Object.entries(settings.target.shape)
    .filter(([key, value]) => value !== undefined && value !== planned.get(key))
    .map(([key, value]) => `${key} ${value}, planned ${planned.get(key) ?? "none"}`);
}

function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** Order, blank lines and comments say nothing. */
export function sameProperties(left: string, right: string): boolean {
  return normalised(left) === normalised(right);
}

function normalised(text: string): string {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/\s*=\s*/, "="))
    .toSorted()
    .join("\n");
}

export type Drift = { readonly what: string; readonly planned: string; readonly found: string };

/** Where a cluster is not what was planned. A volume may be larger: storage only grows. */
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
  ];
  return [
    ...compared.filter(({ planned, found }) => planned !== found),
    ...authDrift(request, cluster),
    ...volumeDrift(request, cluster),
  ];
}

function authDrift({ auth }: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  if (cluster.auth.includes(auth)) return [];
  return [{ what: "authentication", planned: auth, found: cluster.auth.join(", ") || "none" }];
}

function volumeDrift({ volumeGiB }: ClusterRequest, cluster: MskCluster): readonly Drift[] {
  if (volumeGiB === undefined || (cluster.volumeGiB ?? volumeGiB) >= volumeGiB) return [];
  return [{ what: "volume", planned: `${volumeGiB} GiB`, found: `${cluster.volumeGiB} GiB` }];
}

function listed(names: readonly string[]): string {
  return names.toSorted().join(", ");
}

export function driftText({ what, planned, found }: Drift): string {
  return `${what}: ${found}, planned ${planned}`;
}

/** The brokers' port for a way to authenticate: guide, port-info.html. */
export function brokerPort({ auth, transit }: Pick<ClusterRequest, "auth" | "transit">): number {
  if (auth !== "unauthenticated") return brokerPorts[auth];
  return transit === "tls" ? brokerPorts.tls : brokerPorts.plaintext;
}
