import { staleParts } from "#domain/assessment-age.ts";
import type { Message, Part } from "#domain/message.ts";
import type { MskCluster } from "#domain/msk.ts";
import { type Drift, driftText, ownedBy } from "#domain/provisioning.ts";
import { clockTime, count, took } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";

const steps = ["configuration", "cluster", "wait", "secrets"] as const;
const titles = {
  configuration: "configuration",
  cluster: "create the cluster",
  wait: "wait until it is ACTIVE",
  secrets: "associate the SCRAM secrets",
} as const;

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
  bootstrap: readonly string[],
  drift: readonly Drift[],
  stale?: string,
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
      ...staleParts(stale),
      undoPart(work, cluster, ours),
    ],
    next: ["network"],
  };
}

function driftParts(drift: readonly Drift[]): readonly Part[] {
  if (drift.length === 0) return [];
  const items = drift.map((each) => ({ state: "warn" as const, text: driftText(each) }));
  return [{ kind: "checks", title: "Not as planned", items }];
}

function undoPart({ migration }: Work, cluster: MskCluster, ours: boolean): Part {
  if (!ours) {
    return { kind: "note", text: "Nothing was made, so there is nothing to take back." };
  }
  const region = migration.settings.target.region;
  const lines = [`aws kafka delete-cluster --region ${region} --cluster-arn ${cluster.arn}`];
  if (cluster.configurationArn?.includes(`/ferry-${migration.settings.target.cluster}/`) === true) {
    lines.push(`aws kafka delete-configuration --region ${region} --arn ${cluster.configurationArn}`);
  }
  return { kind: "code", text: `# to take it back, with everything that is in it\n${lines.join("\n")}` };
}
