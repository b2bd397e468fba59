import { aliases } from "#domain/mirror/flow.ts";
import type { Migration } from "#domain/settings.ts";
import type { IamResource } from "./iam-actions.ts";

/** What each kind of resource is called in a policy. */

export const sids: Readonly<Record<IamResource, string>> = {
  any: "Any",
  cluster: "Cluster",
  configuration: "Configuration",
  "scalable-target": "Scaling",
  alarm: "Alarms",
  "any-configuration": "Configurations",
  peering: "Peering",
  "peering-connection": "PeeringConnection",
  "route-table": "Routes",
  "security-group": "SecurityGroups",
  replicator: "Replicators",
  "new-replicator": "NewReplicators",
  "broker-cluster": "BrokerCluster",
  "broker-topic": "BrokerTopics",
  "broker-own-topic": "BrokerOwnTopics",
  "broker-group": "BrokerGroups",
  "broker-transaction": "BrokerTransactions",
};

/**
 * Which role it is for: the bot's own, or the one that source.network.accepter leads to. `both`: there is no other
 * account or Region, and the bot's role acts on either side.
 */
export type Side = "both" | "target" | "source";

type Site = { readonly partition: string; readonly account: string; readonly region: string };

/** The target's account stands in ferry.yaml only within ARNs; "*" there still means the account of the role. */
export function site({ settings: { target, source } }: Migration, side: Side = "both"): Site {
  const region = side === "source" ? (source.network.accepter?.region ?? target.region) : target.region;
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return { partition, region, account: side === "source" ? "*" : accountOf(target) };
}

function accountOf({ kmsKey, scram }: Migration["settings"]["target"]): string {
  const [arn] = [kmsKey, ...(scram?.secretArns ?? [])].filter((each) => each?.startsWith("arn:") === true);
  const account = arn?.split(":")[4] ?? "";
  return account === "" ? "*" : account;
}

export function arnsOf(resource: IamResource, migration: Migration, side: Side): readonly string[] {
  const { partition, account, region } = site(migration, side);
  const { target, source } = migration.settings;
  const kafka = `arn:${partition}:kafka:${region}:${account}`;
  const ec2 = `arn:${partition}:ec2:${region}:${account}`;
  const own = `${kafka}:topic/${target.cluster}/*`;
  const cluster = [`${kafka}:cluster/${target.cluster}/*`];
  const connection = `${ec2}:vpc-peering-connection/*`;
  const groups = {
    target: target.securityGroups,
    source: source.network.securityGroups,
    both: [...new Set([...target.securityGroups, ...source.network.securityGroups])],
  };
  const arns: Readonly<Record<IamResource, readonly string[]>> = {
    any: ["*"],
    cluster,
    configuration: [`${kafka}:configuration/ferry-${target.cluster}/*`],
    // Its id is AWS's own and tells nothing of the cluster.
    "scalable-target": [`arn:${partition}:application-autoscaling:${region}:${account}:scalable-target/*`],
    // Target tracking makes and names them.
    alarm: [`arn:${partition}:cloudwatch:${region}:${account}:alarm:TargetTracking-*`],
    // A cluster of others, looked at before it is adopted, may run on any.
    "any-configuration": [`${kafka}:configuration/*`],
    peering: [`${ec2}:vpc/*`, connection],
    "peering-connection": [connection],
    "route-table": [`${ec2}:route-table/*`],
    // The rule is asked for beside its group, where it gets tags.
    "security-group": [
      ...groups[side].map((group) => `${ec2}:security-group/${group}`),
      `${ec2}:security-group-rule/*`,
    ],
    replicator: [`${kafka}:replicator/ferry-${migration.name}-*`],
    // The guide names no narrower one: whether the ARN of one to be made holds its name is not said.
    "new-replicator": [`${kafka}:replicator/*`],
    "broker-cluster": cluster,
    "broker-topic": [`${own}/*`],
    "broker-own-topic": [
      `${own}/ferry-${migration.name}-*`,
      ...Object.values(aliases).flatMap((alias) => [
        `${own}/mm2-offset-syncs.${alias}.internal`,
        `${own}/${alias}.checkpoints.internal`,
      ]),
    ],
    "broker-group": [`${kafka}:group/${target.cluster}/*/*`],
    "broker-transaction": [`${kafka}:transactional-id/${target.cluster}/*/*`],
  };
  return arns[resource];
}
