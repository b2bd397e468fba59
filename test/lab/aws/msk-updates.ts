import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { type Cloud, handler } from "./cloud.ts";
import { checkConfiguration, checkQuotas, refuseIf } from "./msk-checks.ts";
import {
  clientAuthentication,
  configurationInfo,
  connectivityInfo,
  encryptionInfo,
  isExpress,
  loggingInfo,
  type ProvisionedThroughput,
  provisionedThroughput,
  type Settings,
} from "./msk-model.ts";
import { startOperation, updatable } from "./msk-operations.ts";
import { upgradesOf } from "./msk-reading.ts";
import { badRequest } from "./refusal.ts";
import { connectivityRule } from "./rules-connectivity.ts";
import {
  authenticationRule,
  brokerCountRule,
  enumRule,
  instanceTypeRule,
  loggingRule,
  TEXT,
  throughputRule,
  tieredRule,
  UNRECORDED,
  versionRule,
} from "./rules-msk.ts";
import type { Handlers, Shape } from "./shapes.ts";

const versioned = { ClusterArn: z.string(), CurrentVersion: z.string() };

/** Real minutes of an operation that restarts one broker after the other. */
function rolling(settings: Settings): number {
  return 12 * settings.NumberOfBrokerNodes;
}

type StorageChange = {
  ClusterArn: string;
  CurrentVersion: string;
  volumeGiB: number | undefined;
  throughput: ProvisionedThroughput | undefined;
  mode: string | undefined;
};

/** The storage settings after a change, or the refusal of it: volumes grow only. */
function grown(settings: Settings, input: StorageChange): Settings {
  const group = settings.BrokerNodeGroupInfo;
  if (isExpress(group.InstanceType)) throw badRequest(TEXT.expressStorageInfo);
  const before = group.StorageInfo?.EbsStorageInfo ?? {};
  const floor = before.VolumeSize ?? 0;
  const size = input.volumeGiB ?? floor;
  if (size > 16_384) throw badRequest(UNRECORDED.volumeSize);
  if (size < floor) throw badRequest(UNRECORDED.volumeShrinks);
  refuseIf(
    throughputRule(group.InstanceType, size, input.throughput),
    tieredRule(input.mode, group.InstanceType),
  );
  const volume = {
    ...before,
    VolumeSize: size,
    ...(input.throughput && { ProvisionedThroughput: input.throughput }),
  };
  return {
    ...settings,
    BrokerNodeGroupInfo: { ...group, StorageInfo: { EbsStorageInfo: volume } },
    ...(input.mode !== undefined && { StorageMode: input.mode }),
  };
}

/** UpdateBrokerStorage and UpdateStorage: storage rests for six hours after each change. */
function changeStorage(cloud: Cloud, input: StorageChange): Shape {
  const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
  const after = grown(settings, input);
  if (isDeepStrictEqual(after, settings)) throw badRequest(TEXT.nothingToUpdate);
  if (cloud.now() < cluster.storageFreeAt) throw badRequest(UNRECORDED.storageCooldown);
  cluster.storageFreeAt = cloud.now() + cloud.minutes(6 * 60);
  return startOperation(cloud, cluster, "UPDATE_BROKER_STORAGE", 15, { before: settings, after });
}

function storageHandlers(cloud: Cloud): Handlers {
  const volumes = z.array(
    z.looseObject({
      KafkaBrokerNodeId: z.string(),
      VolumeSizeGB: z.number().optional(),
      ProvisionedThroughput: provisionedThroughput.optional(),
    }),
  );
  return {
    UpdateBrokerStorage: handler(z.object({ ...versioned, TargetBrokerEBSVolumeInfo: volumes }), (input) => {
      const [target, ...others] = input.TargetBrokerEBSVolumeInfo;
      if (target === undefined) throw badRequest(TEXT.nothingToUpdate);
      if (others.length > 0 || target.KafkaBrokerNodeId !== "All") {
        throw badRequest(UNRECORDED.allBrokers, "kafkaBrokerNodeId");
      }
      const asked = {
        volumeGiB: target.VolumeSizeGB,
        throughput: target.ProvisionedThroughput,
        mode: undefined,
      };
      return changeStorage(cloud, { ...input, ...asked });
    }),
    UpdateStorage: handler(
      z.object({
        ...versioned,
        VolumeSizeGB: z.number().optional(),
        ProvisionedThroughput: provisionedThroughput.optional(),
        StorageMode: z.string().optional(),
      }),
      (input) => {
        refuseIf(enumRule(input));
        const asked = {
          volumeGiB: input.VolumeSizeGB,
          throughput: input.ProvisionedThroughput,
          mode: input.StorageMode,
        };
        return changeStorage(cloud, { ...input, ...asked });
      },
    ),
  };
}

