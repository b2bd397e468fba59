import {
  BatchAssociateScramSecretCommand,
  CreateClusterCommand,
  type CreateClusterCommandInput,
  CreateClusterV2Command,
  CreateConfigurationCommand,
  DeleteClusterCommand,
  DescribeClusterCommand,
  DescribeClusterOperationV2Command,
  DescribeClusterV2Command,
  DescribeConfigurationRevisionCommand,
  GetBootstrapBrokersCommand,
  GetCompatibleKafkaVersionsCommand,
  KafkaClient,
  ListClustersV2Command,
  ListKafkaVersionsCommand,
  ListNodesCommand,
  ListTagsForResourceCommand,
  paginateListKafkaVersions,
  RebootBrokerCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateBrokerStorageCommand,
  UpdateConfigurationCommand,
  UpdateMonitoringCommand,
  UpdateSecurityCommand,
} from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AwsStandIn, startAws } from "#lab/aws/stand-in.ts";
import {
  ACCOUNT,
  SG_MSK,
  SUBNET_TARGET_A,
  SUBNET_TARGET_AZ3,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
} from "#lab/aws/world.ts";

const BOOTSTRAP = "127.0.0.1:19092";
const MINUTE = 60_000;

let aws: AwsStandIn;
let clock: number;
let kafka: KafkaClient;

function clientOptions(key = "AKIALAB") {
  const credentials = { accessKeyId: key, secretAccessKey: "lab" };
  return { endpoint: aws.url, region: "us-east-1", credentials, maxAttempts: 1 };
}

/** Real minutes, on a stand-in that runs at scale 1 with a clock of the test's own. */
function pass(minutes: number): void {
  clock += minutes * MINUTE;
}

beforeEach(async () => {
  clock = Date.UTC(2026, 10, 23);
  aws = await startAws({ bootstrap: BOOTSTRAP, timeScale: 1, now: () => clock });
  kafka = new KafkaClient(clientOptions());
});

afterEach(async () => {
  kafka.destroy();
  await aws.stop();
});

function request(change: Partial<CreateClusterCommandInput> = {}): CreateClusterCommandInput {
  return {
    ClusterName: "migrated-kafka",
    KafkaVersion: "3.9.x",
    NumberOfBrokerNodes: 3,
    BrokerNodeGroupInfo: group(),
    ...change,
  };
}

type Group = NonNullable<CreateClusterCommandInput["BrokerNodeGroupInfo"]>;
function group(change: Partial<Group> = {}): Group {
  return {
    InstanceType: "kafka.m7g.large",
    ClientSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
    SecurityGroups: [SG_MSK],
    StorageInfo: { EbsStorageInfo: { VolumeSize: 500 } },
    ...change,
  };
}

function refusal(input: CreateClusterCommandInput) {
  return expect(kafka.send(new CreateClusterCommand(input))).rejects;
}

async function createActive(change: Partial<CreateClusterCommandInput> = {}): Promise<string> {
  const { ClusterArn } = await kafka.send(new CreateClusterCommand(request(change)));
  pass(31);
  return ClusterArn ?? "";
}

async function clusterOf(ClusterArn: string) {
  const { ClusterInfo } = await kafka.send(new DescribeClusterCommand({ ClusterArn }));
  if (ClusterInfo?.CurrentVersion === undefined) throw new Error("no cluster info");
  return { ...ClusterInfo, CurrentVersion: ClusterInfo.CurrentVersion };
}

