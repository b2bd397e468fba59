import type { ClusterRequest } from "#domain/msk.ts";
import { checkAuthentication } from "./access-rules.ts";
import {
  brokerType,
  endOfSupport,
  expressConfigKeys,
  guide,
  type KeyRule,
  limits,
  recommendedVersion,
  recordedVersions,
  standardConfigKeys,
} from "./data.ts";

/** What MSK demands of a request, asked before AWS is: each violation in AWS's words where they are known. */
export type Violation = {
  /** AWS's sentence, or the page's. */
  readonly rule: string;
  readonly saw: string;
  /** What to write instead. */
  readonly correction: string;
  readonly source: string;
};

type Kind = ClusterRequest["kind"];
type Found = readonly Violation[];
const none: Found = [];

/**
 * Everything that CreateClusterV2 would refuse in this request. `knownVersions`: what ListKafkaVersions has ACTIVE;
 * `zones`: the number of Availability Zones of the client subnets. One request to AWS shows only the first of these.
 */
export function checkCluster(
  request: ClusterRequest,
  knownVersions: readonly string[],
  zones: number,
): Found {
  return [
    ...checkVersion(request, knownVersions),
    ...checkInstanceType(request),
    ...checkPlacement(request, zones),
    ...checkStorage(request),
    ...checkThroughput(request),
    ...checkAuthentication(request),
  ];
}

/** `knownVersions`: as in `checkCluster`. */
export function checkVersion(
  { kind, kafkaVersion }: Pick<ClusterRequest, "kind" | "kafkaVersion">,
  knownVersions: readonly string[],
): Found {
  const recorded: readonly string[] = recordedVersions[kind];
  const other: readonly string[] = recordedVersions[kind === "standard" ? "express" : "standard"];
  const onlyOther = other.includes(kafkaVersion) && !recorded.includes(kafkaVersion);
  if (knownVersions.includes(kafkaVersion) && !onlyOther) return none;
  const valid = knownVersions.filter((version) => recorded.includes(version) || !other.includes(version));
  const ended = endOfSupport.get(kafkaVersion);
  return [
    {
      rule: `${title(kind)} instance types are not supported for Kafka version ${kafkaVersion}. Valid values: [${valid.join(", ")}]`,
      saw: `kafkaVersion ${kafkaVersion}${ended === undefined ? "" : `, whose support ended on ${ended}`}`,
      correction: `kafkaVersion: ${recommendedVersion[kind]}`,
      source: `${guide}/supported-kafka-versions.html`,
    },
  ];
}

function title(kind: Kind): string {
  return kind === "standard" ? "Standard" : "Express";
}

export function checkInstanceType({
  kind,
  instanceType,
  kafkaVersion,
}: Pick<ClusterRequest, "kind" | "instanceType" | "kafkaVersion">): Found {
  const source = `${guide}/broker-instance-types.html`;
  const found = brokerType(instanceType);
  const wanted = kind === "express" ? "express." : "kafka.";
  if (found === undefined || !instanceType.startsWith(wanted)) {
    return [
      {
        rule: `Brokers of kind ${kind} have instance types that begin with "${wanted}".`,
        saw: `instanceType ${instanceType}`,
        correction: `instanceType: ${kind === "express" ? "express.m7g.large" : "kafka.m7g.large"}`,
        source,
      },
    ];
  }
  if (instanceType !== "kafka.t3.small" || !isKraft(kafkaVersion)) return none;
  return [
    {
      rule: "KRaft metadata mode is not supported on kafka.t3.small.",
      saw: `instanceType ${instanceType} with kafkaVersion ${kafkaVersion}`,
      correction: "instanceType: kafka.m7g.large",
      source: `${guide}/metadata-management.html`,
    },
  ];
}

function isKraft(version: string): boolean {
  return version.endsWith(".kraft") || Number(version.split(".")[0]) >= 4;
}

/** Quota of one cluster, which depends on where its brokers keep their metadata. */
export function mostBrokers(kafkaVersion: string): number {
  return isKraft(kafkaVersion) ? limits.brokersPerCluster.kraft : limits.brokersPerCluster.zookeeper;
}

function checkPlacement({ kind, subnets, brokers, kafkaVersion }: ClusterRequest, zones: number): Found {
  const source = `${guide}/msk-create-cluster.html`;
  const found: Violation[] = [];
  if (new Set(subnets).size !== subnets.length) {
    found.push({
      rule: "The list provided contains duplicate items.",
      saw: `subnets ${subnets.join(", ")}`,
      correction: "name each subnet once",
      source,
    });
  }
  const fits = kind === "express" ? subnets.length === 3 : subnets.length === 2 || subnets.length === 3;
  if (!fits) {
    found.push({
      rule:
        kind === "express"
          ? "Clusters with Express instance types require 3 subnets."
          : "Specify either two or three client subnets.",
      saw: `${subnets.length} subnets`,
      correction: "target.subnets: three subnets, each in another Availability Zone",
      source,
    });
  }
  if (brokers < 1 || brokers % zones !== 0) {
    found.push({
      rule: "The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter.",
      saw: `${brokers} brokers in ${zones} Availability Zones`,
      correction: `brokers: ${Math.max(1, Math.ceil(brokers / zones)) * zones}`,
      source,
    });
  }
  return [...found, ...checkQuota(brokers, kafkaVersion)];
}