function monitoring(cloud: Cloud): Handlers {
  const schema = z.object({
    ...versioned,
    EnhancedMonitoring: z.string().optional(),
    OpenMonitoring: z.record(z.string(), z.unknown()).optional(),
    LoggingInfo: loggingInfo.optional(),
  });
  return {
    UpdateMonitoring: handler(schema, (input) => {
      refuseIf(enumRule(input), loggingRule(input.LoggingInfo));
      const { ClusterArn, CurrentVersion, ...asked } = input;
      const { cluster, settings } = updatable(cloud, ClusterArn, CurrentVersion);
      const after: Settings = { ...settings, ...asked };
      return startOperation(cloud, cluster, "UPDATE_MONITORING", 10, { before: settings, after });
    }),
  };
}

/** Only client-broker encryption can change; in-cluster encryption and the KMS key are for good. */
function transitAfter(
  settings: Settings,
  asked: Settings["EncryptionInfo"],
): { ClientBroker: string; InCluster: boolean } {
  const { ClientBroker = "TLS", InCluster = true } = settings.EncryptionInfo?.EncryptionInTransit ?? {};
  const after = { ClientBroker, InCluster, ...asked?.EncryptionInTransit };
  if (asked?.EncryptionAtRest !== undefined || after.InCluster !== InCluster) {
    throw badRequest(UNRECORDED.immutableEncryption);
  }
  return { ClientBroker: after.ClientBroker ?? ClientBroker, InCluster };
}

function security(cloud: Cloud): Handlers {
  const schema = z.object({
    ...versioned,
    ClientAuthentication: clientAuthentication.optional(),
    EncryptionInfo: encryptionInfo.optional(),
  });
  return {
    UpdateSecurity: handler(schema, (input) => {
      refuseIf(enumRule(input));
      const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
      const EncryptionInTransit = transitAfter(settings, input.EncryptionInfo);
      const ClientAuthentication = { ...settings.ClientAuthentication, ...input.ClientAuthentication };
      const { ClientBroker, InCluster } = EncryptionInTransit;
      refuseIf(authenticationRule(ClientAuthentication, ClientBroker, InCluster));
      const EncryptionInfo = { ...settings.EncryptionInfo, EncryptionInTransit };
      const change = { before: settings, after: { ...settings, ClientAuthentication, EncryptionInfo } };
      return startOperation(cloud, cluster, "UPDATE_SECURITY", rolling(settings), change);
    }),
  };
}

function brokers(cloud: Cloud): Handlers {
  return {
    UpdateBrokerType: handler(z.object({ ...versioned, TargetInstanceType: z.string() }), (input) => {
      const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
      const group = settings.BrokerNodeGroupInfo;
      refuseIf(instanceTypeRule(input.TargetInstanceType, settings.KafkaVersion));
      if (isExpress(group.InstanceType) !== isExpress(input.TargetInstanceType)) {
        throw badRequest(UNRECORDED.brokerFamily);
      }
      const storage = group.StorageInfo?.EbsStorageInfo;
      refuseIf(throughputRule(input.TargetInstanceType, storage?.VolumeSize, storage?.ProvisionedThroughput));
      const BrokerNodeGroupInfo = { ...group, InstanceType: input.TargetInstanceType };
      const change = { before: settings, after: { ...settings, BrokerNodeGroupInfo } };
      return startOperation(cloud, cluster, "UPDATE_BROKER_TYPE", rolling(settings), change);
    }),
    UpdateBrokerCount: handler(z.object({ ...versioned, TargetNumberOfBrokerNodes: z.number() }), (input) => {
      const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
      const brokers = input.TargetNumberOfBrokerNodes;
      refuseIf(brokerCountRule(brokers, settings.BrokerNodeGroupInfo.ClientSubnets.length));
      checkQuotas(
        cloud,
        cluster,
        { ...settings, NumberOfBrokerNodes: brokers },
        settings.NumberOfBrokerNodes,
      );
      const change = { before: settings, after: { ...settings, NumberOfBrokerNodes: brokers } };
      const type = brokers > settings.NumberOfBrokerNodes ? "INCREASE_BROKER_COUNT" : "DECREASE_BROKER_COUNT";
      return startOperation(cloud, cluster, type, 15, change);
    }),
  };
}

