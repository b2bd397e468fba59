import { staleBasis } from "#domain/assess/assessment-age.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { MskCluster } from "#domain/msk.ts";
import { configurationDrift, type Drift, drift } from "#domain/plan/drift.ts";
import { clusterRequest, configurationRequest, ownedBy, ownerTag } from "#domain/plan/provisioning.ts";
import type { Plan } from "#domain/plan.ts";
import { refuseUnplannedCluster } from "#jobs/plan-stale.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { adoptionOf, askForAdoption } from "./adoption.ts";
import { auditedCall, madeBy, seenMade, toldEarlier } from "./aws-audit.ts";
import { clusterChange, create, type Planned } from "./create-cluster.ts";
import { adoptionMessage, doneMessage, waitingMessage } from "./provision-message.ts";
import { explainingDenials } from "./refusals.ts";
import { scaleStorage, shownScaling } from "./storage-scaling.ts";

/** Between two looks at a cluster that is being created: a twentieth of its age, so that a quick one is seen quickly. */
const patience = { minMs: 1000, maxMs: 30_000 };

/**
 * Step 2: the plan's configuration and cluster, made or found by name, and waited for until ACTIVE. Every attempt reads
 * AWS again, so that one that was killed anywhere goes on; AWS keeps names unique, so that nothing is made twice. A
 * cluster that others made and that differs is used only after `provision adopt`.
 */
export async function provision(job: JobOf<"provision">, work: Work): Promise<Outcome> {
  return await explainingDenials(work, () => makeOrAdopt(job, work));
}

async function makeOrAdopt(job: JobOf<"provision">, work: Work): Promise<Outcome> {
  const plan = await loadPlan(work);
  const planned: Planned = {
    plan,
    request: clusterRequest(plan, work.migration),
    configuration: configurationRequest(plan, work.migration),
    stale: staleBasis(plan, work.clock.now()),
  };
  const cluster = await lookForCluster(planned, work);
  const isOurs = cluster !== undefined && ownedBy(work.migration.name, cluster.tags);
  if (!isOurs) await refuseUnplannedCluster(plan, work);
  if (cluster === undefined) return await create(planned, work);
  refuseOthers(cluster, work);
  await refuseLost(cluster, work);
  if (cluster.state !== "ACTIVE") {
    await work.card.update(waitingMessage(work, { step: "wait", cluster, stale: planned.stale }));
    return again(pollAfter(cluster, work));
  }
  const differences = await driftOf(planned, cluster, work);
  if (differences.length > 0 && !ownedBy(work.migration.name, cluster.tags)) {
    const fingerprint = await askForAdoption(cluster, differences, job, work);
    if (fingerprint !== undefined) {
      const scaling = await shownScaling(cluster, work);
      await work.card.finish(adoptionMessage(work, cluster, { drift: differences, fingerprint, scaling }));
      return done;
    }
  }
  return await complete(planned, cluster, differences, work);
}

/**
 * By name; one that AWS has answered us and does not list yet, by its ARN. One that was there and is gone was deleted by
 * somebody: that is said first (`E_TARGET_FAILED`), and only the next run makes another.
 */
async function lookForCluster({ request }: Planned, work: Work): Promise<MskCluster | undefined> {
  const { msk } = work.world;
  const found = await msk.findCluster(request.name);
  if (found !== undefined) {
    if (ownedBy(work.migration.name, found.tags)) await seenMade(clusterChange(request), found.arn, work);
    return found;
  }
  const made = await madeBy("CreateClusterV2", request.name, work);
  if (made === undefined) return undefined;
  try {
    return await msk.describeCluster(made);
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== "E_TARGET_ABSENT") throw thrown;
  }
  if (await toldEarlier(`gone ${made}`, work)) return undefined;
  throw new FerryError(
    "E_TARGET_FAILED",
    `${made} was made by this migration and is gone: somebody deleted it. Nothing was made in its place; /ferry provision makes another one.`,
  );
}

function refuseOthers({ arn, tags }: MskCluster, { migration }: Work): void {
  const owner = tags[ownerTag];
  if (owner === undefined || owner === migration.name) return;
  throw new FerryError(
    "E_TARGET_FOREIGN",
    `${arn} belongs to migration ${owner}: its tag ${ownerTag} says so. Where that one has ended: aws kafka untag-resource --resource-arn ${arn} --tag-keys ${ownerTag}, then /ferry provision compares it with the plan.`,
  );
}

