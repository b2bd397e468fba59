import type { Load } from "#domain/assess/sizing-load.ts";
import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import {
  brokerType,
  expressBrokers,
  recommendedVersion,
  recordedVersions,
  standardBrokers,
} from "#domain/msk/data.ts";
import {
  checkInstanceType,
  checkQuota,
  checkStorage,
  checkThroughput,
  checkVersion,
  mostBrokers,
  type Violation,
  violationText,
} from "#domain/msk/rules.ts";
import type { Shape } from "#domain/plan.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";
import {
  brokersFor,
  type Candidate,
  candidate,
  candidates,
  monthly,
  type Need,
  type Site,
  volumeFor,
} from "./sizing.ts";

/** The shape that is taken: the cheapest that carries the load, with what ferry.yaml fixes put in its place. */

type Wanted = MigrationSettings["target"]["shape"];

export type Choice = {
  readonly shape: Shape;
  readonly candidate: Candidate;
  /** Every other type with the brokers that it would take, cheapest first. */
  readonly others: readonly Candidate[];
  /** What the shape fixed in ferry.yaml lacks; empty when it suffices. */
  readonly short: readonly Need[];
  /** A part of the price is not known. */
  readonly partial: boolean;
};

export type ChoiceQuestion = {
  readonly load: Load;
  readonly site: Site;
  readonly wanted: Wanted;
  /** ListKafkaVersions now, or why it could not be asked. */
  readonly creatable: Known<readonly string[]>;
};

/** `E_SETTINGS` when ferry.yaml asks for what MSK does not offer. */
export function chooseShape(question: ChoiceQuestion): Choice {
  const { load, wanted, creatable } = question;
  const most = (kind: Candidate["kind"]) => mostBrokers(wanted.kafkaVersion ?? bestVersion(kind, creatable));
  const site = { ...question.site, mostBrokers: { standard: most("standard"), express: most("express") } };
  refuseImpossible(wanted, site);
  const all = candidates(load, site).filter(({ kind }) => wanted.kind === undefined || kind === wanted.kind);
  const chosen = pick(all, question);
  const volumeGiB =
    chosen.kind === "express" ? undefined : (wanted.volumeGiB ?? volumeFor(load, site, chosen.brokers));
  if (volumeGiB !== undefined) refuse("brokers", checkStorage({ kind: chosen.kind, volumeGiB }));
  const throughput = throughputOf(chosen, wanted, volumeGiB);
  const kafkaVersion = versionOf(chosen.kind, wanted.kafkaVersion, creatable);
  const { instanceType } = chosen.type;
  refuse("instanceType", checkInstanceType({ kind: chosen.kind, instanceType, kafkaVersion }));
  refuse("brokers", checkQuota(chosen.brokers, kafkaVersion));
  refuseFull(chosen, question);
  const { monthlyUsd, partial } = monthly(
    chosen.kind,
    chosen.type,
    load,
    chosen.brokers,
    volumeGiB,
    throughput,
  );
  return {
    shape: {
      kind: chosen.kind,
      instanceType,
      brokers: chosen.brokers,
      ...(volumeGiB === undefined ? {} : { volumeGiB }),
      ...(throughput === undefined ? {} : { provisionedThroughputMiBs: throughput }),
      kafkaVersion,
      monthlyUsd,
    },
    candidate: chosen,
    others: candidates(load, site).filter(({ type }) => type !== chosen.type),
    short: shortOf(chosen, volumeGiB, question),
    partial,
  };
}

function refuseImpossible(wanted: Wanted, { zones, replicationFactor }: Site): void {
  if (wanted.kind === "serverless") {
    throw new FerryError(
      "E_SETTINGS",
      "target.shape.kind: serverless cannot be planned; use standard or express",
    );
  }
  const names = [...standardBrokers, ...expressBrokers].map(({ instanceType }) => instanceType);
  const { instanceType, brokers, kind } = wanted;
  if (instanceType !== undefined && brokerType(instanceType) === undefined) {
    const nearest = closestName(instanceType, names) ?? "";
    throw new FerryError(
      "E_SETTINGS",
      `target.shape.instanceType: MSK has no ${instanceType}; did you mean ${nearest}?`,
    );
  }
  if (instanceType !== undefined && kind !== undefined && kindOf(instanceType) !== kind) {
    throw new FerryError("E_SETTINGS", `target.shape: ${instanceType} is no ${kind} broker`);
  }
  if (brokers !== undefined && brokers % zones !== 0) {
    throw new FerryError(
      "E_SETTINGS",
      `target.shape.brokers: ${brokers} is no multiple of the ${zones} subnets`,
    );
  }
  if (brokers !== undefined && brokers < replicationFactor) {
    throw new FerryError(
      "E_SETTINGS",
      `target.shape.brokers: ${brokers} cannot hold ${replicationFactor} replicas`,
    );
  }
}

