import { z } from "zod";
import { type Cloud, handler } from "./cloud.ts";
import { describing, type FilterValues, select, tagFilters, tagList } from "./ec2-listing.ts";
import { peeringTags, seenPeerings } from "./ec2-peering.ts";
import { ec2Refusal } from "./refusal.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";
import type { Subnet, Tags, Vpc } from "./world.ts";

function ownVpcs(cloud: Cloud, caller: Caller): Vpc[] {
  return cloud.world.vpcs.filter((each) => each.account === caller.account && each.region === caller.region);
}

/** What of a list lies in the caller's own VPCs. */
export function own<T extends { vpc: string }>(cloud: Cloud, caller: Caller, items: readonly T[]): T[] {
  const ids = ownVpcs(cloud, caller).map((each) => each.id);
  return items.filter((item) => ids.includes(item.vpc));
}

function describeVpc(vpc: Vpc): Shape {
  return {
    CidrBlock: vpc.cidrs[0],
    CidrBlockAssociationSet: vpc.cidrs.map((CidrBlock, at) => ({
      AssociationId: `vpc-cidr-assoc-${vpc.id.slice(4)}${at}`,
      CidrBlock,
      CidrBlockState: { State: "associated" },
    })),
    Ipv6CidrBlockAssociationSet: vpc.ipv6Cidrs.map((Ipv6CidrBlock, at) => ({
      AssociationId: `vpc-cidr-assoc-${vpc.id.slice(4)}6${at}`,
      Ipv6CidrBlock,
      Ipv6CidrBlockState: { State: "associated" },
    })),
    DhcpOptionsId: "dopt-0a1b2c3d4e5f60001",
    InstanceTenancy: "default",
    IsDefault: false,
    OwnerId: vpc.account,
    State: "available",
    Tags: tagList(vpc.tags),
    VpcId: vpc.id,
  };
}

function vpcValues(vpc: Vpc): FilterValues {
  return {
    ...tagFilters(vpc.tags),
    cidr: vpc.cidrs.slice(0, 1),
    "cidr-block-association.cidr-block": vpc.cidrs,
    "owner-id": [vpc.account],
    state: ["available"],
    "vpc-id": [vpc.id],
  };
}

function describeSubnet(subnet: Subnet, account: string): Shape {
  return {
    AvailabilityZone: subnet.zone,
    AvailabilityZoneId: subnet.zoneId,
    AvailableIpAddressCount: 251,
    CidrBlock: subnet.cidr,
    DefaultForAz: false,
    MapPublicIpOnLaunch: false,
    OwnerId: account,
    State: "available",
    SubnetId: subnet.id,
    Tags: tagList(subnet.tags),
    VpcId: subnet.vpc,
  };
}

function subnetValues(subnet: Subnet): FilterValues {
  return {
    ...tagFilters(subnet.tags),
    "availability-zone": [subnet.zone],
    "availability-zone-id": [subnet.zoneId],
    "cidr-block": [subnet.cidr],
    state: ["available"],
    "subnet-id": [subnet.id],
    "vpc-id": [subnet.vpc],
  };
}

function vpcAndSubnetHandlers(cloud: Cloud): Handlers {
  const vpcMissing = { code: "InvalidVpcID.NotFound", noun: "vpc" };
  const subnetMissing = { code: "InvalidSubnetID.NotFound", noun: "subnet" };
  return {
    DescribeVpcs: handler(
      z.object({ ...describing, VpcIds: z.array(z.string()).optional() }),
      (input, caller) => {
        const items = ownVpcs(cloud, caller);
        const found = select(
          { items, idOf: (vpc) => vpc.id, ids: input.VpcIds, missing: vpcMissing, valuesOf: vpcValues },
          input,
        );
        return { Vpcs: found.items.map(describeVpc), NextToken: found.NextToken };
      },
    ),
    DescribeSubnets: handler(
      z.object({ ...describing, SubnetIds: z.array(z.string()).optional() }),
      (input, caller) => {
        const items = own(cloud, caller, cloud.world.subnets);
        const found = select(
          {
            items,
            idOf: (subnet) => subnet.id,
            ids: input.SubnetIds,
            missing: subnetMissing,
            valuesOf: subnetValues,
          },
          input,
        );
        return {
          Subnets: found.items.map((each) => describeSubnet(each, caller.account)),
          NextToken: found.NextToken,
        };
      },
    ),
    DescribeVpcAttribute: handler(z.object({ Attribute: z.string(), VpcId: z.string() }), (input, caller) => {
      const vpc = ownVpcs(cloud, caller).find((each) => each.id === input.VpcId);
      if (vpc === undefined)
        throw ec2Refusal("InvalidVpcID.NotFound", `The vpc ID '${input.VpcId}' does not exist`);
      if (input.Attribute === "enableDnsSupport")
        return { VpcId: vpc.id, EnableDnsSupport: { Value: vpc.dnsSupport } };
      if (input.Attribute === "enableDnsHostnames") {
        return { VpcId: vpc.id, EnableDnsHostnames: { Value: vpc.dnsHostnames } };
      }
      throw ec2Refusal(
        "InvalidParameterValue",
        `Value (${input.Attribute}) for parameter attribute is invalid.`,
      );
    }),
  };
}

function tagHandlers(cloud: Cloud): Handlers {
  const tags = z.array(z.object({ Key: z.string(), Value: z.string().optional() }));
  function find(id: string, caller: Caller): Tags {
    const { subnets, routeTables, securityGroups } = cloud.world;
    const groups = own(cloud, caller, securityGroups);
    const found = [
      ...ownVpcs(cloud, caller),
      ...own(cloud, caller, subnets),
      ...own(cloud, caller, routeTables),
      ...groups,
      ...groups.flatMap(({ ingress }) => ingress),
      ...seenPeerings(cloud, caller).map((each) => ({ id: each.id, tags: peeringTags(each, caller) })),
    ].find((each) => each.id === id);
    if (found === undefined) throw ec2Refusal("InvalidID", `The ID '${id}' is not valid`);
    return found.tags;
  }
  return {
    CreateTags: handler(z.object({ Resources: z.array(z.string()), Tags: tags }), (input, caller) => {
      const resources = input.Resources.map((id) => find(id, caller));
      for (const held of resources) {
        for (const { Key, Value } of input.Tags) held[Key] = Value ?? "";
      }
      return {};
    }),
    DeleteTags: handler(z.object({ Resources: z.array(z.string()), Tags: tags }), (input, caller) => {
      for (const held of input.Resources.map((id) => find(id, caller))) {
        for (const { Key } of input.Tags) delete held[Key];
      }
      return {};
    }),
  };
}

/** VPCs, subnets and tags. */
export function vpcHandlers(cloud: Cloud): Handlers {
  return { ...vpcAndSubnetHandlers(cloud), ...tagHandlers(cloud) };
}
