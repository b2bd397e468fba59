import {
  AcceptVpcPeeringConnectionCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateRouteCommand,
  CreateTagsCommand,
  CreateVpcPeeringConnectionCommand,
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
  EC2Client,
  ModifyVpcPeeringConnectionOptionsCommand,
  paginateDescribeSubnets,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AwsStandIn, startAws } from "#lab/aws/stand-in.ts";
import {
  ACCOUNT,
  PARTNER_ACCOUNT,
  PARTNER_KEY_PREFIX,
  REGION,
  RTB_OVERLAP_MAIN,
  RTB_PARTNER_MAIN,
  RTB_SOURCE_1,
  RTB_SOURCE_2,
  RTB_TARGET_MAIN,
  SG_MSK,
  SG_PARTNER,
  SG_SOURCE,
  SUBNET_SOURCE_A,
  SUBNET_SOURCE_B,
  SUBNET_TARGET_A,
  VPC_OVERLAP,
  VPC_PARTNER,
  VPC_SOURCE,
  VPC_TARGET,
} from "#lab/aws/world.ts";

const SECOND = 1000;
const HOUR = 3_600_000;

let aws: AwsStandIn;
let clock: number;
let ec2: EC2Client;
let partner: EC2Client;

function client(accessKeyId: string, region = REGION): EC2Client {
  const credentials = { accessKeyId, secretAccessKey: "lab" };
  return new EC2Client({ endpoint: aws.url, region, credentials, maxAttempts: 1 });
}

beforeEach(async () => {
  clock = Date.UTC(2026, 10, 23);
  aws = await startAws({ bootstrap: "127.0.0.1:19092", timeScale: 1, now: () => clock });
  ec2 = client("AKIALAB");
  partner = client(`${PARTNER_KEY_PREFIX}1`);
});

afterEach(async () => {
  ec2.destroy();
  partner.destroy();
  await aws.stop();
});

async function propose(PeerVpcId = VPC_TARGET, VpcId = VPC_SOURCE, PeerOwnerId = ACCOUNT): Promise<string> {
  const made = await ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId, PeerOwnerId }));
  expect(made.VpcPeeringConnection?.Status?.Code).toBe("initiating-request");
  clock += 2 * SECOND;
  return made.VpcPeeringConnection?.VpcPeeringConnectionId ?? "";
}

async function peer(): Promise<string> {
  const VpcPeeringConnectionId = await propose();
  await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
  clock += 10 * SECOND;
  return VpcPeeringConnectionId;
}

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
    const id = await propose();
    const pending = await find(id);
    expect(pending?.Status).toEqual({
      Code: "pending-acceptance",
      Message: `Pending Acceptance by ${ACCOUNT}`,
    });
    expect(pending?.ExpirationTime).toEqual(new Date(Date.UTC(2026, 10, 30)));
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }));
    expect(await codeOf(id)).toBe("provisioning");
    clock += 10 * SECOND;
    const active = await find(id);
    expect(active?.Status?.Code).toBe("active");
    expect(active?.AccepterVpcInfo?.CidrBlock).toBe("10.20.0.0/16");
    await expect(propose()).rejects.toMatchObject({ name: "VpcPeeringConnectionAlreadyExists" });
  });

  it("fails on overlapping CIDR blocks instead of refusing the call, and vanishes after two hours", async () => {
    const id = await propose(VPC_OVERLAP, VPC_TARGET);
    expect((await find(id))?.Status).toEqual({
      Code: "failed",
      Message: "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
    });
    await expect(
      ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id })),
    ).rejects.toMatchObject({ name: "InvalidStateTransition" });
    clock += 2 * HOUR;
    expect(await find(id)).toBeUndefined();
  });

  it("expires after seven days", async () => {
    const id = await propose();
    clock += 7 * 24 * HOUR;
    expect(await codeOf(id)).toBe("expired");
  });

  it("is accepted with the accepter's credentials only", async () => {
    const VpcPeeringConnectionId = await propose(VPC_PARTNER, VPC_SOURCE, PARTNER_ACCOUNT);
    const accept = new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId });
    await expect(ec2.send(accept)).rejects.toMatchObject({ name: "OperationNotPermitted" });
    const elsewhere = client(`${PARTNER_KEY_PREFIX}1`, "eu-west-1");
    await expect(elsewhere.send(accept)).rejects.toMatchObject({
      name: "InvalidVpcPeeringConnectionID.NotFound",
    });
    elsewhere.destroy();
    await partner.send(accept);
    clock += 10 * SECOND;
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

  it("resolves DNS across only when active, per side", async () => {
    const VpcPeeringConnectionId = await propose();
    const options = { AllowDnsResolutionFromRemoteVpc: true };
    const modify = new ModifyVpcPeeringConnectionOptionsCommand({
      VpcPeeringConnectionId,
      RequesterPeeringConnectionOptions: options,
      AccepterPeeringConnectionOptions: options,
    });
    await expect(ec2.send(modify)).rejects.toMatchObject({ name: "OperationNotPermitted" });
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    clock += 10 * SECOND;
    const done = await ec2.send(modify);
    expect(done.RequesterPeeringConnectionOptions).toEqual(options);
    const seen = (await find(VpcPeeringConnectionId))?.AccepterVpcInfo?.PeeringOptions;
    expect(seen?.AllowDnsResolutionFromRemoteVpc).toBe(true);
  });
});

describe("routes", () => {
  it("are a blackhole until the peering is active, and again when it is deleted", async () => {
    const VpcPeeringConnectionId = await propose();
    const route = {
      RouteTableId: RTB_SOURCE_1,
      DestinationCidrBlock: "10.20.0.0/16",
      VpcPeeringConnectionId,
    };
    await ec2.send(new CreateRouteCommand(route));
    expect((await routeTo(VpcPeeringConnectionId))?.State).toBe("blackhole");
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    clock += 10 * SECOND;
    expect((await routeTo(VpcPeeringConnectionId))?.State).toBe("active");
    await ec2.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    expect((await routeTo(VpcPeeringConnectionId))?.State).toBe("blackhole");
    await ec2.send(
      new DeleteRouteCommand({ RouteTableId: RTB_SOURCE_1, DestinationCidrBlock: "10.20.0.0/16" }),
    );
    expect(await routeTo(VpcPeeringConnectionId)).toBeUndefined();
  });

  it("are refused inside the own VPC, to a foreign peering, twice to different targets", async () => {
    const VpcPeeringConnectionId = await peer();
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

describe("security groups", () => {
  const kafkaPorts = { IpProtocol: "tcp", FromPort: 9098, ToPort: 9098 };

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

  it("name another VPC's group only across an active peering", async () => {
    const IpPermissions = [{ ...kafkaPorts, UserIdGroupPairs: [{ GroupId: SG_SOURCE }] }];
    const allow = new AuthorizeSecurityGroupIngressCommand({ GroupId: SG_MSK, IpPermissions });
    await expect(ec2.send(allow)).rejects.toThrow("two resources that belong to different networks");
    await peer();
    await expect(ec2.send(allow)).resolves.toMatchObject({ Return: true });
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
