import { FerryError } from "#domain/errors.ts";
import { overlap } from "#domain/network/cidr.ts";
import {
  type GatewayAttachment,
  type IngressRule,
  isGone,
  type LayerAnswer,
  type Network,
  type Peering,
  type Prober,
  peerOf,
  type Route,
  type RouteTable,
  type Vpc,
  type VpnConnection,
} from "#domain/network.ts";

const second = 1000;

type Held = { peering: Peering; next: { readonly at: number; readonly state: Peering["state"] } | undefined };
type Table = Omit<RouteTable, "routes" | "propagating"> & {
  routes: Array<Omit<Route, "state">>;
  propagating?: readonly string[];
};

type State = {
  readonly now: () => number;
  readonly vpcs: readonly Vpc[];
  /** Subnet to VPC. */
  readonly subnets: ReadonlyMap<string, string>;
  readonly tables: readonly Table[];
  readonly groups: Map<string, IngressRule[]>;
  readonly peerings: Map<string, Held>;
  readonly script: Script;
};

type Script = {
  onCall: (call: string, phase: "before" | "after") => void;
  /** Subnet to zone; each has one of its own where absent. */
  zones: Map<string, string>;
  attachments: readonly GatewayAttachment[];
  vpns: readonly VpnConnection[];
};

export type FakeNetwork = {
  readonly network: Network;
  readonly script: Script;
  /** Names of the changing calls that were carried out. */
  readonly changes: readonly string[];
  /** What becomes of a peering by others' doing. */
  end(id: string, state: Peering["state"], reason: string): void;
};

/** Two VPCs that may be peered, `vpc-source` and `vpc-target`, in memory; a third one overlaps the target. */
export function createFakeNetwork(clock: { now(): number }): FakeNetwork {
  const changes: string[] = [];
  const state: State = {
    now: () => clock.now(),
    vpcs: [
      { id: "vpc-source", cidrs: ["10.10.0.0/16"], owner: "1" },
      { id: "vpc-target", cidrs: ["10.20.0.0/16"], owner: "1" },
      { id: "vpc-overlap", cidrs: ["10.20.128.0/17"], owner: "1" },
      { id: "vpc-secondary", cidrs: ["10.50.0.0/16", "10.20.200.0/24"], owner: "1" },
    ],
    subnets: new Map(["a", "b", "c"].map((zone) => [`subnet-${zone}`, "vpc-target"])),
    tables: [
      { id: "rtb-source-1", vpc: "vpc-source", main: true, subnets: [], routes: [] },
      { id: "rtb-source-2", vpc: "vpc-source", main: false, subnets: ["subnet-s"], routes: [] },
      { id: "rtb-target", vpc: "vpc-target", main: true, subnets: [], routes: [] },
    ],
    groups: new Map([
      ["sg-1", []],
      ["sg-source", []],
    ]),
    peerings: new Map(),
    script: { onCall: () => {}, zones: new Map(), attachments: [], vpns: [] },
  };
  const call: Call = async (name, carryOut) => {
    state.script.onCall(name, "before");
    for (const held of state.peerings.values()) settle(held, state.now());
    const result = carryOut();
    if (/^(create|accept|resolve|delete|allow|revoke)/.test(name)) changes.push(name);
    state.script.onCall(name, "after");
    return result;
  };
  return {
    network: {
      ...vpcs(state, call),
      ...peerings(state, call),
      ...routes(state, call),
      ...groups(state, call),
      attachments: () => call("attachments", () => [...state.script.attachments]),
      vpnConnections: () => call("vpnConnections", () => [...state.script.vpns]),
    },
    script: state.script,
    changes,
    end: (id, peeringState, reason) => {
      const held = heldBy(state, id);
      held.peering = { ...held.peering, state: peeringState, reason };
      held.next = undefined;
    },
  };
}

type Call = <T>(name: string, carryOut: () => T) => Promise<T>;

function refused(sentence: string): FerryError {
  return new FerryError("E_AWS_REFUSED", sentence);
}

function settle(held: Held, now: number): void {
  if (held.next === undefined || now < held.next.at) return;
  held.peering = { ...held.peering, state: held.next.state };
  held.next = undefined;
}

function vpcOf(state: State, id: string): Vpc {
  const found = state.vpcs.find((vpc) => vpc.id === id);
  if (found === undefined) throw refused(`The vpc ID '${id}' does not exist`);
  return found;
}

function vpcs(state: State, call: Call): Pick<Network, "vpc" | "vpcOfSubnets" | "subnets"> {
  return {
    subnets: (ids) =>
      call("subnets", () =>
        ids.map((id) => {
          const vpc = state.subnets.get(id);
          if (vpc === undefined) throw refused(`The subnet ID '${id}' does not exist`);
          return { id, vpc, zone: state.script.zones.get(id) ?? `use1-${id}` };
        }),
      ),
    vpc: (id) => call("vpc", () => vpcOf(state, id)),
    vpcOfSubnets: (subnets) =>
      call("vpcOfSubnets", () => {
        const ids = new Set(subnets.map((subnet) => state.subnets.get(subnet) ?? `no VPC of ${subnet}`));
        const [id = "none", ...others] = ids;
        if (others.length > 0) throw refused("The subnets must be of one VPC.");
        return vpcOf(state, id);
      }),
  };
}

function heldBy(state: State, id: string): Held {
  const found = state.peerings.get(id);
  if (found === undefined) throw refused(`The vpcPeeringConnection ID '${id}' does not exist`);
  return found;
}

function isBetween({ requester, accepter }: Peering, a: string, b: string): boolean {
  return [requester.id, accepter.id].toSorted().join() === [a, b].toSorted().join();
}

