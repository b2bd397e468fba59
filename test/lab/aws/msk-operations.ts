import { z } from "zod";
import { type Cloud, clusterVersion, handler, mskSuffix, page, paging } from "./cloud.ts";
import { findCluster } from "./msk-clusters.ts";
import type { Cluster, ClusterOperation, Settings } from "./msk-model.ts";
import { badRequest, notFound } from "./refusal.ts";
import { TEXT, UNRECORDED } from "./rules-msk.ts";
import type { Handlers, Shape } from "./shapes.ts";

/**
 * A provisioned cluster that may be updated now: ACTIVE, at the version the caller read. Throws the refusal otherwise.
 */
export function updatable(
  cloud: Cloud,
  arn: string,
  currentVersion: string,
): { cluster: Cluster; settings: Settings } {
  const cluster = findCluster(cloud, arn);
  if (cluster.kind.type !== "PROVISIONED") throw badRequest(UNRECORDED.serverlessUpdate);
  if (cluster.state !== "ACTIVE") throw badRequest(UNRECORDED.notActive);
  if (cluster.currentVersion !== currentVersion) throw badRequest(TEXT.staleVersion, "currentVersion");
  return { cluster, settings: cluster.kind.settings };
}

/** Starts the cluster's one operation; `realMinutes` is what it takes on AWS. Answers as the Update calls do. */
export function startOperation(
  cloud: Cloud,
  cluster: Cluster,
  type: string,
  realMinutes: number,
  change: { before: Settings; after: Settings },
): Shape {
  const failure = cloud.faults.take("fail-update", type);
  const operation: ClusterOperation = {
    arn: `${cluster.arn.replace(":cluster/", ":cluster-operation/")}/${mskSuffix()}`,
    cluster: cluster.arn,
    type,
    state: "UPDATE_IN_PROGRESS",
    startedAt: cloud.now(),
    endedAt: undefined,
    error: undefined,
    ...change,
    failsWith: failure && { ErrorCode: failure.code, ErrorString: failure.message },
  };
  cloud.operations.push(operation);
  cluster.state = "UPDATING";
  cluster.activeOperation = operation.arn;
  cluster.settlesAt = cloud.now() + cloud.minutes(realMinutes);
  return { ClusterArn: cluster.arn, ClusterOperationArn: operation.arn };
}

function finishOperation(cluster: Cluster, operation: ClusterOperation, at: number): void {
  operation.endedAt = at;
  operation.state = operation.failsWith === undefined ? "UPDATE_COMPLETE" : "UPDATE_FAILED";
  operation.error = operation.failsWith;
  if (operation.failsWith === undefined) cluster.kind = { type: "PROVISIONED", settings: operation.after };
  cluster.activeOperation = undefined;
  cluster.currentVersion = clusterVersion();
}

function finishCreation(cloud: Cloud, cluster: Cluster): void {
  const failure = cloud.faults.take("fail-create");
  cluster.state = failure === undefined ? "ACTIVE" : "FAILED";
  cluster.stateInfo = failure && { Code: failure.code, Message: failure.message };
}

/** Carries every cluster whose time has come into its next state. Called before each request is answered. */
export function settleClusters(cloud: Cloud): void {
  for (const cluster of cloud.clusters.slice()) {
    if (cluster.settlesAt === undefined || cloud.now() < cluster.settlesAt) continue;
    const at = cluster.settlesAt;
    cluster.settlesAt = undefined;
    if (cluster.state === "DELETING") {
      cloud.clusters.splice(cloud.clusters.indexOf(cluster), 1);
      continue;
    }
    if (cluster.state === "CREATING") {
      finishCreation(cloud, cluster);
      continue;
    }
    const operation = cloud.operations.find((each) => each.arn === cluster.activeOperation);
    if (operation !== undefined) finishOperation(cluster, operation, at);
    cluster.state = "ACTIVE";
  }
}

