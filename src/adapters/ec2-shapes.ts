import { z } from "zod";
import type {
  GatewayAttachment,
  IngressRule,
  Peering,
  RouteTable,
  Subnet,
  Vpc,
  VpnConnection,
} from "#domain/network.ts";
import { parseAnswer } from "./aws.ts";

/** EC2's shapes and ours. What AWS answers is parsed: every member of the SDK's types is optional. */

const Tags = z.array(z.object({ Key: z.string(), Value: z.string().default("") })).default([]);

export function tagList(tags: Readonly<Record<string, string>>): Array<{ Key: string; Value: string }> {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

const Blocks4 = z.array(z.object({ CidrBlock: z.string() })).default([]);
const Blocks6 = z.array(z.object({ Ipv6CidrBlock: z.string() })).default([]);

/** Blocks of a VPC are associated with it; one that was taken away stays listed for a while. */
const State = z.object({ State: z.string().optional() }).optional();
const VpcAnswer = z.object({
  VpcId: z.string(),
  OwnerId: z.string().default("unknown"),
  CidrBlock: z.string(),
  CidrBlockAssociationSet: z.array(z.object({ CidrBlock: z.string(), CidrBlockState: State })).default([]),
  Ipv6CidrBlockAssociationSet: z
    .array(z.object({ Ipv6CidrBlock: z.string(), Ipv6CidrBlockState: State }))
    .default([]),
});

function isHeld(state: z.infer<typeof State>): boolean {
  return state?.State !== "disassociated";
}

export function vpcOf(answer: unknown): Vpc {
  const vpc = parseAnswer(VpcAnswer, answer, "a VPC");
  const cidrs = new Set([
    vpc.CidrBlock,
    ...vpc.CidrBlockAssociationSet.filter((each) => isHeld(each.CidrBlockState)).map(
      (each) => each.CidrBlock,
    ),
    ...vpc.Ipv6CidrBlockAssociationSet.filter((each) => isHeld(each.Ipv6CidrBlockState)).map(
      (each) => each.Ipv6CidrBlock,
    ),
  ]);
  return { id: vpc.VpcId, cidrs: [...cidrs], owner: vpc.OwnerId };
}

const SideAnswer = z.object({
  VpcId: z.string(),
  OwnerId: z.string().default("unknown"),
  CidrBlockSet: Blocks4,
  Ipv6CidrBlockSet: Blocks6,
  PeeringOptions: z.object({ AllowDnsResolutionFromRemoteVpc: z.boolean().optional() }).optional(),
});

const PeeringAnswer = z.object({
  VpcPeeringConnectionId: z.string(),
  Status: z.object({
    Code: z.enum([
      "initiating-request",
      "pending-acceptance",
      "provisioning",
      "active",
      "failed",
      "expired",
      "rejected",
      "deleting",
      "deleted",
    ]),
    Message: z.string().optional(),
  }),
  RequesterVpcInfo: SideAnswer,
  AccepterVpcInfo: SideAnswer,
  Tags,
});

export function peeringOf(answer: unknown): Peering {
  const peering = parseAnswer(PeeringAnswer, answer, "a peering connection");
  const { Code, Message } = peering.Status;
  return {
    id: peering.VpcPeeringConnectionId,
    state: Code,
    ...(Message === undefined ? {} : { reason: Message }),
    requester: sideOf(peering.RequesterVpcInfo),
    accepter: sideOf(peering.AccepterVpcInfo),
    resolvesDns: [peering.RequesterVpcInfo, peering.AccepterVpcInfo].every(
      ({ PeeringOptions }) => PeeringOptions?.AllowDnsResolutionFromRemoteVpc === true,
    ),
    tags: Object.fromEntries(peering.Tags.map(({ Key, Value }) => [Key, Value])),
  };
}

function sideOf(side: z.infer<typeof SideAnswer>): Vpc {
  const cidrs = [
    ...side.CidrBlockSet.map((each) => each.CidrBlock),
    ...side.Ipv6CidrBlockSet.map((each) => each.Ipv6CidrBlock),
  ];
  return { id: side.VpcId, cidrs, owner: side.OwnerId };
}

const RouteAnswer = z.looseObject({
  DestinationCidrBlock: z.string().optional(),
  DestinationIpv6CidrBlock: z.string().optional(),
  DestinationPrefixListId: z.string().optional(),
  VpcPeeringConnectionId: z.string().optional(),
  TransitGatewayId: z.string().optional(),
  GatewayId: z.string().optional(),
  NatGatewayId: z.string().optional(),
  NetworkInterfaceId: z.string().optional(),
  State: z.string().default("active"),
});

const TableAnswer = z.object({
  RouteTableId: z.string(),
  VpcId: z.string(),
  Associations: z
    .array(z.object({ Main: z.boolean().default(false), SubnetId: z.string().optional() }))
    .default([]),
  Routes: z.array(RouteAnswer).default([]),
  PropagatingVgws: z.array(z.object({ GatewayId: z.string() })).default([]),
});

export function routeTableOf(answer: unknown): RouteTable {
  const table = parseAnswer(TableAnswer, answer, "a route table");
  return {
    id: table.RouteTableId,
    vpc: table.VpcId,
    main: table.Associations.some(({ Main }) => Main),
    subnets: table.Associations.flatMap(({ SubnetId }) => (SubnetId === undefined ? [] : [SubnetId])),
    routes: table.Routes.map((route) => ({
      destination:
        route.DestinationCidrBlock ??
        route.DestinationIpv6CidrBlock ??
        route.DestinationPrefixListId ??
        "unknown",
      target: targetOf(route),
      peering: route.VpcPeeringConnectionId,
      state: route.State === "blackhole" ? "blackhole" : "active",
    })),
    propagating: table.PropagatingVgws.map(({ GatewayId }) => GatewayId),
  };
}

function targetOf(route: z.infer<typeof RouteAnswer>): string {
  return (
    route.VpcPeeringConnectionId ??
    route.TransitGatewayId ??
    route.NatGatewayId ??
    route.GatewayId ??
    route.NetworkInterfaceId ??
    "unknown"
  );
}

export function destinationOf(cidr: string) {
  return cidr.includes(":") ? { DestinationIpv6CidrBlock: cidr } : { DestinationCidrBlock: cidr };
}

const SubnetAnswer = z.object({
  SubnetId: z.string(),
  VpcId: z.string(),
  AvailabilityZoneId: z.string().optional(),
  AvailabilityZone: z.string().default("unknown"),
});

export function subnetOf(answer: unknown): Subnet {
  const subnet = parseAnswer(SubnetAnswer, answer, "a subnet");
  const { SubnetId, VpcId, AvailabilityZone, AvailabilityZoneId } = subnet;
  return { id: SubnetId, vpc: VpcId, zone: AvailabilityZoneId ?? AvailabilityZone };
}

const AttachmentAnswer = z.object({
  TransitGatewayAttachmentId: z.string(),
  TransitGatewayId: z.string(),
  State: z.string(),
  SubnetIds: z.array(z.string()).default([]),
});

export function attachmentOf(answer: unknown): GatewayAttachment {
  const attachment = parseAnswer(AttachmentAnswer, answer, "a transit gateway attachment");
  return {
    id: attachment.TransitGatewayAttachmentId,
    gateway: attachment.TransitGatewayId,
    state: attachment.State,
    subnets: attachment.SubnetIds,
  };
}

const VpnAnswer = z.object({
  VpnConnectionId: z.string(),
  TransitGatewayId: z.string().optional(),
  VpnGatewayId: z.string().optional(),
  State: z.string(),
  VgwTelemetry: z.array(z.object({ Status: z.string().optional() })).default([]),
});

export function vpnOf(answer: unknown): VpnConnection {
  const vpn = parseAnswer(VpnAnswer, answer, "a VPN connection");
  return {
    id: vpn.VpnConnectionId,
    gateway: vpn.VpnGatewayId ?? vpn.TransitGatewayId ?? "none",
    state: vpn.State,
    tunnels: vpn.VgwTelemetry.map(({ Status }) => (Status === "UP" ? "up" : "down")),
  };
}

const Described = z.string().default("");
const GroupAnswer = z.object({
  IpPermissions: z
    .array(
      z.object({
        IpProtocol: z.string(),
        FromPort: z.number().optional(),
        ToPort: z.number().optional(),
        IpRanges: z.array(z.object({ CidrIp: z.string(), Description: Described })).default([]),
        Ipv6Ranges: z.array(z.object({ CidrIpv6: z.string(), Description: Described })).default([]),
        UserIdGroupPairs: z
          .array(z.object({ GroupId: z.string(), UserId: z.string().optional(), Description: Described }))
          .default([]),
      }),
    )
    .default([]),
});

/** Rules by address block or security group that let TCP in; those by prefix list say nothing about a block. */
export function ingressOf(answer: unknown): readonly IngressRule[] {
  const group = parseAnswer(GroupAnswer, answer, "a security group");
  return group.IpPermissions.filter(({ IpProtocol }) => IpProtocol === "tcp" || IpProtocol === "-1").flatMap(
    ({ FromPort = 0, ToPort = 65_535, IpProtocol, IpRanges, Ipv6Ranges, UserIdGroupPairs }) => {
      const [port, toPort] = IpProtocol === "-1" ? [0, 65_535] : [FromPort, ToPort];
      const peers = [
        ...IpRanges.map(({ CidrIp, Description }) => ({ cidr: CidrIp, description: Description })),
        ...Ipv6Ranges.map(({ CidrIpv6, Description }) => ({ cidr: CidrIpv6, description: Description })),
        ...UserIdGroupPairs.map(({ GroupId, UserId, Description }) => ({
          group: GroupId,
          ...(UserId === undefined ? {} : { owner: UserId }),
          description: Description,
        })),
      ];
      return peers.map((peer) => ({ port, ...(toPort === port ? {} : { toPort }), ...peer }));
    },
  );
}

export function permissionOf(rule: IngressRule) {
  const { port, toPort = port, description: Description } = rule;
  const tcp = { IpProtocol: "tcp", FromPort: port, ToPort: toPort };
  if ("group" in rule) {
    const owner = rule.owner === undefined ? {} : { UserId: rule.owner };
    return { ...tcp, UserIdGroupPairs: [{ GroupId: rule.group, ...owner, Description }] };
  }
  return rule.cidr.includes(":")
    ? { ...tcp, Ipv6Ranges: [{ CidrIpv6: rule.cidr, Description }] }
    : { ...tcp, IpRanges: [{ CidrIp: rule.cidr, Description }] };
}
