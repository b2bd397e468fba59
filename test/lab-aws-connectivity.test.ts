import { CreateRouteCommand, CreateVpcPeeringConnectionCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  CreateConfigurationCommand,
  DeleteClusterPolicyCommand,
  GetClusterPolicyCommand,
  KafkaClient,
  PutClusterPolicyCommand,
  UpdateBrokerCountCommand,
  UpdateClusterKafkaVersionCommand,
  UpdateConnectivityCommand,
  type UpdateConnectivityCommandInput,
  UpdateRebalancingCommand,
} from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exampleBrokers } from "#lab/aws/example-requests.ts";
import { expressTopicValueRule, serverlessRule, subnetRule } from "#lab/aws/rules-msk.ts";
import { RTB_TARGET_MAIN, VPC_OVERLAP, VPC_SOURCE, VPC_TARGET } from "#lab/aws/world.ts";
import { type StandInOnClock, startStandInOnClock } from "#support/stand-in-clock.ts";

let bench: StandInOnClock;
let kafka: KafkaClient;

beforeEach(async () => {
  bench = await startStandInOnClock();
  ({ kafka } = bench);
});
afterEach(() => bench.stop());

const iam = { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } };
const scram = { Sasl: { Scram: { Enabled: true } }, Unauthenticated: { Enabled: false } };
const express = { InstanceType: "express.m7g.large", StorageInfo: undefined };

function policy(Resource: string): string {
  return JSON.stringify({ Statement: [{ Effect: "Allow", Action: "kafka:CreateVpcConnection", Resource }] });
}

function vpc(ClientAuthentication: object) {
  return { VpcConnectivity: { ClientAuthentication } };
}

async function versioned(ClusterArn: string) {
  const { CurrentVersion } = await bench.clusterOf(ClusterArn);
  return { ClusterArn, CurrentVersion };
}

async function configured(properties: string) {
  const { Arn = "", LatestRevision } = await kafka.send(
    new CreateConfigurationCommand({ Name: "binding", ServerProperties: Buffer.from(properties) }),
  );
  return { Arn, Revision: LatestRevision?.Revision ?? 0 };
}

describe("reaching a cluster from elsewhere", () => {
  const open = { PublicAccess: { Type: "SERVICE_PROVIDED_EIPS" } };
  const cases: ReadonlyArray<{
    readonly what: string;
    readonly cluster: Parameters<StandInOnClock["createActive"]>[0];
    readonly asked: NonNullable<UpdateConnectivityCommandInput["ConnectivityInfo"]>;
    readonly answer: RegExp;
  }> = [
    {
      what: "public with anybody let in",
      cluster: {},
      asked: open,
      answer: /unauthenticated access to be off/,
    },
    { what: "public with IAM", cluster: { ClientAuthentication: iam }, asked: open, answer: /^accepted$/ },
    {
      what: "public with SCRAM and no ACLs that bind",
      cluster: { ClientAuthentication: scram },
      asked: open,
      answer: /allow.everyone.if.no.acl.found to be false/,
    },
    {
      what: "multi-VPC with a scheme that the cluster does not have",
      cluster: { ClientAuthentication: scram },
      asked: vpc({ Sasl: { Iam: { Enabled: true } } }),
      answer: /same authentication scheme/,
    },
    {
      what: "multi-VPC with IAM",
      cluster: { ClientAuthentication: iam },
      asked: vpc({ Sasl: { Iam: { Enabled: true } } }),
      answer: /^accepted$/,
    },
    {
      what: "multi-VPC on the smallest brokers",
      cluster: {
        ClientAuthentication: iam,
        BrokerNodeGroupInfo: exampleBrokers({ InstanceType: "kafka.t3.small" }),
      },
      asked: vpc({ Sasl: { Iam: { Enabled: true } } }),
      answer: /not supported for the specified broker type/,
    },
  ];
  it.each(cases)("takes or refuses $what", async ({ cluster, asked, answer }) => {
    const at = await versioned(await bench.createActive(cluster));
    const sent = kafka.send(new UpdateConnectivityCommand({ ...at, ConnectivityInfo: asked }));
    expect(
      await sent.then(
        () => "accepted",
        (refused: unknown) => String(refused),
      ),
    ).toMatch(answer);
  });

  it("takes SCRAM from other VPCs where Kafka's ACLs bind", async () => {
    const ConfigurationInfo = await configured("allow.everyone.if.no.acl.found=false\n");
    const at = await versioned(await bench.createActive({ ClientAuthentication: scram, ConfigurationInfo }));
    const asked = vpc({ Sasl: { Scram: { Enabled: true } } });
    const { ClusterArn } = await kafka.send(
      new UpdateConnectivityCommand({ ...at, ConnectivityInfo: asked }),
    );
    expect(ClusterArn).toBe(at.ClusterArn);
  });

  it("keeps a policy that names this cluster, and refuses another ARN in MSK's words", async () => {
    const ClusterArn = await bench.createActive();
    const other = ClusterArn.replace("migrated", "others");
    await expect(
      kafka.send(new PutClusterPolicyCommand({ ClusterArn, Policy: policy(other) })),
    ).rejects.toThrow(`The cluster policy is not valid. Invalid cluster arn: "${other}"`);
    await expect(kafka.send(new GetClusterPolicyCommand({ ClusterArn }))).rejects.toMatchObject({
      name: "NotFoundException",
    });
    await kafka.send(new PutClusterPolicyCommand({ ClusterArn, Policy: policy(ClusterArn) }));
    expect(await kafka.send(new GetClusterPolicyCommand({ ClusterArn }))).toMatchObject({
      Policy: policy(ClusterArn),
    });
    await kafka.send(new DeleteClusterPolicyCommand({ ClusterArn }));
    await expect(kafka.send(new DeleteClusterPolicyCommand({ ClusterArn }))).rejects.toMatchObject({
      name: "NotFoundException",
    });
  });
});

