import { z } from "zod";
import { type Cloud, clusterVersion, handler, mskSuffix, page, paging } from "./cloud.ts";
import { checkProvisioned, checkServerless, refuseIf } from "./msk-checks.ts";
import { type Cluster, provisionedRequest, type Settings, serverlessRequest } from "./msk-model.ts";
import { badRequest, conflict, notFound } from "./refusal.ts";
import { clusterNameRule, TEXT, UNRECORDED } from "./rules-msk.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";

/** Throws a 404 refusal where the caller has no such cluster. */
export function findCluster(cloud: Cloud, arn: string): Cluster {
  const cluster = cloud.clusters.find((each) => each.arn === arn);
  if (cluster === undefined) throw notFound(UNRECORDED.clusterMissing, "clusterArn");
  return cluster;
}

function add(
  cloud: Cloud,
  caller: Caller,
  name: string,
  tags: { [key: string]: string },
  kind: Cluster["kind"],
): Cluster {
  const minutes = kind.type === "PROVISIONED" ? 30 : 3;
  const cluster: Cluster = {
    arn: `arn:aws:kafka:${caller.region}:${caller.account}:cluster/${name}/${mskSuffix()}`,
    name,
    ...caller,
    createdAt: cloud.now(),
    currentVersion: clusterVersion(),
    state: "CREATING",
    stateInfo: undefined,
    tags,
    kind,
    activeOperation: undefined,
    settlesAt: cloud.now() + cloud.minutes(minutes),
    storageFreeAt: 0,
    scramSecrets: [],
    policy: undefined,
  };
  cloud.clusters.push(cluster);
  return cluster;
}

function checkName(cloud: Cloud, caller: Caller, name: string): void {
  refuseIf(clusterNameRule(name));
  const taken = cloud.clusters.some(
    (each) => each.name === name && each.account === caller.account && each.region === caller.region,
  );
  if (taken) throw conflict(TEXT.nameTaken);
}

function stateOf(cluster: Cluster): Shape {
  return {
    ActiveOperationArn: cluster.activeOperation,
    ClusterArn: cluster.arn,
    ClusterName: cluster.name,
    CreationTime: new Date(cluster.createdAt),
    CurrentVersion: cluster.currentVersion,
    State: cluster.state,
    StateInfo: cluster.stateInfo,
    Tags: cluster.tags,
  };
}

function settingsOf(settings: Settings): Shape {
  const { ConfigurationInfo, KafkaVersion, ...rest } = settings;
  const software = {
    KafkaVersion,
    ConfigurationArn: ConfigurationInfo?.Arn,
    ConfigurationRevision: ConfigurationInfo?.Revision,
  };
  return { ...rest, CurrentBrokerSoftwareInfo: software, CustomerActionStatus: "NONE" };
}

function describeV1(cluster: Cluster): Shape {
  return cluster.kind.type === "PROVISIONED"
    ? { ...stateOf(cluster), ...settingsOf(cluster.kind.settings) }
    : stateOf(cluster);
}

function describeV2(cluster: Cluster): Shape {
  const kind = cluster.kind;
  const detail =
    kind.type === "PROVISIONED" ? { Provisioned: settingsOf(kind.settings) } : { Serverless: kind.settings };
  return { ...stateOf(cluster), ClusterType: kind.type, ...detail };
}

const byArn = z.object({ ClusterArn: z.string() });
const tags = z.record(z.string(), z.string()).default({});
const named = { ClusterName: z.string(), Tags: tags };
const listing = z.object({
  ...paging,
  ClusterNameFilter: z.string().optional(),
  ClusterTypeFilter: z.string().optional(),
});

function creation(cloud: Cloud): Handlers {
  return {
    CreateCluster: handler(z.intersection(z.object(named), provisionedRequest), (input, caller) => {
      const { ClusterName, Tags, ...asked } = input;
      checkName(cloud, caller, ClusterName);
      const settings = checkProvisioned(cloud, caller, provisionedRequest.parse(asked));
      const cluster = add(cloud, caller, ClusterName, Tags, { type: "PROVISIONED", settings });
      return { ClusterArn: cluster.arn, ClusterName, State: cluster.state };
    }),
    CreateClusterV2: handler(
      z.object({
        ...named,
        Provisioned: provisionedRequest.optional(),
        Serverless: serverlessRequest.optional(),
      }),
      (input, caller) => {
        checkName(cloud, caller, input.ClusterName);
        if ((input.Provisioned === undefined) === (input.Serverless === undefined)) {
          throw badRequest("Specify either provisioned or serverless.");
        }
        let kind: Cluster["kind"] | undefined;
        if (input.Provisioned !== undefined) {
          kind = { type: "PROVISIONED", settings: checkProvisioned(cloud, caller, input.Provisioned) };
        } else if (input.Serverless !== undefined) {
          checkServerless(cloud, caller, input.Serverless);
          kind = { type: "SERVERLESS", settings: input.Serverless };
        }
        if (kind === undefined) throw badRequest("Specify either provisioned or serverless.");
        const cluster = add(cloud, caller, input.ClusterName, input.Tags, kind);
        return {
          ClusterArn: cluster.arn,
          ClusterName: cluster.name,
          State: cluster.state,
          ClusterType: kind.type,
        };
      },
    ),
  };
}

function listed(cloud: Cloud, caller: Caller, input: z.infer<typeof listing>): Cluster[] {
  return cloud.clusters.filter(
    (each) =>
      each.account === caller.account &&
      each.region === caller.region &&
      cloud.isListed(each.createdAt) &&
      each.name.startsWith(input.ClusterNameFilter ?? "") &&
      (input.ClusterTypeFilter === undefined || each.kind.type === input.ClusterTypeFilter),
  );
}

/** Creating, describing, listing and deleting clusters, both API versions. */
export function clusterHandlers(cloud: Cloud): Handlers {
  return {
    ...creation(cloud),
    DescribeCluster: handler(byArn, (input) => ({
      ClusterInfo: describeV1(findCluster(cloud, input.ClusterArn)),
    })),
    DescribeClusterV2: handler(byArn, (input) => ({
      ClusterInfo: describeV2(findCluster(cloud, input.ClusterArn)),
    })),
    ListClusters: handler(listing, (input, caller) => {
      const provisioned = listed(cloud, caller, { ...input, ClusterTypeFilter: "PROVISIONED" });
      const { items, NextToken } = page(provisioned, input);
      return { ClusterInfoList: items.map(describeV1), NextToken };
    }),
    ListClustersV2: handler(listing, (input, caller) => {
      const { items, NextToken } = page(listed(cloud, caller, input), input);
      return { ClusterInfoList: items.map(describeV2), NextToken };
    }),
    DeleteCluster: handler(
      z.object({ ClusterArn: z.string(), CurrentVersion: z.string().optional() }),
      (input) => {
        const cluster = findCluster(cloud, input.ClusterArn);
        if (input.CurrentVersion !== undefined && input.CurrentVersion !== cluster.currentVersion) {
          throw badRequest(TEXT.staleVersion, "currentVersion");
        }
        if (cluster.state !== "ACTIVE" && cluster.state !== "FAILED") throw badRequest(UNRECORDED.notActive);
        cluster.state = "DELETING";
        cluster.settlesAt = cloud.now() + cloud.minutes(10);
        return { ClusterArn: cluster.arn, State: cluster.state };
      },
    ),
  };
}
