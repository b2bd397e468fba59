import type { CreateClusterCommandInput } from "@aws-sdk/client-kafka";
import { SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "./world.ts";

type Brokers = NonNullable<CreateClusterCommandInput["BrokerNodeGroupInfo"]>;

/** Brokers in the target VPC of the default world. */
export function exampleBrokers(change: Partial<Brokers> = {}): Brokers {
  return {
    InstanceType: "kafka.m7g.large",
    ClientSubnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
    SecurityGroups: [SG_MSK],
    StorageInfo: { EbsStorageInfo: { VolumeSize: 500 } },
    ...change,
  };
}

/** A cluster that the stand-in accepts, to be changed into one that it refuses. */
export function exampleCluster(change: Partial<CreateClusterCommandInput> = {}): CreateClusterCommandInput {
  return {
    ClusterName: "migrated-kafka",
    KafkaVersion: "3.9.x",
    NumberOfBrokerNodes: 3,
    BrokerNodeGroupInfo: exampleBrokers(),
    ...change,
  };
}