describe("changes of brokers", () => {
  it("upgrade only, and take the one step from ZooKeeper to KRaft", async () => {
    const at = await versioned(await bench.createActive({ KafkaVersion: "3.9.x" }));
    const to = (TargetKafkaVersion: string) =>
      kafka.send(new UpdateClusterKafkaVersionCommand({ ...at, TargetKafkaVersion }));
    for (const refused of ["3.8.x", "3.9.x", "4.0.x.kraft"]) {
      await expect(to(refused), refused).rejects.toThrow("can't be updated to the specified Kafka version");
    }
    expect((await to("3.9.x.kraft")).ClusterOperationArn).toBeDefined();
  });

  it("stay within the quotas", async () => {
    const at = await versioned(await bench.createActive());
    await expect(
      kafka.send(new UpdateBrokerCountCommand({ ...at, TargetNumberOfBrokerNodes: 33 })),
    ).rejects.toThrow("exceeds the quota per cluster");
    bench.aws.control.fault({ kind: "quota", name: "brokersPerAccount", value: 6 });
    await expect(
      kafka.send(new UpdateBrokerCountCommand({ ...at, TargetNumberOfBrokerNodes: 9 })),
    ).rejects.toThrow("exceeds the quota per account");
    expect(
      await kafka.send(new UpdateBrokerCountCommand({ ...at, TargetNumberOfBrokerNodes: 6 })),
    ).toMatchObject({ ClusterArn: at.ClusterArn });
  });

  it("are moved by MSK itself on Express only", async () => {
    const Rebalancing = { Status: "PAUSED" } as const;
    const standard = await versioned(await bench.createActive());
    await expect(kafka.send(new UpdateRebalancingCommand({ ...standard, Rebalancing }))).rejects.toThrow(
      "only supported for Express instance types",
    );
    const arn = await bench.createActive({
      ClusterName: "express",
      KafkaVersion: "3.9.x.kraft",
      BrokerNodeGroupInfo: exampleBrokers(express),
    });
    await kafka.send(new UpdateRebalancingCommand({ ...(await versioned(arn)), Rebalancing }));
    bench.pass(6);
    await expect(
      kafka.send(new UpdateRebalancingCommand({ ...(await versioned(arn)), Rebalancing })),
    ).rejects.toThrow("has that status already");
  });
});

