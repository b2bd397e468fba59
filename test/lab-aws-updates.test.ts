import {
  BatchAssociateScramSecretCommand,
  DescribeClusterOperationV2Command,
  type KafkaClient,
  UpdateBrokerStorageCommand,
  UpdateMonitoringCommand,
  UpdateSecurityCommand,
} from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AwsStandIn } from "#lab/aws/stand-in.ts";
import { ACCOUNT } from "#lab/aws/world.ts";
import { type StandInOnClock, startStandInOnClock } from "#support/stand-in-clock.ts";

let bench: StandInOnClock;
let aws: AwsStandIn;
let kafka: KafkaClient;

beforeEach(async () => {
  bench = await startStandInOnClock();
  ({ aws, kafka } = bench);
});

afterEach(() => bench.stop());

describe("updates", () => {
  it("go one at a time, need the current version, and change it", async () => {
    const ClusterArn = await bench.createActive();
    const { CurrentVersion } = await bench.clusterOf(ClusterArn);
    const update = { ClusterArn, CurrentVersion, EnhancedMonitoring: "PER_BROKER" as const };
    await expect(
      kafka.send(new UpdateMonitoringCommand({ ...update, CurrentVersion: "K0" })),
    ).rejects.toThrow("The version of the cluster isn’t current. Check the current version and try again.");
    const { ClusterOperationArn } = await kafka.send(new UpdateMonitoringCommand(update));
    expect(await bench.clusterOf(ClusterArn)).toMatchObject({
      State: "UPDATING",
      ActiveOperationArn: ClusterOperationArn,
    });
    await expect(kafka.send(new UpdateMonitoringCommand(update))).rejects.toThrow("states :[ACTIVE]");
    bench.pass(10);
    const after = await bench.clusterOf(ClusterArn);
    expect(after).toMatchObject({ State: "ACTIVE", EnhancedMonitoring: "PER_BROKER" });
    expect(after.CurrentVersion).not.toBe(CurrentVersion);
    const { ClusterOperationInfo } = await kafka.send(
      new DescribeClusterOperationV2Command({ ClusterOperationArn: ClusterOperationArn ?? "" }),
    );
    expect(ClusterOperationInfo).toMatchObject({
      OperationState: "UPDATE_COMPLETE",
      Provisioned: {
        SourceClusterInfo: { EnhancedMonitoring: "DEFAULT" },
        TargetClusterInfo: { EnhancedMonitoring: "PER_BROKER" },
      },
    });
  });

  it("fail with ErrorInfo and change nothing when told to", async () => {
    const ClusterArn = await bench.createActive();
    const { CurrentVersion } = await bench.clusterOf(ClusterArn);
    aws.control.fault({ kind: "fail-update", message: "brokers did not come back" });
    const ClientAuthentication = { Sasl: { Scram: { Enabled: true } } };
    const { ClusterOperationArn } = await kafka.send(
      new UpdateSecurityCommand({ ClusterArn, CurrentVersion, ClientAuthentication }),
    );
    bench.pass(60);
    const { ClusterOperationInfo } = await kafka.send(
      new DescribeClusterOperationV2Command({ ClusterOperationArn: ClusterOperationArn ?? "" }),
    );
    expect(ClusterOperationInfo).toMatchObject({
      OperationState: "UPDATE_FAILED",
      ErrorInfo: { ErrorString: "brokers did not come back" },
    });
    expect((await bench.clusterOf(ClusterArn)).ClientAuthentication?.Sasl).toBeUndefined();
  });

  it("grow storage on all brokers, never shrink it, and rest six hours", async () => {
    const ClusterArn = await bench.createActive();
    async function grow(VolumeSizeGB: number, KafkaBrokerNodeId = "All") {
      const { CurrentVersion } = await bench.clusterOf(ClusterArn);
      const TargetBrokerEBSVolumeInfo = [{ KafkaBrokerNodeId, VolumeSizeGB }];
      return kafka.send(
        new UpdateBrokerStorageCommand({ ClusterArn, CurrentVersion, TargetBrokerEBSVolumeInfo }),
      );
    }
    await expect(grow(600, "1")).rejects.toThrow("All");
    await expect(grow(400)).rejects.toThrow("decrease");
    await expect(grow(500)).rejects.toThrow(
      "The request does not include any updates to the EBS volumes of the cluster.",
    );
    await grow(600);
    bench.pass(15);
    await expect(grow(700)).rejects.toThrow("6 hours");
    bench.pass(360);
    await grow(700);
    bench.pass(15);
    const { BrokerNodeGroupInfo } = await bench.clusterOf(ClusterArn);
    expect(BrokerNodeGroupInfo?.StorageInfo?.EbsStorageInfo?.VolumeSize).toBe(700);
  });

  it("associate SCRAM secrets with the right prefix", async () => {
    const ClusterArn = await bench.createActive({
      ClientAuthentication: { Sasl: { Scram: { Enabled: true } } },
    });
    const prefix = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:`;
    const SecretArnList = [`${prefix}AmazonMSK_ferry-a1b2c3`, `${prefix}other-a1b2c3`];
    const { UnprocessedScramSecrets } = await kafka.send(
      new BatchAssociateScramSecretCommand({ ClusterArn, SecretArnList }),
    );
    expect(UnprocessedScramSecrets?.map((each) => each.SecretArn)).toEqual([SecretArnList[1]]);
    await expect(
      kafka.send(new BatchAssociateScramSecretCommand({ ClusterArn, SecretArnList: ["arn:aws:s3:::x"] })),
    ).rejects.toThrow("The provided secret ARN is invalid. (InvalidParameter: secretArnList)");
  });
});
