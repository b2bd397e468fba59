import {
  CreateClusterCommand,
  type CreateClusterCommandInput,
  CreateClusterV2Command,
  CreateConfigurationCommand,
  DeleteClusterCommand,
  DescribeClusterV2Command,
  GetBootstrapBrokersCommand,
  KafkaClient,
  ListClustersV2Command,
  ListNodesCommand,
  ListTopicsCommand,
  RebootBrokerCommand,
} from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exampleBrokers, exampleCluster } from "#lab/aws/example-requests.ts";
import { type AwsStandIn, startAws } from "#lab/aws/stand-in.ts";
import { ACCOUNT, SUBNET_TARGET_A, SUBNET_TARGET_AZ3, SUBNET_TARGET_B } from "#lab/aws/world.ts";
import { bootstrap, type StandInOnClock, startStandInOnClock } from "#support/stand-in-clock.ts";

let bench: StandInOnClock;
let aws: AwsStandIn;
let kafka: KafkaClient;

beforeEach(async () => {
  bench = await startStandInOnClock();
  ({ aws, kafka } = bench);
});

afterEach(() => bench.stop());

/** The refusal that a call ends with; a call that is not refused fails the test. */
async function refusal(sent: Promise<unknown>): Promise<unknown> {
  return sent.then(
    () => {
      throw new Error("was not refused");
    },
    (error: unknown) => error,
  );
}

function saying(text: string) {
  return { message: expect.stringContaining(text) };
}

function create(change: Partial<CreateClusterCommandInput> = {}) {
  return kafka.send(new CreateClusterCommand(exampleCluster(change)));
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
        exampleCluster({ ConfigurationInfo, ClientAuthentication: { Sasl: { Iam: { Enabled: true } } } }),
      ),
    );
    expect(created.State).toBe("CREATING");
    const ClusterArn = created.ClusterArn ?? "";
    expect(ClusterArn).toMatch(
      new RegExp(`^arn:aws:kafka:us-east-1:${ACCOUNT}:cluster/migrated-kafka/[0-9a-f-]+-\\d+$`),
    );
    await expect(kafka.send(new GetBootstrapBrokersCommand({ ClusterArn }))).rejects.toThrow("[ACTIVE]");
    bench.pass(29);
    expect(await bench.clusterOf(ClusterArn)).toMatchObject({ State: "CREATING" });
    bench.pass(1);
    expect(await bench.clusterOf(ClusterArn)).toMatchObject({
      State: "ACTIVE",
      CurrentBrokerSoftwareInfo: { KafkaVersion: "3.9.x", ConfigurationArn: ConfigurationInfo.Arn },
      EncryptionInfo: { EncryptionInTransit: { ClientBroker: "TLS", InCluster: true } },
    });
    const brokers = await kafka.send(new GetBootstrapBrokersCommand({ ClusterArn }));
    expect(brokers.BootstrapBrokerStringSaslIam).toBe(bootstrap);
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
    const ClusterArn = await bench.createActive();
    expect(await bench.clusterOf(ClusterArn)).toMatchObject({
      State: "FAILED",
      StateInfo: { Code: "InsufficientCapacity", Message: "no capacity in use1-az1" },
    });
    await kafka.send(new DeleteClusterCommand({ ClusterArn }));
    bench.pass(11);
    await expect(bench.clusterOf(ClusterArn)).rejects.toMatchObject({ name: "NotFoundException" });
  });

  it("serves both API versions and serverless", async () => {
    const { ClusterName, ...Provisioned } = exampleCluster();
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
    aws.control.fault({ kind: "eventual", ms: 60_000 });
    const { ClusterArn } = await create();
    expect((await kafka.send(new ListClustersV2Command({}))).ClusterInfoList).toEqual([]);
    expect(await bench.clusterOf(ClusterArn ?? "")).toMatchObject({ State: "CREATING" });
    bench.pass(1);
    expect((await kafka.send(new ListClustersV2Command({}))).ClusterInfoList).toHaveLength(1);
  });
});

