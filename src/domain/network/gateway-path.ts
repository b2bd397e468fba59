import type { Check } from "#domain/message.ts";
import type { GatewayAttachment, Route, RouteTable, Subnet, Vpc, VpnConnection } from "#domain/network.ts";
import { covers } from "./cidr.ts";

/** A way between the networks that others made, through a transit gateway or a VPN: what there is, what is missing. */

export type Looked = {
  readonly checks: readonly Check[];
  /** Calls for whoever owns the network, with their ids; what only they know stands in angle brackets. */
  readonly missing: readonly string[];
};

/** One VPC that the way must reach. `others`: blocks at the other end; `undefined` where they are not known. */
export type GatewayEnd = {
  readonly vpc: Vpc;
  readonly tables: readonly RouteTable[];
  /** Those that must be reached. */
  readonly subnets: readonly Subnet[];
  readonly others: readonly string[] | undefined;
};

const unknownBlock = "<block of the other side>";

function both(...parts: readonly Looked[]): Looked {
  return {
    checks: parts.flatMap(({ checks }) => checks),
    missing: parts.flatMap(({ missing }) => missing),
  };
}

/**
 * Attached, accepted, with a subnet in every zone that is used (a zone without one cannot route), routed in every table.
 * Association and propagation belong to the gateway's owner and are not seen from here. VPC guide, tgw-vpc-attachments.
 * `attached`: the attachments' subnets.
 */
export function lookAtTransitGateway(
  end: GatewayEnd,
  attachments: readonly GatewayAttachment[],
  attached: readonly Subnet[],
): Looked {
  const [attachment] = attachments.toSorted(
    (a, b) => Number(b.state === "available") - Number(a.state === "available"),
  );
  const gateway = attachment?.gateway ?? "<tgw-…>";
  const routes = routesTo(end, "tgw-", (table, block) =>
    routeCall(table, block, "--transit-gateway-id", gateway),
  );
  if (attachment === undefined) return both(unattached(end), routes);
  return both(
    attachmentState(attachment),
    zones(end, attachment, attached),
    {
      checks: [
        {
          state: "unknown",
          text: `${gateway}: association and propagation of its route table are seen by its owner only`,
        },
      ],
      missing: [
        `# the gateway's owner looks: aws ec2 get-transit-gateway-attachment-propagations --transit-gateway-attachment-id ${attachment.id}`,
      ],
    },
    routes,
  );
}

function unattached({ vpc, subnets }: GatewayEnd): Looked {
  return {
    checks: [{ state: "fail", text: `${vpc.id} is attached to no transit gateway` }],
    missing: [
      `aws ec2 create-transit-gateway-vpc-attachment --transit-gateway-id <tgw-…> --vpc-id ${vpc.id} --subnet-ids ${subnets.map(({ id }) => id).join(" ")}`,
    ],
  };
}

function attachmentState({ id, gateway, state }: GatewayAttachment): Looked {
  const text = `${id} to ${gateway} is ${state}`;
  if (state === "available") return { checks: [{ state: "pass", text }], missing: [] };
  const accept = `aws ec2 accept-transit-gateway-vpc-attachment --transit-gateway-attachment-id ${id}`;
  return { checks: [{ state: "fail", text }], missing: state === "pendingAcceptance" ? [accept] : [] };
}

function zones({ subnets }: GatewayEnd, { id }: GatewayAttachment, attached: readonly Subnet[]): Looked {
  const reached = new Set(attached.map(({ zone }) => zone));
  const outside = subnets.filter(({ zone }) => !reached.has(zone));
  if (outside.length === 0) {
    return {
      checks: [{ state: "pass", text: `${id} has a subnet in every zone that is used` }],
      missing: [],
    };
  }
  return {
    checks: outside.map((subnet) => ({
      state: "fail",
      text: `${id} has no subnet in ${subnet.zone}: ${subnet.id} cannot be reached through it`,
    })),
    missing: [
      `aws ec2 modify-transit-gateway-vpc-attachment --transit-gateway-attachment-id ${id} --add-subnet-ids ${outside.map((subnet) => subnet.id).join(" ")}`,
    ],
  };
}

