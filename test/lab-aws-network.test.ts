import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateTagsCommand,
  DeleteRouteCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeInstancesCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTransitGatewayVpcAttachmentsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  DescribeVpnConnectionsCommand,
  type EC2Client,
  ModifyVpcPeeringConnectionOptionsCommand,
  paginateDescribeSubnets,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AwsStandIn } from "#lab/aws/stand-in.ts";
import {
  ACCOUNT,
  PARTNER_ACCOUNT,
  PARTNER_KEY_PREFIX,
  RTB_OVERLAP_MAIN,
  RTB_PARTNER_MAIN,
  RTB_SOURCE_1,
  RTB_SOURCE_2,
  RTB_TARGET_MAIN,
  SG_PARTNER,
  SUBNET_SOURCE_A,
  SUBNET_SOURCE_B,
  SUBNET_TARGET_A,
  VPC_OVERLAP,
  VPC_PARTNER,
  VPC_SOURCE,
  VPC_TARGET,
} from "#lab/aws/world.ts";
import { type Ec2Bench, openEc2, SECOND } from "#support/ec2-bench.ts";

const HOUR = 3_600_000;

let bench: Ec2Bench;
let aws: AwsStandIn;
let ec2: EC2Client;
let partner: EC2Client;

beforeEach(async () => {
  bench = await openEc2();
  ({ aws, ec2, partner } = bench);
});

afterEach(async () => bench.close());

async function find(id: string, as = ec2) {
  const Filters = [{ Name: "vpc-peering-connection-id", Values: [id] }];
  const { VpcPeeringConnections } = await as.send(new DescribeVpcPeeringConnectionsCommand({ Filters }));
  return VpcPeeringConnections?.[0];
}

async function codeOf(id: string, as = ec2): Promise<string | undefined> {
  return (await find(id, as))?.Status?.Code;
}

async function routeTo(id: string, table = RTB_SOURCE_1) {
  const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return RouteTables?.[0]?.Routes?.find((route) => route.VpcPeeringConnectionId === id);
}

async function sourceTables(Name: string, Values: string[]) {
  const Filters = [
    { Name, Values },
    { Name: "vpc-id", Values: [VPC_SOURCE] },
  ];
  const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
  return RouteTables?.map((table) => table.RouteTableId);
}

