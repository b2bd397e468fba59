import { describe, expect, it } from "vitest";
import { network } from "#jobs/aws/network.ts";
import { leftNetwork } from "#jobs/cleanup/left-network.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";

/** What cleanup finds of what the bot made in the network, whatever became of it since. */

const run = (work: Work) => network({ name: "network", migration: "orders", by: "UANA" }, work);
const peering = { kind: "peering", vpc: "vpc-source", securityGroups: ["sg-source"] };

async function callsLeft(work: Work): Promise<readonly string[]> {
  return (await leftNetwork(work)).lines.filter((line) => line.startsWith("aws ec2 "));
}

describe("what is left of the network", () => {
  it("is found without a peering: rules between groups of one VPC", async () => {
    const aws = await createAwsWork({
      source: { network: { ...peering, vpc: "vpc-target", ingress: "security-group" } },
    });
    await aws.carryOut(run);
    expect(await callsLeft(aws.open())).toEqual([
      "aws ec2 revoke-security-group-ingress --group-id sg-1 --ip-permissions 'IpProtocol=tcp,FromPort=9098,ToPort=9098,UserIdGroupPairs=[{GroupId=sg-source,UserId=1}]'",
      "aws ec2 revoke-security-group-ingress --group-id sg-source --ip-permissions 'IpProtocol=tcp,FromPort=9092,ToPort=9092,UserIdGroupPairs=[{GroupId=sg-1,UserId=1}]'",
    ]);
    expect((await leftNetwork(aws.open())).short).toContain("rules and routes of the bot's");
  });

  it("is found after somebody deleted the peering: the routes into nothing, and the rules", async () => {
    const aws = await createAwsWork({ source: { network: peering } });
    await aws.carryOut(run);
    await aws.network.network.deletePeering("pcx-1");
    await aws.clock.advance(5000);
    const calls = await callsLeft(aws.open());
    expect(calls.filter((call) => call.includes("delete-route"))).toHaveLength(3);
    expect(calls.filter((call) => call.includes("revoke-security-group-ingress"))).toHaveLength(2);
    expect(calls.join()).not.toContain("delete-vpc-peering-connection");
  });

  it("is nothing where nothing was made, though others have rules and routes there", async () => {
    const aws = await createAwsWork({ source: { network: peering } });
    const { network: there } = aws.network;
    await there.allowIngress("sg-1", { port: 22, cidr: "10.0.0.0/8", description: "people" }, {});
    await there.createRoute("rtb-target", "10.99.0.0/16", "tgw-1");
    expect(await leftNetwork(aws.open())).toEqual({
      lines: ["- Network: no peering."],
      short: "no peering",
    });
  });

  it("is named by its tag where ferry.yaml names another way since", async () => {
    const aws = await createAwsWork({ source: { network: peering } });
    await aws.carryOut(run);
    const { migration, ...work } = aws.open();
    const { source } = migration.settings;
    const other = { ...source, network: { ...source.network, kind: "none" as const } };
    const settings = { ...migration.settings, source: other };
    const { lines } = await leftNetwork({ ...work, migration: { ...migration, settings } });
    expect(lines).toEqual([
      "- Network: a VPC peering of vpc-source to vpc-target, made before source.network.kind was none. To find it: `aws ec2 describe-vpc-peering-connections --filters Name=tag:msk-ferry,Values=orders`.",
    ]);
  });

  it("is taken away on the source's side with its profile, and blocks of IPv6 by the option that knows them", async () => {
    const accepter = { region: "eu-west-1", profile: "partner" };
    const aws = await createAwsWork({ source: { network: { ...peering, accepter } } });
    await aws.carryOut(run);
    const rule = { port: 9092, cidr: "fd00::/8", description: "msk-ferry=orders" };
    await aws.network.network.allowIngress("sg-source", rule, {});
    const work = aws.open();
    const calls = await callsLeft({
      ...work,
      world: { ...work.world, sourceNetwork: { ...aws.network.network } },
    });
    const there = " --region eu-west-1 --profile partner";
    expect(calls.filter((call) => call.endsWith(there)).map((call) => call.split(" ")[4])).toEqual([
      "rtb-source-1",
      "rtb-source-2",
      "sg-source",
      "sg-source",
    ]);
    expect(calls).toContain(
      `aws ec2 revoke-security-group-ingress --group-id sg-source --ip-permissions 'IpProtocol=tcp,FromPort=9092,ToPort=9092,Ipv6Ranges=[{CidrIpv6=fd00::/8}]'${there}`,
    );
    expect(calls.find((call) => call.includes("rtb-target"))).toMatch(/10\.10\.0\.0\/16$/);
  });
});
