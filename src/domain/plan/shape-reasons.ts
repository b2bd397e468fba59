import type { Load } from "#domain/assess/sizing-load.ts";
import { endOfSupport, prices, recommendedVersion } from "#domain/msk/data.ts";
import type { Reason } from "#domain/plan.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";
import { awsDifference } from "./aws-sizing.ts";
import type { Choice } from "./shape-choice.ts";
import { bottleneckText, diskFill, type Site, sizedByAws, utilisation } from "./sizing.ts";

/** Why this shape, with the measured values. What is not known is said and was not counted. */

type Question = {
  readonly choice: Choice;
  readonly load: Load;
  readonly site: Site;
  readonly settings: MigrationSettings;
  /** How the rates were measured: "p95 of 288 samples over 24 h". */
  readonly how: string;
  /** What rates and storage were multiplied by for what is expected. */
  readonly growth: number;
  readonly creatable: Known<readonly string[]>;
};

export function shapeReasons(question: Question): readonly Reason[] {
  return [
    brokerReason(question),
    growthReason(question),
    headroomReason(question),
    ...awsReasons(question),
    ...unknownReasons(question),
    ...shortReasons(question),
    storageReason(question),
    priceReason(question),
    ...regionReasons(question),
    versionReason(question),
    ...endedReasons(question),
    replicaReason(question),
  ];
}

function brokerReason({ choice, load, site, how, growth, settings }: Question): Reason {
  const { shape, candidate } = choice;
  const { replicationFactor: rf, zones } = site;
  const more = growth === 1 ? "" : ` (with ${Math.round((growth - 1) * 100)} % growth)`;
  const measured = `in ${rate(load.ingressMBps)}, out ${rate(load.egressMBps)}${more} ${how}, ${count(load.partitions * rf, "partition replica")}`;
  const fixed = Object.keys(settings.target.shape);
  const by =
    fixed.length === 0 ? "the cheapest that carries this" : `${fixed.join(", ")} fixed in ferry.yaml`;
  return {
    what: `${shape.brokers} × ${shape.instanceType}`,
    why: `${measured}; ${by}, with one of ${zones} zones down and at ${utilisation * 100} % of the recommended rate; bottleneck: ${bottleneckText(candidate, load, site)}`,
    source: shape.kind === "express" ? "limits.html" : "bestpractices.html",
  };
}

function growthReason({ growth, load }: Question): Reason {
  const percent = Math.round((growth - 1) * 100);
  const stored = load.storedBytes.known ? `${gibibytes(load.storedBytes.value)} in one copy` : "unknown size";
  return {
    what: `growth: ${percent} %`,
    why:
      percent === 0
        ? "nobody expects more: question growth; rates and storage are planned as measured"
        : `rates and storage are planned that much above what was measured: for ${rate(load.ingressMBps)} in, ${rate(load.egressMBps)} out, ${stored}`,
    source: "answers of the team",
  };
}

/** What is left when a zone is down: the guide asks for it, and sizes are meant for it. */
function headroomReason({ choice, site, load }: Question): Reason {
  const { shape, candidate } = choice;
  const left = Math.floor((shape.brokers * (site.zones - 1)) / site.zones);
  const needs = [
    ["in", load.ingressMBps, candidate.type.ingressMBps.recommended],
    ["out", load.egressMBps, candidate.type.egressMBps.recommended],
  ] as const;
  const used = needs.map(([name, value, recommended]) =>
    value.known && left > 0
      ? `${name} ${((value.value / (left * recommended)) * 100).toFixed(0)} %`
      : `${name} unknown`,
  );
  return {
    what: "one zone may be down",
    why: `${count(left, "broker")} of ${shape.brokers} then carry ${used.join(", ")} of their recommended rate; planned for at most ${utilisation * 100} %`,
    source: "bestpractices.html",
  };
}

/** Beside AWS's own number, where that can be computed. */
function awsReasons({ choice, load, site }: Question): readonly Reason[] {
  const size = sizedByAws(choice.candidate.type, load, site);
  if (size === undefined) return [];
  const { brokers, instanceType } = choice.shape;
  const same = size.brokers === brokers ? "the same number" : awsDifference;
  return [
    {
      what: `AWS's sizing takes ${size.brokers} × ${instanceType}`,
      why: `from ${size.bottleneck}; ${same}`,
      source: "github.com/aws/agent-toolkit-for-aws (msk_sizing.py)",
    },
  ];
}

function rate(value: Known<number>): string {
  return value.known ? `${value.value.toFixed(value.value < 1 ? 3 : 1)} MB/s` : "unknown";
}

