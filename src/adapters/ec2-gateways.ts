import {
  DescribeVpnConnectionsCommand,
  paginateDescribeTransitGatewayVpcAttachments,
} from "@aws-sdk/client-ec2";
import type { GatewayAttachment, Network } from "#domain/network.ts";
import type { Connection } from "./ec2-connection.ts";
import { attachmentOf, vpnOf } from "./ec2-shapes.ts";

const over = new Set(["deleted", "deleting", "failed", "rejected", "failing", "rejecting"]);

/** What leads out of a VPC beside peerings. */
export function gateways({ ec2, ask }: Connection): Pick<Network, "attachments" | "vpnConnections"> {
  return {
    attachments: (vpc) =>
      ask("DescribeTransitGatewayVpcAttachments", vpc, async () => {
        const found: GatewayAttachment[] = [];
        const Filters = [{ Name: "vpc-id", Values: [vpc] }];
        for await (const page of paginateDescribeTransitGatewayVpcAttachments({ client: ec2 }, { Filters })) {
          found.push(...(page.TransitGatewayVpcAttachments ?? []).map(attachmentOf));
        }
        return found.filter(({ state }) => !over.has(state));
      }),
    vpnConnections: () =>
      ask("DescribeVpnConnections", "the Region", async () => {
        const { VpnConnections = [] } = await ec2.send(new DescribeVpnConnectionsCommand({}));
        return VpnConnections.map(vpnOf).filter(({ state }) => !over.has(state));
      }),
  };
}
