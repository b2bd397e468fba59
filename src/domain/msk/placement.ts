import type { ClusterRequest } from "#domain/msk.ts";
import type { Subnet } from "#domain/network.ts";
import { guide } from "./data.ts";
import type { Violation } from "./rules.ts";

/** What MSK demands of the places that a cluster is made in and of what it is given from elsewhere. */

/**
 * Where the client subnets lie: one VPC, each another Availability Zone, none that MSK does not use; in US West (N.
 * California), whose zones are named usw1-…, exactly two.
 */
export function checkZones(subnets: readonly Subnet[]): readonly Violation[] {
  const source = `${guide}/msk-create-cluster.html`;
  const saw = subnets.map(({ id, vpc, zone }) => `${id} in ${zone} of ${vpc}`).join(", ");
  const found: Violation[] = [];
  if (new Set(subnets.map(({ vpc }) => vpc)).size > 1) {
    const rule = "The client subnets must be in the same VPC.";
    found.push({ rule, saw, correction: "target.subnets: subnets of one VPC", source });
  }
  if (new Set(subnets.map(({ zone }) => zone)).size < subnets.length) {
    const rule = "The client subnets must be in different Availability Zones.";
    found.push({ rule, saw, correction: "target.subnets: each in another Availability Zone", source });
  }
  if (subnets.length !== 2 && subnets.some(({ zone }) => zone.startsWith("usw1-"))) {
    const rule = "A cluster in us-west-1 has exactly two client subnets.";
    found.push({ rule, saw, correction: "target.subnets: two, each in another Availability Zone", source });
  }
  const unused = subnets.find(({ zone }) => zone === "use1-az3");
  if (unused !== undefined) {
    const rule = "MSK places no brokers in use1-az3.";
    found.push({ rule, saw, correction: `target.subnets: another subnet than ${unused.id}`, source });
  }
  return found;
}

/**
 * Keys, secrets and authorities must be of the account and Region that the cluster is made in. `here`: any ARN of the
 * bot's own there.
 */
export function checkSites(
  { kmsKey, certificateAuthorities = [] }: Pick<ClusterRequest, "kmsKey" | "certificateAuthorities">,
  secrets: readonly string[],
  here: string,
): readonly Violation[] {
  const [, , , region, account] = here.split(":");
  const named = [
    ...(kmsKey === undefined ? [] : [["target.kmsKey", kmsKey, "msk-encryption.html"] as const]),
    ...secrets.map((arn) => ["target.scram.secretArns", arn, "msk-password.html"] as const),
    ...certificateAuthorities.map(
      (arn) => ["target.certificateAuthorities", arn, "msk-authentication.html"] as const,
    ),
  ];
  return named.flatMap(([setting, arn, page]) => {
    const [, , , itsRegion, itsAccount] = arn.split(":");
    if (itsRegion === region && itsAccount === account) return [];
    return [
      {
        rule: `${setting} must be of the account and Region of the cluster, ${account} and ${region}.`,
        saw: arn,
        correction: `${setting}: one of account ${account} in ${region}`,
        source: `${guide}/${page}`,
      },
    ];
  });
}
