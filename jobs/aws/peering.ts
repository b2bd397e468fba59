import { FerryError } from "#domain/errors.ts";
import type { Check } from "#domain/message.ts";
import { firstOverlap } from "#domain/network/cidr.ts";
import { isGone, type Network, type Peering, type Vpc } from "#domain/network.ts";
import { ownedBy, ownerTag } from "#domain/plan/provisioning.ts";
import type { Work } from "#jobs/work.ts";
import { auditedCall, type Change, calledFor, seenMade, toldEarlier } from "./aws-audit.ts";
import { letIn } from "./let-in.ts";
import { routeBothWays } from "./peering-routes.ts";
import { foundHere } from "./refusals.ts";

/** What a peering between source and target needs, made where it is missing: each call reads AWS first. */

export type Connection =
  | { readonly kind: "waiting"; readonly what: string; readonly ms: number }
  /** `missing`: calls that only others may make. */
  | { readonly kind: "connected"; readonly checks: readonly Check[]; readonly missing: readonly string[] };

/**
 * The two VPCs, each with the credentials and Region that it is reached by; one and the same where
 * source.network.accepter is not set.
 */
export type Sides = {
  readonly source: Vpc;
  readonly target: Vpc;
  readonly atSource: Network;
  readonly atTarget: Network;
};

/**
 * One step further towards a peering that carries traffic: made, accepted, routed, let in, resolving names. Errors:
 * `E_CIDR_OVERLAP`, `E_NETWORK` where somebody else must act, `E_AWS_*`.
 */
export async function connectPeering(work: Work): Promise<Connection> {
  const sides = await readSides(work);
  if (sides.source.id === sides.target.id) {
    const inside: Check = { state: "pass", text: `source and target are in one VPC, ${sides.source.id}` };
    return { kind: "connected", checks: [inside, ...(await letIn(sides, work))], missing: [] };
  }
  refuseOverlap(sides);
  const peering = await ensurePeering(sides, work);
  if (peering.state !== "active") return await wait(peering, sides, work);
  await seenMade(acceptance(peering, work), undefined, work);
  return {
    kind: "connected",
    missing: [],
    checks: [
      {
        state: "pass",
        text: `${peering.id} active, ${ownerOf(peering, work)}${await acceptedFor(peering, work)}`,
      },
      ...(await markAtSource(peering, sides, work)),
      ...(await routeBothWays(sides, peering.id, work)),
      ...(await letIn(sides, work)),
      ...(await resolveNames(peering, sides, work)),
    ],
  };
}

async function readSides(work: Work): Promise<Sides> {
  const { source, target } = work.migration.settings;
  const { vpc, accepter } = source.network;
  if (vpc === undefined) {
    throw new FerryError("E_SETTINGS", "source.network.vpc is not set; kind peering needs the source's VPC.");
  }
  const atTarget = work.world.network;
  const atSource = work.world.sourceNetwork ?? atTarget;
  const account = accepter === undefined ? "the bot's own account" : "the account of source.network.accepter";
  const region = accepter?.region ?? target.region;
  return {
    source: await foundHere(
      atSource.vpc(vpc),
      `source.network.vpc was looked for in ${account} and ${region}; of another one it needs source.network.accepter`,
    ),
    target: await foundHere(
      atTarget.vpcOfSubnets(target.subnets),
      `target.subnets were looked for in the bot's own account and ${target.region}`,
    ),
    atSource,
    atTarget,
  };
}

/** AWS does not refuse it: the connection would be made and fail. */
function refuseOverlap({ source, target }: Sides): void {
  const clash = firstOverlap(source.cidrs, target.cidrs);
  if (clash === undefined) return;
  const [one, other] = clash;
  throw new FerryError("E_CIDR_OVERLAP", `${one} of ${source.id} overlaps ${other} of ${target.id}.`);
}

function creation({ source, target }: Sides): Change {
  return {
    action: "CreateVpcPeeringConnection",
    resource: `${source.id} to ${target.id}`,
    undo: "delete the peering connection",
  };
}

const acceptCall = "AcceptVpcPeeringConnection";

function acceptance(peering: Peering, work: Work): Change {
  const { id } = peering;
  const whose = isOurs(peering, work) ? "" : `, once whoever made it agrees: ${othersAsked(peering)}`;
  return { action: acceptCall, resource: id, undo: `delete ${id}${whose}` };
}

function isOurs({ tags }: Peering, work: Work): boolean {
  return ownedBy(work.migration.name, tags);
}

/** It is between the two planned VPCs: no other peering was looked for. */
function othersAsked({ requester }: Peering): string {
  return `others asked for it (${requester.id} of account ${requester.owner})`;
}

/** What nobody else decided: cleanup takes back nothing of the network. */
async function acceptedFor(peering: Peering, work: Work): Promise<string> {
  if (isOurs(peering, work) || !(await calledFor(acceptCall, work)).includes(peering.id)) return "";
  return `; ${othersAsked(peering)}, this migration accepted it; cleanup does not undo that`;
}

/**
 * The living one of the two VPCs, whoever made it: there can be no second. One of ours that died is an error once; the
 * next run makes another.
 */
