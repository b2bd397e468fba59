import { z } from "zod";
import { type Cloud, clusterVersion, handler } from "./cloud.ts";
import { refuseIf } from "./msk-checks.ts";
import { findCluster } from "./msk-clusters.ts";
import { badRequest, notFound } from "./refusal.ts";
import { clusterPolicyRule } from "./rules-connectivity.ts";
import { UNRECORDED } from "./rules-msk.ts";
import type { Handlers } from "./shapes.ts";

const byArn = z.object({ ClusterArn: z.string() });
const change = z.object({
  ClusterArn: z.string(),
  CurrentVersion: z.string().optional(),
  Policy: z.string(),
});

/** Policies of clusters, for multi-VPC connectivity: kept and shown, asked by nobody here. */
export function policyHandlers(cloud: Cloud): Handlers {
  return {
    PutClusterPolicy: handler(change, (input) => {
      const cluster = findCluster(cloud, input.ClusterArn);
      refuseIf(clusterPolicyRule(input.Policy, cluster.arn));
      const { policy } = cluster;
      if (policy !== undefined && input.CurrentVersion !== policy.version) {
        throw badRequest(UNRECORDED.policyVersion, "currentVersion");
      }
      const version = clusterVersion();
      cluster.policy = { version, text: input.Policy };
      return { CurrentVersion: version };
    }),
    GetClusterPolicy: handler(byArn, (input) => {
      const { policy } = findCluster(cloud, input.ClusterArn);
      if (policy === undefined) throw notFound(UNRECORDED.policyMissing, "clusterArn");
      return { CurrentVersion: policy.version, Policy: policy.text };
    }),
    DeleteClusterPolicy: handler(byArn, (input) => {
      const cluster = findCluster(cloud, input.ClusterArn);
      if (cluster.policy === undefined) throw notFound(UNRECORDED.policyMissing, "clusterArn");
      cluster.policy = undefined;
      return {};
    }),
  };
}
