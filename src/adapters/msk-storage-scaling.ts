import {
  ApplicationAutoScalingClient,
  ListTagsForResourceCommand,
  PutScalingPolicyCommand,
  paginateDescribeScalableTargets,
  paginateDescribeScalingPolicies,
  RegisterScalableTargetCommand,
} from "@aws-sdk/client-application-auto-scaling";
import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { scalingNames } from "#domain/msk/storage-scaling.ts";
import type { Msk, StorageScaling } from "#domain/msk.ts";
import type { Log } from "#domain/ports.ts";
import { type AwsCall, awsSettings, callAws, parseAnswer } from "./aws.ts";

/** What lets MSK's volumes grow by themselves: Application Auto Scaling, a service of its own. */

const Target = z.object({
  MinCapacity: z.number(),
  MaxCapacity: z.number(),
  ScalableTargetARN: z.string(),
  SuspendedState: z.object({ DynamicScalingOutSuspended: z.boolean().optional() }).optional(),
});
const Tracking = z.object({
  TargetValue: z.number(),
  PredefinedMetricSpecification: z.object({ PredefinedMetricType: z.literal(scalingNames.metric) }),
});
const Policy = z.object({
  PolicyName: z.string(),
  TargetTrackingScalingPolicyConfiguration: z.unknown(),
});
const Tags = z.object({ Tags: z.record(z.string(), z.string()).default({}) });

const { namespace: ServiceNamespace, dimension: ScalableDimension, policyType: PolicyType } = scalingNames;

type Connection = {
  readonly client: ApplicationAutoScalingClient;
  /** Tags go only with what is new: what was registered by a call without an answer is found by the next attempt. */
  readonly once: ApplicationAutoScalingClient;
  readonly log: Log;
};

export function createMskStorageScaling({
  region,
  log,
}: {
  readonly region: string;
  readonly log: Log;
}): Pick<Msk, "storageScaling" | "registerStorage" | "putStoragePolicy"> {
  const client = new ApplicationAutoScalingClient(awsSettings(region));
  const once = new ApplicationAutoScalingClient({ ...awsSettings(region), maxAttempts: 1 });
  const aws: Connection = { client, once, log };
  return { storageScaling: (arn) => findScaling(aws, arn), ...changing(aws) };
}

function called(operation: string, resource: string): AwsCall {
  return { action: `application-autoscaling:${operation}`, resource };
}

async function findScaling(aws: Connection, arn: string): Promise<StorageScaling | undefined> {
  const target = await findTarget(aws, arn);
  if (target === undefined) return undefined;
  return {
    minGiB: target.MinCapacity,
    maxGiB: target.MaxCapacity,
    isSuspended: target.SuspendedState?.DynamicScalingOutSuspended ?? false,
    policies: await policiesOf(aws, arn),
    tags: await tagsOf(aws, arn, target.ScalableTargetARN),
  };
}

async function findTarget(
  { client, log }: Connection,
  arn: string,
): Promise<z.infer<typeof Target> | undefined> {
  return await callAws(log, called("DescribeScalableTargets", arn), async () => {
    const asked = { ServiceNamespace, ScalableDimension, ResourceIds: [arn] };
    for await (const { ScalableTargets = [] } of paginateDescribeScalableTargets({ client }, asked)) {
      const [found] = ScalableTargets;
      if (found !== undefined) return parseAnswer(Target, found, `the scaling of ${arn}`);
    }
    return undefined;
  });
}

async function policiesOf({ client, log }: Connection, arn: string): Promise<StorageScaling["policies"]> {
  return await callAws(log, called("DescribeScalingPolicies", arn), async () => {
    const asked = { ServiceNamespace, ScalableDimension, ResourceId: arn };
    const found: z.infer<typeof Policy>[] = [];
    for await (const { ScalingPolicies = [] } of paginateDescribeScalingPolicies({ client }, asked)) {
      found.push(...parseAnswer(z.array(Policy), ScalingPolicies, `the scaling policies of ${arn}`));
    }
    return found.map(({ PolicyName: name, TargetTrackingScalingPolicyConfiguration: tracking }) => ({
      name,
      percent: Tracking.safeParse(tracking).data?.TargetValue,
    }));
  });
}

async function tagsOf(
  { client, log }: Connection,
  arn: string,
  ResourceARN: string,
): Promise<StorageScaling["tags"]> {
  const answer = await callAws(log, called("ListTagsForResource", arn), () =>
    client.send(new ListTagsForResourceCommand({ ResourceARN })),
  );
  return parseAnswer(Tags, answer, `the tags of the scaling of ${arn}`).Tags;
}

function changing(aws: Connection): Pick<Msk, "registerStorage" | "putStoragePolicy"> {
  const { client, once, log } = aws;
  return {
    async registerStorage(arn, { minGiB, maxGiB, tags }) {
      const command = new RegisterScalableTargetCommand({
        ServiceNamespace,
        ScalableDimension,
        ResourceId: arn,
        MinCapacity: minGiB,
        MaxCapacity: maxGiB,
        Tags: { ...tags },
      });
      try {
        const change = { ...called("RegisterScalableTarget", arn), changes: true };
        await callAws(log, change, () => once.send(command));
      } catch (thrown) {
        const isRefused = thrown instanceof FerryError && thrown.code === "E_AWS_REFUSED";
        if (!isRefused || (await findTarget(aws, arn)) === undefined) throw thrown;
      }
    },
    async putStoragePolicy(arn, { name, percent }) {
      const command = new PutScalingPolicyCommand({
        PolicyName: name,
        PolicyType,
        ServiceNamespace,
        ScalableDimension,
        ResourceId: arn,
        TargetTrackingScalingPolicyConfiguration: {
          TargetValue: percent,
          DisableScaleIn: true,
          PredefinedMetricSpecification: { PredefinedMetricType: scalingNames.metric },
        },
      });
      await callAws(log, { ...called("PutScalingPolicy", arn), changes: true }, () => client.send(command));
    },
  };
}