describe("a cluster's life", () => {
  it("goes from configuration to CREATING to ACTIVE and answers the real broker", async () => {
    const ServerProperties = Buffer.from("auto.create.topics.enable=false\nmin.insync.replicas=2\n");
    const configuration = await kafka.send(
      new CreateConfigurationCommand({ Name: "ferry-orders", KafkaVersions: ["3.9.x"], ServerProperties }),
    );
    expect(configuration).toMatchObject({
      Name: "ferry-orders",
      State: "ACTIVE",
      LatestRevision: { Revision: 1 },
    });
    const ConfigurationInfo = { Arn: configuration.Arn ?? "", Revision: 1 };
    const created = await kafka.send(
      new CreateClusterCommand(
        request({ ConfigurationInfo, ClientAuthentication: { Sasl: { Iam: { Enabled: true } } } }),
      ),
    );
    expect(created.State).toBe("CREATING");
    const ClusterArn = created.ClusterArn ?? "";
    expect(ClusterArn).toMatch(
      new RegExp(`^arn:aws:kafka:us-east-1:${ACCOUNT}:cluster/migrated-kafka/[0-9a-f-]+-\\d+$`),
    );
    await expect(kafka.send(new GetBootstrapBrokersCommand({ ClusterArn }))).rejects.toThrow("[ACTIVE]");
    pass(29);
    expect(await clusterOf(ClusterArn)).toMatchObject({ State: "CREATING" });
    pass(1);
    expect(await clusterOf(ClusterArn)).toMatchObject({
      State: "ACTIVE",
      CurrentBrokerSoftwareInfo: { KafkaVersion: "3.9.x", ConfigurationArn: ConfigurationInfo.Arn },
      EncryptionInfo: { EncryptionInTransit: { ClientBroker: "TLS", InCluster: true } },
    });
    const brokers = await kafka.send(new GetBootstrapBrokersCommand({ ClusterArn }));
    expect(brokers.BootstrapBrokerStringSaslIam).toBe(BOOTSTRAP);
    expect(brokers.BootstrapBrokerStringTls).toBeUndefined();
    const nodes = await kafka.send(new ListNodesCommand({ ClusterArn }));
    expect(nodes.NodeInfoList?.map((node) => node.BrokerNodeInfo?.BrokerId)).toEqual([1, 2, 3]);
  });

  it("ends in FAILED with StateInfo when told to, and can then be deleted", async () => {
    aws.control.fault({
      kind: "fail-create",
      code: "InsufficientCapacity",
      message: "no capacity in use1-az1",
    });
    const ClusterArn = await createActive();
    expect(await clusterOf(ClusterArn)).toMatchObject({
      State: "FAILED",
      StateInfo: { Code: "InsufficientCapacity", Message: "no capacity in use1-az1" },
    });
    await kafka.send(new DeleteClusterCommand({ ClusterArn }));
    pass(11);
    await expect(clusterOf(ClusterArn)).rejects.toMatchObject({ name: "NotFoundException" });
  });

  it("serves both API versions and serverless", async () => {
    const { ClusterName, ...Provisioned } = request();
    const created = await kafka.send(new CreateClusterV2Command({ ClusterName, Provisioned }));
    expect(created.ClusterType).toBe("PROVISIONED");
    const Serverless = { VpcConfigs: [{ SubnetIds: [SUBNET_TARGET_A, SUBNET_TARGET_B] }] };
    await expect(
      kafka.send(new CreateClusterV2Command({ ClusterName: "serverless", Serverless })),
    ).rejects.toThrow("A serverless cluster must use SASL/IAM authentication");
    const ClientAuthentication = { Sasl: { Iam: { Enabled: true } } };
    await kafka.send(
      new CreateClusterV2Command({
        ClusterName: "serverless",
        Serverless: { ...Serverless, ClientAuthentication },
      }),
    );
    const found = await kafka.send(new ListClustersV2Command({ ClusterTypeFilter: "SERVERLESS" }));
    expect(found.ClusterInfoList?.map((each) => each.ClusterName)).toEqual(["serverless"]);
    const described = await kafka.send(
      new DescribeClusterV2Command({ ClusterArn: created.ClusterArn ?? "" }),
    );
    expect(described.ClusterInfo?.Provisioned?.BrokerNodeGroupInfo?.ZoneIds).toEqual([
      "use1-az1",
      "use1-az2",
      "use1-az4",
    ]);
  });

  it("hides new clusters from lists while eventually consistent, but describes them", async () => {
    aws.control.fault({ kind: "eventual", ms: MINUTE });
    const { ClusterArn } = await kafka.send(new CreateClusterCommand(request()));
    expect((await kafka.send(new ListClustersV2Command({}))).ClusterInfoList).toEqual([]);
    expect(await clusterOf(ClusterArn ?? "")).toMatchObject({ State: "CREATING" });
    pass(1);
    expect((await kafka.send(new ListClustersV2Command({}))).ClusterInfoList).toHaveLength(1);
  });
});

