import { brokerPorts } from "#domain/msk/data.ts";
import type { BrokerLogs, ClusterRequest, ConfigurationRequest, MskConfiguration } from "#domain/msk.ts";
import type { Plan } from "#domain/plan.ts";
import type { Migration } from "#domain/settings.ts";

/** How a plan becomes requests to MSK. How a cluster that exists compares with them: drift.ts. */

/** Carried by everything that a migration makes in AWS: this key with the migration's name. */
export const ownerTag = "msk-ferry";

export function ownedBy(migration: string, tags: Readonly<Record<string, string>>): boolean {
  return tags[ownerTag] === migration;
}

/** Configurations carry no tags (API reference, CreateConfiguration): name and description say whose it is. */
export function configurationRequest(plan: Plan, { name, settings }: Migration): ConfigurationRequest {
  return {
    name: `ferry-${settings.target.cluster}`,
    description: `${describedAs(name)}, plan ${plan.hash.slice(0, 12)}`,
    kafkaVersions: [plan.shape.kafkaVersion],
    properties: propertiesText(plan.configuration),
  };
}

function describedAs(migration: string): string {
  return `MSK Ferry, migration ${migration}`;
}

/** Whether its description is that of this migration, whatever the plan. */
export function isConfigurationOf(migration: string, { description }: MskConfiguration): boolean {
  const own = describedAs(migration);
  return description === own || description.startsWith(`${own},`);
}

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
    ...(target.certificateAuthorities.length === 0
      ? {}
      : { certificateAuthorities: target.certificateAuthorities }),
    transit: target.transit,
    ...(target.kmsKey === undefined ? {} : { kmsKey: target.kmsKey }),
    ...logsOf(target),
    monitoring: target.monitoring,
    prometheus: target.openMonitoring,
    tags: { [ownerTag]: name },
  };
}

function logsOf({ logGroup, logs: { s3, firehose } }: Migration["settings"]["target"]) {
  const logs: BrokerLogs = {
    ...(logGroup === undefined ? {} : { cloudWatch: logGroup }),
    ...(s3 === undefined ? {} : { s3: bucketOf(s3) }),
    ...(firehose === undefined ? {} : { firehose }),
  };
  return Object.keys(logs).length === 0 ? {} : { logs };
}

function bucketOf({ bucket, prefix }: { readonly bucket: string; readonly prefix?: string | undefined }) {
  return { bucket, ...(prefix === undefined ? {} : { prefix }) };
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
  const [a, b] = [propertiesOf(left), propertiesOf(right)];
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** What a configuration's text sets, by key. */
export function propertiesOf(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return new Map(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [key = "", ...value] = line.split("=");
        return [key.trim(), value.join("=").trim()] as const;
      }),
  );
}

/** The brokers' port for a way to authenticate: guide, port-info.html. */
export function brokerPort({ auth, transit }: Pick<ClusterRequest, "auth" | "transit">): number {
  if (auth !== "unauthenticated") return brokerPorts[auth];
  return transit === "tls" ? brokerPorts.tls : brokerPorts.plaintext;
}

/** What a call of the AWS CLI on the source's side needs beside the bot's own credentials and Region. */
export function sourceFlags({ source: { network } }: Pick<Migration["settings"], "source">): string {
  const { region, profile } = network.accepter ?? {};
  const flags = [
    ...(region === undefined ? [] : [` --region ${region}`]),
    ...(profile === undefined ? [] : [` --profile ${profile}`]),
  ];
  return flags.join("");
}
