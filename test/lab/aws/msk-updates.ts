import { z } from "zod";
import { type Cloud, handler } from "./cloud.ts";
import { checkConfiguration, refuseIf } from "./msk-clusters.ts";
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
import { badRequest } from "./refusal.ts";
import {
  authenticationRule,
  brokerCountRule,
  enumRule,
  instanceTypeRule,
  loggingRule,
  TEXT,
  throughputRule,
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

/** UpdateBrokerStorage and UpdateStorage: volumes grow only, and rest for six hours after each change. */
function changeStorage(cloud: Cloud, input: StorageChange): Shape {
  const { cluster, settings } = updatable(cloud, input.ClusterArn, input.CurrentVersion);
  const group = settings.BrokerNodeGroupInfo;
  if (isExpress(group.InstanceType)) throw badRequest(TEXT.expressStorageInfo);
  const now = group.StorageInfo?.EbsStorageInfo ?? {};
  const size = input.volumeGiB ?? now.VolumeSize ?? 0;
  const throughput = input.throughput ?? now.ProvisionedThroughput;
  if (size > 16_384) throw badRequest(UNRECORDED.volumeSize);
  if (size < (now.VolumeSize ?? 0)) throw badRequest(UNRECORDED.volumeShrinks);
  refuseIf(throughputRule(group.InstanceType, size, input.throughput));
  if (input.mode === "TIERED" && group.InstanceType === "kafka.t3.small") throw badRequest(TEXT.tieredType);
  const mode = input.mode ?? settings.StorageMode;
  const sameRate = JSON.stringify(throughput) === JSON.stringify(now.ProvisionedThroughput);
  if (size === now.VolumeSize && sameRate && mode === settings.StorageMode)
    throw badRequest(TEXT.nothingToUpdate);
  if (cloud.now() < cluster.storageFreeAt) throw badRequest(UNRECORDED.storageCooldown);
  cluster.storageFreeAt = cloud.now() + cloud.minutes(6 * 60);
  const EbsStorageInfo = { VolumeSize: size, ...(throughput && { ProvisionedThroughput: throughput }) };
  const after: Settings = {
    ...settings,
    BrokerNodeGroupInfo: { ...group, StorageInfo: { EbsStorageInfo } },
    ...(mode !== undefined && { StorageMode: mode }),
  };
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
      const now = settings.EncryptionInfo?.EncryptionInTransit;
      const asked = input.EncryptionInfo?.EncryptionInTransit;
      const inCluster = now?.InCluster ?? true;
      if (
        input.EncryptionInfo?.EncryptionAtRest !== undefined ||
        (asked?.InCluster ?? inCluster) !== inCluster
      ) {
        throw badRequest(UNRECORDED.immutableEncryption);
      }
      const ClientBroker = asked?.ClientBroker ?? now?.ClientBroker ?? "TLS";
      const ClientAuthentication = { ...settings.ClientAuthentication, ...input.ClientAuthentication };
      refuseIf(authenticationRule(ClientAuthentication, ClientBroker, inCluster));
      const EncryptionInTransit = { ClientBroker, InCluster: inCluster };
      const after: Settings = {
        ...settings,
        ClientAuthentication,
        EncryptionInfo: { ...settings.EncryptionInfo, EncryptionInTransit },
      };
      return startOperation(cloud, cluster, "UPDATE_SECURITY", rolling(settings), {
        before: settings,
        after,
      });
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
        refuseIf(versionRule(input.TargetKafkaVersion, InstanceType));
        if (input.ConfigurationInfo !== undefined)
          checkConfiguration(cloud, input.ConfigurationInfo, InstanceType);
        const ConfigurationInfo = input.ConfigurationInfo ?? settings.ConfigurationInfo;
        const after: Settings = {
          ...settings,
          KafkaVersion: input.TargetKafkaVersion,
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
      const change = {
        before: settings,
        after: { ...settings, BrokerNodeGroupInfo: { ...group, ConnectivityInfo } },
      };
      return startOperation(cloud, cluster, "UPDATE_CONNECTIVITY", 30, change);
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
  };
}