describe("what creation refuses, in MSK's words", () => {
  it("the published guide's own mistakes: Kafka 3.5.1, throughput on m5.large", async () => {
    expect(await refusal(create({ KafkaVersion: "3.5.1" }))).toMatchObject({
      name: "BadRequestException",
      message:
        "Standard instance types are not supported for Kafka version 3.5.1. Valid values: [3.6.0, 3.7.x, 3.7.x.kraft, 3.8.x, 3.8.x.kraft, 3.9.x, 3.9.x.kraft, 4.0.x.kraft, 4.1.x.kraft]",
    });
    const ProvisionedThroughput = { Enabled: true, VolumeThroughput: 250 };
    const StorageInfo = { EbsStorageInfo: { VolumeSize: 500, ProvisionedThroughput } };
    expect(
      await refusal(
        create({ BrokerNodeGroupInfo: exampleBrokers({ InstanceType: "kafka.m5.large", StorageInfo }) }),
      ),
    ).toMatchObject(saying("Provisioned throughput is not supported for the specified broker type."));
  });

  it("subnets, broker counts, names and zones", async () => {
    const two = exampleBrokers({ ClientSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B] });
    expect(await refusal(create({ BrokerNodeGroupInfo: two }))).toMatchObject(
      saying(
        "The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter.",
      ),
    );
    const one = exampleBrokers({ ClientSubnets: [SUBNET_TARGET_A] });
    expect(await refusal(create({ BrokerNodeGroupInfo: one }))).toMatchObject(
      saying("Specify either two or three client subnets."),
    );
    const az3 = exampleBrokers({ ClientSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_AZ3] });
    expect(await refusal(create({ BrokerNodeGroupInfo: az3 }))).toMatchObject(saying("use1-az3"));
    expect(await refusal(create({ ClusterName: "not_valid" }))).toMatchObject({
      InvalidParameter: "clusterName",
    });
    await bench.createActive();
    expect(await refusal(create())).toMatchObject({ name: "ConflictException" });
  });

  it("a configuration that does not exist, and one that the broker type cannot have", async () => {
    const Arn = `arn:aws:kafka:us-east-1:${ACCOUNT}:configuration/none/0-1`;
    expect(await refusal(create({ ConfigurationInfo: { Arn, Revision: 1 } }))).toMatchObject(
      saying("Invalid Configuration ARN."),
    );
    const made = await kafka.send(
      new CreateConfigurationCommand({ Name: "std", ServerProperties: Buffer.from("min.insync.replicas=2") }),
    );
    const { StorageInfo: _, ...express } = exampleBrokers({ InstanceType: "express.m7g.large" });
    expect(
      await refusal(
        create({
          KafkaVersion: "3.9.x.kraft",
          BrokerNodeGroupInfo: express,
          ConfigurationInfo: { Arn: made.Arn ?? "", Revision: 1 },
        }),
      ),
    ).toMatchObject(saying("Key 'min.insync.replicas' is not supported for Express instance types."));
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
    const ClusterArn = await bench.createActive();
    await expect(kafka.send(new RebootBrokerCommand({ ClusterArn, BrokerIds: ["1"] }))).rejects.toMatchObject(
      { $metadata: { httpStatusCode: 501 } },
    );
  });

  it("more brokers than the quotas allow", async () => {
    expect(await refusal(create({ NumberOfBrokerNodes: 33 }))).toMatchObject(saying("quota per cluster"));
    aws.control.fault({ kind: "quota", name: "brokersPerAccount", value: 2 });
    expect(await refusal(create())).toMatchObject(saying("quota per account"));
  });
});

describe("the topic API", () => {
  it("serves ACTIVE clusters and says when it cannot reach the broker", async () => {
    const nobody = await startAws({ bootstrap: "127.0.0.1:1", timeScale: 1, now: () => bench.now() });
    const client = new KafkaClient({ ...bench.clientOptions(), endpoint: nobody.url });
    const { ClusterArn } = await client.send(new CreateClusterCommand(exampleCluster()));
    const list = () => client.send(new ListTopicsCommand({ ClusterArn }));
    expect(await refusal(list())).toMatchObject({ name: "BadRequestException" });
    bench.pass(31);
    expect(await refusal(list())).toMatchObject({ name: "ClusterConnectivityException" });
    client.destroy();
    await nobody.stop();
  });
});
