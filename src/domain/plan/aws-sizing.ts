import { limits } from "#domain/msk/data.ts";

/**
 * How many brokers AWS's own sizing takes for the same load: the model and the constants of `msk_sizing.py`
 * (github.com/aws/agent-toolkit-for-aws, skill managing-amazon-msk), read in November 2026. Kept apart from our own
 * sizing, so that both numbers can be shown and their difference explained.
 */

/** What the model counts in a broker: MiB/s of its volume and of its network card; partition replicas. */
type StandardBroker = { readonly ebs: number; readonly network: number; readonly partitions: number };
type ExpressBroker = { readonly ingress: number; readonly partitions: number };

const standard: Readonly<Record<string, StandardBroker>> = {
  "kafka.m5.large": { ebs: 81, network: 96, partitions: 1000 },
  "kafka.m5.xlarge": { ebs: 144, network: 160, partitions: 1000 },
  "kafka.m5.2xlarge": { ebs: 250, network: 320, partitions: 2000 },
  "kafka.m5.4xlarge": { ebs: 593.75, network: 640, partitions: 4000 },
  "kafka.m5.8xlarge": { ebs: 850, network: 1280, partitions: 4000 },
  "kafka.m5.12xlarge": { ebs: 1000, network: 1536, partitions: 4000 },
  "kafka.m5.16xlarge": { ebs: 1000, network: 2560, partitions: 4000 },
  "kafka.m5.24xlarge": { ebs: 1000, network: 3200, partitions: 4000 },
  "kafka.m7g.large": { ebs: 78.75, network: 117, partitions: 1000 },
  "kafka.m7g.xlarge": { ebs: 156.25, network: 234, partitions: 1000 },
  "kafka.m7g.2xlarge": { ebs: 312.5, network: 469, partitions: 2000 },
  "kafka.m7g.4xlarge": { ebs: 625, network: 937, partitions: 4000 },
  "kafka.m7g.8xlarge": { ebs: 1000, network: 1875, partitions: 4000 },
  "kafka.m7g.12xlarge": { ebs: 1000, network: 2812, partitions: 4000 },
  "kafka.m7g.16xlarge": { ebs: 1000, network: 3750, partitions: 4000 },
};

const express: Readonly<Record<string, ExpressBroker>> = {
  "express.m7g.large": { ingress: 15.625, partitions: 1000 },
  "express.m7g.xlarge": { ingress: 31.25, partitions: 1000 },
  "express.m7g.2xlarge": { ingress: 62.5, partitions: 2500 },
  "express.m7g.4xlarge": { ingress: 125, partitions: 6000 },
  "express.m7g.8xlarge": { ingress: 250, partitions: 12_000 },
  "express.m7g.12xlarge": { ingress: 375, partitions: 16_000 },
  "express.m7g.16xlarge": { ingress: 500, partitions: 20_000 },
};

/** Of the model. Multiples of what producers write, for a cluster with one of three zones down. */
const model = {
  zones: 3,
  /** 1.5 ingress, 1.5 replication in, 0.5 late readers, 3.0 moving partitions. */
  volume: 6.5,
  /** 2.2 replication out, 0.5 late readers, 3.0 moving partitions. */
  network: 5.7,
  /** More per reader of everything. */
  reader: 1.5,
  diskHeadroom: 2,
  utilisation: { standard: 0.5, express: 0.75 },
  /** Egress of an Express broker per ingress; not lessened by the utilisation. */
  expressEgress: 2.5,
} as const;

/** Rates in MiB/s, at their peak; both above zero. */
export type AwsLoad = {
  readonly ingress: number;
  readonly egress: number;
  /** With replicas. */
  readonly partitions: number;
  /** GiB of all replicas. */
  readonly stored: number;
};

export type AwsLimit = "ingress" | "egress" | "partitions" | "storage";
export type AwsSize = { readonly brokers: number; readonly bottleneck: AwsLimit };

/** `undefined`: the model does not know this type (kafka.t3.small). */
export function awsSize(instanceType: string, load: AwsLoad): AwsSize | undefined {
  const needs = standardNeeds(standard[instanceType], load) ?? expressNeeds(express[instanceType], load);
  const [first, ...others] = needs ?? [];
  if (first === undefined) return undefined;
  const [bottleneck, brokers] = others.reduce((most, need) => (need[1] > most[1] ? need : most), first);
  return { brokers, bottleneck };
}

type Needs = ReadonlyArray<readonly [AwsLimit, number]>;

function standardNeeds(broker: StandardBroker | undefined, load: AwsLoad): Needs | undefined {
  if (broker === undefined) return undefined;
  const readers = load.egress / load.ingress;
  const ingress = Math.min(
    broker.ebs / model.volume,
    broker.network / (readers * model.reader + model.network),
  );
  const usable = ingress * model.utilisation.standard;
  return [
    ["ingress", brokersFor(load.ingress, usable)],
    ["egress", brokersFor(load.egress, readers * usable)],
    ["partitions", brokersFor(load.partitions, broker.partitions)],
    ["storage", brokersFor(load.stored * model.diskHeadroom, limits.volumeGiB.max)],
  ];
}

function expressNeeds(broker: ExpressBroker | undefined, load: AwsLoad): Needs | undefined {
  if (broker === undefined) return undefined;
  return [
    ["ingress", brokersFor(load.ingress, broker.ingress * model.utilisation.express)],
    ["egress", brokersFor(load.egress, broker.ingress * model.expressEgress)],
    ["partitions", brokersFor(load.partitions, broker.partitions)],
  ];
}

function brokersFor(demand: number, capacity: number): number {
  return Math.ceil(Math.ceil(demand / capacity) / model.zones) * model.zones;
}

/** Why the two numbers may differ, for people. */
export const awsDifference =
  "AWS's model counts volume and network of a broker at 50 % (Express: published ingress at 75 %) and twice the disk; this plan takes the guide's recommended rates at 75 % with a zone down and fills volumes to 60 %";
