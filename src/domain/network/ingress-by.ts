import type { MigrationSettings } from "#domain/settings.ts";

/**
 * Whether the sides let each other in by security group; `why` where that was asked for and cannot be. AWS takes a group
 * of another VPC across an active peering within one Region only (VPC peering guide, vpc-peering-security-groups.html).
 */
export function ingressByGroup({ source, target }: Pick<MigrationSettings, "source" | "target">): {
  readonly holds: boolean;
  readonly why?: string;
} {
  const { ingress, accepter, securityGroups } = source.network;
  if (ingress === "cidr") return { holds: false };
  const region = accepter?.region ?? target.region;
  if (region !== target.region) {
    return {
      holds: false,
      why: `the source is in ${region}, and groups of another Region cannot be named`,
    };
  }
  if (securityGroups.length === 0) {
    return { holds: false, why: "source.network.securityGroups names none" };
  }
  return { holds: true };
}