async function ensurePeering(sides: Sides, work: Work): Promise<Peering> {
  const { source, target, atTarget } = sides;
  const between = await atTarget.peerings(source.id, target.id);
  const alive = between.find(({ state }) => !isGone(state));
  if (alive !== undefined) {
    await seenMade(creation(sides), alive.id, work);
    return alive;
  }
  for (const dead of between.filter(({ tags }) => ownedBy(work.migration.name, tags))) {
    if (!(await toldEarlier(`dead ${dead.id}`, work))) {
      throw new FerryError("E_NETWORK", `${dead.id} is ${dead.state}: ${causeOf(dead)}`);
    }
  }
  return await auditedCall(
    work,
    creation(sides),
    () => makePeering(sides, work),
    ({ id }) => id,
  );
}

/** Between accounts or Regions the bot asks from its own, and the source's accepts; within one, the source asks. */
async function makePeering({ source, target, atSource, atTarget }: Sides, work: Work): Promise<Peering> {
  const tags = { [ownerTag]: work.migration.name };
  if (atSource === atTarget) return await atTarget.createPeering(source.id, target.id, tags);
  const { settings } = work.migration;
  const region = settings.source.network.accepter?.region ?? settings.target.region;
  return await atTarget.createPeering(target.id, source.id, tags, { owner: source.owner, region });
}

const causes: Partial<Record<Peering["state"], string>> = {
  expired: "nobody accepted it within 7 days",
  rejected: "the owner of the other VPC said no; ask there before you run this again",
};

function causeOf({ state, reason }: Peering): string {
  const said = reason ?? "AWS names no cause";
  const known = causes[state];
  return `${said}${known === undefined ? "" : `; ${known}`}. /ferry network makes another one.`;
}

async function wait(peering: Peering, { atSource }: Sides, work: Work): Promise<Connection> {
  const { id, state, requester, accepter } = peering;
  if (state !== "pending-acceptance") return { kind: "waiting", what: `${id} is ${state}`, ms: 2000 };
  const ours = requester.owner === accepter.owner || work.world.sourceNetwork !== undefined;
  if (!ours) {
    throw new FerryError(
      "E_NETWORK",
      `${id} waits for account ${accepter.owner}: aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${id}, then run this again.`,
    );
  }
  await auditedCall(work, acceptance(peering, work), () => atSource.acceptPeering(id));
  const whose = isOurs(peering, work) ? "" : `: ${othersAsked(peering)}`;
  return { kind: "waiting", what: `${id} was accepted${whose}`, ms: 2000 };
}

function ownerOf({ tags }: Peering, work: Work): string {
  const owner = tags[ownerTag];
  if (owner === work.migration.name) return "made by this migration";
  return owner === undefined ? "was there already" : `made by migration ${owner}`;
}

/** Tags belong to an account: the accepter's side of a peering of ours gets its own, so that it is found there, too. */
async function markAtSource(
  { id, tags }: Peering,
  { source, target, atSource, atTarget }: Sides,
  work: Work,
): Promise<readonly Check[]> {
  if (atSource === atTarget || !ownedBy(work.migration.name, tags)) return [];
  const change = { action: "CreateTags", resource: id, undo: `delete the tag ${ownerTag} of ${id}` };
  const [there] = (await atSource.peerings(source.id, target.id)).filter((each) => each.id === id);
  if (ownedBy(work.migration.name, there?.tags ?? {})) {
    await seenMade(change, undefined, work);
    return [];
  }
  await auditedCall(work, change, () => atSource.tagPeering(id, { [ownerTag]: work.migration.name }));
  return [{ state: "pass", text: `${id} tagged on the source's side, too` }];
}

/**
 * MSK's broker names usually resolve in public to private addresses: a refusal here is a warning, the probe decides. The
 * options of a peering that others made are theirs to change.
 */
async function resolveNames(
  { id, resolvesDns, tags }: Peering,
  { atSource, atTarget }: Sides,
  work: Work,
): Promise<readonly Check[]> {
  if (!resolvesDns && !ownedBy(work.migration.name, tags)) return [unresolved(id)];
  const sides =
    atSource === atTarget
      ? [["both", atTarget] as const]
      : [["requester", atTarget] as const, ["accepter", atSource] as const];
  const checks: Check[] = [];
  for (const [side, network] of sides) {
    checks.push(await resolveSide({ id, resolvesDns }, side, network, work));
  }
  return checks;
}

function unresolved(id: string): Check {
  const on = "AllowDnsResolutionFromRemoteVpc=true";
  const command = `aws ec2 modify-vpc-peering-connection-options --vpc-peering-connection-id ${id} --requester-peering-connection-options ${on} --accepter-peering-connection-options ${on}`;
  const text = `${id}: host names do not resolve across, and this migration did not make it. Where the probe finds no address: ${command}`;
  return { state: "warn", text };
}

async function resolveSide(
  { id, resolvesDns }: Pick<Peering, "id" | "resolvesDns">,
  side: "both" | "requester" | "accepter",
  network: Network,
  work: Work,
): Promise<Check> {
  const where = side === "both" ? id : `${id}, side of the ${side}`;
  const change = {
    action: "ModifyVpcPeeringConnectionOptions",
    resource: where,
    undo: `turn off DNS resolution of ${where}`,
  };
  if (resolvesDns) {
    await seenMade(change, undefined, work);
    return { state: "pass", text: `${where}: host names resolve across` };
  }
  try {
    await auditedCall(work, change, () => network.resolveDns(id, side));
    return { state: "pass", text: `${where}: host names resolve across, turned on` };
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== "E_AWS_REFUSED") throw thrown;
    return { state: "warn", text: `${where}: host names do not resolve across. ${thrown.message}` };
  }
}
