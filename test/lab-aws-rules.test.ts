import { describe, expect, it } from "vitest";
import { contains, isCidr, overlaps } from "#lab/aws/cidr.ts";
import { EXPRESS_PROPERTIES, kafkaVersionRows, STANDARD_PROPERTIES } from "#lab/aws/msk-catalogue.ts";
import type { ProvisionedRequest } from "#lab/aws/msk-model.ts";
import {
  authenticationRule,
  brokerCountRule,
  clusterNameRule,
  configurationNameRule,
  configurationVersionRule,
  connectivityAtCreateRule,
  enumRule,
  instanceTypeRule,
  loggingRule,
  parseProperties,
  propertiesForBrokersRule,
  propertiesRule,
  secretRule,
  serverlessRule,
  storageRule,
  subnetRule,
  throughputRule,
  versionRule,
} from "#lab/aws/rules-msk.ts";

type Group = ProvisionedRequest["BrokerNodeGroupInfo"];
function request(group: Partial<Group> = {}, rest: Partial<ProvisionedRequest> = {}): ProvisionedRequest {
  const BrokerNodeGroupInfo = { InstanceType: "kafka.m7g.large", ClientSubnets: ["a", "b", "c"], ...group };
  return { BrokerNodeGroupInfo, KafkaVersion: "3.9.x", NumberOfBrokerNodes: 3, ...rest };
}

function connectivity(ConnectivityInfo: Group["ConnectivityInfo"]) {
  return connectivityAtCreateRule(request({ ConnectivityInfo }));
}

function secretOf(arn: string) {
  return secretRule(arn, "1", "us-east-1");
}

describe("versions and types", () => {
  it("names the valid versions of the broker type", () => {
    expect(versionRule("3.9.x", "kafka.m7g.large")).toBeUndefined();
    expect(versionRule("3.5.1", "kafka.m5.large")).toBe(
      "Standard instance types are not supported for Kafka version 3.5.1. Valid values: [3.6.0, 3.7.x, 3.7.x.kraft, 3.8.x, 3.8.x.kraft, 3.9.x, 3.9.x.kraft, 4.0.x.kraft, 4.1.x.kraft]",
    );
    expect(versionRule("3.9.x", "express.m7g.large")).toBe(
      "Express instance types are not supported for Kafka version 3.9.x. Valid values: [3.8.x, 3.9.x.kraft, 4.2.x.kraft]",
    );
    expect(versionRule("4.2.x.kraft", "kafka.m7g.large")).toContain("Standard instance types");
    expect(versionRule("9.9.9", "kafka.m7g.large")).toContain(
      "Unsupported KafkaVersion [9.9.9]. Valid values: [",
    );
  });

  it("lets a configuration be made for a deprecated version, not for an unknown one", () => {
    expect(configurationVersionRule(["3.5.1", "3.9.x"])).toBeUndefined();
    expect(configurationVersionRule(["3.9.x", "3.99"])).toContain(
      "Unsupported KafkaVersion [3.99]. Valid values: [",
    );
  });

  it("knows the broker types, and that t3.small cannot run KRaft", () => {
    expect(instanceTypeRule("kafka.m7g.large", "3.9.x.kraft")).toBeUndefined();
    expect(instanceTypeRule("kafka.m1.huge", "3.9.x")).toBeDefined();
    expect(instanceTypeRule("kafka.t3.small", "3.9.x.kraft")).toBeDefined();
    expect(instanceTypeRule("kafka.t3.small", "3.9.x")).toBeUndefined();
  });

  it("keeps the double rows of 3.9.x and 4.2.x.kraft", () => {
    const rows = kafkaVersionRows().map((row) => row.Version);
    expect(rows.filter((version, at) => rows.indexOf(version) !== at)).toEqual(["3.9.x", "4.2.x.kraft"]);
  });
});

describe("placement", () => {
  it("wants two or three different subnets, three for Express", () => {
    expect(subnetRule(["a", "b"], "kafka.m7g.large")).toBeUndefined();
    expect(subnetRule(["a"], "kafka.m7g.large")).toBe("Specify either two or three client subnets.");
    expect(subnetRule(["a", "a"], "kafka.m7g.large")).toBe("The list provided contains duplicate items.");
    expect(subnetRule(["a", "b"], "express.m7g.large")).toBe(
      "Clusters with Express instance types require 3 subnets.",
    );
  });

  it("wants brokers in multiples of the zones", () => {
    expect(brokerCountRule(6, 3)).toBeUndefined();
    expect(brokerCountRule(4, 3)).toBe(
      "The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter.",
    );
  });
});

