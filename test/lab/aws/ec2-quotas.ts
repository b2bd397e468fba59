import type { Cloud } from "./cloud.ts";
import { ec2Refusal } from "./refusal.ts";
import type { Caller } from "./shapes.ts";
import type { RouteTable } from "./world.ts";

/** Quotas of the network. Codes: EC2 API reference, errors-overview.html; the sentences are ours. */

export function checkPeeringQuotas(cloud: Cloud, vpc: string, { account, region }: Caller): void {
  const active = cloud.peerings.filter(
    ({ code, requesterVpc, accepterVpc }) => code === "active" && [requesterVpc, accepterVpc].includes(vpc),
  );
  if (active.length >= cloud.quota("activePeeringsPerVpc")) {
    throw ec2Refusal(
      "ActiveVpcPeeringConnectionPerVpcLimitExceeded",
      `The maximum number of active VPC peering connections has been reached for ${vpc}.`,
    );
  }
  const outstanding = cloud.peerings.filter(
    ({ code, requesterAccount, requesterRegion }) =>
      code === "pending-acceptance" && requesterAccount === account && requesterRegion === region,
  );
  if (outstanding.length < cloud.quota("outstandingPeerings")) return;
  throw ec2Refusal(
    "OutstandingVpcPeeringConnectionLimitExceeded",
    "The maximum number of outstanding VPC peering connection requests has been reached.",
  );
}

export function checkRouteQuota(cloud: Cloud, { routes }: RouteTable): void {
  if (routes.length < cloud.quota("routesPerTable")) return;
  throw ec2Refusal("RouteLimitExceeded", "The maximum number of routes has been reached.");
}