function kindOf(instanceType: string): "standard" | "express" {
  return instanceType.startsWith("express.") ? "express" : "standard";
}

function pick(all: readonly Candidate[], { load, site, wanted }: ChoiceQuestion): Candidate {
  const { instanceType, brokers } = wanted;
  const named = all.find(({ type }) => type.instanceType === instanceType);
  if (named !== undefined) {
    const impossible = named.kind === "express" ? named.refused : undefined;
    if (impossible !== undefined) throw new FerryError("E_SETTINGS", `target.shape: ${impossible}`);
    return brokers === undefined ? named : candidate(named.kind, named.type, load, site, brokers);
  }
  const usable = all.filter(({ refused }) => refused === undefined);
  const [cheapest] = brokers === undefined ? usable : usable.filter((each) => each.brokers <= brokers);
  const largest = usable.toSorted((a, b) => a.brokers - b.brokers || b.type.vcpu - a.type.vcpu)[0];
  const found = cheapest ?? (brokers === undefined ? undefined : largest);
  if (found === undefined) {
    const why = all[0]?.refused ?? "MSK offers no such brokers";
    throw new FerryError("E_SETTINGS", `target.shape: nothing carries this load: ${why}`);
  }
  return brokers === undefined ? found : candidate(found.kind, found.type, load, site, brokers);
}

function throughputOf(
  { type }: Candidate,
  { provisionedThroughputMiBs }: Wanted,
  volumeGiB: number | undefined,
): number | undefined {
  const { instanceType } = type;
  refuse(
    "provisionedThroughputMiBs",
    checkThroughput({
      instanceType,
      ...(volumeGiB === undefined ? {} : { volumeGiB }),
      ...(provisionedThroughputMiBs === undefined ? {} : { provisionedThroughputMiBs }),
    }),
  );
  return provisionedThroughputMiBs;
}

function refuse(key: string, violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  throw new FerryError("E_SETTINGS", `target.shape.${key}: ${violations.map(violationText).join(" ")}`);
}

/** Express creates no topic beyond its partitions; Standard brokers take more than is advised, which `short` tells. */
function refuseFull({ kind, type, brokers }: Candidate, { load, site }: ChoiceQuestion): void {
  const most = type.partitionsMax * brokers;
  const replicas = load.partitions * site.replicationFactor;
  if (kind === "standard" || replicas <= most) return;
  throw new FerryError(
    "E_SETTINGS",
    `target.shape: ${brokers} × ${type.instanceType} hold ${most} partition replicas at most (limits.html), and ${replicas} are to be carried: more or larger brokers`,
  );
}

/** The recommended line; where AWS does not list it, the newest that can be created. */
function bestVersion(kind: "standard" | "express", creatable: Known<readonly string[]>): string {
  const recorded: readonly string[] = recordedVersions[kind];
  const best = recommendedVersion[kind];
  if (!creatable.known || creatable.value.includes(best)) return best;
  return recorded.filter((version) => creatable.value.includes(version)).at(-1) ?? best;
}

function versionOf(
  kind: "standard" | "express",
  wanted: string | undefined,
  creatable: Known<readonly string[]>,
): string {
  if (wanted === undefined) return bestVersion(kind, creatable);
  const offered = creatable.known ? creatable.value : recordedVersions[kind];
  refuse("kafkaVersion", checkVersion({ kind, kafkaVersion: wanted }, offered));
  return wanted;
}

function shortOf(
  { kind, type, brokers }: Candidate,
  volumeGiB: number | undefined,
  { load, site }: ChoiceQuestion,
): readonly Need[] {
  const needs = brokersFor(kind, type, load, site).filter((need) => need.brokers > brokers);
  const volume = kind === "express" ? undefined : volumeFor(load, site, brokers);
  const small = volume !== undefined && volumeGiB !== undefined && volumeGiB < volume;
  return small ? [...needs, { limit: "storage", brokers: Math.ceil((brokers * volume) / volumeGiB) }] : needs;
}