it("shows a cluster to nobody in another account or Region", async () => {
  const arn = await bench.createActive();
  for (const strange of [
    bench.clientOptions("AKIAPARTNER1"),
    { ...bench.clientOptions(), region: "eu-west-1" },
  ]) {
    const client = new KafkaClient(strange);
    await expect(client.send(new GetClusterPolicyCommand({ ClusterArn: arn }))).rejects.toMatchObject({
      name: "NotFoundException",
      message: expect.stringContaining(`There is no ${arn} for account`),
    });
    client.destroy();
  }
});

it("goes through every state that a cluster can be in", async () => {
  const arn = await bench.createActive();
  for (const state of ["HEALING", "MAINTENANCE", "REBOOTING_BROKER"] as const) {
    bench.aws.control.fault({ kind: "cluster-state", cluster: arn, state, ms: 60_000 });
    expect((await bench.clusterOf(arn)).State).toBe(state);
    bench.pass(1);
    expect((await bench.clusterOf(arn)).State).toBe("ACTIVE");
  }
});

it("compacts topics of Express brokers after seven days at the earliest", () => {
  const key = "max.compaction.lag.ms";
  expect(expressTopicValueRule(new Map([[key, "604799999"]]))).toContain("at least 7 days");
  expect(expressTopicValueRule(new Map([[key, "604800000"]]))).toBeUndefined();
  expect(expressTopicValueRule(new Map([["retention.ms", "1"]]))).toBeUndefined();
});

describe("where a cluster may lie", () => {
  it("is two subnets in us-west-1", () => {
    const three = ["a", "b", "c"];
    expect(subnetRule(three, "kafka.m7g.large", "us-west-1")).toContain("exactly two client subnets");
    expect(subnetRule(three.slice(1), "kafka.m7g.large", "us-west-1")).toBeUndefined();
    expect(subnetRule(three, "kafka.m7g.large", "us-west-2")).toBeUndefined();
  });

  it("is two to six subnets in each of at most five VPCs for serverless", () => {
    const ClientAuthentication = { Sasl: { Iam: { Enabled: true } } };
    const inVpcs = (...sizes: readonly number[]) =>
      serverlessRule({
        ClientAuthentication,
        VpcConfigs: sizes.map((size) => ({ SubnetIds: Array.from({ length: size }, (_, at) => `s-${at}`) })),
      });
    expect(inVpcs(2, 6)).toBeUndefined();
    expect(inVpcs(1)).toContain("two to six subnets");
    expect(inVpcs(2, 7)).toContain("two to six subnets");
    expect(inVpcs(2, 2, 2, 2, 2, 2)).toContain("at most 5 VPC configs");
  });
});

it("limits peerings of a VPC, requests that nobody accepted, and routes of a table", async () => {
  const ec2 = new EC2Client(bench.clientOptions());
  const { control } = bench.aws;
  const peer = () =>
    ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId: VPC_SOURCE, PeerVpcId: VPC_TARGET }));
  control.fault({ kind: "quota", name: "activePeeringsPerVpc", value: 0 });
  await expect(peer()).rejects.toMatchObject({ name: "ActiveVpcPeeringConnectionPerVpcLimitExceeded" });
  control.fault({ kind: "clear" });
  const { VpcPeeringConnection } = await peer();
  bench.pass(1);
  control.fault({ kind: "quota", name: "outstandingPeerings", value: 1 });
  await expect(
    ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId: VPC_SOURCE, PeerVpcId: VPC_OVERLAP })),
  ).rejects.toMatchObject({ name: "OutstandingVpcPeeringConnectionLimitExceeded" });
  control.fault({ kind: "quota", name: "routesPerTable", value: 0 });
  await expect(
    ec2.send(
      new CreateRouteCommand({
        RouteTableId: RTB_TARGET_MAIN,
        DestinationCidrBlock: "10.10.0.0/16",
        VpcPeeringConnectionId: VpcPeeringConnection?.VpcPeeringConnectionId,
      }),
    ),
  ).rejects.toMatchObject({ name: "RouteLimitExceeded" });
  ec2.destroy();
});
