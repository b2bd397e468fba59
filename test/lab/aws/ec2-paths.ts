import { z } from "zod";
import { type Cloud, handler } from "./cloud.ts";
import { describing, type FilterValues, select } from "./ec2-listing.ts";
import { own } from "./ec2-vpcs.ts";
import type { Handlers, Shape } from "./shapes.ts";
import type { NetworkAcl } from "./world.ts";

function describeAcl(acl: NetworkAcl, account: string): Shape {
  const last = { number: 32_767, protocol: "-1", action: "deny", cidr: "0.0.0.0/0" } as const;
  const entries = [...acl.entries, { ...last, egress: false }, { ...last, egress: true }];
  return {
    Associations: acl.subnets.map((SubnetId, at) => ({
      NetworkAclAssociationId: `aclassoc-${acl.id.slice(4, -1)}${at}`,
      NetworkAclId: acl.id,
      SubnetId,
    })),
    Entries: entries.map((entry) => ({
      CidrBlock: entry.cidr,
      Egress: entry.egress,
      PortRange: "ports" in entry ? entry.ports : undefined,
      Protocol: entry.protocol,
      RuleAction: entry.action,
      RuleNumber: entry.number,
    })),
    IsDefault: acl.isDefault,
    NetworkAclId: acl.id,
    OwnerId: account,
    Tags: [],
    VpcId: acl.vpc,
  };
}

/** Subnets that no other ACL claims are the default one's, as in AWS. */
function aclsOf(cloud: Cloud): NetworkAcl[] {
  const acls = cloud.world.networkAcls;
  return acls.map((acl) => {
    if (!acl.isDefault) return acl;
    const claimed = acls.flatMap((each) => (each === acl ? [] : each.subnets));
    const free = cloud.world.subnets.filter((each) => each.vpc === acl.vpc && !claimed.includes(each.id));
    return { ...acl, subnets: free.map((each) => each.id) };
  });
}

function aclHandlers(cloud: Cloud): Handlers {
  const ids = z.array(z.string()).optional();
  return {
    DescribeNetworkAcls: handler(z.object({ ...describing, NetworkAclIds: ids }), (input, caller) => {
      const listing = {
        items: own(cloud, caller, aclsOf(cloud)),
        idOf: (acl: NetworkAcl) => acl.id,
        ids: input.NetworkAclIds,
        missing: { code: "InvalidNetworkAclID.NotFound", noun: "networkAcl" },
        valuesOf: (acl: NetworkAcl): FilterValues => ({
          "association.subnet-id": acl.subnets,
          default: [String(acl.isDefault)],
          "network-acl-id": [acl.id],
          "vpc-id": [acl.vpc],
        }),
      };
      const { items, NextToken } = select(listing, input);
      return { NetworkAcls: items.map((acl) => describeAcl(acl, caller.account)), NextToken };
    }),
  };
}

function gatewayHandlers(cloud: Cloud): Handlers {
  const ids = z.array(z.string()).optional();
  return {
    DescribeTransitGatewayVpcAttachments: handler(
      z.object({ ...describing, TransitGatewayAttachmentIds: ids }),
      (input, caller) => {
        const { items, NextToken } = select(
          {
            items: own(cloud, caller, cloud.world.transitGatewayAttachments),
            idOf: (each) => each.id,
            ids: input.TransitGatewayAttachmentIds,
            missing: { code: "InvalidTransitGatewayAttachmentID.NotFound", noun: "transitGatewayAttachment" },
            valuesOf: (each) => ({
              state: [each.state],
              "transit-gateway-attachment-id": [each.id],
              "transit-gateway-id": [each.gateway],
              "vpc-id": [each.vpc],
            }),
          },
          input,
        );
        const rows = items.map((each) => ({
          State: each.state,
          SubnetIds: each.subnets,
          TransitGatewayAttachmentId: each.id,
          TransitGatewayId: each.gateway,
          VpcId: each.vpc,
          VpcOwnerId: caller.account,
        }));
        return { TransitGatewayVpcAttachments: rows, NextToken };
      },
    ),
    DescribeVpnConnections: handler(z.object({ ...describing, VpnConnectionIds: ids }), (input) => {
      const { items } = select(
        {
          items: cloud.world.vpnConnections,
          idOf: (each) => each.id,
          ids: input.VpnConnectionIds,
          missing: { code: "InvalidVpnConnectionID.NotFound", noun: "vpnConnection" },
          valuesOf: (each) => ({
            state: [each.state],
            "transit-gateway-id": [each.gateway],
            "vpn-connection-id": [each.id],
            "vpn-gateway-id": [each.gateway],
          }),
        },
        input,
      );
      const rows = items.map((each) => ({
        State: each.state,
        [each.gateway.startsWith("tgw-") ? "TransitGatewayId" : "VpnGatewayId"]: each.gateway,
        VgwTelemetry: each.tunnelsUp.map((up) => ({ Status: up ? "UP" : "DOWN" })),
        VpnConnectionId: each.id,
      }));
      return { VpnConnections: rows };
    }),
  };
}

/** What else lies on the way: network ACLs, transit gateway attachments, VPN connections. */
export function pathHandlers(cloud: Cloud): Handlers {
  return { ...aclHandlers(cloud), ...gatewayHandlers(cloud) };
}