/** A MutableClusterInfo: what an operation changes, without the members that the API keeps elsewhere. */
function mutableOf(settings: Settings): Shape {
  const group = settings.BrokerNodeGroupInfo;
  const storage = group.StorageInfo?.EbsStorageInfo;
  return {
    BrokerEBSVolumeInfo:
      storage?.VolumeSize === undefined
        ? undefined
        : [
            {
              KafkaBrokerNodeId: "All",
              VolumeSizeGB: storage.VolumeSize,
              ProvisionedThroughput: storage.ProvisionedThroughput,
            },
          ],
    ConfigurationInfo: settings.ConfigurationInfo,
    NumberOfBrokerNodes: settings.NumberOfBrokerNodes,
    EnhancedMonitoring: settings.EnhancedMonitoring,
    OpenMonitoring: settings.OpenMonitoring,
    KafkaVersion: settings.KafkaVersion,
    LoggingInfo: settings.LoggingInfo,
    InstanceType: group.InstanceType,
    ClientAuthentication: settings.ClientAuthentication,
    EncryptionInfo: settings.EncryptionInfo,
    ConnectivityInfo: group.ConnectivityInfo,
    StorageMode: settings.StorageMode,
  };
}

/** Only the members that differ, as the API shows them. */
function changeOf(operation: ClusterOperation): { SourceClusterInfo: Shape; TargetClusterInfo: Shape } {
  const before = mutableOf(operation.before);
  const after = mutableOf(operation.after);
  const source: Shape = {};
  const target: Shape = {};
  for (const name of Object.keys(after)) {
    if (JSON.stringify(before[name]) === JSON.stringify(after[name])) continue;
    source[name] = before[name];
    target[name] = after[name];
  }
  return { SourceClusterInfo: source, TargetClusterInfo: target };
}

function commonOf(operation: ClusterOperation): Shape {
  return {
    ClusterArn: operation.cluster,
    EndTime: operation.endedAt === undefined ? undefined : new Date(operation.endedAt),
    OperationArn: operation.arn,
    OperationState: operation.state,
    OperationType: operation.type,
  };
}

function describeV1(operation: ClusterOperation): Shape {
  const startedAt = new Date(operation.startedAt);
  return {
    ...commonOf(operation),
    CreationTime: startedAt,
    ErrorInfo: operation.error,
    ...changeOf(operation),
  };
}

function summaryV2(operation: ClusterOperation): Shape {
  return { ...commonOf(operation), ClusterType: "PROVISIONED", StartTime: new Date(operation.startedAt) };
}

function findOperation(cloud: Cloud, arn: string): ClusterOperation {
  const operation = cloud.operations.find((each) => each.arn === arn);
  if (operation === undefined) throw notFound(UNRECORDED.operationMissing, "clusterOperationArn");
  return operation;
}

/** Newest first. */
function operationsOf(cloud: Cloud, cluster: string): ClusterOperation[] {
  return cloud.operations.filter((each) => each.cluster === findCluster(cloud, cluster).arn).toReversed();
}

const one = z.object({ ClusterOperationArn: z.string() });
const listing = z.object({ ...paging, ClusterArn: z.string() });

/** Describing and listing cluster operations, both API versions. */
export function operationHandlers(cloud: Cloud): Handlers {
  return {
    DescribeClusterOperation: handler(one, (input) => ({
      ClusterOperationInfo: describeV1(findOperation(cloud, input.ClusterOperationArn)),
    })),
    DescribeClusterOperationV2: handler(one, (input) => {
      const operation = findOperation(cloud, input.ClusterOperationArn);
      const detail = { ErrorInfo: operation.error, Provisioned: changeOf(operation) };
      return { ClusterOperationInfo: { ...summaryV2(operation), ...detail } };
    }),
    ListClusterOperations: handler(listing, (input) => {
      const { items, NextToken } = page(operationsOf(cloud, input.ClusterArn), input);
      return { ClusterOperationInfoList: items.map(describeV1), NextToken };
    }),
    ListClusterOperationsV2: handler(listing, (input) => {
      const { items, NextToken } = page(operationsOf(cloud, input.ClusterArn), input);
      return { ClusterOperationInfoList: items.map(summaryV2), NextToken };
    }),
  };
}
