import type { MskCluster, StorageScaling } from "#domain/msk.ts";
import { limits } from "./data.ts";

/** Storage that grows by itself, which Application Auto Scaling does: guide, msk-autoexpand.html and its details. */

/** As Application Auto Scaling names them. */
export const scalingNames = {
  namespace: "kafka",
  dimension: "kafka:broker-storage:VolumeSize",
  policyType: "TargetTrackingScaling",
  metric: "KafkaBrokerStorageUtilization",
} as const;

/** Advised are 50 to 60 % (guide, msk-autoexpand-details.html). */
export const scalingPercent = 60;

/** What is registered and put; Terraform's export, the plan and `/ferry provision` have these very values. */
export type ScalingValues = {
  readonly minGiB: number;
  readonly maxGiB: number;
  /** Of the volume, when it grows. MSK's volumes never shrink. */
  readonly percent: number;
  readonly policy: string;
};

/** Guide, msk-autoexpand.html: Osaka, Cape Town, Malaysia. */
const regionsWithout = new Set(["ap-northeast-3", "af-south-1", "ap-southeast-5"]);

/** What ferry.yaml says of it. */
export type ScalingSettings = {
  readonly region: string;
  readonly storageAutoScaling: boolean;
  readonly shape: { readonly kind?: "standard" | "express" | "serverless" | undefined };
};

/** Whether a cluster of this target may need the calls at all, for what is known before there is one. */
export function mayScaleStorage({ region, storageAutoScaling, shape }: ScalingSettings): boolean {
  const isStandard = shape.kind === undefined || shape.kind === "standard";
  return storageAutoScaling && isStandard && !regionsWithout.has(region);
}

type Volumes = { readonly kind: MskCluster["kind"]; readonly volumeGiB?: number | undefined };

/** `undefined` where AWS manages the storage, where the Region has no auto scaling, and where ferry.yaml turns it off. */
export function plannedScaling(
  { kind, volumeGiB }: Volumes,
  settings: ScalingSettings,
): ScalingValues | undefined {
  if (kind !== "standard" || volumeGiB === undefined || !mayScaleStorage(settings)) return undefined;
  return { minGiB: 1, maxGiB: limits.volumeGiB.max, percent: scalingPercent, policy: "storage" };
}

/** Why volumes of this cluster are not scaled; `undefined` where they are, or where AWS manages the storage. */
export function scalingAbsence({ kind, volumeGiB }: Volumes, settings: ScalingSettings): string | undefined {
  if (kind !== "standard" || volumeGiB === undefined) return undefined;
  if (!settings.storageAutoScaling) return "off: target.storageAutoScaling is false; not looked at";
  if (regionsWithout.has(settings.region))
    return `none: MSK has no storage auto scaling in ${settings.region}`;
  return mayScaleStorage(settings) ? undefined : "not looked at: target.shape.kind is not standard";
}

/** Whether it grows the volumes exactly as planned. */
export function isScaledAs(values: ScalingValues, found: StorageScaling): boolean {
  const [policy, ...more] = found.policies;
  return (
    hasLimits(values, found) && !found.isSuspended && more.length === 0 && policy?.percent === values.percent
  );
}

/** Registered as planned, and a policy was never put: what an attempt leaves that ended between the two calls. */
export function lacksPolicy(values: ScalingValues, found: StorageScaling): boolean {
  return hasLimits(values, found) && !found.isSuspended && found.policies.length === 0;
}

function hasLimits({ minGiB, maxGiB }: ScalingValues, found: StorageScaling): boolean {
  return found.minGiB === minGiB && found.maxGiB === maxGiB;
}

export function plannedText({ percent, maxGiB }: ScalingValues): string {
  return `grows at ${percent} % full, up to ${maxGiB} GiB a broker, and never shrinks`;
}

/** What is registered, as it is. */
export function scalingText({ minGiB, maxGiB, policies, isSuspended }: StorageScaling): string {
  const limitsText = `registered from ${minGiB} to ${maxGiB} GiB a broker`;
  const each = policies.map(({ name, percent }) =>
    percent === undefined ? `policy ${name}, not by disk use` : `policy ${name} at ${percent} % full`,
  );
  const policyText = each.length === 0 ? "without a policy: nothing grows" : each.join(", ");
  return `${limitsText}, ${policyText}${isSuspended ? "; suspended: nothing grows" : ""}`;
}

/** Whether it is at work. */
export function growsByItself({ policies, isSuspended }: StorageScaling): boolean {
  return !isSuspended && policies.some(({ percent }) => percent !== undefined);
}

/** The calls for a person's hand, as the AWS CLI takes them. */
export function scalingCommands(arn: string, { minGiB, maxGiB, percent, policy }: ScalingValues): string {
  const { namespace, dimension, policyType, metric } = scalingNames;
  const scaling = `--service-namespace ${namespace} --scalable-dimension ${dimension} --resource-id ${arn}`;
  const tracking = JSON.stringify({
    TargetValue: percent,
    DisableScaleIn: true,
    PredefinedMetricSpecification: { PredefinedMetricType: metric },
  });
  return [
    `aws application-autoscaling register-scalable-target ${scaling} --min-capacity ${minGiB} --max-capacity ${maxGiB}`,
    `aws application-autoscaling put-scaling-policy ${scaling} --policy-name ${policy} --policy-type ${policyType} --target-tracking-scaling-policy-configuration '${tracking}'`,
  ].join("\n");
}

/** Takes both calls back, and with them the alarms that AWS made for the policy: they outlive a deleted cluster. */
export function deregistration(arn: string, region: string): string {
  const { namespace, dimension } = scalingNames;
  return `aws application-autoscaling deregister-scalable-target --region ${region} --service-namespace ${namespace} --scalable-dimension ${dimension} --resource-id ${arn}`;
}
