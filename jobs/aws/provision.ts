import { staleBasis } from "#domain/assessment-age.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { ClusterRequest, MskCluster, MskConfiguration } from "#domain/msk.ts";
import { checkCluster, checkConfiguration, violationText } from "#domain/msk-rules.ts";
import type { Plan } from "#domain/plan.ts";
import {
  clusterRequest,
  configurationRequest,
  drift,
  driftText,
  forcedRequest,
  ownedBy,
  sameProperties,
  shapeChanges,
} from "#domain/provisioning.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { auditedCall } from "./aws-audit.ts";
import { doneMessage, waitingMessage } from "./provision-message.ts";

/** A cluster or configuration that AWS has just made is looked at again so soon. */
const soonMs = 1000;
/** Between two looks at a cluster that is being created: a twentieth of its age, so that a quick one is seen quickly. */
const patience = { minMs: 1000, maxMs: 30_000 };

/**
 * Step 2: the plan's configuration and cluster, made or found by name, and waited for until ACTIVE. Every attempt reads
 * AWS again, so that one that was killed anywhere goes on; AWS keeps names unique, so that nothing is made twice.
 */
export async function provision(_job: JobOf<"provision">, work: Work): Promise<Outcome> {
  const plan = await loadPlan(work);
  const request = clusterRequest(plan, work.migration);
  const cluster = await work.world.msk.findCluster(request.name);
  if (cluster === undefined) return await create(plan, request, work);
  const differences = drift(request, cluster);
  if (differences.length > 0 && !ownedBy(work.migration.name, cluster.tags)) {
    throw new FerryError(
      "E_TARGET_FOREIGN",
      `${cluster.arn} was not made by this migration and differs: ${differences.map(driftText).join("; ")}.`,
    );
  }
  refuseLost(cluster);
  if (cluster.state !== "ACTIVE") {
    await work.card.update(waitingMessage(work, { step: "wait", cluster, stale: staleNow(plan, work) }));
    return again(pollAfter(cluster, work));
  }
  return await complete(plan, request, cluster, work);
}

async function create(plan: Plan, request: ClusterRequest, work: Work): Promise<Outcome> {
  await refuseIllegal(plan, request, work);
  const stale = staleNow(plan, work);
  await work.card.update(waitingMessage(work, { step: "configuration", stale }));
  const configuration = await ensureConfiguration(plan, work);
  await work.card.update(waitingMessage(work, { step: "cluster", stale }));
  await auditedCall(
    work,
    {
      action: "CreateClusterV2",
      resource: request.name,
      undo: `delete the cluster ${request.name}`,
    },
    () => work.world.msk.createCluster(request, configuration),
    (arn) => arn,
  );
  return again(soonMs);
}

function staleNow(plan: Plan, { clock }: Work): string | undefined {
  return staleBasis(plan, clock.now());
}

/** What ferry.yaml forces is checked even where the plan knew better: nobody gets another cluster than the one written. */
async function refuseIllegal(plan: Plan, request: ClusterRequest, work: Work): Promise<void> {
  const versions = await work.world.msk.versions();
  const zones = request.subnets.length; // MSK wants each subnet in another zone, and says so itself
  const forced = forcedRequest(plan, work.migration);
  const violations = [
    ...checkCluster(forced, versions, zones),
    ...checkConfiguration(request.kind, plan.configuration),
  ];
  if (violations.length > 0) {
    const { name: subject } = request;
    await work.audit({ what: "target.refused", subject, reason: "E_AWS_REFUSED", detail: violations });
    throw new FerryError("E_AWS_REFUSED", violations.map(violationText).join(" "));
  }
  const changes = shapeChanges(plan, work.migration);
  if (changes.length > 0) {
    throw new FerryError("E_PLAN_STALE", `target.shape is not what was planned: ${changes.join("; ")}.`);
  }
}

/** By name: found, brought to the plan's properties by a new revision, or created. */
async function ensureConfiguration(plan: Plan, work: Work): Promise<MskConfiguration> {
  const { msk } = work.world;
  const request = configurationRequest(plan, work.migration);
  const found = await msk.findConfiguration(request.name);
  const configuration =
    found ??
    (await auditedCall(
      work,
      {
        action: "CreateConfiguration",
        resource: request.name,
        undo: `delete the configuration ${request.name}`,
      },
      () => msk.createConfiguration(request),
      made,
    ));
  if (sameProperties(configuration.properties, request.properties)) return configuration;
  return await auditedCall(
    work,
    {
      action: "UpdateConfiguration",
      resource: request.name,
      undo: `use revision ${configuration.revision} of ${request.name}`,
    },
    () => msk.reviseConfiguration(configuration.arn, request.description, request.properties),
    made,
  );
}

function made({ arn, revision }: MskConfiguration): string {
  return `${arn}, revision ${revision}`;
}

function refuseLost({ arn, state, reason }: MskCluster): void {
  if (state === "FAILED") {
    throw new FerryError("E_TARGET_FAILED", `${arn} is FAILED: ${reason ?? "AWS names no cause"}.`);
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

async function complete(
  plan: Plan,
  request: ClusterRequest,
  cluster: MskCluster,
  work: Work,
): Promise<Outcome> {
  await associateSecrets(cluster, work);
  const bootstrap = await work.world.msk.bootstrap(cluster.arn, request.auth, request.transit);
  if (bootstrap === undefined) {
    throw new FerryError(
      "E_TARGET_FAILED",
      `${cluster.arn} is ACTIVE and has no brokers for ${request.auth} with transit ${request.transit}; it has ${cluster.auth.join(", ")} with transit ${cluster.transit}.`,
    );
  }
  await work.audit({ what: "target.active", subject: cluster.arn, detail: { arn: cluster.arn, bootstrap } });
  await work.card.finish(
    doneMessage(work, cluster, bootstrap, drift(request, cluster), staleNow(plan, work)),
  );
  return done;
}

async function associateSecrets({ arn, name, auth }: MskCluster, work: Work): Promise<void> {
  const { target } = work.migration.settings;
  const wanted = target.scram?.secretArns ?? [];
  if (target.auth !== "scram" || wanted.length === 0 || !auth.includes("scram")) return;
  const has = new Set(await work.world.msk.scramSecrets(arn));
  const missing = wanted.filter((secret) => !has.has(secret));
  if (missing.length === 0) return;
  await work.card.update(waitingMessage(work, { step: "secrets" }));
  await auditedCall(
    work,
    {
      action: "BatchAssociateScramSecret",
      resource: name,
      undo: `disassociate ${missing.join(", ")}`,
    },
    () => work.world.msk.associateScram(arn, missing),
  );
}
