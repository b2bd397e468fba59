import { z } from "zod";
import { createMsk } from "#adapters/msk.ts";
import { createReplicatorApi } from "#adapters/msk-replicator.ts";
import { createReplicatorMetrics } from "#adapters/msk-replicator-metrics.ts";
import { createReplicatorEngine, type ReplicatorOptions } from "#adapters/replicator/engine.ts";
import { FerryError } from "#domain/errors.ts";
import { topicOf } from "#domain/mirror/replicator-rules.ts";
import type { Clock, ReplicationEngine, Store } from "#domain/ports.ts";
import { ReplicatorSettings } from "#domain/replicator-settings.ts";
import type { Security } from "#domain/settings.ts";
import { ACCOUNT, SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "./aws-under-test.ts";
import { createFakeKafka, type FakeKafka } from "./fake-kafka.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createQuietLog } from "./quiet-log.ts";

/** The adapter against the stand-in, whose running Replicators copy between two clusters in memory. */
export type ReplicatorUnderTest = {
  readonly aws: AwsUnderTest;
  readonly source: FakeKafka;
  readonly target: FakeKafka;
  readonly clock: Clock;
  readonly store: Store;
  /** A new one, as after a restart of the bot. */
  engine(change?: Partial<ReplicatorOptions>): ReplicationEngine;
  /** Each running Replicator copies at most so many records of each partition. */
  copy(most?: number): Promise<void>;
  /** As after a restart within AWS: the last records of each partition are copied once more from then on. */
  repeat(topic: string, partition: number, records: number): void;
  stop(): Promise<void>;
};

const secret = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:AmazonMSK_source-a1b2c3`;
export const replicatorSettings = ReplicatorSettings.parse({
  role: `arn:aws:iam::${ACCOUNT}:role/replicator`,
  scram: { mechanism: "SHA512", secretArn: secret },
  caSecretArn: secret,
});
const sourceSecurity: Security = {
  protocol: "SASL_SSL",
  mechanism: "SCRAM-SHA-512",
  username: "ferry",
  passwordEnv: "SOURCE_PASSWORD",
};

const targetName = "migrated";

export async function startReplicatorUnderTest(): Promise<ReplicatorUnderTest> {
  const began = Date.UTC(2026, 10, 23, 8);
  let passed = 0;
  // Waiting is what lets AWS's time go by.
  const clock: Clock = {
    now: () => began + passed,
    sleep: async (ms) => {
      passed += ms;
      await copy();
    },
  };
  const aws = await startAwsUnderTest(clock);
  const log = createQuietLog();
  const msk = createMsk({ region: aws.region, log });
  const source = createFakeKafka({ role: "source", now: () => clock.now() });
  const target = createFakeKafka({ role: "target", now: () => clock.now() });
  const store = createMemoryStore(clock);
  const positions = new Map<string, number>();
  await createTarget();

  async function createTarget(): Promise<void> {
    const configuration = { name: "c", description: "d", kafkaVersions: ["3.9.x"], properties: "" };
    const made = await msk.createConfiguration(configuration);
    await msk.createCluster(
      {
        name: targetName,
        kind: "standard",
        kafkaVersion: "3.9.x",
        instanceType: "kafka.m7g.large",
        brokers: 3,
        subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
        securityGroups: [SG_MSK],
        volumeGiB: 100,
        auth: "iam",
        transit: "tls",
        monitoring: "DEFAULT",
        prometheus: false,
        tags: {},
      },
      made,
    );
    passed += 31 * 60_000;
    // Settled now: faults that a test arms are not for it.
    await msk.findCluster(targetName);
  }

  async function copy(most = 100_000): Promise<void> {
    for (const { name, topics } of running(aws)) {
      for (const topic of topics) await copyTopic(name, topic, most);
    }
  }

  async function copyTopic(name: string, topic: string, most: number): Promise<void> {
    const starts = await source.cluster.offsets([topic], "start");
    for (const [partition, start] of (starts.get(topic) ?? []).entries()) {
      const key = `${name} ${topic}-${partition}`;
      const from = Math.max(positions.get(key) ?? 0, start ?? 0);
      for (const record of await source.cluster.read({ topic, partition }, from, { max: most })) {
        const { offset, ...draft } = record;
        target.append(topic, partition, { ...draft, headers: [...record.headers, ["__mskmr", "mark"]] });
        positions.set(key, offset + 1);
      }
    }
  }

  return {
    aws,
    source,
    target,
    clock,
    store,
    copy,
    repeat(topic, partition, records) {
      for (const { name } of running(aws)) {
        const key = `${name} ${topic}-${partition}`;
        positions.set(key, Math.max(0, (positions.get(key) ?? 0) - records));
      }
    },
    engine: (change = {}) =>
      createReplicatorEngine({
        migration: "shop",
        api: createReplicatorApi({ region: aws.region, log }),
        metrics: createReplicatorMetrics({ region: aws.region, log, clock }),
        settings: replicatorSettings,
        source: source.cluster,
        security: sourceSecurity,
        target: target.cluster,
        cluster: async () => {
          const found = await msk.findCluster(targetName);
          if (found === undefined) throw new FerryError("E_TARGET_ABSENT", "no cluster");
          return found;
        },
        subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
        securityGroups: [SG_MSK],
        store,
        log,
        clock,
        pollMs: 5 * 60_000,
        ...change,
      }),
    stop: () => aws.stop(),
  };
}

const Running = z.object({
  replicators: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      info: z.object({ TopicReplication: z.object({ TopicsToReplicate: z.array(z.string()) }) }),
    }),
  ),
});

function running(aws: AwsUnderTest): ReadonlyArray<{ name: string; topics: readonly string[] }> {
  return Running.parse(aws.control.state())
    .replicators.filter(({ state }) => state === "RUNNING" || state === "UPDATING")
    .map(({ name, info }) => ({
      name,
      topics: info.TopicReplication.TopicsToReplicate.flatMap((pattern) => topicOf(pattern) ?? []),
    }));
}