describe("what creation refuses, in MSK's words", () => {
  it("the published guide's own mistakes: Kafka 3.5.1, throughput on m5.large", async () => {
    await refusal(request({ KafkaVersion: "3.5.1" })).toMatchObject({
      name: "BadRequestException",
      message:
        "Standard instance types are not supported for Kafka version 3.5.1. Valid values: [3.6.0, 3.7.x, 3.7.x.kraft, 3.8.x, 3.8.x.kraft, 3.9.x, 3.9.x.kraft, 4.0.x.kraft, 4.1.x.kraft]",
    });
    const ProvisionedThroughput = { Enabled: true, VolumeThroughput: 250 };
    const StorageInfo = { EbsStorageInfo: { VolumeSize: 500, ProvisionedThroughput } };
    await refusal(
      request({ BrokerNodeGroupInfo: group({ InstanceType: "kafka.m5.large", StorageInfo }) }),
    ).toThrow("Provisioned throughput is not supported for the specified broker type.");
  });

  it("subnets, broker counts, names and zones", async () => {
    const two = group({ ClientSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B] });
    await refusal(request({ BrokerNodeGroupInfo: two })).toThrow(
      "The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter.",
    );
    const one = group({ ClientSubnets: [SUBNET_TARGET_A] });
    await refusal(request({ BrokerNodeGroupInfo: one })).toThrow(
      "Specify either two or three client subnets.",
    );
    const az3 = group({ ClientSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_AZ3] });
    await refusal(request({ BrokerNodeGroupInfo: az3 })).toThrow("use1-az3");
    await refusal(request({ ClusterName: "not_valid" })).toMatchObject({ InvalidParameter: "clusterName" });
    await createActive();
    await refusal(request()).toMatchObject({ name: "ConflictException" });
  });

  it("a configuration that does not exist, and one that the broker type cannot have", async () => {
    const Arn = `arn:aws:kafka:us-east-1:${ACCOUNT}:configuration/none/0-1`;
    await refusal(request({ ConfigurationInfo: { Arn, Revision: 1 } })).toThrow("Invalid Configuration ARN.");
    const made = await kafka.send(
      new CreateConfigurationCommand({ Name: "std", ServerProperties: Buffer.from("min.insync.replicas=2") }),
    );
    const { StorageInfo: _, ...express } = group({ InstanceType: "express.m7g.large" });
    await refusal(
      request({
        KafkaVersion: "3.9.x.kraft",
        BrokerNodeGroupInfo: express,
        ConfigurationInfo: { Arn: made.Arn ?? "", Revision: 1 },
      }),
    ).toThrow("Key 'min.insync.replicas' is not supported for Express instance types.");
  });

  it("what the API model does not know", async () => {
    const signed = {
      authorization: "AWS4-HMAC-SHA256 Credential=AKIALAB/20261123/us-east-1/kafka/aws4_request",
    };
    const response = await fetch(`${aws.url}/v1/clusters`, {
      method: "POST",
      headers: signed,
      body: JSON.stringify({ clusterName: "x", brokers: 3 }),
    });
    expect(response.status).toBe(400);
    expect(response.headers.get("x-amzn-errortype")).toBe("BadRequestException");
    expect(await response.json()).toMatchObject({
      message: expect.stringContaining("CreateCluster.brokers"),
    });
    const unsigned = await fetch(`${aws.url}/v1/clusters`);
    expect(unsigned.status).toBe(403);
    const ClusterArn = await createActive();
    await expect(kafka.send(new RebootBrokerCommand({ ClusterArn, BrokerIds: ["1"] }))).rejects.toMatchObject(
      { $metadata: { httpStatusCode: 501 } },
    );
  });

  it("more brokers than the quotas allow", async () => {
    await refusal(request({ NumberOfBrokerNodes: 33 })).toThrow("quota per cluster");
    aws.control.fault({ kind: "quota", name: "brokersPerAccount", value: 2 });
    await refusal(request()).toThrow("quota per account");
  });
});