export function checkQuota(brokers: number, kafkaVersion: string): Found {
  const most = mostBrokers(kafkaVersion);
  if (brokers <= most) return none;
  return [
    {
      rule: `A cluster has at most ${most} brokers with this metadata mode unless AWS raises the quota.`,
      saw: `${brokers} brokers with kafkaVersion ${kafkaVersion}`,
      correction: "larger brokers, or a higher quota from AWS",
      source: `${guide}/limits.html`,
    },
  ];
}

export function checkStorage({ kind, volumeGiB }: Pick<ClusterRequest, "kind" | "volumeGiB">): Found {
  const source = `${guide}/msk-storage-management.html`;
  if (kind === "express") {
    if (volumeGiB === undefined) return none;
    return [
      {
        rule: "The storageInfo parameter is not supported for Express instance types.",
        saw: `volumeGiB ${volumeGiB}`,
        correction: "leave volumeGiB out: Express grows its storage by itself",
        source,
      },
    ];
  }
  const { min, max } = limits.volumeGiB;
  if (volumeGiB === undefined || (volumeGiB >= min && volumeGiB <= max)) return none;
  return [
    {
      rule: `A broker's volume has ${min} to ${max} GiB.`,
      saw: `volumeGiB ${volumeGiB}`,
      correction: `volumeGiB: ${volumeGiB < min ? min : max}`,
      source,
    },
  ];
}

const throughputPage = `${guide}/msk-provision-throughput-management.html`;

type ThroughputRequest = Pick<ClusterRequest, "instanceType" | "volumeGiB" | "provisionedThroughputMiBs">;

export function checkThroughput(request: ThroughputRequest): Found {
  const { instanceType, provisionedThroughputMiBs: rate } = request;
  if (rate === undefined) return none;
  const saw = `provisionedThroughputMiBs ${rate} on ${instanceType}`;
  const allowed = brokerType(instanceType)?.provisionedThroughput;
  if (allowed !== undefined) return [...checkRate(instanceType, rate, saw), ...checkVolumeForRate(request)];
  return [
    {
      rule: "Provisioned throughput is not supported for the specified broker type.",
      saw,
      correction:
        "leave provisionedThroughputMiBs out, or take kafka.m5.4xlarge, kafka.m7g.2xlarge or larger",
      source: throughputPage,
    },
  ];
}

function checkRate(instanceType: string, rate: number, saw: string): Found {
  const { minMiBs = 0, maxMiBs = 0 } = brokerType(instanceType)?.provisionedThroughput ?? {};
  if (rate >= minMiBs && rate <= maxMiBs) return none;
  const outside = rate < minMiBs || rate > 1000;
  const type = instanceType.replace("kafka.", "");
  return [
    {
      rule: outside
        ? "EBS volume throughput should be between 250 and 1000 MiB/s."
        : `For brokers of type ${type}, the maximum value for VolumeThroughput cannot exceed ${maxMiBs} MiB/s.`,
      saw,
      correction: `provisionedThroughputMiBs: ${rate < minMiBs ? minMiBs : maxMiBs}`,
      source: throughputPage,
    },
  ];
}

function checkVolumeForRate({ volumeGiB = 0 }: ThroughputRequest): Found {
  const least = limits.volumeGiB.throughputMin;
  if (volumeGiB >= least) return none;
  return [
    {
      rule: `To enable ProvisionedThroughput, you must set volume size to a value that is greater than or equal to ${least}.`,
      saw: volumeGiB === 0 ? "no volumeGiB" : `volumeGiB ${volumeGiB}`,
      correction: `volumeGiB: ${least} or more`,
      source: throughputPage,
    },
  ];
}

/** What a configuration for this kind of broker may not hold. One bad key fails CreateConfiguration as a whole. */
export function checkConfiguration(kind: Kind, properties: Readonly<Record<string, string>>): Found {
  const allowed = kind === "standard" ? standardConfigKeys : expressConfigKeys;
  const source =
    kind === "standard"
      ? `${guide}/msk-configuration-properties.html`
      : `${guide}/msk-configuration-express-read-write.html`;
  return Object.entries(properties).flatMap(([key, value]): Found => {
    const rule = allowed.get(key);
    if (rule === undefined) {
      return [
        {
          rule: `A configuration for ${title(kind)} brokers may not hold "${key}".`,
          saw: `${key}=${value}`,
          correction: `leave ${key} out: MSK sets it`,
          source,
        },
      ];
    }
    const wanted = misfit(value, rule);
    return wanted === undefined
      ? none
      : [
          {
            rule: `${key} must be ${wanted}.`,
            saw: `${key}=${value}`,
            correction: `${key}: ${wanted}`,
            source,
          },
        ];
  });
}

/** What the value should have been, where it does not fit. */
function misfit(value: string, rule: KeyRule): string | undefined {
  switch (rule.kind) {
    case "boolean":
      return value === "true" || value === "false" ? undefined : "true or false";
    case "number":
      return numberMisfit(value, rule);
    case "text": {
      const { oneOf } = rule;
      if (oneOf === undefined || value.split(",").every((part) => oneOf.includes(part.trim())))
        return undefined;
      return `one of ${oneOf.join(", ")}`;
    }
  }
}

function numberMisfit(value: string, rule: Extract<KeyRule, { kind: "number" }>): string | undefined {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rule;
  const number = Number(value);
  if (value.trim() !== "" && number >= min && number <= max) return undefined;
  if (rule.min === undefined) return "a number";
  return rule.max === undefined ? `a number from ${rule.min}` : `a number from ${rule.min} to ${rule.max}`;
}

/** Violations as one sentence each, for an error's message: what AWS says, what was seen, what to write. */
export function violationText({ rule, saw, correction }: Violation): string {
  return `${rule} Seen: ${saw}. Correction: ${correction}.`;
}