describe("peering", () => {
  it("goes from initiating-request through pending-acceptance and provisioning to active", async () => {
    const id = await bench.propose();
    const pending = await find(id);
    expect(pending?.Status).toEqual({
      Code: "pending-acceptance",
      Message: `Pending Acceptance by ${ACCOUNT}`,
    });
    expect(pending?.ExpirationTime).toEqual(new Date(Date.UTC(2026, 10, 30)));
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }));
    expect(await codeOf(id)).toBe("provisioning");
    bench.clock += 10 * SECOND;
    const active = await find(id);
    expect(active?.Status?.Code).toBe("active");
    expect(active?.AccepterVpcInfo?.CidrBlock).toBe("10.20.0.0/16");
    await expect(bench.propose()).rejects.toMatchObject({ name: "VpcPeeringConnectionAlreadyExists" });
  });

  it("fails on overlapping CIDR blocks instead of refusing the call, and vanishes after two hours", async () => {
    const id = await bench.propose(VPC_OVERLAP, VPC_TARGET);
    expect((await find(id))?.Status).toEqual({
      Code: "failed",
      Message: "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
    });
    await expect(
      ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id })),
    ).rejects.toMatchObject({ name: "InvalidStateTransition" });
    bench.clock += 2 * HOUR;
    expect(await find(id)).toBeUndefined();
  });

  it("expires after seven days", async () => {
    const id = await bench.propose();
    bench.clock += 7 * 24 * HOUR;
    expect(await codeOf(id)).toBe("expired");
  });

  it("is accepted with the accepter's credentials only", async () => {
    const VpcPeeringConnectionId = await bench.propose(VPC_PARTNER, VPC_SOURCE, PARTNER_ACCOUNT);
    const accept = new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId });
    await expect(ec2.send(accept)).rejects.toMatchObject({ name: "OperationNotPermitted" });
    const elsewhere = bench.client(`${PARTNER_KEY_PREFIX}1`, "eu-west-1");
    await expect(elsewhere.send(accept)).rejects.toMatchObject({
      name: "InvalidVpcPeeringConnectionID.NotFound",
    });
    elsewhere.destroy();
    await partner.send(accept);
    bench.clock += 10 * SECOND;
    expect(await codeOf(VpcPeeringConnectionId)).toBe("active");
    expect(await codeOf(VpcPeeringConnectionId, partner)).toBe("active");
    await expect(
      ec2.send(
        new ModifyVpcPeeringConnectionOptionsCommand({
          VpcPeeringConnectionId,
          AccepterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc: true },
        }),
      ),
    ).rejects.toMatchObject({ name: "OperationNotPermitted" });
  });

  it("has tags of its own on either side", async () => {
    const id = await bench.propose(VPC_PARTNER, VPC_TARGET, PARTNER_ACCOUNT);
    const Tags = [{ Key: "msk-ferry", Value: "orders" }];
    await ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
    expect((await find(id))?.Tags).toEqual(Tags);
    expect((await find(id, partner))?.Tags ?? []).toEqual([]);
    await partner.send(new CreateTagsCommand({ Resources: [id], Tags }));
    expect((await find(id, partner))?.Tags).toEqual(Tags);
  });

  it("resolves DNS across only when active, per side", async () => {
    const VpcPeeringConnectionId = await bench.propose();
    const options = { AllowDnsResolutionFromRemoteVpc: true };
    const modify = new ModifyVpcPeeringConnectionOptionsCommand({
      VpcPeeringConnectionId,
      RequesterPeeringConnectionOptions: options,
      AccepterPeeringConnectionOptions: options,
    });
    await expect(ec2.send(modify)).rejects.toMatchObject({ name: "OperationNotPermitted" });
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    bench.clock += 10 * SECOND;
    const done = await ec2.send(modify);
    expect(done.RequesterPeeringConnectionOptions).toEqual(options);
    const seen = (await find(VpcPeeringConnectionId))?.AccepterVpcInfo?.PeeringOptions;
    expect(seen?.AllowDnsResolutionFromRemoteVpc).toBe(true);
  });
});

describe("routes", () => {
  it("are a blackhole until the peering is active, and again when it is deleted", async () => {
    const VpcPeeringConnectionId = await bench.propose();
    const route = {
      RouteTableId: RTB_SOURCE_1,
      DestinationCidrBlock: "10.20.0.0/16",
      VpcPeeringConnectionId,
    };
    await ec2.send(new CreateRouteCommand(route));
    expect((await routeTo(VpcPeeringConnectionId))?.State).toBe("blackhole");
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    bench.clock += 10 * SECOND;
    expect((await routeTo(VpcPeeringConnectionId))?.State).toBe("active");
    await ec2.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    expect((await routeTo(VpcPeeringConnectionId))?.State).toBe("blackhole");
    await ec2.send(
      new DeleteRouteCommand({ RouteTableId: RTB_SOURCE_1, DestinationCidrBlock: "10.20.0.0/16" }),
    );
    expect(await routeTo(VpcPeeringConnectionId)).toBeUndefined();
  });

  it("are refused inside the own VPC, to a foreign peering, twice to different targets", async () => {
    const VpcPeeringConnectionId = await bench.peer();
    const create = (RouteTableId: string, DestinationCidrBlock: string, GatewayId?: string) =>
      ec2.send(
        new CreateRouteCommand({
          RouteTableId,
          DestinationCidrBlock,
          ...(GatewayId === undefined ? { VpcPeeringConnectionId } : { GatewayId }),
        }),
      );
    await expect(create(RTB_SOURCE_2, "10.10.4.0/24")).rejects.toThrow("equal to or more specific");
    await expect(create(RTB_OVERLAP_MAIN, "10.10.0.0/16")).rejects.toThrow("belong to different networks");
    await expect(create(RTB_SOURCE_2, "ten")).rejects.toThrow("not a valid CIDR block");
    await create(RTB_TARGET_MAIN, "10.10.0.0/16");
    await create(RTB_TARGET_MAIN, "10.10.0.0/16");
    await expect(create(RTB_TARGET_MAIN, "10.10.0.0/16", "igw-0a1b2c3d4e5f60001")).rejects.toMatchObject({
      name: "RouteAlreadyExists",
      message: "The route identified by 10.10.0.0/16 already exists.",
    });
    const Filters = [{ Name: "route.vpc-peering-connection-id", Values: [VpcPeeringConnectionId] }];
    const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
    expect(RouteTables?.map((table) => table.RouteTableId)).toEqual([RTB_TARGET_MAIN]);
  });

  it("tell main tables and associations apart", async () => {
    expect(await sourceTables("association.main", ["true"])).toEqual([RTB_SOURCE_2]);
    expect(await sourceTables("association.subnet-id", ["subnet-*"])).toEqual([RTB_SOURCE_1]);
    expect(await sourceTables("association.subnet-id", [SUBNET_SOURCE_A])).toEqual([RTB_SOURCE_1]);
    expect(await sourceTables("association.subnet-id", [SUBNET_SOURCE_B])).toEqual([]);
    await expect(sourceTables("colour", ["red"])).rejects.toThrow("The filter 'colour' is invalid");
  });
});

