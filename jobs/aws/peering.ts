import { covers, overlap } from "#domain/cidr.ts";
import { FerryError } from "#domain/errors.ts";
import type { Check } from "#domain/message.ts";
import { type IngressRule, isGone, type Peering, type RouteTable, type Vpc } from "#domain/network.ts";
import { brokerPort, ownerTag } from "#domain/provisioning.ts";
import type { Work } from "#jobs/work.ts";
import { auditedCall } from "./aws-audit.ts";

/** What a peering between source and target needs, made where it is missing: each call reads AWS first. */

export type Connection =
  | { readonly kind: "waiting"; readonly what: string; readonly ms: number }
  | { readonly kind: "connected"; readonly checks: readonly Check[] };

type Sides = { readonly source: Vpc; readonly target: Vpc };

/**
 * One step further towards a peering that carries traffic: made, accepted, routed, let in, resolving names. Errors:
 * `E_CIDR_OVERLAP`, `E_NETWORK` where somebody else must act, `E_AWS_*`.
 */
export async function connectPeering(work: Work): Promise<Connection> {
  const sides = await readSides(work);
  if (sides.source.id === sides.target.id) {
    const inside: Check = { state: "pass", text: `source and target are in one VPC, ${sides.source.id}` };
    return { kind: "connected", checks: [inside, ...(await letIn(sides, work))] };
  }
  refuseOverlap(sides);
  const peering = await ensurePeering(sides, work);
  if (peering.state !== "active") return await wait(peering, work);
  return {
    kind: "connected",
    checks: [
      { state: "pass", text: `${peering.id} active, ${ownerOf(peering, work)}` },
      ...(await route(sides, peering.id, work)),
      ...(await letIn(sides, work)),
      await resolveNames(peering, work),
    ],
  };
}

async function readSides(work: Work): Promise<Sides> {
  const { source, target } = work.migration.settings;
  if (source.network.vpc === undefined) {
    throw new FerryError("E_SETTINGS", "source.network.vpc is not set; kind peering needs the source's VPC.");
  }
  return {
    source: await work.world.network.vpc(source.network.vpc),
    target: await work.world.network.vpcOfSubnets(target.subnets),
  };
}

/** AWS does not refuse it: the connection would be made and fail. */
function refuseOverlap({ source, target }: Sides): void {
  for (const one of source.cidrs) {
    const other = target.cidrs.find((cidr) => overlap(one, cidr));
    if (other !== undefined) {
      throw new FerryError("E_CIDR_OVERLAP", `${one} of ${source.id} overlaps ${other} of ${target.id}.`);
    }
  }
}

function madeKey(work: Work): string {
  return `network:${work.migration.name}:peering`;
}

/** The living one of the two VPCs, whoever made it: there can be no second. One that we made and that died is an error. */
async function ensurePeering({ source, target }: Sides, work: Work): Promise<Peering> {
  const { network } = work.world;
  const between = await network.peerings(source.id, target.id);
  const alive = between.find(({ state }) => !isGone(state));
  if (alive !== undefined) return alive;
  const made = await work.store.read(madeKey(work));
  const dead = between.find(({ id }) => id === made?.value);
  if (dead !== undefined) {
    await work.store.remove(madeKey(work)); // the next run makes another one
    throw new FerryError("E_NETWORK", `${dead.id} is ${dead.state}: ${dead.reason ?? "AWS names no cause"}.`);
  }
  const peering = await auditedCall(
    work,
    {
      action: "CreateVpcPeeringConnection",
      resource: `${source.id} to ${target.id}`,
      undo: "delete the peering connection",
    },
    () => network.createPeering(source.id, target.id, { [ownerTag]: work.migration.name }),
    ({ id }) => id,
  );
  await work.store.write(madeKey(work), peering.id);
  return peering;
}

async function wait(peering: Peering, work: Work): Promise<Connection> {
  const { id, state, requester, accepter } = peering;
  if (state === "pending-acceptance") {
    if (requester.owner !== accepter.owner) {
      throw new FerryError(
        "E_NETWORK",
        `${id} waits for account ${accepter.owner}: aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${id}, then run this again.`,
      );
    }
    await auditedCall(
      work,
      { action: "AcceptVpcPeeringConnection", resource: id, undo: `delete ${id}` },
      () => work.world.network.acceptPeering(id),
    );
  }
  return { kind: "waiting", what: `${id} is ${state}`, ms: 1000 };
}

function ownerOf({ tags }: Peering, work: Work): string {
  const owner = tags[ownerTag];
  if (owner === work.migration.name) return "made by this migration";
  return owner === undefined ? "was there already" : `made by migration ${owner}`;
}

