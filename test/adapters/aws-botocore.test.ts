import { describe, expect, it } from "vitest";
import { exampleCluster } from "#lab/aws/example-requests.ts";
import { objections } from "#support/botocore-check.ts";

/** That what the adapters send passes it is seen wherever a test uses the stand-in (aws-under-test.ts). */

describe("AWS's own model of a request", () => {
  const brokers = { ...exampleCluster().BrokerNodeGroupInfo };

  it("has nothing against the example", () => {
    expect(objections("kafka", "CreateCluster", exampleCluster())).toEqual([]);
  });

  it.each([
    [{ ClusterName: "x".repeat(65) }, "CreateCluster.ClusterName: 65 characters, at most 64"],
    [{ ClusterName: undefined }, "CreateCluster.ClusterName: missing"],
    [{ NumberOfBrokerNodes: 0 }, "CreateCluster.NumberOfBrokerNodes: 0, at least 1"],
    [{ NumberOfBrokerNodes: "3" }, "CreateCluster.NumberOfBrokerNodes: not an integer"],
    [{ Brokers: 3 }, "CreateCluster.Brokers: unknown"],
    [
      { EnhancedMonitoring: "PER_TOPIC" },
      "CreateCluster.EnhancedMonitoring: PER_TOPIC is none of DEFAULT, PER_BROKER, PER_TOPIC_PER_BROKER, PER_TOPIC_PER_PARTITION",
    ],
    [
      { BrokerNodeGroupInfo: { ...brokers, StorageInfo: { EbsStorageInfo: { VolumeSize: 16_385 } } } },
      "CreateCluster.BrokerNodeGroupInfo.StorageInfo.EbsStorageInfo.VolumeSize: 16385, at most 16384",
    ],
    [
      { BrokerNodeGroupInfo: { ...brokers, ClientSubnets: "subnet-1" } },
      "CreateCluster.BrokerNodeGroupInfo.ClientSubnets: not a list",
    ],
    [{ Tags: { "msk-ferry": 1 } }, "CreateCluster.Tags.msk-ferry: not a text"],
  ])("objects to %j", (change, says) => {
    expect(objections("kafka", "CreateCluster", { ...exampleCluster(), ...change })).toEqual([says]);
  });

  it("knows lengths, booleans and enumerations of EC2 and CloudWatch", () => {
    const route = { RouteTableId: "rtb-1", DestinationCidrBlock: "10.0.0.0/16", DryRun: "no" };
    expect(objections("ec2", "CreateRoute", route)).toEqual(["CreateRoute.DryRun: not a boolean"]);
    expect(objections("cloudwatch", "GetMetricData", { MetricDataQueries: [] })).toEqual([
      "GetMetricData.StartTime: missing",
      "GetMetricData.EndTime: missing",
    ]);
  });

  it("objects to what it does not know", () => {
    expect(objections("kafka", "CreateCluter", {})).toEqual([
      expect.stringContaining("kafka CreateCluter is not in the model"),
    ]);
  });
});
