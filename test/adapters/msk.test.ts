import { KafkaClient, UpdateConnectivityCommand, UpdateStorageCommand } from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMsk } from "#adapters/msk.ts";
import { SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { mskContract } from "../contract/msk.ts";

const subnets = [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C];

mskContract("Amazon MSK's API", async () => {
  const aws = await startAwsUnderTest();
  return {
    msk: createMsk({ region: aws.region, log: createQuietLog() }),
    advance: (ms) => aws.advance(ms),
    subnets,
    securityGroups: [SG_MSK],
    fill: (cluster, broker, percent) =>
      aws.control.metric({
        name: "KafkaDataLogsDiskUsed",
        dimensions: { "Cluster Name": cluster, "Broker ID": String(broker) },
        value: percent,
        at: Date.now(),
      }),
    close: () => aws.stop(),
  };
});

describe("what goes wrong on the way to MSK", () => {
  let aws: AwsUnderTest;
  const msk = () => createMsk({ region: aws.region, log: createQuietLog() });
  const configuration = { name: "c", description: "d", kafkaVersions: ["3.9.x"], properties: "" };
  const cluster = {
    name: "t",
    kind: "standard",
    kafkaVersion: "3.9.x",
    instanceType: "kafka.m7g.large",
    brokers: 3,
    subnets,
    securityGroups: [SG_MSK],
    auth: "iam",
    transit: "tls",
    monitoring: "DEFAULT",
    prometheus: false,
    tags: {},
  } as const;

  beforeEach(async () => {
    aws = await startAwsUnderTest();
  });
  afterEach(() => aws.stop());

  const callsOf = (operation: string) => aws.control.calls().filter((each) => each.operation === operation);

  it("names the action and the resource that the role may not touch, and keeps AWS's sentence", async () => {
    const message = "User: arn:aws:iam::1:user/x is not authorized to perform: kafka:ListClustersV2";
    aws.control.fault({ kind: "error", status: 403, code: "ForbiddenException", message });
    await expect(msk().findCluster("migrated")).rejects.toMatchObject({
      code: "E_AWS_ACCESS",
      message: `The bot's role may not do kafka:ListClustersV2 on migrated. AWS: ForbiddenException: ${message}`,
    });
  });

  it.each([
    { status: 403, code: "ExpiredTokenException", expected: "E_AWS_CREDENTIALS" },
    { status: 403, code: "UnrecognizedClientException", expected: "E_AWS_CREDENTIALS" },
    { status: 400, code: "BadRequestException", expected: "E_AWS_REFUSED" },
    { status: 402, code: "ServiceQuotaExceededException", expected: "E_AWS_QUOTA" },
    {
      status: 400,
      code: "BadRequestException",
      message: "The maximum number of brokers has been reached.",
      expected: "E_AWS_QUOTA",
    },
    {
      status: 400,
      code: "BadRequestException",
      message: "the maximum value for VolumeThroughput cannot exceed 593.75 MiB/s.",
      expected: "E_AWS_REFUSED",
    },
  ])(
    "gives $code $message the code $expected",
    async ({ status, code, message = "what AWS says", expected }) => {
      aws.control.fault({ kind: "error", status, code, message, times: 9 });
      await expect(msk().versions()).rejects.toMatchObject({
        code: expected,
        message: expect.stringContaining(message),
      });
    },
  );

  it("sees the ways to a cluster that others opened, and where its old records go", async () => {
    const arn = await msk().createCluster(cluster, await msk().createConfiguration(configuration));
    aws.advance(31 * 60_000);
    const found = await msk().describeCluster(arn);
    expect([found.multiVpc, found.dualStack, found.tiered]).toEqual([undefined, undefined, undefined]);
    const kafka = new KafkaClient({ region: aws.region });
    const at = async () => ({
      ClusterArn: arn,
      CurrentVersion: (await msk().describeCluster(arn)).currentVersion,
    });
    const ClientAuthentication = { Sasl: { Iam: { Enabled: true } } };
    const ConnectivityInfo = { NetworkType: "DUAL", VpcConnectivity: { ClientAuthentication } } as const;
    await kafka.send(new UpdateConnectivityCommand({ ...(await at()), ConnectivityInfo }));
    aws.advance(31 * 60_000);
    await kafka.send(new UpdateStorageCommand({ ...(await at()), StorageMode: "TIERED" }));
    aws.advance(31 * 60_000);
    kafka.destroy();
    expect(await msk().findCluster(cluster.name)).toMatchObject({
      state: "ACTIVE",
      multiVpc: ["iam"],
      dualStack: true,
      tiered: true,
    });
  });

  it("says that AWS asks to slow down, after trying again by itself", async () => {
    aws.control.fault({ kind: "throttle", operation: "ListKafkaVersions", times: 2 });
    expect(await msk().versions()).toContain("3.9.x");
    aws.control.fault({ kind: "throttle", operation: "ListKafkaVersions", times: 9 });
    await expect(msk().versions()).rejects.toMatchObject({ code: "E_AWS_THROTTLED", retryable: true });
  });

  it("makes one cluster when the answer of its creation is lost", async () => {
    const made = await msk().createConfiguration(configuration);
    aws.control.fault({ kind: "cut", operation: "CreateClusterV2", when: "after" });
    const arn = await msk().createCluster(cluster, made);
    expect(callsOf("CreateClusterV2")).toHaveLength(2);
    expect(await msk().findCluster("t")).toMatchObject({ arn });
  });

  it("makes one configuration when the answer of its creation is lost", async () => {
    aws.control.fault({ kind: "cut", operation: "CreateConfiguration", when: "after" });
    const made = await msk().createConfiguration(configuration);
    expect(callsOf("CreateConfiguration")).toHaveLength(2);
    expect((await msk().findConfiguration("c"))?.arn).toBe(made.arn);
  });

  it("asks to be called again while a cluster that exists is not listed yet", async () => {
    const made = await msk().createConfiguration(configuration);
    aws.control.fault({ kind: "eventual", ms: 60_000 });
    await msk().createCluster(cluster, made);
    expect(await msk().findCluster("t")).toBeUndefined();
    await expect(msk().createCluster(cluster, made)).rejects.toMatchObject({
      code: "E_AWS_UNREACHABLE",
      retryable: true,
    });
  });

  it("asks whether the Region exists where its endpoint has no address", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_KAFKA", "http://kafka.us-est-1.ferry.invalid");
    await expect(msk().versions()).rejects.toMatchObject({
      code: "E_AWS_UNREACHABLE",
      message: expect.stringMatching(/kafka\.us-est-1\.ferry\.invalid\. .*check that this Region exists/),
    });
  });

  it("says that nobody answers where AWS should be", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_KAFKA", "http://127.0.0.1:1");
    await expect(msk().versions()).rejects.toMatchObject({
      code: "E_AWS_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });
});