function software(cloud: Cloud): Handlers {
  return {
    UpdateClusterConfiguration: handler(
      z.object({ ...versioned, ConfigurationInfo: configurationInfo }),
      (input) => {
        const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
        checkConfiguration(cloud, input.ConfigurationInfo, settings.BrokerNodeGroupInfo.InstanceType);
        const change = {
          before: settings,
          after: { ...settings, ConfigurationInfo: input.ConfigurationInfo },
        };
        return startOperation(cloud, cluster, "UPDATE_CLUSTER_CONFIGURATION", rolling(settings), change);
      },
    ),
    UpdateClusterKafkaVersion: handler(
      z.object({
        ...versioned,
        TargetKafkaVersion: z.string(),
        ConfigurationInfo: configurationInfo.optional(),
      }),
      (input) => {
        const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
        const { InstanceType } = settings.BrokerNodeGroupInfo;
        const target = input.TargetKafkaVersion;
        refuseIf(versionRule(target, InstanceType), instanceTypeRule(InstanceType, target));
        if (!upgradesOf(settings.KafkaVersion, InstanceType).includes(target)) {
          throw badRequest(UNRECORDED.versionTarget, "targetKafkaVersion");
        }
        if (input.ConfigurationInfo !== undefined)
          checkConfiguration(cloud, input.ConfigurationInfo, InstanceType);
        const ConfigurationInfo = input.ConfigurationInfo ?? settings.ConfigurationInfo;
        const after: Settings = {
          ...settings,
          KafkaVersion: target,
          ...(ConfigurationInfo && { ConfigurationInfo }),
        };
        return startOperation(cloud, cluster, "UPDATE_CLUSTER_KAFKA_VERSION", 2 * rolling(settings), {
          before: settings,
          after,
        });
      },
    ),
  };
}

function connectivity(cloud: Cloud): Handlers {
  const schema = z.object({ ...versioned, ConnectivityInfo: connectivityInfo.optional() });
  return {
    UpdateConnectivity: handler(schema, (input) => {
      refuseIf(enumRule(input));
      const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
      const group = settings.BrokerNodeGroupInfo;
      const ConnectivityInfo = { ...group.ConnectivityInfo, ...input.ConnectivityInfo };
      const after = { ...settings, BrokerNodeGroupInfo: { ...group, ConnectivityInfo } };
      refuseIf(connectivityRule(after, propertiesOf(cloud, settings)));
      return startOperation(cloud, cluster, "UPDATE_CONNECTIVITY", 30, { before: settings, after });
    }),
  };
}

/** Of the configuration that a cluster runs on; none: MSK's defaults. */
function propertiesOf(cloud: Cloud, { ConfigurationInfo: info }: Settings): string {
  const configuration = cloud.configurations.find((each) => each.arn === info?.Arn);
  const revision = configuration?.revisions.find((each) => each.revision === info?.Revision);
  return revision === undefined ? "" : Buffer.from(revision.properties).toString();
}

/** Express brokers move partitions by themselves, unless it is paused (guide, intelligent-rebalancing.html). */
function rebalancing(cloud: Cloud): Handlers {
  const schema = z.object({ ...versioned, Rebalancing: z.object({ Status: z.enum(["ACTIVE", "PAUSED"]) }) });
  return {
    UpdateRebalancing: handler(schema, (input) => {
      const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
      if (!isExpress(settings.BrokerNodeGroupInfo.InstanceType)) throw badRequest(UNRECORDED.rebalancing);
      const { Rebalancing } = input;
      if ((settings.Rebalancing?.Status ?? "ACTIVE") === Rebalancing.Status) {
        throw badRequest(UNRECORDED.rebalancingStatus, "rebalancing");
      }
      const change = { before: settings, after: { ...settings, Rebalancing } };
      return startOperation(cloud, cluster, "UPDATE_REBALANCING", 5, change);
    }),
  };
}

/** Every Update call on a provisioned cluster. Each needs an ACTIVE cluster and its CurrentVersion. */
export function updateHandlers(cloud: Cloud): Handlers {
  return {
    ...storageHandlers(cloud),
    ...monitoring(cloud),
    ...security(cloud),
    ...brokers(cloud),
    ...software(cloud),
    ...connectivity(cloud),
    ...rebalancing(cloud),
  };
}
