import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Cloud, handler, paging } from "./cloud.ts";
import { isExpress } from "./msk-model.ts";
import { AwsRefusal } from "./refusal.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";

/** Application Auto Scaling as far as MSK's volumes go. It registers and shows; nothing grows here. */

export type ScalableTarget = {
  /** Of the cluster. */
  resource: string;
  arn: string;
  createdAt: number;
  min: number;
  max: number;
  tags: { [key: string]: string };
  suspendedOut: boolean;
  policies: { name: string; arn: string; createdAt: number; tracking: Tracking }[];
};

const dimension = "kafka:broker-storage:VolumeSize";
/** Guide, msk-autoexpand-details.html: the target lies between 10 and 80 %. */
const percents = { least: 10, most: 80 };

function invalid(message: string): AwsRefusal {
  return new AwsRefusal(400, "ValidationException", message);
}

const named = { ServiceNamespace: z.string(), ScalableDimension: z.string().optional() };
const register = z.object({
  ...named,
  ResourceId: z.string(),
  MinCapacity: z.number().optional(),
  MaxCapacity: z.number().optional(),
  Tags: z.record(z.string(), z.string()).optional(),
  SuspendedState: z.object({ DynamicScalingOutSuspended: z.boolean().optional() }).optional(),
});
const tracking = z.looseObject({
  TargetValue: z.number(),
  DisableScaleIn: z.boolean().optional(),
  PredefinedMetricSpecification: z.looseObject({ PredefinedMetricType: z.string() }).optional(),
});
type Tracking = z.infer<typeof tracking>;
const putPolicy = z.object({
  ...named,
  ResourceId: z.string(),
  PolicyName: z.string(),
  PolicyType: z.string().optional(),
  TargetTrackingScalingPolicyConfiguration: tracking.optional(),
});
const listTargets = z.object({ ...named, ResourceIds: z.array(z.string()).optional(), ...paging });
const listPolicies = z.object({ ...named, ResourceId: z.string().optional(), ...paging });
const listTags = z.object({ ResourceARN: z.string() });

/** The texts are ours, but for that of a target that is not there. */
function refuseNames(given: { ServiceNamespace: string; ScalableDimension?: string | undefined }): void {
  const { ServiceNamespace: namespace, ScalableDimension: asked = dimension } = given;
  if (namespace !== "kafka") throw invalid(`The stand-in knows no service namespace ${namespace}.`);
  if (asked !== dimension)
    throw invalid(`Unsupported service namespace, resource type or scalable dimension: ${asked}`);
}

/** Only volumes of Standard brokers. */
function refuseCluster(cloud: Cloud, resource: string, { account, region }: Caller): void {
  const cluster = cloud.clusters.find((each) => each.arn === resource);
  if (cluster?.account !== account || cluster.region !== region) {
    throw invalid(`Kafka cluster doesn't exist: ${resource}`);
  }
  const { kind } = cluster;
  if (kind.type === "SERVERLESS" || isExpress(kind.settings.BrokerNodeGroupInfo.InstanceType)) {
    throw invalid(`The storage of ${resource} is managed by Amazon MSK and cannot be scaled.`);
  }
}

function refuseCapacity(min: number | undefined, max: number | undefined): { min: number; max: number } {
  if (min === undefined || max === undefined) {
    throw invalid("MinCapacity and MaxCapacity are required to register a new scalable target.");
  }
  if (min < 1) throw invalid("Minimum capacity must be at least 1.");
  if (max > 16_384) throw invalid("Maximum capacity cannot be greater than 16384.");
  if (min > max) throw invalid("Maximum capacity cannot be less than minimum capacity.");
  return { min, max };
}

function refuseTracking(type: string | undefined, given: Tracking | undefined): Tracking {
  if (type !== "TargetTrackingScaling" || given === undefined) {
    throw invalid("Only target tracking scaling policies are supported for kafka.");
  }
  if (given.PredefinedMetricSpecification?.PredefinedMetricType !== "KafkaBrokerStorageUtilization") {
    throw invalid("The metric must be KafkaBrokerStorageUtilization.");
  }
  if (given.DisableScaleIn !== true) {
    throw invalid("DisableScaleIn must be true: broker storage cannot be scaled in.");
  }
  if (given.TargetValue < percents.least || given.TargetValue > percents.most) {
    throw invalid(`TargetValue must lie between ${percents.least} and ${percents.most}.`);
  }
  return given;
}

/** Times are in seconds: this protocol's form. */
function shownTarget(target: ScalableTarget): Shape {
  const role = "AWSServiceRoleForApplicationAutoScaling_KafkaCluster";
  const [, , , , account] = target.arn.split(":");
  return {
    ServiceNamespace: "kafka",
    ResourceId: target.resource,
    ScalableDimension: dimension,
    MinCapacity: target.min,
    MaxCapacity: target.max,
    RoleARN: `arn:aws:iam::${account}:role/aws-service-role/kafka.application-autoscaling.amazonaws.com/${role}`,
    CreationTime: target.createdAt / 1000,
    SuspendedState: {
      DynamicScalingInSuspended: false,
      DynamicScalingOutSuspended: target.suspendedOut,
      ScheduledScalingSuspended: false,
    },
    ScalableTargetARN: target.arn,
  };
}

