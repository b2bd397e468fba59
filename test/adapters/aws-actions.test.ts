import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNetwork } from "#adapters/ec2.ts";
import { createMsk } from "#adapters/msk.ts";
import { mskActions, networkActions } from "#domain/export/iam-actions.ts";
import type { Msk } from "#domain/msk.ts";
import type { Network } from "#domain/network.ts";
import {
  RTB_SOURCE_1,
  SG_MSK,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_SOURCE,
  VPC_TARGET,
} from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";

/** Each method of the two ports is called, its repetition too where that takes another way; the log tells the actions. */

const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_ferry-a1b2c3";
const configuration = {
  name: "ferry-actions",
  description: "d",
  kafkaVersions: ["3.9.x"],
  properties: "auto.create.topics.enable=false\n",
};
const cluster = {
  name: "actions",
  kind: "standard",
  kafkaVersion: "3.9.x",
  instanceType: "kafka.m7g.large",
  brokers: 3,
  subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
  securityGroups: [SG_MSK],
  volumeGiB: 100,
  auth: "scram",
  transit: "tls",
  monitoring: "DEFAULT",
  prometheus: false,
  tags: {},
} as const;
const rule = { port: 9096, cidr: "10.0.0.0/16", description: "a test's" };

describe("the actions that a call to AWS takes", () => {
  let aws: AwsUnderTest;
  const log = createQuietLog();
  beforeAll(async () => {
    aws = await startAwsUnderTest();
  });
  afterAll(() => aws.stop());

  async function actionsOf(call: () => Promise<unknown>): Promise<readonly string[]> {
    const from = log.lines.length;
    await call();
    const named = log.lines
      .slice(from)
      .map(({ fields }) => Object.entries(fields).find(([key]) => key === "action")?.[1]);
    return [...new Set(named.map(String))].toSorted();
  }

  async function minutes(count: number) {
    aws.advance(count * 60_000);
  }

  it("are those of the policy, for MSK", async () => {
    const msk = createMsk({ region: aws.region, log });
    const made = await msk.createConfiguration(configuration);
    const arn = await msk.createCluster(cluster, made);
    await minutes(31);
    let operation = "";
    const twice: Record<keyof Msk, () => Promise<unknown>> = {
      versions: () => msk.versions(),
      findCluster: () => msk.findCluster(cluster.name),
      describeCluster: () => msk.describeCluster(arn),
      findConfiguration: () => msk.findConfiguration(configuration.name),
      describeConfiguration: () => msk.describeConfiguration(made.arn, 1),
      createConfiguration: () => msk.createConfiguration(configuration),
      reviseConfiguration: () => msk.reviseConfiguration(made.arn, "d", configuration.properties),
      createCluster: () => msk.createCluster(cluster, made),
      scramSecrets: () => msk.scramSecrets(arn),
      associateScram: () => msk.associateScram(arn, [secret]),
      bootstrap: () => msk.bootstrap(arn, "scram", "tls"),
      updateStorage: async () => {
        operation = await msk.updateStorage(await msk.describeCluster(arn), 200);
      },
      operation: () => msk.operation(operation),
      registerStorage: async () => {
        await msk.registerStorage(arn, { minGiB: 1, maxGiB: 200, tags: {} });
        await msk.registerStorage(arn, { minGiB: 1, maxGiB: 200, tags: {} });
      },
      putStoragePolicy: () => msk.putStoragePolicy(arn, { name: "storage", percent: 60 }),
      storageScaling: () => msk.storageScaling(arn),
      diskUsed: () => msk.diskUsed({ name: cluster.name, brokers: 3 }),
      updateMonitoring: async () => {
        await minutes(600);
        await msk.updateMonitoring(await msk.describeCluster(arn), "PER_BROKER");
      },
    };
    const found: Record<string, readonly string[]> = {};
    for (const [method, call] of Object.entries(twice)) found[method] = await actionsOf(call);
    expect(found).toEqual(sorted(mskActions, withCurrentVersion));
  });

  it("are those of the policy, for the network", async () => {
    const network = createNetwork({ region: aws.region, log });
    const peering = await network.createPeering(VPC_SOURCE, VPC_TARGET, {});
    aws.advance(5000);
    await network.acceptPeering(peering.id);
    await minutes(1);
    const target = await network.vpc(VPC_TARGET);
    const [cidr = ""] = target.cidrs;
    await network.createRoute(RTB_SOURCE_1, cidr, peering.id);
    const twice: Record<keyof Network, () => Promise<unknown>> = {
      vpc: () => network.vpc(VPC_SOURCE),
      subnets: () => network.subnets(cluster.subnets),
      tagPeering: () => network.tagPeering(peering.id, { a: "b" }),
      attachments: () => network.attachments(VPC_TARGET),
      vpnConnections: () => network.vpnConnections(),
      vpcOfSubnets: () => network.vpcOfSubnets(cluster.subnets),
      peerings: () => network.peerings(VPC_SOURCE, VPC_TARGET),
      createPeering: () => network.createPeering(VPC_SOURCE, VPC_TARGET, {}),
      acceptPeering: () => network.acceptPeering(peering.id),
      resolveDns: () => network.resolveDns(peering.id, "both"),
      routeTables: () => network.routeTables(VPC_SOURCE),
      createRoute: () => {
        aws.control.fault({ kind: "error", status: 400, code: "RouteAlreadyExists", message: "it is there" });
        return network.createRoute(RTB_SOURCE_1, cidr, peering.id);
      },
      deleteRoute: () => network.deleteRoute(RTB_SOURCE_1, cidr),
      ingress: () => network.ingress(SG_MSK),
      allowIngress: () => network.allowIngress(SG_MSK, rule, {}),
      revokeIngress: () => network.revokeIngress(SG_MSK, rule),
      deletePeering: async () => {
        await network.deletePeering(peering.id);
        await network.deletePeering(peering.id);
      },
    };
    const found: Record<string, readonly string[]> = {};
    for (const [method, call] of Object.entries(twice)) found[method] = await actionsOf(call);
    expect(found).toEqual(sorted(networkActions, (actions) => actions));
  });
});

/** Updates name the cluster's current version, which this test reads first. */
function withCurrentVersion(actions: readonly string[], method: string): readonly string[] {
  return method.startsWith("update") ? [...actions, "kafka:DescribeClusterV2"] : actions;
}

function sorted(
  table: Readonly<Record<string, readonly string[]>>,
  change: (actions: readonly string[], method: string) => readonly string[],
): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(table).map(([method, actions]) => [method, change(actions, method).toSorted()]),
  );
}