function peerings(
  state: State,
  call: Call,
): Pick<
  Network,
  "peerings" | "createPeering" | "acceptPeering" | "tagPeering" | "resolveDns" | "deletePeering"
> {
  const between = (a: string, b: string) =>
    [...state.peerings.values()]
      .map(({ peering }) => peering)
      .filter((peering) => isBetween(peering, a, b) && peering.state !== "deleted");
  return {
    peerings: (a, b) => call("peerings", () => between(a, b)),
    createPeering: (requester, accepter, tags) =>
      call("createPeering", () => {
        const alive = between(requester, accepter).find((peering) => !isGone(peering.state));
        return alive ?? createPeering(state, requester, accepter, tags);
      }),
    acceptPeering: (id) =>
      call("acceptPeering", () => {
        const held = heldBy(state, id);
        if (held.peering.state === "active" || held.peering.state === "provisioning") return;
        if (held.peering.state !== "pending-acceptance") {
          throw refused(`${id} is ${held.peering.state} and cannot be accepted.`);
        }
        held.peering = { ...held.peering, state: "provisioning" };
        held.next = { at: state.now() + 10 * second, state: "active" };
      }),
    tagPeering: (id, tags) =>
      call("tagPeering", () => {
        const held = heldBy(state, id);
        held.peering = { ...held.peering, tags: { ...held.peering.tags, ...tags } };
      }),
    resolveDns: (id) =>
      call("resolveDns", () => {
        const held = heldBy(state, id);
        if (held.peering.state !== "active") throw refused(`Peering ${id} is not active.`);
        held.peering = { ...held.peering, resolvesDns: true };
      }),
    deletePeering: (id) =>
      call("deletePeering", () => {
        const held = state.peerings.get(id);
        if (held === undefined || isGone(held.peering.state)) return;
        held.peering = { ...held.peering, state: "deleting" };
        held.next = { at: state.now() + 2 * second, state: "deleted" };
      }),
  };
}

function createPeering(
  state: State,
  requester: string,
  accepter: string,
  tags: Readonly<Record<string, string>>,
): Peering {
  const [from, to] = [vpcOf(state, requester), vpcOf(state, accepter)];
  const clash = from.cidrs.some((cidr) => to.cidrs.some((other) => overlap(cidr, other)));
  const peering: Peering = {
    id: `pcx-${state.peerings.size + 1}`,
    state: "initiating-request",
    requester: from,
    accepter: to,
    resolvesDns: false,
    tags,
  };
  const next = { at: state.now() + 2 * second, state: clash ? "failed" : "pending-acceptance" } as const;
  state.peerings.set(peering.id, { peering, next });
  return peering;
}

function routes(state: State, call: Call): Pick<Network, "routeTables" | "createRoute" | "deleteRoute"> {
  function tableOf(id: string): Table {
    const found = state.tables.find((table) => table.id === id);
    if (found === undefined) throw refused(`The routeTable ID '${id}' does not exist`);
    return found;
  }
  function shown(route: Omit<Route, "state">): Route {
    const alive =
      route.peering === undefined || state.peerings.get(route.peering)?.peering.state === "active";
    return { ...route, state: alive ? "active" : "blackhole" };
  }
  return {
    routeTables: (vpc) =>
      call("routeTables", () =>
        state.tables
          .filter((table) => table.vpc === vpc)
          .map((table) => ({
            ...table,
            propagating: table.propagating ?? [],
            routes: [
              ...vpcOf(state, vpc).cidrs.map((destination) => ({
                destination,
                target: "local",
                peering: undefined,
                state: "active" as const,
              })),
              ...table.routes.map(shown),
            ],
          })),
      ),
    createRoute: (id, destination, peering) =>
      call("createRoute", () => {
        const table = tableOf(id);
        const known = table.routes.find((route) => route.destination === destination);
        if (known === undefined) table.routes.push({ destination, target: peering, peering });
        else if (known.target !== peering)
          throw refused(`${id} sends ${destination} to ${known.target} already.`);
      }),
    deleteRoute: (id, destination) =>
      call("deleteRoute", () => {
        const table = tableOf(id);
        table.routes = table.routes.filter((route) => route.destination !== destination);
      }),
  };
}

function sameRule(left: IngressRule, right: IngressRule): boolean {
  return left.port === right.port && left.toPort === right.toPort && peerOf(left) === peerOf(right);
}

function groups(state: State, call: Call): Pick<Network, "ingress" | "allowIngress" | "revokeIngress"> {
  function rulesOf(group: string): IngressRule[] {
    const found = state.groups.get(group);
    if (found === undefined) throw refused(`The security group '${group}' does not exist`);
    return found;
  }
  return {
    ingress: (group) => call("ingress", () => [...rulesOf(group)]),
    allowIngress: (group, rule) =>
      call("allowIngress", () => {
        const rules = rulesOf(group);
        if (!rules.some((other) => sameRule(other, rule))) rules.push(rule);
      }),
    revokeIngress: (group, rule) =>
      call("revokeIngress", () => {
        const kept = rulesOf(group).filter((other) => !sameRule(other, rule));
        state.groups.set(group, kept);
      }),
  };
}

/** A prober whose answers are set: "dns kafka", "tcp kafka:9092", "tls kafka:9092" that fail, with why. */
export function createFakeProber(failing: ReadonlyMap<string, string> = new Map()): Prober {
  const answer = async (layer: string): Promise<LayerAnswer> => {
    const why = failing.get(layer);
    return why === undefined ? { ok: true, detail: "fine" } : { ok: false, why };
  };
  return {
    resolve: (host) => answer(`dns ${host}`),
    connect: (host, port) => answer(`tcp ${host}:${port}`),
    handshake: (host, port) => answer(`tls ${host}:${port}`),
  };
}