async function route(sides: Sides, peering: string, work: Work): Promise<readonly Check[]> {
  const { network } = work.world;
  const named = work.migration.settings.source.network.routeTables;
  const ofSource = await network.routeTables(sides.source.id);
  const strange = named.find((id) => !ofSource.some((table) => table.id === id));
  if (strange !== undefined) {
    throw new FerryError(
      "E_SETTINGS",
      `source.network.routeTables: ${strange} is not of ${sides.source.id}.`,
    );
  }
  const source = named.length === 0 ? ofSource : ofSource.filter(({ id }) => named.includes(id));
  const target = await network.routeTables(sides.target.id);
  const checks: Check[] = [];
  for (const [tables, cidrs] of [
    [source, sides.target.cidrs],
    [target, sides.source.cidrs],
  ] as const) {
    for (const table of tables) {
      for (const cidr of cidrs) checks.push(await ensureRoute(table, cidr, peering, work));
    }
  }
  return checks;
}

async function ensureRoute(table: RouteTable, cidr: string, peering: string, work: Work): Promise<Check> {
  const { network } = work.world;
  const known = table.routes.find(({ destination }) => destination === cidr);
  if (known?.target === peering) return { state: "pass", text: `${table.id}: ${cidr} through ${peering}` };
  if (known !== undefined && !(known.state === "blackhole" && known.target.startsWith("pcx-"))) {
    throw new FerryError(
      "E_NETWORK",
      `${table.id} sends ${cidr} to ${known.target}; with ${peering} beside it nothing would arrive.`,
    );
  }
  const resource = `${cidr} in ${table.id}`;
  if (known !== undefined) {
    const undo = `nothing: it led to ${known.target}, which is gone`;
    await auditedCall(work, { action: "DeleteRoute", resource, undo }, () =>
      network.deleteRoute(table.id, cidr),
    );
  }
  const undo = `delete the route ${resource}`;
  await auditedCall(work, { action: "CreateRoute", resource, undo }, () =>
    network.createRoute(table.id, cidr, peering),
  );
  return { state: "pass", text: `${table.id}: ${cidr} through ${peering}, added` };
}

/** MSK's port from the source, and where the source's security groups are named, its ports from MSK's VPC. */
async function letIn({ source, target }: Sides, work: Work): Promise<readonly Check[]> {
  const { settings } = work.migration;
  const checks = [
    await ensureIngress(settings.target.securityGroups, [brokerPort(settings.target)], source, work),
  ];
  const { securityGroups } = settings.source.network;
  if (securityGroups.length === 0) return checks.flat();
  const ports = new Set(
    settings.source.bootstrap.map((each) => Number(each.slice(each.lastIndexOf(":") + 1))),
  );
  return [...checks, await ensureIngress(securityGroups, [...ports], target, work)].flat();
}

/** An interface lets in what any of its groups lets in, so one of them is enough: the first gets what is missing. */
async function ensureIngress(
  groups: readonly string[],
  ports: readonly number[],
  from: Vpc,
  work: Work,
): Promise<readonly Check[]> {
  const { network } = work.world;
  const [first = ""] = groups;
  const rules = (await Promise.all(groups.map((group) => network.ingress(group)))).flat();
  const checks: Check[] = [];
  for (const port of ports) {
    for (const cidr of from.cidrs) {
      const text = `${groups.join(", ")}: port ${port} from ${cidr}`;
      if (rules.some((rule) => admits(rule, port, cidr))) {
        checks.push({ state: "pass", text });
        continue;
      }
      const rule = { port, cidr, description: `${ownerTag}=${work.migration.name}` };
      await auditedCall(
        work,
        {
          action: "AuthorizeSecurityGroupIngress",
          resource: first,
          undo: `revoke port ${port} from ${cidr} of ${first}`,
        },
        () => network.allowIngress(first, rule),
      );
      checks.push({ state: "pass", text: `${text}, added to ${first}` });
    }
  }
  return checks;
}

/** Whether TCP from every address of `cidr` to `port` passes by this rule. */
function admits(rule: IngressRule, port: number, cidr: string): boolean {
  return rule.port <= port && port <= (rule.toPort ?? rule.port) && covers(rule.cidr, cidr);
}

/** MSK's broker names usually resolve in public to private addresses: a refusal here is a warning, the probe decides. */
async function resolveNames({ id, resolvesDns }: Peering, work: Work): Promise<Check> {
  if (resolvesDns) return { state: "pass", text: `${id}: host names resolve across` };
  try {
    await auditedCall(
      work,
      { action: "ModifyVpcPeeringConnectionOptions", resource: id, undo: `turn off DNS resolution of ${id}` },
      () => work.world.network.resolveDns(id),
    );
    return { state: "pass", text: `${id}: host names resolve across, turned on` };
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== "E_AWS_REFUSED") throw thrown;
    return { state: "warn", text: `${id}: host names do not resolve across. ${thrown.message}` };
  }
}