describe("storage", () => {
  const on = { Enabled: true, VolumeThroughput: 250 };

  it.each([
    ["kafka.m5.large", 500, on, "Provisioned throughput is not supported for the specified broker type."],
    [
      "kafka.m5.4xlarge",
      500,
      { Enabled: true, VolumeThroughput: 249 },
      "EBS volume throughput should be between 250 and 1000 MiB/s.",
    ],
    [
      "kafka.m7g.8xlarge",
      500,
      { Enabled: true, VolumeThroughput: 1001 },
      "EBS volume throughput should be between 250 and 1000 MiB/s.",
    ],
    [
      "kafka.m5.4xlarge",
      500,
      { Enabled: true, VolumeThroughput: 600 },
      "For brokers of type m5.4xlarge, the maximum value for VolumeThroughput cannot exceed 593.75 MiB/s.",
    ],
    [
      "kafka.m7g.2xlarge",
      500,
      { Enabled: true, VolumeThroughput: 313 },
      "For brokers of type m7g.2xlarge, the maximum value for VolumeThroughput cannot exceed 312.5 MiB/s.",
    ],
    [
      "kafka.m5.4xlarge",
      9,
      on,
      "To enable ProvisionedThroughput, you must set volume size to a value that is greater than or equal to 10.",
    ],
    [
      "kafka.m5.4xlarge",
      500,
      { VolumeThroughput: 250 },
      "To specify a value for VolumeThroughput, you must enable ProvisionedThroughput.",
    ],
    ["kafka.m5.4xlarge", 500, { Enabled: true, VolumeThroughput: 593 }, undefined],
    ["kafka.m5.large", 500, { Enabled: false }, undefined],
    ["kafka.m5.large", 500, undefined, undefined],
  ])("throughput of %s with %s GiB: %j", (type, volume, asked, verdict) => {
    expect(throughputRule(type, volume, asked)).toBe(verdict);
  });

  it("takes no storage settings for Express", () => {
    const InstanceType = "express.m7g.large";
    expect(storageRule(request({ InstanceType, StorageInfo: {} }))).toBe(
      "The storageInfo parameter is not supported for Express instance types.",
    );
    expect(storageRule(request({ InstanceType }, { StorageMode: "LOCAL" }))).toBe(
      "The storageMode parameter is not supported for Express instance types.",
    );
    expect(storageRule(request({ InstanceType }))).toBeUndefined();
  });

  it("tiers not on t3.small, and has volumes of 1 to 16384 GiB", () => {
    expect(storageRule(request({ InstanceType: "kafka.t3.small" }, { StorageMode: "TIERED" }))).toBe(
      "Tiered storage is not supported for the specified broker type.",
    );
    expect(storageRule(request({ StorageInfo: { EbsStorageInfo: { VolumeSize: 16_385 } } }))).toContain(
      "16384",
    );
    expect(storageRule(request({ StorageInfo: { EbsStorageInfo: { VolumeSize: 16_384 } } }))).toBeUndefined();
  });
});

describe("access", () => {
  const iam = { Sasl: { Iam: { Enabled: true } } };

  it.each([
    [
      iam,
      "PLAINTEXT",
      true,
      "Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication.",
    ],
    [iam, "TLS", false, "To turn on client authentication, you must also turn on in-cluster encryption."],
    [
      iam,
      "TLS_PLAINTEXT",
      true,
      "You must enable unauthenticated traffic explicitly to use client-authentication using SASL over TLS_PLAINTEXT.",
    ],
    [{ ...iam, Unauthenticated: { Enabled: true } }, "TLS_PLAINTEXT", true, undefined],
    [
      { Unauthenticated: { Enabled: false } },
      "TLS",
      true,
      "Unauthenticated cannot be set to false without enabling any authentication mechanisms.",
    ],
    [
      { Tls: { CertificateAuthorityArnList: ["arn:aws:acm:us-east-1:1:certificate/x"] } },
      "TLS",
      true,
      "One or more of the certificate authority ARNs provided in the request are invalid.",
    ],
    [iam, "TLS", true, undefined],
    [undefined, "PLAINTEXT", false, undefined],
  ])("authentication %j with %s, in-cluster %s", (auth, clientBroker, inCluster, verdict) => {
    expect(authenticationRule(auth, clientBroker, inCluster)).toBe(verdict);
  });

  it("turns on public access, multi-VPC and dual stack only later", () => {
    expect(connectivity({ PublicAccess: { Type: "SERVICE_PROVIDED_EIPS" } })).toBe(
      "When creating a cluster, the only valid value for the Type parameter in PublicAccess is DISABLED.",
    );
    expect(connectivity({ VpcConnectivity: { ClientAuthentication: iam } })).toBe(
      "When creating a cluster, all vpcConnectivity auth schemes must be disabled ('enabled' : false).",
    );
    expect(connectivity({ NetworkType: "DUAL" })).toBe(
      "Invalid NetworkType value in ConnectivityInfo. When creating a cluster, only IPV4 is supported.",
    );
    expect(connectivity({ PublicAccess: { Type: "DISABLED" }, NetworkType: "IPV4" })).toBeUndefined();
  });

  it("wants IAM for serverless", () => {
    expect(serverlessRule({ VpcConfigs: [] })).toBe("A serverless cluster must use SASL/IAM authentication");
    expect(serverlessRule({ VpcConfigs: [], ClientAuthentication: iam })).toBeUndefined();
  });

  it("takes secrets of its own account and Region, with its prefix", () => {
    expect(secretOf("arn:aws:secretsmanager:us-east-1:1:secret:AmazonMSK_a-x")).toBeUndefined();
    expect(secretOf("arn:aws:secretsmanager:us-east-1:2:secret:AmazonMSK_a-x")).toBe(
      "The provided secret ARN is invalid. (InvalidParameter: secretArnList)",
    );
    expect(secretOf("arn:aws:secretsmanager:us-east-1:1:secret:a-x")).toContain("AmazonMSK_");
  });
});

