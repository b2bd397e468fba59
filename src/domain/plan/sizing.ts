import type { Load } from "#domain/assess/sizing-load.ts";
import type { BrokerType } from "#domain/msk/data.ts";
import { expressBrokers, limits, prices, standardBrokers } from "#domain/msk/data.ts";
import { scalingPercent } from "#domain/msk/storage-scaling.ts";
import { type AwsSize, awsSize } from "./aws-sizing.ts";

/**
 * Which brokers, how many, how large: from measured load, for every type that MSK offers. Rates must hold with one
 * availability zone down, at no more than three quarters of the recommended rate (AWS Transform sizes with 0.75 too).
 */

/** Share of the recommended rate that is planned for. */
export const utilisation = 0.75;
/** Where the volumes would begin to grow by themselves: what is planned for fills no more. */
export const diskFill = scalingPercent / 100;
const smallestVolumeGiB = 10;
const gib = 2 ** 30;

export type Limit = "partitions" | "ingress" | "egress" | "storage" | "zones";

export type Candidate = {
  readonly kind: "standard" | "express";
  readonly type: BrokerType;
  readonly brokers: number;
  /** `undefined`: Express has none, or the size is not known. */
  readonly volumeGiB: number | undefined;
  /** What asks for most brokers. */
  readonly bottleneck: Limit;
  /** US dollars; `partial` when a part of it is not known. */
  readonly monthlyUsd: number;
  readonly partial: boolean;
  /** Why it cannot be taken, `undefined` when it can. */
  readonly refused: string | undefined;
};

/** `mostBrokers`: of one cluster; that of ZooKeeper's metadata when absent. */
export type Site = {
  readonly zones: number;
  readonly replicationFactor: number;
  readonly mostBrokers?: Readonly<Record<"standard" | "express", number>>;
};

/** Every type, cheapest first, those that cannot be taken last. */
export function candidates(load: Load, site: Site): readonly Candidate[] {
  const standard = standardBrokers.map((type) => candidate("standard", type, load, site));
  const express = expressBrokers.map((type) => candidate("express", type, load, site));
  return [...standard, ...express].toSorted(
    (a, b) =>
      Number(a.refused !== undefined) - Number(b.refused !== undefined) || a.monthlyUsd - b.monthlyUsd,
  );
}

/** With fewer brokers than are needed it is still priced; `shortOf` tells what it lacks. */
export function candidate(
  kind: "standard" | "express",
  type: BrokerType,
  load: Load,
  site: Site,
  brokers?: number,
): Candidate {
  const needs = brokersFor(kind, type, load, site);
  const count = brokers ?? roundUp(Math.max(...needs.map(({ brokers }) => brokers)), site.zones);
  const [worst] = needs.toSorted((a, b) => b.brokers - a.brokers);
  const volumeGiB = kind === "express" ? undefined : volumeFor(load, site, count);
  return {
    kind,
    type,
    brokers: count,
    volumeGiB,
    bottleneck: worst?.limit ?? "zones",
    ...monthly(kind, type, load, count, volumeGiB),
    refused: refusal(kind, type, count, site),
  };
}

export type Need = { readonly limit: Limit; readonly brokers: number };

/** Brokers that each limit asks for, before rounding to the zones; a limit whose load is not known asks for none. */
export function brokersFor(
  kind: "standard" | "express",
  type: BrokerType,
  load: Load,
  { zones, replicationFactor }: Site,
): readonly Need[] {
  const left = (zones - 1) / zones;
  const rate = (needed: Load["ingressMBps"], recommended: number) =>
    needed.known ? needed.value / (recommended * utilisation * left) : 0;
  const perBroker = limits.volumeGiB.max * diskFill;
  const stored = load.storedBytes.known ? (load.storedBytes.value * replicationFactor) / gib : 0;
  return [
    { limit: "zones", brokers: Math.max(zones, replicationFactor) },
    {
      limit: "partitions",
      brokers: (load.partitions * replicationFactor) / type.partitionsRecommended,
    },
    { limit: "ingress", brokers: rate(load.ingressMBps, type.ingressMBps.recommended) },
    { limit: "egress", brokers: rate(load.egressMBps, type.egressMBps.recommended) },
    { limit: "storage", brokers: kind === "express" ? 0 : stored / perBroker },
  ];
}

