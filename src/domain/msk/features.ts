import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import type { ClusterRequest, MskCluster, StorageScaling } from "#domain/msk.ts";
import { expressBrokers, guide, limits, prices } from "./data.ts";
import {
  growsByItself,
  plannedScaling,
  type ScalingSettings,
  scalingCommands,
  scalingText,
} from "./storage-scaling.ts";

/** What MSK offers beyond a plain cluster, worth a thought once the migration is over. */
export type Feature = {
  /** What `/ferry features <name>` applies after approval; `undefined`: a person does it. */
  readonly choice: string | undefined;
  readonly title: string;
  readonly now: string;
  readonly gain: string;
  /** The exact change, as a command or as what must be made. */
  readonly change: string;
  /** US dollars and their unit, with what they depend on. */
  readonly price: string;
  readonly source: string;
};

export type Monitoring = ClusterRequest["monitoring"];
const levels: readonly Monitoring[] = [
  "DEFAULT",
  "PER_BROKER",
  "PER_TOPIC_PER_BROKER",
  "PER_TOPIC_PER_PARTITION",
];

/** A change that the bot applies itself. */
export type FeatureChange =
  | { readonly kind: "storage"; readonly fromGiB: number; readonly toGiB: number }
  | { readonly kind: "monitoring"; readonly from: string; readonly to: Monitoring };

/** What is known beside the cluster itself. */
type Known = {
  /** Of the migrated topics, without replicas, where a plan tells. */
  readonly partitions: number | undefined;
  readonly settings: ScalingSettings;
  /** Not looked at where ferry.yaml turns it off or the Region has none. */
  readonly scaling: StorageScaling | undefined;
};

/** Features for this cluster now. */
export function featureList(
  cluster: MskCluster,
  { partitions, settings, scaling }: Known,
): readonly Feature[] {
  return [
    ...storageFeatures(cluster, scaling),
    ...growthFeature(cluster, settings, scaling),
    ...monitoringFeatures(cluster),
    ...expressFeature(cluster, partitions),
    ...serverlessFeature(cluster, partitions),
  ];
}

/** A quarter more, in steps of 10 GiB: what auto scaling would do at least is 10 %. */
function nextVolume(volumeGiB: number): number {
  return Math.min(limits.volumeGiB.max, Math.max(volumeGiB + 10, Math.ceil((volumeGiB * 1.25) / 10) * 10));
}

function storageFeatures(
  { kind, arn, volumeGiB, brokers, currentVersion }: MskCluster,
  scaling: StorageScaling | undefined,
): readonly Feature[] {
  if (kind !== "standard" || volumeGiB === undefined) return [];
  const next = nextVolume(volumeGiB);
  return [
    {
      choice: "storage",
      title: `Grow the storage to ${next} GiB (another size: storage=1000)`,
      now: volumeText(volumeGiB, brokers, scaling),
      gain: `room before the disk alarm; it never shrinks again, and the next change waits ${limits.storageCooldownHours} h`,
      change: `aws kafka update-broker-storage --cluster-arn ${arn} --current-version ${currentVersion} --target-broker-ebs-volume-info '[{"KafkaBrokerNodeId":"All","VolumeSizeGB":${next}}]'`,
      price: monthly((next - volumeGiB) * brokers * prices.standard.storagePerGiBMonth, "more"),
      source: `${guide}/manually-expand-storage.html`,
    },
  ];
}

function volumeText(volumeGiB: number, brokers: number, scaling: StorageScaling | undefined): string {
  const each = `${volumeGiB} GiB on each of ${brokers} brokers`;
  return scaling === undefined ? each : `${each}; storage auto scaling: ${scalingText(scaling)}`;
}

/** Where nothing grows it yet, and ferry.yaml does not turn it off. */
function growthFeature(
  cluster: MskCluster,
  settings: ScalingSettings,
  scaling: StorageScaling | undefined,
): readonly Feature[] {
  const values = plannedScaling(cluster, settings);
  const { arn, volumeGiB = 0, brokers } = cluster;
  if (values === undefined || (scaling !== undefined && growsByItself(scaling))) return [];
  return [
    {
      choice: undefined,
      title: "Let the storage grow by itself",
      now:
        scaling === undefined
          ? `${volumeText(volumeGiB, brokers, scaling)}, does not grow by itself`
          : scalingText(scaling),
      gain: `grows at ${values.percent} % full by 10 % or 10 GiB, whichever is more, and never shrinks`,
      change: scalingCommands(arn, values),
      price: `nothing for itself; ${usd(prices.standard.storagePerGiBMonth)} a GiB and month of what it adds`,
      source: `${guide}/msk-autoexpand-details.html`,
    },
  ];
}

function monitoringFeatures({ arn, kind, monitoring, currentVersion }: MskCluster): readonly Feature[] {
  if (kind === "serverless" || monitoring === "PER_TOPIC_PER_PARTITION") return [];
  const next: Monitoring = monitoring === "DEFAULT" ? "PER_BROKER" : "PER_TOPIC_PER_PARTITION";
  return [
    {
      choice: "monitoring",
      title: `Raise the monitoring to ${next} (another level: monitoring=PER_TOPIC_PER_PARTITION)`,
      now: monitoring,
      gain: "PER_TOPIC_PER_PARTITION adds lag per partition and group; PER_TOPIC_PER_BROKER adds little but message rates",
      change: `aws kafka update-monitoring --cluster-arn ${arn} --current-version ${currentVersion} --enhanced-monitoring ${next}`,
      price: "CloudWatch's price per metric and month; only DEFAULT is free",
      source: `${guide}/metrics-details.html`,
    },
  ];
}

