import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import {
  CreateReplicatorCommand,
  type CreateReplicatorCommandInput,
  DeleteReplicatorCommand,
  DescribeReplicatorCommand,
  type KafkaClient,
  ListReplicatorsCommand,
  UpdateReplicationInfoCommand,
} from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REPLICATOR_TEXT, REPLICATOR_UNRECORDED } from "#lab/aws/rules-replicator.ts";
import { ACCOUNT, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "#lab/aws/world.ts";
import { type StandInOnClock, startStandInOnClock } from "#support/stand-in-clock.ts";

let bench: StandInOnClock;
let kafka: KafkaClient;
let target: string;

beforeEach(async () => {
  bench = await startStandInOnClock();
  ({ kafka } = bench);
  target = await bench.createActive({ ClientAuthentication: { Sasl: { Iam: { Enabled: true } } } });
  // Settled now: faults that a test arms are not for it.
  await bench.clusterOf(target);
});
afterEach(() => bench.stop());

const secret = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:source`;

function apache(change: object = {}) {
  return {
    ApacheKafkaCluster: { ApacheKafkaClusterId: "source-id", BootstrapBrokerString: "kafka:9094" },
    ClientAuthentication: { SaslScram: { Mechanism: "SHA512" as const, SecretArn: secret } },
    EncryptionInTransit: { EncryptionType: "TLS" as const, RootCaCertificate: secret },
    ...change,
  };
}

function msk(change: object = {}) {
  return {
    AmazonMskCluster: { MskClusterArn: target },
    VpcConfig: { SubnetIds: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C] },
    ...change,
  };
}

type Info = NonNullable<CreateReplicatorCommandInput["ReplicationInfoList"]>[number];

function info(change: Partial<Info> = {}): Info {
  return {
    SourceKafkaClusterId: "source-id",
    TargetKafkaClusterArn: target,
    TargetCompressionType: "NONE",
    TopicReplication: {
      TopicsToReplicate: ["orders"],
      StartingPosition: { Type: "EARLIEST" },
      TopicNameConfiguration: { Type: "IDENTICAL" },
    },
    ConsumerGroupReplication: { ConsumerGroupsToReplicate: [".*"] },
    ...change,
  };
}

function request(change: Partial<CreateReplicatorCommandInput> = {}): CreateReplicatorCommandInput {
  return {
    ReplicatorName: "forward",
    ServiceExecutionRoleArn: `arn:aws:iam::${ACCOUNT}:role/r`,
    KafkaClusters: [apache(), msk()],
    ReplicationInfoList: [info()],
    ...change,
  };
}

const create = (change: Partial<CreateReplicatorCommandInput> = {}) =>
  kafka.send(new CreateReplicatorCommand(request(change)));

const states = async () => {
  const { Replicators = [] } = await kafka.send(new ListReplicatorsCommand({}));
  return Replicators.map(({ ReplicatorState }) => ReplicatorState);
};

describe("a replicator", () => {
  it("is created in half an hour, changed with its version, and deleted; its clusters are shown by alias", async () => {
    const { ReplicatorArn = "" } = await create();
    expect(await states()).toEqual(["CREATING"]);
    bench.pass(31);
    const described = await kafka.send(new DescribeReplicatorCommand({ ReplicatorArn }));
    expect(described).toMatchObject({
      ReplicatorState: "RUNNING",
      ReplicationInfoList: [
        { TargetKafkaClusterAlias: "migrated-kafka", SourceKafkaClusterAlias: "external-source-i" },
      ],
    });
    expect(described.ReplicationInfoList?.[0]).not.toHaveProperty("SourceKafkaClusterId");
    const change = {
      ReplicatorArn,
      CurrentVersion: described.CurrentVersion ?? "",
      SourceKafkaClusterId: "source-id",
      TargetKafkaClusterArn: target,
      TopicReplication: {
        TopicsToReplicate: ["orders", "payments"],
        TopicsToExclude: [],
        CopyAccessControlListsForTopics: false,
        CopyTopicConfigurations: false,
        DetectAndCopyNewTopics: false,
      },
    };
    await expect(
      kafka.send(new UpdateReplicationInfoCommand({ ...change, CurrentVersion: "K0" })),
    ).rejects.toThrow(REPLICATOR_UNRECORDED.staleVersion);
    await expect(
      kafka.send(new UpdateReplicationInfoCommand({ ...change, SourceKafkaClusterId: "external-source-i" })),
    ).rejects.toThrow(REPLICATOR_UNRECORDED.otherClusters);
    await kafka.send(new UpdateReplicationInfoCommand(change));
    expect(await states()).toEqual(["UPDATING"]);
    bench.pass(11);
    const after = await kafka.send(new DescribeReplicatorCommand({ ReplicatorArn }));
    expect(after.ReplicationInfoList?.[0]?.TopicReplication?.TopicsToReplicate).toEqual([
      "orders",
      "payments",
    ]);
    await kafka.send(new DeleteReplicatorCommand({ ReplicatorArn }));
    expect(await states()).toEqual(["DELETING"]);
    bench.pass(6);
    expect(await states()).toEqual([]);
    await expect(kafka.send(new DescribeReplicatorCommand({ ReplicatorArn }))).rejects.toMatchObject({
      name: "NotFoundException",
    });
  });

  it("fails with StateInfo when told to, and has a name of its own", async () => {
    bench.aws.control.fault({ kind: "fail-create", code: "AccessDenied", message: "no secret" });
    const { ReplicatorArn = "" } = await create();
    await expect(create()).rejects.toMatchObject({ name: "ConflictException" });
    bench.pass(31);
    expect(await kafka.send(new DescribeReplicatorCommand({ ReplicatorArn }))).toMatchObject({
      ReplicatorState: "FAILED",
      StateInfo: { Code: "AccessDenied", Message: "no secret" },
    });
  });

  it.each([
    [
      "a VPC on the Apache entry",
      () => ({ KafkaClusters: [apache({ VpcConfig: { SubnetIds: [SUBNET_TARGET_A] } }), msk()] }),
      REPLICATOR_TEXT.vpcOnApache,
    ],
    [
      "no authentication",
      () => ({ KafkaClusters: [apache({ ClientAuthentication: undefined }), msk()] }),
      REPLICATOR_TEXT.authentication,
    ],
    [
      "two ways to authenticate",
      () => ({
        KafkaClusters: [
          apache({
            ClientAuthentication: {
              SaslScram: { Mechanism: "SHA512", SecretArn: secret },
              MTLS: { SecretArn: secret },
            },
          }),
          msk(),
        ],
      }),
      REPLICATOR_UNRECORDED.oneAuthentication,
    ],
    [
      "no TLS",
      () => ({ KafkaClusters: [apache({ EncryptionInTransit: undefined }), msk()] }),
      REPLICATOR_UNRECORDED.encryption,
    ],
    [
      "both kinds in one entry",
      () => ({ KafkaClusters: [apache({ AmazonMskCluster: { MskClusterArn: target } }), msk()] }),
      REPLICATOR_TEXT.bothKinds,
    ],
    ["one cluster", () => ({ KafkaClusters: [msk()] }), REPLICATOR_UNRECORDED.twoClusters],
    ["the same cluster twice", () => ({ KafkaClusters: [msk(), msk()] }), REPLICATOR_TEXT.duplicates],
    [
      "a cluster that is not in the list",
      () => ({ ReplicationInfoList: [info({ TargetKafkaClusterArn: `${target}0` })] }),
      REPLICATOR_TEXT.notInList,
    ],
    [
      "ARN and id of one end",
      () => ({ ReplicationInfoList: [info({ TargetKafkaClusterId: "x" })] }),
      REPLICATOR_TEXT.bothArnAndId,
    ],
    [
      "two replications",
      () => ({ ReplicationInfoList: [info(), info()] }),
      REPLICATOR_UNRECORDED.oneReplication,
    ],
    [
      "no topics",
      () => ({ ReplicationInfoList: [info({ TopicReplication: { TopicsToReplicate: [] } })] }),
      REPLICATOR_UNRECORDED.topics,
    ],
    [
      "a long pattern",
      () => ({ ReplicationInfoList: [info({ TopicReplication: { TopicsToReplicate: ["a".repeat(250)] } })] }),
      REPLICATOR_UNRECORDED.pattern,
    ],
    [
      "ENHANCED offsets with prefixed names",
      () => ({
        ReplicationInfoList: [
          info({
            TopicReplication: { TopicsToReplicate: ["a"] },
            ConsumerGroupReplication: {
              ConsumerGroupsToReplicate: [".*"],
              ConsumerGroupOffsetSyncMode: "ENHANCED",
            },
          }),
        ],
      }),
      REPLICATOR_TEXT.enhancedPrefixed,
    ],
    [
      "a role of another account",
      () => ({ ServiceExecutionRoleArn: "arn:aws:iam::210987654321:role/r" }),
      REPLICATOR_TEXT.passRole,
    ],
    ["a name with a dot", () => ({ ReplicatorName: "a.b" }), REPLICATOR_UNRECORDED.name],
    [
      "a target of another Region",
      () => {
        const far = target.replace("us-east-1", "eu-west-1");
        return {
          KafkaClusters: [apache(), msk({ AmazonMskCluster: { MskClusterArn: far } })],
          ReplicationInfoList: [info({ TargetKafkaClusterArn: far })],
        };
      },
      REPLICATOR_TEXT.targetRegion,
    ],
  ] as const)("is refused with %s, in AWS's words where they are known", async (_what, change, text) => {
    await expect(create(change())).rejects.toThrow(text);
    expect(await states()).toEqual([]);
  });

  it("is refused beside a target without IAM, and beyond the quota", async () => {
    const open = await bench.createActive({ ClusterName: "open" });
    const other = { AmazonMskCluster: { MskClusterArn: open } };
    await expect(
      create({
        KafkaClusters: [apache(), msk(other)],
        ReplicationInfoList: [info({ TargetKafkaClusterArn: open })],
      }),
    ).rejects.toThrow(REPLICATOR_UNRECORDED.targetIam);
    bench.aws.control.fault({ kind: "quota", name: "replicators", value: 1 });
    await create();
    await expect(create({ ReplicatorName: "second" })).rejects.toThrow(REPLICATOR_UNRECORDED.replicators);
  });
});

describe("CloudWatch", () => {
  it("answers what was put in, newest first, by its dimensions", async () => {
    const cloudWatch = new CloudWatchClient(bench.clientOptions());
    const at = Math.floor(bench.now() / 60_000) * 60_000;
    const dimensions = { ReplicatorName: "forward" };
    for (const [minutes, value] of [
      [2, 10],
      [1, 3],
      [1, 4],
    ] as const) {
      bench.aws.control.metric({ name: "MessageLag", dimensions, value, at: at - minutes * 60_000 });
    }
    bench.aws.control.metric({ name: "MessageLag", dimensions: { ReplicatorName: "other" }, value: 99, at });
    const { MetricDataResults } = await cloudWatch.send(
      new GetMetricDataCommand({
        StartTime: new Date(at - 600_000),
        EndTime: new Date(at + 60_000),
        MetricDataQueries: [
          {
            Id: "lag",
            MetricStat: {
              Metric: {
                Namespace: "AWS/Kafka",
                MetricName: "MessageLag",
                Dimensions: [{ Name: "ReplicatorName", Value: "forward" }],
              },
              Period: 60,
              Stat: "Sum",
            },
          },
        ],
      }),
    );
    cloudWatch.destroy();
    expect(MetricDataResults).toMatchObject([
      { Id: "lag", Values: [7, 10], Timestamps: [new Date(at - 60_000), new Date(at - 120_000)] },
    ]);
  });
});