function registerHandler(cloud: Cloud): Handlers[string] {
  return handler(register, (input, caller) => {
    refuseNames(input);
    refuseCluster(cloud, input.ResourceId, caller);
    const found = cloud.scalableTargets.find(({ resource }) => resource === input.ResourceId);
    const target = found ?? newTarget(cloud, input.ResourceId, caller);
    const capacity = refuseCapacity(input.MinCapacity ?? found?.min, input.MaxCapacity ?? found?.max);
    if (found !== undefined && input.Tags !== undefined) {
      throw invalid("Tags are for new scalable targets only: to tag an existing one, use TagResource.");
    }
    const suspendedOut = input.SuspendedState?.DynamicScalingOutSuspended ?? target.suspendedOut;
    Object.assign(target, { ...capacity, suspendedOut, tags: input.Tags ?? target.tags });
    if (found === undefined) cloud.scalableTargets.push(target);
    return { ScalableTargetARN: target.arn };
  });
}

function newTarget(cloud: Cloud, resource: string, { account, region }: Caller): ScalableTarget {
  const id = `0ec6${randomUUID().replaceAll("-", "")}`;
  const arn = `arn:aws:application-autoscaling:${region}:${account}:scalable-target/${id}`;
  const nothing = { min: 0, max: 0, tags: {}, suspendedOut: false, policies: [] };
  return { resource, arn, createdAt: cloud.now(), ...nothing };
}

function policyHandler(cloud: Cloud): Handlers[string] {
  return handler(putPolicy, (input, { account, region }) => {
    refuseNames(input);
    const target = cloud.scalableTargets.find(({ resource }) => resource === input.ResourceId);
    if (target === undefined) {
      const message = `No scalable target registered for service namespace: kafka, resource ID: ${input.ResourceId}, scalable dimension: ${dimension}`;
      throw new AwsRefusal(400, "ObjectNotFoundException", message);
    }
    const checked = refuseTracking(input.PolicyType, input.TargetTrackingScalingPolicyConfiguration);
    const name = input.PolicyName;
    const found = target.policies.find((each) => each.name === name);
    const arn =
      found?.arn ??
      `arn:aws:autoscaling:${region}:${account}:scalingPolicy:${randomUUID()}:resource/kafka/${target.resource}:policyName/${name}`;
    if (found === undefined) {
      target.policies.push({ name, arn, createdAt: cloud.now(), tracking: checked });
    } else {
      found.tracking = checked;
    }
    const alarm = `TargetTracking-${target.resource.split("/")[1]}-AlarmHigh-${name}`;
    const AlarmARN = `arn:aws:cloudwatch:${region}:${account}:alarm:${alarm}`;
    return { PolicyARN: arn, Alarms: [{ AlarmName: alarm, AlarmARN }] };
  });
}

export function scalingHandlers(cloud: Cloud): Handlers {
  return {
    RegisterScalableTarget: registerHandler(cloud),
    PutScalingPolicy: policyHandler(cloud),
    DescribeScalableTargets: handler(listTargets, (input, { account, region }) => {
      refuseNames(input);
      const found = cloud.scalableTargets
        .filter(({ arn }) => arn.includes(`:${region}:${account}:`))
        .filter(({ resource }) => input.ResourceIds?.includes(resource) ?? true);
      return { ScalableTargets: found.map(shownTarget) };
    }),
    DescribeScalingPolicies: handler(listPolicies, (input) => {
      refuseNames(input);
      const found = cloud.scalableTargets.filter(
        ({ resource }) => resource === (input.ResourceId ?? resource),
      );
      const shown = found.flatMap(({ resource, policies }) =>
        policies.map(({ name, arn, createdAt, tracking: configuration }) => ({
          PolicyARN: arn,
          PolicyName: name,
          ServiceNamespace: "kafka",
          ResourceId: resource,
          ScalableDimension: dimension,
          PolicyType: "TargetTrackingScaling",
          TargetTrackingScalingPolicyConfiguration: configuration,
          CreationTime: createdAt / 1000,
        })),
      );
      return { ScalingPolicies: shown };
    }),
    ListTagsForResource: handler(listTags, ({ ResourceARN }) => {
      const found = cloud.scalableTargets.find(({ arn }) => arn === ResourceARN);
      if (found === undefined) {
        throw new AwsRefusal(400, "ResourceNotFoundException", `No such resource: ${ResourceARN}`);
      }
      return { Tags: found.tags };
    }),
  };
}
