import { describe, expect, it } from "vitest";
import { type GatewayEnd, lookAtTransitGateway, lookAtVpn } from "#domain/network/gateway-path.ts";
import type { GatewayAttachment, Route, RouteTable, Subnet } from "#domain/network.ts";

const zones = ["use1-az1", "use1-az2", "use1-az4"];
const subnets: readonly Subnet[] = zones.map((zone, n) => ({ id: `subnet-${n}`, vpc: "vpc-t", zone }));

function route(destination: string, target: string, state: Route["state"] = "active"): Route {
  return { destination, target, peering: undefined, state };
}

function end(routes: readonly Route[], change: Partial<GatewayEnd & RouteTable> = {}): GatewayEnd {
  const { propagating = [], others = ["10.10.0.0/16"] } = change;
  return {
    vpc: { id: "vpc-t", cidrs: ["10.20.0.0/16"], owner: "1" },
    tables: [{ id: "rtb-t", vpc: "vpc-t", main: true, subnets: [], routes, propagating }],
    subnets,
    others,
  };
}

const attachment: GatewayAttachment = {
  id: "tgw-attach-1",
  gateway: "tgw-1",
  state: "available",
  subnets: subnets.map(({ id }) => id),
};

describe("a transit gateway", () => {
  it("is complete when it is attached in every zone and routed; what its owner sees alone stays unknown", () => {
    const { checks } = lookAtTransitGateway(end([route("10.0.0.0/8", "tgw-1")]), [attachment], subnets);
    expect(checks.map(({ state }) => state).toSorted()).toEqual(["pass", "pass", "pass", "unknown"]);
  });

  it("lists the calls of a VPC that is not attached at all", () => {
    expect(lookAtTransitGateway(end([]), [], []).missing).toEqual([
      "aws ec2 create-transit-gateway-vpc-attachment --transit-gateway-id <tgw-…> --vpc-id vpc-t --subnet-ids subnet-0 subnet-1 subnet-2",
      "aws ec2 create-route --route-table-id rtb-t --destination-cidr-block 10.10.0.0/16 --transit-gateway-id <tgw-…>",
    ]);
  });

  it.each([
    {
      what: "is not accepted",
      looked: lookAtTransitGateway(end([]), [{ ...attachment, state: "pendingAcceptance" }], subnets),
      says: "tgw-attach-1 to tgw-1 is pendingAcceptance",
      call: "aws ec2 accept-transit-gateway-vpc-attachment --transit-gateway-attachment-id tgw-attach-1",
    },
    {
      what: "has no subnet in a zone",
      looked: lookAtTransitGateway(end([]), [attachment], subnets.slice(0, 2)),
      says: "tgw-attach-1 has no subnet in use1-az4: subnet-2 cannot be reached through it",
      call: "aws ec2 modify-transit-gateway-vpc-attachment --transit-gateway-attachment-id tgw-attach-1 --add-subnet-ids subnet-2",
    },
    {
      what: "is routed to for other blocks only",
      looked: lookAtTransitGateway(end([route("10.99.0.0/16", "tgw-1")]), [attachment], subnets),
      says: "rtb-t has no route to a tgw-… gateway for 10.10.0.0/16",
      call: "aws ec2 create-route --route-table-id rtb-t --destination-cidr-block 10.10.0.0/16 --transit-gateway-id tgw-1",
    },
    {
      what: "has a route that leads nowhere",
      looked: lookAtTransitGateway(end([route("10.10.0.0/16", "tgw-0", "blackhole")]), [attachment], subnets),
      says: "rtb-t: 10.10.0.0/16 to tgw-0 is a blackhole",
      call: "aws ec2 create-route --route-table-id rtb-t --destination-cidr-block 10.10.0.0/16 --transit-gateway-id tgw-1",
    },
  ])("that $what is told, with the call", ({ looked, says, call }) => {
    expect(looked.checks).toContainEqual({ state: "fail", text: says });
    expect(looked.missing).toContain(call);
  });
});

describe("a VPN", () => {
  const vpn = { id: "vpn-1", gateway: "vgw-1", state: "available", tunnels: ["up", "down"] } as const;

  it("is complete with one tunnel up and a route that was propagated", () => {
    const looked = lookAtVpn(end([route("10.0.0.0/8", "vgw-1")], { propagating: ["vgw-1"] }), [vpn]);
    expect(looked).toEqual({
      checks: [
        { state: "pass", text: "vpn-1 of vgw-1 is available, 1 of 2 tunnels up" },
        { state: "pass", text: "rtb-t: 10.0.0.0/8 through vgw-1" },
      ],
      missing: [],
    });
  });

  it("that no table knows gets the call that lets it write its routes", () => {
    expect(lookAtVpn(end([]), [vpn]).missing).toEqual([
      "aws ec2 enable-vgw-route-propagation --route-table-id rtb-t --gateway-id vgw-1",
    ]);
  });

  it("with every tunnel down, or that does not exist, is a failure", () => {
    const { checks } = lookAtVpn(end([]), [{ ...vpn, tunnels: ["down", "down"] }]);
    expect(checks[0]).toEqual({ state: "fail", text: "vpn-1 of vgw-1 is available, 0 of 2 tunnels up" });
    expect(lookAtVpn(end([], { others: undefined }), []).missing).toEqual([
      "aws ec2 create-vpn-connection --type ipsec.1 --customer-gateway-id <cgw-…> --vpn-gateway-id <vgw-…>",
      "aws ec2 enable-vgw-route-propagation --route-table-id rtb-t --gateway-id <vgw-…>",
    ]);
  });
});
