import { staleParts } from "#domain/assess/assessment-age.ts";
import { type Message, mention, type Part } from "#domain/message.ts";
import { deregistration } from "#domain/msk/storage-scaling.ts";
import type { MskCluster } from "#domain/msk.ts";
import { type Drift, driftText } from "#domain/plan/drift.ts";
import { ownedBy } from "#domain/plan/provisioning.ts";
import { clockTime, count, took } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { Adoption } from "./adoption.ts";

const steps = ["configuration", "cluster", "wait", "secrets", "scaling"] as const;
const titles = {
  configuration: "configuration",
  cluster: "create the cluster",
  wait: "wait until it is ACTIVE",
  secrets: "associate the SCRAM secrets",
  scaling: "let the storage grow by itself",
} as const;

/** Of storage auto scaling; there is none where AWS manages the storage. `isOurs`: this migration registered it. */
export type Scaling = { readonly text: string; readonly isOurs: boolean };

/** The work under way: the step, and of a cluster that exists its state and age. */
export function waitingMessage(
  work: Work,
  {
    step,
    cluster,
    stale,
  }: {
    readonly step: (typeof steps)[number];
    readonly cluster?: MskCluster;
    /** Said of a plan that rests on an assessment too old to go by. */
    readonly stale?: string | undefined;
  },
): Message {
  return {
    subject: `${work.migration.name} · provision`,
    tone: "working",
    note: clockTime(work.clock.now()),
    parts: [
      { kind: "progress", step: titles[step], done: steps.indexOf(step), of: steps.length },
      ...(cluster === undefined ? [] : [stateOf(cluster, work)]),
      ...staleParts(stale),
      ...(cluster?.state === "CREATING"
        ? [{ kind: "note" as const, text: "AWS takes about half an hour. Nobody needs to wait here." }]
        : []),
    ],
  };
}

function stateOf(cluster: MskCluster, work: Work): Part {
  return {
    kind: "facts",
    rows: [
      { label: "Cluster", value: `${cluster.name}, ${shapeOf(cluster)}` },
      { label: "State", value: `${cluster.state}, ${ageOf(cluster, work)} since creation` },
    ],
  };
}

function ageOf({ createdAt }: MskCluster, work: Work): string {
  return createdAt === undefined ? "time not known" : took(work.clock.now() - createdAt);
}

function shapeOf({ brokers, instanceType, kafkaVersion }: MskCluster): string {
  return `${count(brokers, "broker")} ${instanceType}, Kafka ${kafkaVersion}`;
}

/** What there is now, what of it this migration made, and how to take it back. */
export function doneMessage(
  work: Work,
  cluster: MskCluster,
  {
    bootstrap,
    drift,
    stale,
    adopted,
    scaling,
  }: {
    readonly bootstrap: readonly string[];
    readonly drift: readonly Drift[];
    readonly stale: string | undefined;
    readonly adopted: Adoption | undefined;
    readonly scaling: Scaling | undefined;
  },
): Message {
  const ours = ownedBy(work.migration.name, cluster.tags);
  const volume = cluster.volumeGiB === undefined ? "managed by AWS" : `${cluster.volumeGiB} GiB a broker`;
  return {
    subject: `${work.migration.name} · provision`,
    tone: "done",
    note: clockTime(work.clock.now()),
    parts: [
      {
        kind: "text",
        text: ours
          ? `MSK cluster \`${cluster.name}\` is ACTIVE, ${ageOf(cluster, work)} after its creation.`
          : `MSK cluster \`${cluster.name}\` was there already and is ACTIVE. It is used as it is.`,
      },
      {
        kind: "facts",
        rows: [
          { label: "Cluster", value: cluster.arn },
          { label: "Shape", value: `${shapeOf(cluster)}, storage ${volume}` },
          ...scalingRows(scaling),
          {
            label: "Configuration",
            value:
              cluster.configurationArn === undefined
                ? "MSK's default"
                : `${cluster.configurationArn}, revision ${cluster.configurationRevision ?? "unknown"}`,
          },
          { label: "Brokers", value: bootstrap.join(", ") },
        ],
      },
      ...driftParts(drift),
      ...(adopted?.arn === cluster.arn
        ? [{ kind: "note" as const, text: `Adopted as it is by ${mention(adopted.by)}, ${adopted.at}.` }]
        : []),
      ...staleParts(stale),
      undoPart(work, cluster, scaling),
    ],
    next: ["network"],
  };
}

/** The question before a cluster of others is used that is not as planned. Nothing was changed. */
export function adoptionMessage(
  work: Work,
  cluster: MskCluster,
  {
    drift,
    fingerprint,
    scaling,
  }: {
    readonly drift: readonly Drift[];
    readonly fingerprint: string;
    readonly scaling: Scaling | undefined;
  },
): Message {
  return {
    subject: `${work.migration.name} · provision`,
    tone: "waiting",
    note: clockTime(work.clock.now()),
    parts: [
      {
        kind: "text",
        text: `MSK cluster \`${cluster.name}\` is there, this migration did not make it, and it is not as planned. It is used only if somebody says so. Nothing was changed.`,
      },
      { kind: "facts", rows: [{ label: "Cluster", value: cluster.arn }, ...scalingRows(scaling)] },
      ...driftParts(drift),
      {
        kind: "text",
        text: `To use it as it is: \`/ferry provision adopt ${fingerprint}\`; the answer is for exactly these differences. Or change the cluster, or \`target\` in ferry.yaml and \`/ferry plan\`, and run this again.`,
      },
    ],
    next: [`provision adopt ${fingerprint}`],
  };
}

function scalingRows(scaling: Scaling | undefined): readonly { label: string; value: string }[] {
  return scaling === undefined ? [] : [{ label: "Storage auto scaling", value: scaling.text }];
}

function driftParts(drift: readonly Drift[]): readonly Part[] {
  if (drift.length === 0) return [];
  const items = drift.map((each) => ({ state: "warn" as const, text: driftText(each) }));
  return [{ kind: "checks", title: "Not as planned", items }];
}

function undoPart({ migration }: Work, cluster: MskCluster, scaling: Scaling | undefined): Part {
  if (!ownedBy(migration.name, cluster.tags)) {
    return { kind: "note", text: "Nothing was made, so there is nothing to take back." };
  }
  const region = migration.settings.target.region;
  const scaled = scaling?.isOurs === true ? [deregistration(cluster.arn, region)] : [];
  const lines = [...scaled, `aws kafka delete-cluster --region ${region} --cluster-arn ${cluster.arn}`];
  if (cluster.configurationArn?.includes(`/ferry-${migration.settings.target.cluster}/`) === true) {
    lines.push(`aws kafka delete-configuration --region ${region} --arn ${cluster.configurationArn}`);
  }
  return { kind: "code", text: `# to take it back, with everything that is in it\n${lines.join("\n")}` };
}
