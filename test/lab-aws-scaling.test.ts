import {
  ApplicationAutoScalingClient,
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
  ListTagsForResourceCommand,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  RegisterScalableTargetCommand,
  type RegisterScalableTargetCommandInput,
} from "@aws-sdk/client-application-auto-scaling";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type StandInOnClock, startStandInOnClock } from "#support/stand-in-clock.ts";

let bench: StandInOnClock;
let scaling: ApplicationAutoScalingClient;
let cluster: string;

beforeEach(async () => {
  bench = await startStandInOnClock();
  scaling = new ApplicationAutoScalingClient(bench.clientOptions());
  cluster = await bench.createActive();
});
afterEach(() => bench.stop());

const names = { ServiceNamespace: "kafka", ScalableDimension: "kafka:broker-storage:VolumeSize" } as const;

function register(change: Partial<RegisterScalableTargetCommandInput> = {}) {
  const capacity = { MinCapacity: 1, MaxCapacity: 1000 };
  return scaling.send(
    new RegisterScalableTargetCommand({ ...names, ResourceId: cluster, ...capacity, ...change }),
  );
}

const tracking = {
  TargetValue: 60,
  DisableScaleIn: true,
  PredefinedMetricSpecification: { PredefinedMetricType: "KafkaBrokerStorageUtilization" },
} as const;

function put(
  change: Partial<PutScalingPolicyCommandInput["TargetTrackingScalingPolicyConfiguration"]> = {},
  PolicyType: PutScalingPolicyCommandInput["PolicyType"] = "TargetTrackingScaling",
) {
  const TargetTrackingScalingPolicyConfiguration = { ...tracking, ...change };
  const policy = { PolicyName: "storage", PolicyType, TargetTrackingScalingPolicyConfiguration };
  return scaling.send(new PutScalingPolicyCommand({ ...names, ResourceId: cluster, ...policy }));
}

const targets = () => scaling.send(new DescribeScalableTargetsCommand({ ...names, ResourceIds: [cluster] }));
const policies = () => scaling.send(new DescribeScalingPoliciesCommand({ ...names, ResourceId: cluster }));

describe("Application Auto Scaling in the stand-in", () => {
  it("keeps one target a cluster, with the tags of its making, and one policy a name", async () => {
    const { ScalableTargetARN: ResourceARN } = await register({ Tags: { team: "data" } });
    await register({ MaxCapacity: 2000 });
    await put();
    await put({ TargetValue: 50 });
    expect((await targets()).ScalableTargets).toEqual([
      expect.objectContaining({
        ResourceId: cluster,
        MinCapacity: 1,
        MaxCapacity: 2000,
        CreationTime: new Date(bench.now()),
      }),
    ]);
    expect((await policies()).ScalingPolicies).toMatchObject([
      { PolicyName: "storage", TargetTrackingScalingPolicyConfiguration: { ...tracking, TargetValue: 50 } },
    ]);
    expect((await scaling.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags).toEqual({
      team: "data",
    });
    expect(bench.aws.control.state()["scalableTargets"]).toMatchObject([{ resource: cluster, max: 2000 }]);
  });

  const unknown = "arn:aws:kafka:us-east-1:123456789012:cluster/none/1";
  it.each<{ change: Partial<RegisterScalableTargetCommandInput>; says: RegExp }>([
    { change: { ResourceId: unknown }, says: /cluster doesn't exist/ },
    { change: { MinCapacity: 0 }, says: /at least 1/ },
    { change: { MaxCapacity: 16_385 }, says: /greater than 16384/ },
    { change: { MinCapacity: 1001 }, says: /less than minimum/ },
    { change: { MinCapacity: undefined }, says: /are required/ },
    { change: { ServiceNamespace: "ecs" }, says: /no service namespace ecs/ },
    { change: { ScalableDimension: "ecs:service:DesiredCount" }, says: /Unsupported/ },
  ])("refuses to register $change", async ({ change, says }) => {
    await expect(register(change)).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringMatching(says),
    });
    expect((await targets()).ScalableTargets).toEqual([]);
  });

  it("takes no tags for what is there, and nothing for a cluster without volumes", async () => {
    await register();
    await expect(register({ Tags: { team: "data" } })).rejects.toThrow(/new scalable targets only/);
    const foreign = new ApplicationAutoScalingClient(bench.clientOptions("AKIAPARTNER1"));
    const asked = { ...names, ResourceId: cluster, MinCapacity: 1, MaxCapacity: 2 };
    await expect(foreign.send(new RegisterScalableTargetCommand(asked))).rejects.toThrow(/doesn't exist/);
  });

  it("refuses a policy without a target, and one that MSK cannot follow", async () => {
    await expect(put()).rejects.toMatchObject({
      name: "ObjectNotFoundException",
      message: `No scalable target registered for service namespace: kafka, resource ID: ${cluster}, scalable dimension: kafka:broker-storage:VolumeSize`,
    });
    await register();
    await expect(put({ TargetValue: 81 })).rejects.toThrow(/between 10 and 80/);
    await expect(put({ DisableScaleIn: false })).rejects.toThrow(/cannot be scaled in/);
    await expect(put({}, "StepScaling")).rejects.toThrow(/Only target tracking/);
    const other = { PredefinedMetricType: "ECSServiceAverageCPUUtilization" } as const;
    await expect(put({ PredefinedMetricSpecification: other })).rejects.toThrow(
      /KafkaBrokerStorageUtilization/,
    );
    expect((await policies()).ScalingPolicies).toEqual([]);
  });
});
