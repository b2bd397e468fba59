import { brokerType, endOfSupport } from "#domain/msk/data.ts";
import type { Plan, Reason } from "#domain/plan.ts";
import type { MigrationSettings } from "#domain/settings.ts";

/**
 * What the published guide ("How to Migrate from Self-Hosted Kafka to Amazon MSK") gets wrong, and what is done instead.
 * Each was checked against AWS's documentation or the API's own answers in September to November 2026.
 */
export function corrections(
  plan: Pick<Plan, "shape" | "configuration">,
  settings: MigrationSettings,
): readonly Reason[] {
  return [...ofCluster(plan), ...ofAccess(settings), ...ofMirror(), ...ofSwitching()];
}

function ofCluster({ shape, configuration }: Pick<Plan, "shape" | "configuration">): readonly Reason[] {
  const old = brokerType("kafka.m5.large");
  return [
    {
      what: `Kafka ${shape.kafkaVersion}, not 3.5.1`,
      why: `AWS refuses new clusters with 3.5.1; its support ended ${endOfSupport.get("3.5.1")}`,
      source: "supported-kafka-versions.html",
    },
    {
      what: throughputText(shape),
      why: "the guide asks for 250 MiB/s on kafka.m5.large; AWS refuses that, it needs m5.4xlarge or m7g.2xlarge and larger",
      source: "msk-provision-throughput-management.html",
    },
    {
      what: `${shape.brokers} × ${shape.instanceType}, sized from measured load`,
      why: `the guide takes 3 × kafka.m5.large for any load: ${old?.ingressMBps.recommended} MB/s and ${old?.partitionsRecommended} partition replicas each, $${old?.hourlyUsd}/h where kafka.m7g.large costs $${brokerType("kafka.m7g.large")?.hourlyUsd}/h`,
      source: "bestpractices.html",
    },
    {
      what: volumeText(shape),
      why: "the guide's 500 GiB is a guess; a volume grows only, six hours apart, for all brokers at once",
      source: "manually-expand-storage.html",
    },
    {
      what:
        shape.kind === "express"
          ? "Express never elects an unclean leader"
          : "unclean.leader.election.enable=false",
      why: "the guide leaves it out; MSK's default on Standard is true, and an unclean election loses acknowledged records",
      source: "msk-default-configuration.html",
    },
    {
      what: `message.max.bytes=${configuration["message.max.bytes"] ?? ""}, the source's value`,
      why: "the guide sets 10485760 whatever the source has; clients and the mirror need max.request.size to match",
      source: "msk-configuration-properties.html",
    },
    {
      what: "the configuration is made before the cluster",
      why: "the guide makes it afterwards; CreateCluster needs its ARN and revision",
      source: "msk-configuration-operations.html",
    },
    {
      what: "monitoring level DEFAULT",
      why: "the guide pays for PER_TOPIC_PER_BROKER; bytes per topic and consumer lag are in the free level",
      source: "metrics-details.html",
    },
    {
      what: "storage is changed with broker id All",
      why: 'the guide names broker "1"; AWS changes all brokers together',
      source: "manually-expand-storage.html",
    },
  ];
}

function throughputText({ provisionedThroughputMiBs, instanceType }: Plan["shape"]): string {
  return provisionedThroughputMiBs === undefined
    ? `no provisioned throughput on ${instanceType}`
    : `provisioned throughput ${provisionedThroughputMiBs} MiB/s on ${instanceType}, which takes it`;
}

function volumeText({ kind, volumeGiB }: Plan["shape"]): string {
  if (kind === "express") return "no volume: Express manages its storage";
  return volumeGiB === undefined ? "no volume until the size is known" : `${volumeGiB} GiB per broker`;
}

function ofAccess({ target, source }: MigrationSettings): readonly Reason[] {
  return [
    {
      what: `client authentication ${target.auth} from the first day`,
      why: "the guide sets none: unauthenticated clients only, until an update that restarts the brokers",
      source: "msk-authentication.html",
    },
    {
      what:
        source.network.kind === "peering"
          ? "peering is created, accepted and routed"
          : `network: ${source.network.kind}`,
      why: "the guide only creates the peering: without acceptance, routes on both sides, security groups and DNS nothing flows",
      source: "VPC peering guide",
    },
  ];
}

function ofMirror(): readonly Reason[] {
  return [
    {
      what: "topics are created first, with the source's partitions and effective settings",
      why: "the guide leaves it to MirrorMaker 2, which does not copy what a topic inherits from server.properties",
      source: "KIP-382",
    },
    {
      what: "one mirror per wave with an explicit list of topics",
      why: "the guide mirrors .* with IdentityReplicationPolicy, which cannot see a cycle: two directions would copy for ever",
      source: "KAFKA-9726",
    },
    {
      what: "group offsets are found on MSK by content and read back",
      why: "the guide's emit.consumer.offsets.* do not exist and sync.group.offsets.enabled is missing: no offset would be carried over",
      source: "KIP-545",
    },
    {
      what: "lag is end offset less the mirror's own copied offset",
      why: "the guide looks at a group mm2-source-target; MirrorMaker 2 commits to no group, so that shows nothing",
      source: "KIP-382",
    },
  ];
}

function ofSwitching(): readonly Reason[] {
  return [
    {
      what: "consumers move with exact offsets: nothing is read twice, nothing is skipped",
      why: "the guide calls consumers idempotent; that is the application's property, and lag of zero does not give it",
      source: "KIP-545",
    },
    {
      what: "producers move only after silence is proved and the mirror is drained to zero",
      why: "the guide restarts them on MSK at once: what arrives late on the source is behind what is new on MSK, or lost",
      source: "KIP-382",
    },
    {
      what: "a reverse mirror keeps the source current, so that every switch can be taken back",
      why: "the guide keeps the old cluster for rollback, but what was written on MSK since would be missing there",
      source: "KIP-382",
    },
    {
      what: "the source is watched for silence before anything is removed",
      why: "the guide watches MSK only; a forgotten client still works on the old cluster",
      source: "this product's design",
    },
  ];
}