describe("the world", () => {
  it("shows each account its own VPCs, with tags and DNS attributes", async () => {
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({}));
    expect(Vpcs?.map((vpc) => vpc.VpcId)).toEqual([VPC_SOURCE, VPC_TARGET, VPC_OVERLAP]);
    const partnerGroups = await partner.send(new DescribeSecurityGroupsCommand({}));
    expect(partnerGroups.SecurityGroups?.map((group) => group.GroupId)).toEqual([SG_PARTNER]);
    const partnerTables = await partner.send(new DescribeRouteTablesCommand({}));
    expect(partnerTables.RouteTables?.map((table) => table.RouteTableId)).toEqual([RTB_PARTNER_MAIN]);
    await expect(ec2.send(new DescribeVpcsCommand({ VpcIds: [VPC_PARTNER] }))).rejects.toMatchObject({
      name: "InvalidVpcID.NotFound",
      message: `The vpc ID '${VPC_PARTNER}' does not exist`,
    });
    await ec2.send(
      new CreateTagsCommand({ Resources: [VPC_SOURCE], Tags: [{ Key: "ferry", Value: "a & b" }] }),
    );
    const Filters = [{ Name: "tag:ferry", Values: ["a*"] }];
    const tagged = await ec2.send(new DescribeVpcsCommand({ Filters }));
    expect(tagged.Vpcs?.[0]?.Tags).toContainEqual({ Key: "ferry", Value: "a & b" });
    const attribute = { VpcId: VPC_TARGET, Attribute: "enableDnsHostnames" as const };
    const dns = await ec2.send(new DescribeVpcAttributeCommand(attribute));
    expect(dns.EnableDnsHostnames?.Value).toBe(true);
  });

  it("pages, and shows ACLs, attachments and VPN connections", async () => {
    const ids: (string | undefined)[] = [];
    for await (const page of paginateDescribeSubnets({ client: ec2, pageSize: 4 }, {})) {
      ids.push(...(page.Subnets ?? []).map((subnet) => subnet.AvailabilityZoneId));
    }
    expect(ids).toEqual(["use1-az1", "use1-az2", "use1-az1", "use1-az2", "use1-az4", "use1-az3"]);
    const Filters = [{ Name: "association.subnet-id", Values: [SUBNET_TARGET_A] }];
    const { NetworkAcls } = await ec2.send(new DescribeNetworkAclsCommand({ Filters }));
    expect(NetworkAcls?.[0]).toMatchObject({ VpcId: VPC_TARGET, IsDefault: true });
    expect(NetworkAcls?.[0]?.Entries).toHaveLength(4);
    const attachments = await ec2.send(new DescribeTransitGatewayVpcAttachmentsCommand({}));
    expect(attachments.TransitGatewayVpcAttachments ?? []).toEqual([]);
    expect((await ec2.send(new DescribeVpnConnectionsCommand({}))).VpnConnections ?? []).toEqual([]);
  });

  it("throttles as EC2 does and says what it does not model", async () => {
    aws.control.fault({ kind: "throttle", operation: "DescribeVpcs" });
    await expect(ec2.send(new DescribeVpcsCommand({}))).rejects.toMatchObject({
      name: "RequestLimitExceeded",
    });
    await expect(ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 501 },
    });
    await expect(ec2.send(new DescribeSubnetsCommand({ DryRun: true }))).rejects.toMatchObject({
      name: "DryRunOperation",
    });
  });
});