describe("updates", () => {
  it("go one at a time, need the current version, and change it", async () => {
    const ClusterArn = await createActive();
    const { CurrentVersion } = await clusterOf(ClusterArn);
    const update = { ClusterArn, CurrentVersion, EnhancedMonitoring: "PER_BROKER" as const };
    await expect(
      kafka.send(new UpdateMonitoringCommand({ ...update, CurrentVersion: "K0" })),
    ).rejects.toThrow("The version of the cluster isn’t current. Check the current version and try again.");
    const { ClusterOperationArn } = await kafka.send(new UpdateMonitoringCommand(update));
    expect(await clusterOf(ClusterArn)).toMatchObject({
      State: "UPDATING",
      ActiveOperationArn: ClusterOperationArn,
    });
    await expect(kafka.send(new UpdateMonitoringCommand(update))).rejects.toThrow("states :[ACTIVE]");
    pass(10);
    const after = await clusterOf(ClusterArn);
    expect(after).toMatchObject({ State: "ACTIVE", EnhancedMonitoring: "PER_BROKER" });
    expect(after.CurrentVersion).not.toBe(CurrentVersion);
    const { ClusterOperationInfo } = await kafka.send(
      new DescribeClusterOperationV2Command({ ClusterOperationArn: ClusterOperationArn ?? "" }),
    );
    expect(ClusterOperationInfo).toMatchObject({
      OperationState: "UPDATE_COMPLETE",
      Provisioned: {
        SourceClusterInfo: { EnhancedMonitoring: "DEFAULT" },
        TargetClusterInfo: { EnhancedMonitoring: "PER_BROKER" },
      },
    });
  });

  it("fail with ErrorInfo and change nothing when told to", async () => {
    const ClusterArn = await createActive();
    const { CurrentVersion } = await clusterOf(ClusterArn);
    aws.control.fault({ kind: "fail-update", message: "brokers did not come back" });
    const ClientAuthentication = { Sasl: { Scram: { Enabled: true } } };
    const { ClusterOperationArn } = await kafka.send(
      new UpdateSecurityCommand({ ClusterArn, CurrentVersion, ClientAuthentication }),
    );
    pass(60);
    const { ClusterOperationInfo } = await kafka.send(
      new DescribeClusterOperationV2Command({ ClusterOperationArn: ClusterOperationArn ?? "" }),
    );
    expect(ClusterOperationInfo).toMatchObject({
      OperationState: "UPDATE_FAILED",
      ErrorInfo: { ErrorString: "brokers did not come back" },
    });
    expect((await clusterOf(ClusterArn)).ClientAuthentication?.Sasl).toBeUndefined();
  });

  it("grow storage on all brokers, never shrink it, and rest six hours", async () => {
    const ClusterArn = await createActive();
    async function grow(VolumeSizeGB: number, KafkaBrokerNodeId = "All") {
      const { CurrentVersion } = await clusterOf(ClusterArn);
      const TargetBrokerEBSVolumeInfo = [{ KafkaBrokerNodeId, VolumeSizeGB }];
      return kafka.send(
        new UpdateBrokerStorageCommand({ ClusterArn, CurrentVersion, TargetBrokerEBSVolumeInfo }),
      );
    }
    await expect(grow(600, "1")).rejects.toThrow("All");
    await expect(grow(400)).rejects.toThrow("decrease");
    await expect(grow(500)).rejects.toThrow(
      "The request does not include any updates to the EBS volumes of the cluster.",
    );
    await grow(600);
    pass(15);
    await expect(grow(700)).rejects.toThrow("6 hours");
    pass(360);
    await grow(700);
    pass(15);
    const { BrokerNodeGroupInfo } = await clusterOf(ClusterArn);
    expect(BrokerNodeGroupInfo?.StorageInfo?.EbsStorageInfo?.VolumeSize).toBe(700);
  });

  it("associate SCRAM secrets with the right prefix", async () => {
    const ClusterArn = await createActive({ ClientAuthentication: { Sasl: { Scram: { Enabled: true } } } });
    const prefix = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:`;
    const SecretArnList = [`${prefix}AmazonMSK_ferry-a1b2c3`, `${prefix}other-a1b2c3`];
    const { UnprocessedScramSecrets } = await kafka.send(
      new BatchAssociateScramSecretCommand({ ClusterArn, SecretArnList }),
    );
    expect(UnprocessedScramSecrets?.map((each) => each.SecretArn)).toEqual([SecretArnList[1]]);
    await expect(
      kafka.send(new BatchAssociateScramSecretCommand({ ClusterArn, SecretArnList: ["arn:aws:s3:::x"] })),
    ).rejects.toThrow("The provided secret ARN is invalid. (InvalidParameter: secretArnList)");
  });
});

describe("configurations, versions and tags", () => {
  it("keeps every revision and refuses a key that MSK does not take", async () => {
    const ServerProperties = Buffer.from("log.retention.hours=72");
    const { Arn = "" } = await kafka.send(new CreateConfigurationCommand({ Name: "c", ServerProperties }));
    await expect(
      kafka.send(new UpdateConfigurationCommand({ Arn, ServerProperties: Buffer.from("broker.id=1") })),
    ).rejects.toThrow(
      "Key 'broker.id' is not supported by at least one Apache Kafka version. Key checked against versions: [",
    );
    await kafka.send(
      new UpdateConfigurationCommand({ Arn, ServerProperties: Buffer.from("log.retention.hours=96") }),
    );
    const first = await kafka.send(new DescribeConfigurationRevisionCommand({ Arn, Revision: 1 }));
    expect(Buffer.from(first.ServerProperties ?? []).toString()).toBe("log.retention.hours=72");
    await expect(
      kafka.send(new CreateConfigurationCommand({ Name: "c", ServerProperties })),
    ).rejects.toMatchObject({
      name: "ConflictException",
      message: "A resource with this name already exists.",
    });
  });

  it("lists some versions twice with different status, over pages too", async () => {
    const { KafkaVersions } = await kafka.send(new ListKafkaVersionsCommand({}));
    const of = (version: string) =>
      KafkaVersions?.filter((row) => row.Version === version).map((row) => row.Status);
    expect(of("3.9.x")?.toSorted()).toEqual(["ACTIVE", "DEPRECATED"]);
    expect(of("3.5.1")).toEqual(["DEPRECATED"]);
    let rows = 0;
    for await (const page of paginateListKafkaVersions({ client: kafka, pageSize: 10 }, {})) {
      rows += page.KafkaVersions?.length ?? 0;
    }
    expect(rows).toBe(KafkaVersions?.length);
    const compatible = await kafka.send(
      new GetCompatibleKafkaVersionsCommand({ ClusterArn: await createActive() }),
    );
    expect(compatible.CompatibleKafkaVersions).toEqual([
      { SourceVersion: "3.9.x", TargetVersions: ["3.9.x.kraft"] },
    ]);
  });

  it("tags clusters", async () => {
    const ResourceArn = await createActive();
    await kafka.send(new TagResourceCommand({ ResourceArn, Tags: { ferry: "orders", owner: "team" } }));
    await kafka.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["owner"] }));
    expect((await kafka.send(new ListTagsForResourceCommand({ ResourceArn }))).Tags).toEqual({
      ferry: "orders",
    });
  });
});

describe("faults and records", () => {
  it("throttles as often as told, then answers, and records every call", async () => {
    aws.control.fault({ kind: "throttle", operation: "ListClustersV2", times: 2 });
    const list = () => kafka.send(new ListClustersV2Command({ ClusterNameFilter: "x" }));
    await expect(list()).rejects.toMatchObject({
      name: "TooManyRequestsException",
      $metadata: { httpStatusCode: 429 },
    });
    await expect(list()).rejects.toMatchObject({ name: "TooManyRequestsException" });
    await expect(list()).resolves.toMatchObject({ ClusterInfoList: [] });
    const retrying = new KafkaClient({ ...clientOptions(), maxAttempts: 3 });
    aws.control.fault({ kind: "throttle", times: 1 });
    await expect(retrying.send(new ListClustersV2Command({}))).resolves.toMatchObject({
      ClusterInfoList: [],
    });
    retrying.destroy();
    expect(aws.control.calls().map((call) => call.status)).toEqual([429, 429, 200, 429, 200]);
    expect(aws.control.calls()[0]?.input).toEqual({ ClusterNameFilter: "x" });
  });

  it("cuts the connection after the operation was carried out", async () => {
    aws.control.fault({ kind: "cut", operation: "CreateCluster", when: "after" });
    await expect(kafka.send(new CreateClusterCommand(request()))).rejects.toThrow();
    expect((await kafka.send(new ListClustersV2Command({}))).ClusterInfoList).toHaveLength(1);
  });

  it("takes controls over HTTP and refuses what is no fault", async () => {
    const post = (path: string, body: unknown) =>
      fetch(`${aws.url}/_control/${path}`, { method: "POST", body: JSON.stringify(body) });
    expect((await post("fault", { kind: "throttle" })).status).toBe(200);
    await expect(kafka.send(new ListClustersV2Command({}))).rejects.toThrow("Too Many Requests");
    expect((await post("fault", { kind: "earthquake" })).status).toBe(400);
    const ClusterArn = (await kafka.send(new CreateClusterCommand(request()))).ClusterArn ?? "";
    await post("advance", { ms: 31 * MINUTE });
    expect((await clusterOf(ClusterArn)).State).toBe("ACTIVE");
    const state = await fetch(`${aws.url}/_control/state`);
    expect(await state.json()).toMatchObject({ clusters: [{ name: "migrated-kafka" }] });
  });
});
