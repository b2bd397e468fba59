import { z } from "zod";
import { contains, isCidr } from "./cidr.ts";
import { type Cloud, handler } from "./cloud.ts";
import { describing, select, tagFilters, tagList } from "./ec2-listing.ts";
import { findPeering } from "./ec2-peering.ts";
import { checkRouteQuota } from "./ec2-quotas.ts";
import { ec2Refusal } from "./refusal.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";
import type { Route, RouteTable, Vpc } from "./world.ts";

function vpcOf(cloud: Cloud, table: RouteTable): Vpc {
  const vpc = cloud.world.vpcs.find((each) => each.id === table.vpc);
  if (vpc === undefined) throw new Error(`route table ${table.id} is of no VPC of this world`);
  return vpc;
}

function visible(cloud: Cloud, caller: Caller): RouteTable[] {
  return cloud.world.routeTables.filter((table) => {
    const { account, region } = vpcOf(cloud, table);
    return account === caller.account && region === caller.region;
  });
}

function find(cloud: Cloud, id: string, caller: Caller): RouteTable {
  const table = visible(cloud, caller).find((each) => each.id === id);
  if (table !== undefined) return table;
  throw ec2Refusal("InvalidRouteTableID.NotFound", `The routeTable ID '${id}' does not exist`);
}

/** A route to a peering connection carries traffic only while that is active, to an attachment while it is available. */
function stateOf(cloud: Cloud, route: Route): "active" | "blackhole" {
  if (route.target.startsWith("pcx-")) {
    return cloud.peerings.find((each) => each.id === route.target)?.code === "active"
      ? "active"
      : "blackhole";
  }
  if (route.target.startsWith("tgw-")) {
    const attachments = cloud.world.transitGatewayAttachments.filter((each) => each.gateway === route.target);
    return attachments.some((each) => each.state === "available") ? "active" : "blackhole";
  }
  return "active";
}

function targetMember(target: string): string {
  if (target.startsWith("pcx-")) return "VpcPeeringConnectionId";
  if (target.startsWith("tgw-")) return "TransitGatewayId";
  if (target.startsWith("nat-")) return "NatGatewayId";
  if (target.startsWith("eni-")) return "NetworkInterfaceId";
  return "GatewayId";
}

function destinationMember(destination: string): string {
  return destination.includes(":") ? "DestinationIpv6CidrBlock" : "DestinationCidrBlock";
}

function describe(cloud: Cloud, table: RouteTable): Shape {
  const vpc = vpcOf(cloud, table);
  const local = [...vpc.cidrs, ...vpc.ipv6Cidrs].map((destination) => ({ destination, target: "local" }));
  const association = (SubnetId: string | undefined, at: number): Shape => ({
    AssociationState: { State: "associated" },
    Main: SubnetId === undefined,
    RouteTableAssociationId: `rtbassoc-${table.id.slice(4, -1)}${at}`,
    RouteTableId: table.id,
    SubnetId,
  });
  return {
    Associations: [...(table.main ? [undefined] : []), ...table.subnets].map(association),
    OwnerId: vpc.account,
    PropagatingVgws: [],
    RouteTableId: table.id,
    Routes: [...local, ...table.routes].map((route) => ({
      [destinationMember(route.destination)]: route.destination,
      [targetMember(route.target)]: route.target,
      Origin: route.target === "local" ? "CreateRouteTable" : "CreateRoute",
      State: stateOf(cloud, route),
    })),
    Tags: tagList(table.tags),
    VpcId: table.vpc,
  };
}

function filterValues(cloud: Cloud, table: RouteTable): { [name: string]: string[] } {
  const to = (prefix: string): string[] =>
    table.routes.map((each) => each.target).filter((id) => id.startsWith(prefix));
  return {
    ...tagFilters(table.tags),
    "association.main": [String(table.main)],
    "association.subnet-id": table.subnets,
    "owner-id": [vpcOf(cloud, table).account],
    "route-table-id": [table.id],
    "route.destination-cidr-block": table.routes.map((each) => each.destination),
    "route.state": table.routes.map((each) => stateOf(cloud, each)),
    "route.transit-gateway-id": to("tgw-"),
    "route.vpc-peering-connection-id": to("pcx-"),
    "vpc-id": [table.vpc],
  };
}

const routeSchema = z.object({
  RouteTableId: z.string(),
  DestinationCidrBlock: z.string().optional(),
  DestinationIpv6CidrBlock: z.string().optional(),
  GatewayId: z.string().optional(),
  NatGatewayId: z.string().optional(),
  NetworkInterfaceId: z.string().optional(),
  TransitGatewayId: z.string().optional(),
  VpcPeeringConnectionId: z.string().optional(),
});
type RouteRequest = z.infer<typeof routeSchema>;