/** Whoever is told this may delete it and run the step again: that one makes another without a further word. */
async function refuseLost({ arn, state, reason }: MskCluster, work: Work): Promise<void> {
  if (state === "FAILED" || state === "DELETING") await toldEarlier(`gone ${arn}`, work);
  if (state === "FAILED") {
    throw new FerryError(
      "E_TARGET_FAILED",
      `${arn} is FAILED: ${reason ?? "AWS names no cause"}. To make another one: aws kafka delete-cluster --cluster-arn ${arn}, then /ferry provision.`,
    );
  }
  if (state === "DELETING") {
    throw new FerryError(
      "E_TARGET_FAILED",
      `${arn} is being deleted; a new one can be made when it is gone.`,
    );
  }
}

function pollAfter({ createdAt }: MskCluster, work: Work): number {
  const age = createdAt === undefined ? 0 : work.clock.now() - createdAt;
  return Math.min(patience.maxMs, Math.max(patience.minMs, Math.round(age / 20)));
}

/** The cluster and what its brokers are configured with, against the plan. */
async function driftOf(
  { request, configuration }: Planned,
  cluster: MskCluster,
  work: Work,
): Promise<readonly Drift[]> {
  const { configurationArn: arn, configurationRevision: revision } = cluster;
  const used =
    arn === undefined || revision === undefined
      ? undefined
      : await work.world.msk.describeConfiguration(arn, revision);
  return [
    ...drift(request, cluster),
    ...configurationDrift(configuration, used),
    ...(await secretsDrift(cluster, work)),
  ];
}

/** Of a cluster of others: its secrets are theirs to associate. Of ours they are associated below. */
async function secretsDrift(cluster: MskCluster, work: Work): Promise<readonly Drift[]> {
  const wanted = secretsFor(cluster, work);
  if (wanted.length === 0 || ownedBy(work.migration.name, cluster.tags)) return [];
  const has = await work.world.msk.scramSecrets(cluster.arn);
  if (wanted.every((secret) => has.includes(secret))) return [];
  return [{ what: "SCRAM secrets", planned: wanted.join(", "), found: has.join(", ") || "none" }];
}

function secretsFor({ auth }: MskCluster, { migration }: Work): readonly string[] {
  const { target } = migration.settings;
  return target.auth === "scram" && auth.includes("scram") ? (target.scram?.secretArns ?? []) : [];
}

async function complete(
  { plan, request, stale }: Planned & { readonly plan: Plan },
  cluster: MskCluster,
  differences: readonly Drift[],
  work: Work,
): Promise<Outcome> {
  if (ownedBy(work.migration.name, cluster.tags)) await associateSecrets(cluster, work);
  const bootstrap = await work.world.msk.bootstrap(cluster.arn, request.auth, request.transit);
  if (bootstrap === undefined) {
    throw new FerryError(
      "E_TARGET_FAILED",
      `${cluster.arn} is ACTIVE and has no brokers for ${request.auth} with transit ${request.transit}; it has ${cluster.auth.join(", ")} with transit ${cluster.transit}.`,
    );
  }
  const scaling = await scaleStorage(cluster, work, stale);
  await work.audit({
    what: "target.active",
    key: `target.active:${work.jobId}`,
    subject: cluster.arn,
    detail: { arn: cluster.arn, bootstrap, plan: plan.hash, drift: differences, scaling: scaling?.text },
  });
  const adopted = await adoptionOf(work);
  const told = { bootstrap, drift: differences, stale, adopted, scaling };
  await work.card.finish(doneMessage(work, cluster, told));
  return done;
}

async function associateSecrets(cluster: MskCluster, work: Work): Promise<void> {
  const { arn, name } = cluster;
  const wanted = secretsFor(cluster, work);
  if (wanted.length === 0) return;
  const has = new Set(await work.world.msk.scramSecrets(arn));
  const missing = wanted.filter((secret) => !has.has(secret));
  const change = (secrets: readonly string[]) => ({
    action: "BatchAssociateScramSecret",
    resource: name,
    undo: `disassociate ${secrets.join(", ")}`,
  });
  if (missing.length === 0) return await seenMade(change(wanted), undefined, work);
  await work.card.update(waitingMessage(work, { step: "secrets" }));
  await auditedCall(work, change(missing), () => work.world.msk.associateScram(arn, missing));
}
