import { z } from "zod";
import type { GateFact, Proposal } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { Message, Part } from "#domain/message.ts";
import {
  changePrice,
  changeText,
  type Feature,
  type FeatureChange,
  featureChange,
  featureList,
  isApplied,
} from "#domain/msk/features.ts";
import { plannedScaling } from "#domain/msk/storage-scaling.ts";
import type { MskCluster } from "#domain/msk.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { clockTime, took } from "#domain/wording.ts";
import { ask } from "#jobs/approval/request.ts";
import type { Approvable, Asked, Run, Step } from "#jobs/run/approvable.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { auditedCall } from "./aws-audit.ts";
import { explainingDenials } from "./refusals.ts";

/** Step 9: MSK features worth enabling now. Without a choice the list; with one, the question to people. */
export async function features(job: JobOf<"features">, work: Work): Promise<Outcome> {
  if (job.choice !== undefined) {
    return await ask(feature, "feature", { choice: job.choice, by: job.by }, work, {
      dryRun: job.dryRun,
    });
  }
  return await explainingDenials(work, async () => {
    const cluster = await targetCluster(work);
    const settings = work.migration.settings.target;
    const isLookedAt = plannedScaling(cluster, settings) !== undefined;
    const scaling = isLookedAt ? await work.world.msk.storageScaling(cluster.arn) : undefined;
    const partitions = await plannedPartitions(work);
    await work.card.finish(listMessage(featureList(cluster, { partitions, settings, scaling }), work));
    return done;
  });
}

async function targetCluster(work: Work): Promise<MskCluster> {
  const { cluster: name, region } = work.migration.settings.target;
  const cluster = await work.world.msk.findCluster(name);
  if (cluster === undefined) {
    throw new FerryError("E_TARGET_ABSENT", `There is no MSK cluster ${name} in ${region}.`);
  }
  return cluster;
}

async function plannedPartitions({ store, migration }: Work): Promise<number | undefined> {
  const stored = Plan.safeParse((await store.read(planKey(migration.name)))?.value);
  return stored.data?.topics.reduce((sum, { partitions }) => sum + partitions, 0);
}

function listMessage(list: readonly Feature[], work: Work): Message {
  return {
    subject: `${work.migration.name} · features`,
    tone: "info",
    note: clockTime(work.clock.now()),
    parts: list.flatMap(({ title, now, gain, price, change, choice, source }): readonly Part[] => [
      { kind: "text", text: `*${title}*` },
      {
        kind: "facts",
        rows: [
          { label: "Now", value: now },
          { label: "Gain", value: gain },
          { label: "Price", value: price },
          { label: "Page", value: source },
        ],
      },
      {
        kind: "code",
        text: choice === undefined ? change : `${change}\n# or /ferry features ${choice}, after one approval`,
      },
    ]),
    next: list.flatMap(({ choice }) => (choice === undefined ? [] : [`features ${choice}`])),
  };
}

/** Applies one change to the MSK cluster and follows the operation to its end. One person approves. */
export const feature: Approvable = { propose, steps, summary };

const Planned = z.object({
  cluster: z.string(),
  change: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("storage"), fromGiB: z.number(), toGiB: z.number() }),
    z.object({
      kind: z.literal("monitoring"),
      from: z.string(),
      to: z.enum(["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"]),
    }),
  ]),
});

async function propose(asked: Asked, work: Work): Promise<Proposal> {
  const cluster = await explainingDenials(work, () => targetCluster(work));
  const change = featureChange(asked.choice ?? "", cluster);
  return {
    action: "feature",
    title: `change ${changeText(change)}`,
    plan: { cluster: cluster.arn, change },
    effects: [
      { label: "What happens", value: `${changeText(change)} of ${cluster.name}; the brokers go on serving` },
      { label: "Price", value: changePrice(change, cluster) },
      {
        label: "Way back",
        value:
          change.kind === "storage"
            ? "none: MSK's storage never shrinks"
            : `\`/ferry features monitoring=${change.from}\``,
      },
    ],
    facts: [stateFact(cluster), valueFact(change)],
    quorum: 1,
  };
}

function stateFact({ name, state }: MskCluster): GateFact {
  return {
    name: "cluster",
    text: `${name} is ${state}`,
    state: state === "ACTIVE" ? "pass" : "fail",
    pinned: state,
  };
}

function valueFact(change: FeatureChange): GateFact {
  const from = change.kind === "storage" ? `${change.fromGiB} GiB a broker` : change.from;
  return { name: change.kind, text: `${change.kind} now: ${from}`, state: "pass", pinned: from };
}

/** AWS works on it for minutes up to a day. */
const pollMs = { storage: 30_000, monitoring: 15_000 };

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  const { cluster: arn, change } = Planned.parse(proposal.plan);
  const { msk } = work.world;
  return [
    {
      name: "apply",
      title: changeText(change),
      isDone: async () => {
        const cluster = await msk.describeCluster(arn);
        return cluster.state === "ACTIVE" && isApplied(change, cluster);
      },
      act: () => explainingDenials(work, () => act(arn, change, work, run)),
    },
  ];
}

async function act(arn: string, change: FeatureChange, work: Work, run: Run): Promise<Outcome> {
  const begun = z.string().safeParse(await run.recall("operation"));
  if (begun.success) return await follow(begun.data, change, work);
  const cluster = await work.world.msk.describeCluster(arn);
  // Killed between the call and remembering it: the cluster shows that something is under way.
  if (cluster.state !== "ACTIVE") return again(pollMs[change.kind]);
  await run.remember("began-at", work.clock.now());
  await run.remember("operation", await apply(change, cluster, work));
  return again(1000);
}

async function apply(change: FeatureChange, cluster: MskCluster, work: Work): Promise<string> {
  const { msk } = work.world;
  return await auditedCall(
    work,
    {
      action: change.kind === "storage" ? "UpdateBrokerStorage" : "UpdateMonitoring",
      resource: cluster.name,
      undo: change.kind === "storage" ? "none: storage never shrinks" : `set monitoring to ${change.from}`,
    },
    () =>
      change.kind === "storage"
        ? msk.updateStorage(cluster, change.toGiB)
        : msk.updateMonitoring(cluster, change.to),
    (operation) => operation,
  );
}

async function follow(operation: string, change: FeatureChange, work: Work): Promise<Outcome> {
  const { state, reason } = await work.world.msk.operation(operation);
  if (state === "UPDATE_COMPLETE") return done;
  if (state === "UPDATE_FAILED") {
    throw new FerryError(
      "E_TARGET_FAILED",
      `AWS did not change ${changeText(change)}: ${reason ?? "it names no cause"}.`,
    );
  }
  return again(pollMs[change.kind]);
}

async function summary(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const { cluster: arn, change } = Planned.parse(proposal.plan);
  const cluster = await work.world.msk.describeCluster(arn);
  const began = z.number().safeParse(await run.recall("began-at"));
  const now =
    change.kind === "storage" ? `${cluster.volumeGiB ?? "unknown"} GiB a broker` : cluster.monitoring;
  return [
    {
      kind: "facts",
      rows: [
        { label: "Changed", value: changeText(change) },
        { label: "AWS shows", value: `${now}, ${cluster.state}` },
        {
          label: "Took",
          value: began.success ? took(work.clock.now() - began.data) : "not measured: it was so already",
        },
      ],
    },
  ];
}