/** Per broker; `undefined` when what is stored is not known. */
export function volumeFor(load: Load, { replicationFactor }: Site, brokers: number): number | undefined {
  if (!load.storedBytes.known) return undefined;
  const needed = (load.storedBytes.value * replicationFactor) / gib / brokers / diskFill;
  // The number of brokers was rounded with a tolerance: a hair more than the largest volume is the largest volume.
  return Math.max(smallestVolumeGiB, Math.ceil(needed - 1e-4));
}

/** A month has 730 hours. Client traffic between zones, taxes and discounts are not in it. */
export function monthly(
  kind: "standard" | "express",
  type: BrokerType,
  load: Load,
  brokers: number,
  volumeGiB: number | undefined,
  throughputMiBs = 0,
): { readonly monthlyUsd: number; readonly partial: boolean } {
  const running = brokers * type.hourlyUsd * prices.hoursPerMonth;
  if (kind === "standard") {
    const disk = brokers * (volumeGiB ?? 0) * prices.standard.storagePerGiBMonth;
    const throughput = brokers * throughputMiBs * prices.standard.throughputPerMiBsMonth;
    return { monthlyUsd: cents(running + disk + throughput), partial: volumeGiB === undefined };
  }
  const { storedBytes, ingressMBps } = load;
  const stored = storedBytes.known ? (storedBytes.value / gib) * prices.express.storagePerGiBMonth : 0;
  const secondsPerMonth = prices.hoursPerMonth * 3600;
  const written = ingressMBps.known ? ((ingressMBps.value * 1e6) / gib) * secondsPerMonth : 0;
  return {
    monthlyUsd: cents(running + stored + written * prices.express.ingressPerGiB),
    partial: !storedBytes.known || !ingressMBps.known,
  };
}

function inMebibytes(megabytes: number): number {
  return (megabytes * 1e6) / 2 ** 20;
}

/** AWS's own sizing of the same load; `undefined` where a part is not known, or nothing is written or read. */
export function sizedByAws(type: BrokerType, load: Load, { replicationFactor }: Site): AwsSize | undefined {
  const { ingressMBps, egressMBps, storedBytes, partitions } = load;
  if (!ingressMBps.known || !egressMBps.known || !storedBytes.known) return undefined;
  if (ingressMBps.value <= 0 || egressMBps.value <= 0) return undefined;
  return awsSize(type.instanceType, {
    ingress: inMebibytes(ingressMBps.value),
    egress: inMebibytes(egressMBps.value),
    partitions: partitions * replicationFactor,
    stored: (storedBytes.value * replicationFactor) / gib,
  });
}

/** What decides the number of brokers, and how much of the tightest limit that is planned for the load then uses. */
export function bottleneckText(
  { kind, type, brokers, bottleneck }: Candidate,
  load: Load,
  site: Site,
): string {
  const needs = brokersFor(kind, type, load, site).filter(({ limit }) => limit !== "zones");
  const [tightest] = needs.toSorted((a, b) => b.brokers - a.brokers);
  if (tightest === undefined) return bottleneck;
  const percent = Math.ceil((tightest.brokers / brokers) * 100);
  const used = `${percent} % used`;
  return bottleneck === "zones" ? `zones; the next is ${tightest.limit}, ${used}` : `${bottleneck}, ${used}`;
}

function refusal(
  kind: "standard" | "express",
  type: BrokerType,
  brokers: number,
  { zones, replicationFactor, mostBrokers }: Site,
): string | undefined {
  if (kind === "express" && zones !== 3) return `Express needs three subnets, ferry.yaml names ${zones}`;
  if (kind === "express" && replicationFactor !== 3) return "Express keeps three replicas of everything";
  if (type.instanceType === "kafka.t3.small") return "burstable: for tests, not for production";
  const most = mostBrokers?.[kind] ?? limits.brokersPerCluster.zookeeper;
  return brokers > most ? `${brokers} brokers; a cluster holds ${most}` : undefined;
}

function roundUp(value: number, step: number): number {
  return Math.max(step, Math.ceil(Math.ceil(value - 1e-9) / step) * step);
}

function cents(usd: number): number {
  return Math.round(usd * 100) / 100;
}
