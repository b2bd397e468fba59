import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNetwork } from "#adapters/ec2.ts";
import {
  RTB_TARGET_MAIN,
  SG_MSK,
  SUBNET_SOURCE_A,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  VPC_OVERLAP,
  VPC_SOURCE,
  VPC_TARGET,
} from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { networkContract } from "../contract/network.ts";

networkContract("Amazon EC2's API", async () => {
  const aws = await startAwsUnderTest();
  return {
    network: createNetwork({ region: aws.region, log: createQuietLog() }),
    advance: (ms) => aws.advance(ms),
    source: VPC_SOURCE,
    target: VPC_TARGET,
    overlapping: VPC_OVERLAP,
    targetSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B],
    securityGroup: SG_MSK,
    close: () => aws.stop(),
  };
});

describe("what goes wrong on the way to EC2", () => {
  let aws: AwsUnderTest;
  const network = () => createNetwork({ region: aws.region, log: createQuietLog() });

  beforeEach(async () => {
    aws = await startAwsUnderTest();
  });
  afterEach(() => aws.stop());

  it("makes one peering when the answer of its creation is lost", async () => {
    aws.control.fault({ kind: "cut", operation: "CreateVpcPeeringConnection", when: "after" });
    const made = await network().createPeering(VPC_SOURCE, VPC_TARGET, {});
    expect((await network().peerings(VPC_SOURCE, VPC_TARGET)).map(({ id }) => id)).toEqual([made.id]);
  });

  it("names the action that the role may not do", async () => {
    aws.control.fault({ kind: "error", status: 403, code: "UnauthorizedOperation", message: "not you" });
    await expect(network().routeTables(VPC_SOURCE)).rejects.toMatchObject({
      code: "E_AWS_ACCESS",
      message: expect.stringContaining("ec2:DescribeRouteTables"),
    });
  });

  it("names the VPC of each subnet when they are of several", async () => {
    await expect(network().vpcOfSubnets([SUBNET_SOURCE_A, SUBNET_TARGET_A])).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringContaining(`${SUBNET_SOURCE_A} in ${VPC_SOURCE}`),
    });
  });

  it("names the target that a block has already", async () => {
    const first = await network().createPeering(VPC_SOURCE, VPC_TARGET, {});
    aws.advance(5_000);
    await network().acceptPeering(first.id);
    await network().createRoute(RTB_TARGET_MAIN, "10.10.0.0/16", first.id);
    await network()
      .deletePeering(first.id)
      .catch(() => undefined);
    aws.advance(30_000);
    await network().deletePeering(first.id);
    aws.advance(30_000);
    const second = await network().createPeering(VPC_SOURCE, VPC_TARGET, {});
    aws.advance(5_000);
    await expect(network().createRoute(RTB_TARGET_MAIN, "10.10.0.0/16", second.id)).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringContaining(`to ${first.id} already, not to ${second.id}`),
    });
  });
});
