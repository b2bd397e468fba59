import type { Check } from "#domain/message.ts";
import { firstOverlap } from "#domain/network/cidr.ts";
import {
  type GatewayEnd,
  type Looked,
  lookAtTransitGateway,
  lookAtVpn,
} from "#domain/network/gateway-path.ts";
import { type Network, peerOf, type Vpc } from "#domain/network.ts";
import { brokerPort, sourceFlags } from "#domain/plan/provisioning.ts";
import type { Work } from "#jobs/work.ts";

/** What can be seen in AWS of a way that others made, from the target's side and from the source's. Changes nothing. */
export async function lookAtGateways(kind: "transit-gateway" | "vpn" | "none", work: Work): Promise<Looked> {
  if (kind === "none") {
    const text = "source.network.kind is none: nothing is looked at in AWS, the paths are probed";
    return { checks: [{ state: "warn", text }], missing: [] };
  }
  const { settings } = work.migration;
  const atTarget = work.world.network;
  const atSource = work.world.sourceNetwork ?? atTarget;
  const { vpc } = settings.source.network;
  const source = vpc === undefined ? undefined : await atSource.vpc(vpc);
  const target = await atTarget.vpcOfSubnets(settings.target.subnets);
  const ofTarget = await lookFrom(
    kind,
    atTarget,
    await endOf(atTarget, target, source, settings.target.subnets),
  );
  const flags = sourceFlags(settings);
  const ofSource =
    source === undefined
      ? undefined
      : await lookFrom(kind, atSource, await endOf(atSource, source, target, []));
  return {
    checks: [...clashes(source, target), ...ofTarget.checks, ...(ofSource?.checks ?? []), await doors(work)],
    missing: [...ofTarget.missing, ...(ofSource?.missing ?? []).map((line) => `${line}${flags}`)],
  };
}

/** A gateway takes both VPCs and silently propagates no route between them. */
function clashes(source: Vpc | undefined, target: Vpc): readonly Check[] {
  const clash = firstOverlap(source?.cidrs ?? [], target.cidrs);
  if (source === undefined || clash === undefined) return [];
  const [one, other] = clash;
  const text = `${one} of ${source.id} overlaps ${other} of ${target.id}: no route is propagated between them`;
  return [{ state: "fail", text }];
}

async function endOf(
  network: Network,
  vpc: Vpc,
  other: Vpc | undefined,
  subnets: readonly string[],
): Promise<GatewayEnd> {
  return {
    vpc,
    tables: await network.routeTables(vpc.id),
    subnets: subnets.length === 0 ? [] : await network.subnets(subnets),
    others: other?.cidrs,
  };
}

async function lookFrom(kind: "transit-gateway" | "vpn", network: Network, end: GatewayEnd): Promise<Looked> {
  if (kind === "vpn") return lookAtVpn(end, await network.vpnConnections());
  const attachments = await network.attachments(end.vpc.id);
  const ids = [...new Set(attachments.flatMap(({ subnets }) => subnets))];
  return lookAtTransitGateway(end, attachments, ids.length === 0 ? [] : await network.subnets(ids));
}

async function doors(work: Work): Promise<Check> {
  const { target } = work.migration.settings;
  const port = brokerPort(target);
  const rules = await Promise.all(target.securityGroups.map((group) => work.world.network.ingress(group)));
  const open = rules.flat().filter((rule) => rule.port <= port && port <= (rule.toPort ?? rule.port));
  const groups = target.securityGroups.join(", ");
  return open.length === 0
    ? { state: "warn", text: `${groups}: no address block may reach port ${port}` }
    : { state: "pass", text: `${groups}: port ${port} from ${open.map(peerOf).join(", ")}` };
}