/** Connected with a tunnel up, and its routes propagated or written in every table. VPN guide, VPNRoutingTypes. */
export function lookAtVpn(end: GatewayEnd, connections: readonly VpnConnection[]): Looked {
  const known = new Set(
    end.tables.flatMap(({ routes, propagating }) => [...propagating, ...routes.map(({ target }) => target)]),
  );
  const ours = connections.filter(({ gateway }) => known.has(gateway));
  const shown = ours.length > 0 ? ours : connections;
  const gateway = shown[0]?.gateway ?? "<vgw-…>";
  const prefix = gateway.startsWith("tgw-") ? "tgw-" : "vgw-";
  const call = (table: string, block: string) =>
    prefix === "vgw-"
      ? `aws ec2 enable-vgw-route-propagation --route-table-id ${table} --gateway-id ${gateway}`
      : routeCall(table, block, "--transit-gateway-id", gateway);
  return both(connectionStates(shown), routesTo(end, prefix, call));
}

function connectionStates(connections: readonly VpnConnection[]): Looked {
  if (connections.length === 0) {
    return {
      checks: [{ state: "fail", text: "there is no VPN connection in this account and Region" }],
      missing: [
        "aws ec2 create-vpn-connection --type ipsec.1 --customer-gateway-id <cgw-…> --vpn-gateway-id <vgw-…>",
      ],
    };
  }
  const checks = connections.map(({ id, gateway, state, tunnels }): Check => {
    const up = tunnels.filter((tunnel) => tunnel === "up").length;
    const good = state === "available" && up > 0;
    return {
      state: good ? "pass" : "fail",
      text: `${id} of ${gateway} is ${state}, ${up} of ${tunnels.length} tunnels up`,
    };
  });
  return { checks, missing: [] };
}

function routeCall(table: string, block: string, option: string, gateway: string): string {
  const destination = block.includes(":") ? "--destination-ipv6-cidr-block" : "--destination-cidr-block";
  return `aws ec2 create-route --route-table-id ${table} ${destination} ${block} ${option} ${gateway}`;
}

/** `call`: what adds the route of this block to this table. */
function routesTo(
  { tables, others }: GatewayEnd,
  prefix: "tgw-" | "vgw-",
  call: (table: string, block: string) => string,
): Looked {
  return both(...tables.map((table) => routesIn(table, others, prefix, call)));
}

function routesIn(
  { id, routes, propagating }: RouteTable,
  others: readonly string[] | undefined,
  prefix: "tgw-" | "vgw-",
  call: (table: string, block: string) => string,
): Looked {
  const found = routes.filter(({ target }) => target.startsWith(prefix));
  const dead = found.filter(({ state }) => state === "blackhole");
  const alive = found.filter(({ state }) => state === "active");
  const lacking =
    others === undefined ? (alive.length === 0 ? [unknownBlock] : []) : uncovered(others, alive);
  const checks: Check[] = dead.map(({ destination, target }) => ({
    state: "fail",
    text: `${id}: ${destination} to ${target} is a blackhole`,
  }));
  if (alive.length > 0) {
    const where = alive.map(({ destination, target }) => `${destination} through ${target}`).join(", ");
    checks.push({ state: "pass", text: `${id}: ${where}` });
  }
  if (lacking.length === 0) return { checks, missing: [] };
  const blocks = lacking.includes(unknownBlock) ? "" : ` for ${lacking.join(", ")}`;
  const waits = propagating.length > 0 ? `; ${propagating.join(", ")} may propagate, and has not yet` : "";
  checks.push({ state: "fail", text: `${id} has no route to a ${prefix}… gateway${blocks}${waits}` });
  return { checks, missing: [...new Set(lacking.map((block) => call(id, block)))] };
}

function uncovered(blocks: readonly string[], routes: readonly Route[]): readonly string[] {
  return blocks.filter((block) => !routes.some(({ destination }) => covers(destination, block)));
}
