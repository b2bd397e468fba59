import {
  AuthorizeSecurityGroupIngressCommand,
  CreateTagsCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AwsStandIn } from "#lab/aws/stand-in.ts";
import { SG_MSK, SG_SOURCE } from "#lab/aws/world.ts";
import { type Ec2Bench, openEc2 } from "#support/ec2-bench.ts";

let bench: Ec2Bench;
let aws: AwsStandIn;
let ec2: EC2Client;
let partner: EC2Client;

beforeEach(async () => {
  bench = await openEc2();
  ({ aws, ec2, partner } = bench);
});

afterEach(async () => bench.close());

const kafkaPorts = { IpProtocol: "tcp", FromPort: 9098, ToPort: 9098 };

function allowFrom(CidrIp: string): AuthorizeSecurityGroupIngressCommand {
  const IpPermissions = [{ ...kafkaPorts, IpRanges: [{ CidrIp }] }];
  return new AuthorizeSecurityGroupIngressCommand({ GroupId: SG_MSK, IpPermissions });
}

describe("security groups", () => {
  it("take a rule once and give it back", async () => {
    const IpPermissions = [{ ...kafkaPorts, IpRanges: [{ CidrIp: "10.10.0.0/16", Description: "worker" }] }];
    const change = { GroupId: SG_MSK, IpPermissions };
    const made = await ec2.send(new AuthorizeSecurityGroupIngressCommand(change));
    expect(made.SecurityGroupRules?.[0]?.SecurityGroupRuleId).toMatch(/^sgr-0[0-9a-f]{16}$/);
    await expect(ec2.send(new AuthorizeSecurityGroupIngressCommand(change))).rejects.toMatchObject({
      name: "InvalidPermission.Duplicate",
      message:
        'the specified rule "peer: 10.10.0.0/16, TCP, from port: 9098, to port: 9098, ALLOW" already exists',
    });
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [SG_MSK] }));
    expect(SecurityGroups?.[0]?.IpPermissions).toMatchObject(IpPermissions);
    await ec2.send(new RevokeSecurityGroupIngressCommand(change));
    await expect(ec2.send(new RevokeSecurityGroupIngressCommand(change))).rejects.toMatchObject({
      name: "InvalidPermission.NotFound",
    });
  });

  it("keep the tags of each rule, show them, and take more", async () => {
    const TagSpecifications = [
      { ResourceType: "security-group-rule" as const, Tags: [{ Key: "msk-ferry", Value: "orders" }] },
    ];
    const IpPermissions = [{ ...kafkaPorts, IpRanges: [{ CidrIp: "10.10.0.0/16" }] }];
    const allow = { GroupId: SG_MSK, IpPermissions, TagSpecifications };
    const made = await ec2.send(new AuthorizeSecurityGroupIngressCommand(allow));
    const [{ SecurityGroupRuleId: id = "" } = {}] = made.SecurityGroupRules ?? [];
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "team", Value: "kafka" }] }));
    const Filters = [{ Name: "tag:msk-ferry", Values: ["orders"] }];
    const shown = await ec2.send(new DescribeSecurityGroupRulesCommand({ Filters }));
    expect(shown.SecurityGroupRules).toMatchObject([
      {
        SecurityGroupRuleId: id,
        GroupId: SG_MSK,
        Tags: [
          { Key: "msk-ferry", Value: "orders" },
          { Key: "team", Value: "kafka" },
        ],
      },
    ]);
    await expect(
      partner.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "mine", Value: "" }] })),
    ).rejects.toMatchObject({ name: "InvalidID" });
    const wrong = [{ ResourceType: "security-group" as const, Tags: [{ Key: "a", Value: "b" }] }];
    await expect(
      ec2.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId: SG_MSK,
          IpPermissions: [{ ...kafkaPorts, IpRanges: [{ CidrIp: "10.11.0.0/16" }] }],
          TagSpecifications: wrong,
        }),
      ),
    ).rejects.toThrow("is not a valid taggable resource type");
  });

  it("hold as many rules as the quota says", async () => {
    aws.control.fault({ kind: "quota", name: "rulesPerSecurityGroup", value: 1 });
    await ec2.send(allowFrom("10.10.0.0/16"));
    await expect(ec2.send(allowFrom("10.11.0.0/16"))).rejects.toMatchObject({
      name: "RulesPerSecurityGroupLimitExceeded",
    });
  });

  it("name another VPC's group only across an active peering", async () => {
    const IpPermissions = [{ ...kafkaPorts, UserIdGroupPairs: [{ GroupId: SG_SOURCE }] }];
    const allow = new AuthorizeSecurityGroupIngressCommand({ GroupId: SG_MSK, IpPermissions });
    await expect(ec2.send(allow)).rejects.toThrow("two resources that belong to different networks");
    await bench.peer();
    await expect(ec2.send(allow)).resolves.toMatchObject({ Return: true });
  });
});
