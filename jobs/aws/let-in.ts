import type { Check } from "#domain/message.ts";
import { covers } from "#domain/network/cidr.ts";
import { ingressByGroup } from "#domain/network/ingress-by.ts";
import { type IngressPeer, type IngressRule, type Network, peerOf, type Vpc } from "#domain/network.ts";
import { brokerPort, ownerTag } from "#domain/plan/provisioning.ts";
import type { Work } from "#jobs/work.ts";
import { auditedCall, seenMade } from "./aws-audit.ts";
import type { Sides } from "./peering.ts";

/** MSK's port from the source, and where the source's security groups are named, its ports from MSK's VPC. */
export async function letIn(sides: Sides, work: Work): Promise<readonly Check[]> {
  const { source, target, atSource, atTarget } = sides;
  const { settings } = work.migration;
  const ofSource = settings.source.network.securityGroups;
  const ofTarget = settings.target.securityGroups;
  const ports = [
    ...new Set(settings.source.bootstrap.map((each) => Number(each.slice(each.lastIndexOf(":") + 1)))),
  ];
  const byGroup = ingressByGroup(settings);
  const intoTarget = { network: atTarget, groups: ofTarget, ports: [brokerPort(settings.target)] };
  const checks: Check[] = [];
  if (byGroup.why !== undefined) {
    checks.push({ state: "warn", text: `let in by address block, not by security group: ${byGroup.why}` });
  }
  checks.push(...(await ensureIngress(intoTarget, peers(source, byGroup.holds ? ofSource : []), work)));
  if (ofSource.length === 0) return checks;
  const intoSource = { network: atSource, groups: ofSource, ports };
  checks.push(...(await ensureIngress(intoSource, peers(target, byGroup.holds ? ofTarget : []), work)));
  return checks;
}

/** The groups where there are any, else every block. */
function peers({ cidrs, owner }: Vpc, groups: readonly string[]): readonly IngressPeer[] {
  if (groups.length > 0) return groups.map((group) => ({ group, owner }));
  return cidrs.map((cidr) => ({ cidr }));
}

type Door = {
  readonly network: Network;
  readonly groups: readonly string[];
  readonly ports: readonly number[];
};

/** An interface lets in what any of its groups lets in, so one of them is enough: the first gets what is missing. */
async function ensureIngress(
  { network, groups, ports }: Door,
  from: readonly IngressPeer[],
  work: Work,
): Promise<readonly Check[]> {
  const [first = ""] = groups;
  const rules = (await Promise.all(groups.map((group) => network.ingress(group)))).flat();
  const tags = { [ownerTag]: work.migration.name };
  const checks: Check[] = [];
  for (const port of ports) {
    for (const peer of from) {
      const name = peerOf(peer);
      const text = `${groups.join(", ")}: port ${port} from ${name}`;
      const change = {
        action: "AuthorizeSecurityGroupIngress",
        resource: `port ${port} from ${name} of ${first}`,
        undo: `revoke port ${port} from ${name} of ${first}`,
      };
      if (rules.some((rule) => admits(rule, port, peer))) {
        await seenMade(change, undefined, work);
        checks.push({ state: "pass", text });
        continue;
      }
      const rule = { port, ...peer, description: `${ownerTag}=${work.migration.name}` };
      await auditedCall(work, change, () => network.allowIngress(first, rule, tags));
      checks.push({ state: "pass", text: `${text}, added to ${first}` });
    }
  }
  return checks;
}

/** Whether TCP from everything that `peer` names to `port` passes by this rule. */
function admits(rule: IngressRule, port: number, peer: IngressPeer): boolean {
  if (rule.port > port || port > (rule.toPort ?? rule.port)) return false;
  if ("cidr" in rule && "cidr" in peer) return covers(rule.cidr, peer.cidr);
  return "group" in rule && "group" in peer && rule.group === peer.group;
}