describe("names, enumerations and logs", () => {
  it("allows letters, digits and hyphens", () => {
    expect(clusterNameRule("migrated-kafka")).toBeUndefined();
    expect(clusterNameRule("Testing_Cluster")).toBe(
      "The parameter value contains one or more characters that are not valid. (InvalidParameter: clusterName)",
    );
    expect(clusterNameRule("a".repeat(65))).toBeDefined();
    expect(configurationNameRule("-x")).toBeDefined();
    expect(configurationNameRule("ferry-orders")).toBeUndefined();
  });

  it("finds a wrong enumerated value at any depth", () => {
    expect(enumRule({ EncryptionInfo: { EncryptionInTransit: { ClientBroker: "SSL" } } })).toContain(
      "ClientBroker",
    );
    expect(enumRule({ EnhancedMonitoring: "PER_BROKER", list: [{ StorageMode: "LOCAL" }] })).toBeUndefined();
  });

  it("wants a log group for CloudWatch", () => {
    expect(loggingRule({ BrokerLogs: { CloudWatchLogs: { Enabled: true } } })).toBe(
      "To use CloudWatch Logs as a destination for broker logs, you must specify a CloudWatch log group.",
    );
    expect(
      loggingRule({ BrokerLogs: { CloudWatchLogs: { Enabled: true, LogGroup: "msk" } } }),
    ).toBeUndefined();
  });
});

describe("broker properties", () => {
  it("has the documented number of keys", () => {
    expect([STANDARD_PROPERTIES.size, EXPRESS_PROPERTIES.size]).toEqual([49, 27]);
  });

  it("reads key=value lines, past comments and blanks", () => {
    expect(parseProperties("# a\n\nnum.partitions = 3\r\nlog.cleanup.policy=delete,compact\n")).toEqual(
      new Map([
        ["num.partitions", "3"],
        ["log.cleanup.policy", "delete,compact"],
      ]),
    );
  });

  it("refuses the whole call for one bad key or value", () => {
    expect(propertiesRule("num.partitions=3\nbroker.id=1")).toBe(
      "Key 'broker.id' is not supported by at least one Apache Kafka version. Key checked against versions: [3.6.0, 3.7.x, 3.7.x.kraft, 3.8.x, 3.8.x.kraft, 3.9.x, 3.9.x.kraft, 4.0.x.kraft, 4.1.x.kraft, 4.2.x.kraft]",
    );
    expect(propertiesRule("replica.lag.time.max.ms=9999")).toContain("replica.lag.time.max.ms");
    expect(propertiesRule("auto.create.topics.enable=yes")).toContain("yes");
    expect(
      propertiesRule("log.cleanup.policy=compact,delete\nreplica.lag.time.max.ms=10000"),
    ).toBeUndefined();
  });

  it("gives each broker type its own keys", () => {
    expect(propertiesForBrokersRule("min.insync.replicas=2", "kafka.m7g.large")).toBeUndefined();
    expect(propertiesForBrokersRule("min.insync.replicas=2", "express.m7g.large")).toContain("Express");
    expect(propertiesForBrokersRule("log.message.timestamp.before.max.ms=1", "kafka.m7g.large")).toContain(
      "Standard",
    );
    expect(
      propertiesForBrokersRule("log.message.timestamp.before.max.ms=1", "express.m7g.large"),
    ).toBeUndefined();
  });
});

describe("CIDR blocks", () => {
  it("knows which blocks overlap", () => {
    expect(overlaps("10.20.0.0/16", "10.20.0.0/17")).toBe(true);
    expect(overlaps("10.20.0.0/17", "10.20.128.0/17")).toBe(false);
    expect(overlaps("fd00::/8", "fd00:1::/32")).toBe(true);
    expect(contains("10.0.0.0/16", "10.0.0.0/8")).toBe(false);
    expect(isCidr("10.0.0.0/33")).toBe(false);
  });
});
