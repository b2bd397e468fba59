import {
  ApplicationAutoScalingClient,
  RegisterScalableTargetCommand,
} from "@aws-sdk/client-application-auto-scaling";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMsk } from "#adapters/msk.ts";
import { SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const capacity = { minGiB: 1, maxGiB: 16_384, tags: { "msk-ferry": "orders" } };
const policy = { name: "storage", percent: 60 };
const cluster = {
  name: "scaled",
  kind: "standard",
  kafkaVersion: "3.9.x",
  instanceType: "kafka.m7g.large",
  brokers: 3,
  subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
  securityGroups: [SG_MSK],
  volumeGiB: 100,
  auth: "iam",
  transit: "tls",
  monitoring: "DEFAULT",
  prometheus: false,
  tags: {},
} as const;

describe("what goes wrong on the way to Application Auto Scaling", () => {
  let aws: AwsUnderTest;
  let arn: string;
  const msk = () => createMsk({ region: aws.region, log: createQuietLog() });

  beforeEach(async () => {
    aws = await startAwsUnderTest();
    const configuration = { name: "c", description: "d", kafkaVersions: ["3.9.x"], properties: "" };
    arn = await msk().createCluster(cluster, await msk().createConfiguration(configuration));
    aws.advance(31 * 60_000);
  });
  afterEach(() => aws.stop());

  it("registers once where the answer is lost, which the next look shows with its tag", async () => {
    aws.control.fault({ kind: "cut", operation: "RegisterScalableTarget", when: "after" });
    await expect(msk().registerStorage(arn, capacity)).rejects.toMatchObject({ code: "E_AWS_UNREACHABLE" });
    expect(await msk().storageScaling(arn)).toEqual({ ...capacity, isSuspended: false, policies: [] });
    const sent = aws.control.calls().filter(({ operation }) => operation === "RegisterScalableTarget");
    expect(sent).toHaveLength(1);
  });

  it.each([
    { code: "AccessDeniedException", expected: "E_AWS_ACCESS" },
    { code: "LimitExceededException", expected: "E_AWS_QUOTA" },
    { code: "ConcurrentUpdateException", expected: "E_AWS_THROTTLED" },
    { code: "ValidationException", expected: "E_AWS_REFUSED" },
    { code: "ExpiredTokenException", expected: "E_AWS_CREDENTIALS" },
  ])("calls $code $expected, with AWS's sentence", async ({ code, expected }) => {
    await msk().registerStorage(arn, capacity);
    // As often as the SDK may try by itself.
    aws.control.fault({
      kind: "error",
      times: 3,
      operation: "PutScalingPolicy",
      status: 400,
      code,
      message: "said so",
    });
    await expect(msk().putStoragePolicy(arn, policy)).rejects.toMatchObject({
      code: expected,
      message: expect.stringMatching(/application-autoscaling:PutScalingPolicy.*said so/),
    });
  });

  it("tells that somebody suspended it", async () => {
    await msk().registerStorage(arn, capacity);
    const client = new ApplicationAutoScalingClient({ region: aws.region });
    const names = {
      ServiceNamespace: "kafka",
      ScalableDimension: "kafka:broker-storage:VolumeSize",
    } as const;
    const SuspendedState = { DynamicScalingOutSuspended: true };
    await client.send(new RegisterScalableTargetCommand({ ...names, ResourceId: arn, SuspendedState }));
    expect(await msk().storageScaling(arn)).toMatchObject({ ...capacity, isSuspended: true });
  });

  it("says that AWS cannot be reached", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", "http://127.0.0.1:1");
    await expect(msk().storageScaling(arn)).rejects.toMatchObject({ code: "E_AWS_UNREACHABLE" });
  });
});
