import {
  deregistration,
  isScaledAs,
  lacksPolicy,
  plannedScaling,
  plannedText,
  type ScalingValues,
  scalingAbsence,
  scalingText,
} from "#domain/msk/storage-scaling.ts";
import type { MskCluster, StorageScaling } from "#domain/msk.ts";
import { ownedBy, ownerTag } from "#domain/plan/provisioning.ts";
import type { Work } from "#jobs/work.ts";
import { auditedCall, type Change, seenMade } from "./aws-audit.ts";
import { type Scaling, waitingMessage } from "./provision-message.ts";

/** Storage that grows by itself, for clusters that this migration made. What others registered is never changed. */

/**
 * Registers the volumes and puts the policy, where neither is there. Returns what there is now, for people; `undefined`
 * where AWS manages the storage. Of a cluster of others it only looks. `stale`: said of a plan that rests on
 * an assessment too old to go by. Errors: `E_AWS_*`.
 */
export async function scaleStorage(
  cluster: MskCluster,
  work: Work,
  stale: string | undefined,
): Promise<Scaling | undefined> {
  const values = plannedScaling(cluster, work.migration.settings.target);
  if (values === undefined || !ownedBy(work.migration.name, cluster.tags)) {
    return await shownScaling(cluster, work);
  }
  const missing = async () => {
    await work.card.update(waitingMessage(work, { step: "scaling", stale }));
    await register(cluster, values, work);
  };
  const found = await registered(cluster, missing, work);
  if (found === undefined) return await putPolicy(cluster, values, work);
  if (!ownedBy(work.migration.name, found.tags)) return shown(values, found, work);
  await seenMade(registration(cluster, work), undefined, work);
  if (lacksPolicy(values, found)) return await putPolicy(cluster, values, work);
  if (isScaledAs(values, found)) await seenMade(policyChange(cluster, values, work), undefined, work);
  return shown(values, found, work);
}

/** What is there, nothing is changed. `undefined` where AWS manages the storage. */
export async function shownScaling(cluster: MskCluster, work: Work): Promise<Scaling | undefined> {
  const { target } = work.migration.settings;
  const values = plannedScaling(cluster, target);
  if (values === undefined) {
    const text = scalingAbsence(cluster, target);
    return text === undefined ? undefined : { text, isOurs: false };
  }
  const found = await work.world.msk.storageScaling(cluster.arn);
  if (found !== undefined) return shown(values, found, work);
  return { text: "none; `/ferry features` has the two calls", isOurs: false };
}

function shown(values: ScalingValues, found: StorageScaling, { migration }: Work): Scaling {
  const isOurs = ownedBy(migration.name, found.tags);
  if (isScaledAs(values, found)) return { text: plannedText(values), isOurs };
  const text = `${scalingText(found)}. Planned: ${plannedText(values)}. Left as it is.`;
  return { text, isOurs };
}

/** What is registered, by this call where nothing was; another process may have come first. `undefined`: not shown yet. */
async function registered(
  cluster: MskCluster,
  onMissing: () => Promise<void>,
  work: Work,
): Promise<StorageScaling | undefined> {
  const { msk } = work.world;
  const found = await msk.storageScaling(cluster.arn);
  if (found !== undefined) return found;
  await onMissing();
  return await msk.storageScaling(cluster.arn);
}

async function register(cluster: MskCluster, { minGiB, maxGiB }: ScalingValues, work: Work): Promise<void> {
  const tags = { [ownerTag]: work.migration.name };
  await auditedCall(work, registration(cluster, work), () =>
    work.world.msk.registerStorage(cluster.arn, { minGiB, maxGiB, tags }),
  );
}

async function putPolicy(cluster: MskCluster, values: ScalingValues, work: Work): Promise<Scaling> {
  const { policy: name, percent } = values;
  await auditedCall(work, policyChange(cluster, values, work), () =>
    work.world.msk.putStoragePolicy(cluster.arn, { name, percent }),
  );
  return { text: plannedText(values), isOurs: true };
}

function registration({ arn, name }: MskCluster, { migration }: Work): Change {
  const undo = deregistration(arn, migration.settings.target.region);
  return { action: "RegisterScalableTarget", resource: name, undo };
}

function policyChange({ arn, name }: MskCluster, { policy }: ScalingValues, { migration }: Work): Change {
  const undo = `delete the scaling policy ${policy}; with the registration: ${deregistration(arn, migration.settings.target.region)}`;
  return { action: "PutScalingPolicy", resource: name, undo };
}