function expressFeature(cluster: MskCluster, partitions: number | undefined): readonly Feature[] {
  if (cluster.kind !== "standard") return [];
  const brokers = Math.max(3, Math.ceil(cluster.brokers / 3) * 3);
  const each = partitions === undefined ? undefined : (partitions * 3) / brokers;
  const type = expressBrokers.find(({ partitionsRecommended }) => partitionsRecommended >= (each ?? 0));
  if (type === undefined) return [];
  return [
    {
      choice: undefined,
      title: "Express brokers",
      now: `${cluster.brokers} ${cluster.instanceType}`,
      gain: "storage that AWS manages, about three times the throughput per broker; replication factor is always 3",
      change: `another cluster and another migration (there is no way in place): target.shape { kind: express, instanceType: ${type.instanceType}, brokers: ${brokers} }`,
      price: `${monthly(brokers * type.hourlyUsd * prices.hoursPerMonth, "for the brokers")}, ${usd(prices.express.storagePerGiBMonth)} a GiB and month stored, ${usd(prices.express.ingressPerGiB)} a GiB written`,
      source: `${guide}/msk-broker-types-express.html`,
    },
  ];
}

function serverlessFeature(cluster: MskCluster, partitions: number | undefined): readonly Feature[] {
  if (cluster.kind === "serverless") return [];
  const { perClusterHour, perPartitionHour, ingressPerGiB, egressPerGiB } = prices.serverless;
  if (partitions !== undefined && partitions > limits.serverless.partitions) return [];
  const hourly = perClusterHour + perPartitionHour * (partitions ?? 0);
  const fixed =
    partitions === undefined
      ? `${usd(perClusterHour)} an hour and ${usd(perPartitionHour)} an hour and partition`
      : monthly(hourly * prices.hoursPerMonth, `for ${partitions} partitions`);
  return [
    {
      choice: undefined,
      title: "Serverless",
      now: cluster.kind,
      gain: "no brokers to size, for loads that come in bursts; IAM only, no ACLs, no configuration of its own",
      change: `another cluster and another migration (there is no way in place); at most ${limits.serverless.partitions} partitions and messages of ${limits.serverless.messageBytes} bytes`,
      price: `${fixed}, ${usd(ingressPerGiB)} a GiB in, ${usd(egressPerGiB)} a GiB out; to be checked at https://aws.amazon.com/msk/pricing/`,
      source: `${guide}/serverless.html`,
    },
  ];
}

function usd(amount: number): string {
  return `$${Number(amount.toFixed(4))}`;
}

function monthly(amount: number, what: string): string {
  return `$${amount.toFixed(2)} a month ${what} (${prices.region}, ${prices.asOf})`;
}

/** The change that "storage", "storage=1000" or "monitoring=PER_BROKER" asks for; `E_USAGE` for anything else. */
export function featureChange(choice: string, cluster: MskCluster): FeatureChange {
  const [name = "", value] = choice.split("=");
  if (name === "storage") return storageChange(value, cluster);
  if (name === "monitoring") return monitoringChange(value, cluster);
  const nearest = closestName(name, ["storage", "monitoring"]);
  throw new FerryError("E_USAGE", `"${choice}" cannot be applied; did you mean ${nearest}?`);
}

function storageChange(value: string | undefined, { kind, volumeGiB, name }: MskCluster): FeatureChange {
  if (kind !== "standard" || volumeGiB === undefined) {
    throw new FerryError("E_USAGE", `${name} is ${kind}: AWS manages its storage.`);
  }
  const toGiB = value === undefined ? nextVolume(volumeGiB) : Number(value);
  if (Number.isInteger(toGiB) && toGiB > volumeGiB && toGiB <= limits.volumeGiB.max) {
    return { kind: "storage", fromGiB: volumeGiB, toGiB };
  }
  throw new FerryError(
    "E_USAGE",
    `storage takes whole GiB above ${volumeGiB}, at most ${limits.volumeGiB.max}: storage never shrinks. Seen: ${value ?? toGiB}.`,
  );
}

function monitoringChange(value: string | undefined, { kind, monitoring, name }: MskCluster): FeatureChange {
  if (kind === "serverless") throw new FerryError("E_USAGE", `${name} is serverless and has no such levels.`);
  const asked = value ?? (monitoring === "DEFAULT" ? "PER_BROKER" : "PER_TOPIC_PER_PARTITION");
  const to = levels.find((level) => level === asked);
  if (to === undefined) {
    throw new FerryError(
      "E_USAGE",
      `There is no monitoring level ${asked}; did you mean ${closestName(asked, levels)}? Known: ${levels.join(", ")}.`,
    );
  }
  if (to === monitoring) throw new FerryError("E_USAGE", `The monitoring of ${name} is ${to} already.`);
  return { kind: "monitoring", from: monitoring, to };
}

/** Whether the cluster shows it. */
export function isApplied(change: FeatureChange, cluster: MskCluster): boolean {
  return change.kind === "storage"
    ? (cluster.volumeGiB ?? 0) >= change.toGiB
    : cluster.monitoring === change.to;
}

export function changeText(change: FeatureChange): string {
  return change.kind === "storage"
    ? `storage of every broker from ${change.fromGiB} to ${change.toGiB} GiB`
    : `monitoring from ${change.from} to ${change.to}`;
}

/** What the change adds to the bill. */
export function changePrice(change: FeatureChange, cluster: MskCluster): string {
  if (change.kind === "monitoring") {
    return change.to === "DEFAULT" ? "DEFAULT is free" : "CloudWatch's price per metric and month";
  }
  const added = (change.toGiB - change.fromGiB) * cluster.brokers;
  return monthly(added * prices.standard.storagePerGiBMonth, "more");
}
