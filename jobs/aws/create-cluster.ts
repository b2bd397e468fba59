import { FerryError } from "#domain/errors.ts";
import { checkSites, checkZones } from "#domain/msk/placement.ts";
import { checkCluster, checkConfiguration, violationText } from "#domain/msk/rules.ts";
import type { ClusterRequest, ConfigurationRequest, MskConfiguration } from "#domain/msk.ts";
import { forcedRequest, isConfigurationOf, sameProperties, shapeChanges } from "#domain/plan/provisioning.ts";
import type { Plan } from "#domain/plan.ts";
import { again, type Outcome, type Work } from "#jobs/work.ts";
import { auditedCall, type Change, seenMade } from "./aws-audit.ts";
import { waitingMessage } from "./provision-message.ts";
import { foundHere } from "./refusals.ts";

/** The plan's configuration and cluster, made where there is none. */

export type Planned = {
  readonly plan: Plan;
  readonly request: ClusterRequest;
  readonly configuration: ConfigurationRequest;
  /** Said of a plan that rests on an assessment too old to go by. */
  readonly stale: string | undefined;
};

/** A cluster that AWS has just made is looked at again so soon. */
const soonMs = 1000;

export function clusterChange({ name }: ClusterRequest): Change {
  return { action: "CreateClusterV2", resource: name, undo: `delete the cluster ${name}` };
}

/** Errors: `E_AWS_*`, `E_SETTINGS`, `E_PLAN_STALE`, `E_TARGET_FOREIGN` for a configuration that others made. */
export async function create(planned: Planned, work: Work): Promise<Outcome> {
  const { request, stale } = planned;
  await refuseIllegal(planned, work);
  await work.card.update(waitingMessage(work, { step: "configuration", stale }));
  const configuration = await ensureConfiguration(planned, work);
  refuseStrangeSites(planned, configuration, work);
  await work.card.update(waitingMessage(work, { step: "cluster", stale }));
  await auditedCall(
    work,
    clusterChange(request),
    () => work.world.msk.createCluster(request, configuration),
    (arn) => arn,
  );
  return again(soonMs);
}

/** What ferry.yaml forces is checked even where the plan knew better: nobody gets another cluster than the one written. */
async function refuseIllegal({ plan, request }: Planned, work: Work): Promise<void> {
  const versions = await work.world.msk.versions();
  const { network } = work.world;
  const { region } = work.migration.settings.target;
  const where = (key: string) =>
    `target.${key} were looked for in ${region}, in the account of the bot's credentials`;
  const subnets = await foundHere(network.subnets(request.subnets), where("subnets"));
  for (const group of request.securityGroups) {
    await foundHere(network.ingress(group), where("securityGroups"));
  }
  const zones = new Set(subnets.map(({ zone }) => zone)).size;
  const forced = forcedRequest(plan, work.migration);
  const violations = [
    ...checkZones(subnets),
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

/** The configuration's ARN tells in which account and Region the bot is; keys and secrets of others are of no use. */
function refuseStrangeSites({ request }: Planned, { arn }: MskConfiguration, work: Work): void {
  const secrets = work.migration.settings.target.scram?.secretArns ?? [];
  const violations = checkSites(request, secrets, arn);
  if (violations.length === 0) return;
  throw new FerryError("E_SETTINGS", violations.map(violationText).join(" "));
}

/** By name: found, brought to the plan's properties by a new revision, or created. Others' are never changed. */
async function ensureConfiguration(
  { configuration: request }: Planned,
  work: Work,
): Promise<MskConfiguration> {
  const { msk } = work.world;
  const { name } = request;
  const creation = {
    action: "CreateConfiguration",
    resource: name,
    undo: `delete the configuration ${name}`,
  };
  const found = await msk.findConfiguration(name);
  if (found !== undefined) await seenMade(creation, made(found), work);
  const configuration =
    found ?? (await auditedCall(work, creation, () => msk.createConfiguration(request), made));
  const revision: Change = {
    action: "UpdateConfiguration",
    resource: name,
    undo: `use another revision of ${name} than ${configuration.revision + 1}`,
  };
  if (sameProperties(configuration.properties, request.properties)) {
    await seenMade(revision, made(configuration), work);
    return configuration;
  }
  if (!isConfigurationOf(work.migration.name, configuration)) {
    throw new FerryError(
      "E_TARGET_FOREIGN",
      `The configuration ${name} exists, with other properties, and this migration did not make it: its description is "${configuration.description}".`,
    );
  }
  return await auditedCall(
    work,
    revision,
    () => msk.reviseConfiguration(configuration.arn, request.description, request.properties),
    made,
  );
}

function made({ arn, revision }: MskConfiguration): string {
  return `${arn}, revision ${revision}`;
}