function destinationOf(input: {
  DestinationCidrBlock?: string | undefined;
  DestinationIpv6CidrBlock?: string | undefined;
}): string {
  const destination = input.DestinationCidrBlock ?? input.DestinationIpv6CidrBlock;
  if (destination === undefined) {
    throw ec2Refusal(
      "MissingParameter",
      "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock",
    );
  }
  if (isCidr(destination)) return destination;
  throw ec2Refusal(
    "InvalidParameterValue",
    `Value (${destination}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.`,
  );
}

function checkPeering(cloud: Cloud, table: RouteTable, id: string, caller: Caller): void {
  const peering = findPeering(cloud, id, caller);
  if (peering.requesterVpc !== table.vpc && peering.accepterVpc !== table.vpc) {
    throw ec2Refusal(
      "InvalidParameterValue",
      `route table ${table.id} and network gateway ${id} belong to different networks`,
    );
  }
  if (!["active", "pending-acceptance", "provisioning"].includes(peering.code)) {
    throw ec2Refusal(
      "InvalidStateTransition",
      `The VPC peering connection ${id} is in state ${peering.code}`,
    );
  }
}

function checkGateway(cloud: Cloud, table: RouteTable, gateway: string): void {
  const attached = cloud.world.transitGatewayAttachments.some(
    (each) => each.gateway === gateway && each.vpc === table.vpc,
  );
  if (attached) return;
  throw ec2Refusal(
    "InvalidTransitGatewayID.NotFound",
    `Transit Gateway ${gateway} was deleted or does not exist.`,
  );
}

function targetOf(cloud: Cloud, table: RouteTable, input: RouteRequest, caller: Caller): string {
  if (input.VpcPeeringConnectionId !== undefined)
    checkPeering(cloud, table, input.VpcPeeringConnectionId, caller);
  if (input.TransitGatewayId !== undefined) checkGateway(cloud, table, input.TransitGatewayId);
  const given = [
    input.VpcPeeringConnectionId,
    input.TransitGatewayId,
    input.GatewayId,
    input.NatGatewayId,
    input.NetworkInterfaceId,
  ].filter((id) => id !== undefined);
  const [target] = given;
  if (target !== undefined && given.length === 1) return target;
  throw ec2Refusal("InvalidParameterCombination", "Exactly one target must be specified for a route.");
}

function createRoute(cloud: Cloud, input: RouteRequest, caller: Caller): Shape {
  const table = find(cloud, input.RouteTableId, caller);
  const destination = destinationOf(input);
  const vpc = vpcOf(cloud, table);
  if ([...vpc.cidrs, ...vpc.ipv6Cidrs].some((block) => contains(block, destination))) {
    throw ec2Refusal(
      "InvalidParameterValue",
      `The destination CIDR block ${destination} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.`,
    );
  }
  const target = targetOf(cloud, table, input, caller);
  const existing = table.routes.find((each) => each.destination === destination);
  if (existing !== undefined) {
    if (existing.target === target) return { Return: true };
    throw ec2Refusal("RouteAlreadyExists", `The route identified by ${destination} already exists.`);
  }
  checkRouteQuota(cloud, table);
  table.routes.push({ destination, target });
  return { Return: true };
}

function deleteRoute(cloud: Cloud, input: RouteRequest, caller: Caller): Shape {
  const table = find(cloud, input.RouteTableId, caller);
  const destination = destinationOf(input);
  if (!table.routes.some((each) => each.destination === destination)) {
    throw ec2Refusal(
      "InvalidRoute.NotFound",
      `no route with destination-cidr-block ${destination} in route table ${table.id}`,
    );
  }
  table.routes = table.routes.filter((each) => each.destination !== destination);
  return {};
}

/** Route tables and routes. */
export function routeHandlers(cloud: Cloud): Handlers {
  return {
    CreateRoute: handler(routeSchema, (input, caller) => createRoute(cloud, input, caller)),
    DeleteRoute: handler(routeSchema, (input, caller) => deleteRoute(cloud, input, caller)),
    DescribeRouteTables: handler(
      z.object({ ...describing, RouteTableIds: z.array(z.string()).optional() }),
      (input, caller) => {
        const { items, NextToken } = select(
          {
            items: visible(cloud, caller),
            idOf: (table) => table.id,
            ids: input.RouteTableIds,
            missing: { code: "InvalidRouteTableID.NotFound", noun: "routeTable" },
            valuesOf: (table) => filterValues(cloud, table),
          },
          input,
        );
        return { RouteTables: items.map((table) => describe(cloud, table)), NextToken };
      },
    ),
  };
}