function unknownReasons({ load, choice }: Question): readonly Reason[] {
  const parts = [
    ["records in", load.ingressMBps],
    ["records out", load.egressMBps],
    ["size on disk", load.storedBytes],
  ] as const;
  const missing = parts.flatMap(([name, value]) =>
    value.known
      ? []
      : [
          {
            what: `unknown: ${name}`,
            why: `${value.why}; the shape does not allow for it`,
            source: "assessment",
          },
        ],
  );
  if (!choice.partial) return missing;
  const what = "the price is a lower bound";
  return [...missing, { what, why: "a part of the load is not known", source: "assessment" }];
}

function shortReasons({ choice, load, site }: Question): readonly Reason[] {
  const { shape, short } = choice;
  const lacking = short.map(({ limit, brokers }) => ({
    what: `too small for the measured load: ${limit}`,
    why: `ferry.yaml fixes ${shape.brokers} brokers; ${limit} needs ${Math.ceil(brokers)} of this kind`,
    source: "bestpractices.html",
  }));
  const noVolume = shape.kind === "standard" && shape.volumeGiB === undefined && !load.storedBytes.known;
  if (!noVolume) return lacking;
  return [
    ...lacking,
    {
      what: "set target.shape.volumeGiB",
      why: `the size on disk is not known, so no volume could be computed for ${site.replicationFactor} replicas`,
      source: "manually-expand-storage.html",
    },
  ];
}

function storageReason({ choice, load, site, settings }: Question): Reason {
  const { shape } = choice;
  if (shape.kind === "express") {
    return { what: "no volume", why: "Express manages and bills what is stored", source: "limits.html" };
  }
  const one = load.storedBytes.known
    ? `${gibibytes(load.storedBytes.value)} in one copy (the larger of what lies on disk and what retention will keep at the measured rate)`
    : "unknown size";
  const from = settings.target.shape.volumeGiB === undefined ? "" : "; fixed in ferry.yaml";
  return {
    what: shape.volumeGiB === undefined ? "volume not known" : `${shape.volumeGiB} GiB per broker`,
    why: `${one} × ${site.replicationFactor} replicas, filled to ${diskFill * 100} % when retention is full${from}`,
    source: "msk-autoexpand-details.html",
  };
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

function regionReasons({ settings }: Question): readonly Reason[] {
  const { region } = settings.target;
  if (region === prices.region) return [];
  const why = `the price table is of ${prices.region} only; what is shown is the price there`;
  return [{ what: `unknown: prices in ${region}`, why, source: prices.source }];
}

function priceReason({ choice }: Question): Reason {
  return {
    what: `$${choice.shape.monthlyUsd.toLocaleString("en-US")} a month`,
    why: `brokers, volumes and provisioned throughput over ${prices.hoursPerMonth} h at prices of ${prices.asOf} in ${prices.region}; without traffic between zones, Connect workers and tax`,
    source: prices.source,
  };
}

function versionReason({ choice, settings, creatable }: Question): Reason {
  const { kind, kafkaVersion } = choice.shape;
  const checked = creatable.known
    ? "AWS lists it as creatable now"
    : `not checked with AWS: ${creatable.why}`;
  const fixed = settings.target.shape.kafkaVersion !== undefined;
  const by = fixed ? "fixed in ferry.yaml" : versionBy(kafkaVersion === recommendedVersion[kind]);
  return { what: `Kafka ${kafkaVersion}`, why: `${by}; ${checked}`, source: "supported-kafka-versions.html" };
}

/** AWS upgrades clusters past the end of support without asking, and there is no way back (version-support.html). */
function endedReasons({ choice }: Question): readonly Reason[] {
  const { kind, kafkaVersion } = choice.shape;
  const ended = endOfSupport.get(kafkaVersion);
  if (ended === undefined || ended > prices.asOf) return [];
  const better = recommendedVersion[kind];
  return [
    {
      what: `set target.shape.kafkaVersion: ${better}`,
      why: `support of ${kafkaVersion} ended on ${ended}: AWS upgrades such clusters by itself, at a time of its choice, and there is no downgrade`,
      source: "version-support.html",
    },
  ];
}

function versionBy(recommended: boolean): string {
  return recommended ? "the version that MSK recommends" : "the newest line that can be created";
}

function replicaReason({ site, choice }: Question): Reason {
  const { replicationFactor: rf } = site;
  const least = choice.shape.kind === "express" ? 2 : Math.max(1, rf - 1);
  const warning =
    rf < 3 ? "; fewer than three replicas do not survive a failure while a broker is patched" : "";
  return {
    what: `${count(rf, "replica")}, min.insync.replicas ${least}`,
    why: `target.replicationFactor ${rf} over ${site.zones} zones: one broker at a time is patched without stopping writes${warning}`,
    source: "bestpractices.html",
  };
}
