import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { creationInput } from "#adapters/msk-shapes.ts";
import type { AssessedTopic } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import { makePlan } from "#domain/plan/planning.ts";
import { clusterRequest, configurationRequest } from "#domain/plan/provisioning.ts";
import type { Plan } from "#domain/plan.ts";
import { type Migration, MigrationSettings } from "#domain/settings.ts";
import { known, unknown } from "#domain/topology.ts";
import { provisionedRequest } from "#lab/aws/msk-model.ts";
import {
  authenticationRule,
  brokerCountRule,
  clusterNameRule,
  configurationNameRule,
  configurationVersionRule,
  connectivityAtCreateRule,
  expressTopicRule,
  instanceTypeRule,
  loggingRule,
  propertiesForBrokersRule,
  propertiesRule,
  secretRule,
  storageRule,
  subnetRule,
  versionRule,
} from "#lab/aws/rules-msk.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { brokenRules } from "#support/plan-rules.ts";

/**
 * Plans over random clusters against the rules of the stand-in of AWS, which were written by themselves from recorded
 * answers of the API: the planner may refuse a setting, but never sends what MSK would.
 */

const brokerConfigs = fc.dictionary(
  fc.constantFrom(
    "auto.create.topics.enable",
    "log.retention.hours",
    "log.cleaner.min.cleanable.ratio",
    "replica.lag.time.max.ms",
    "zookeeper.session.timeout.ms",
    "message.max.bytes",
    "compression.type",
    "log.cleanup.policy",
    "log.message.timestamp.type",
    "unclean.leader.election.enable",
    "num.io.threads",
    "listeners",
    "broker.id",
    "log.dirs",
    "inter.broker.protocol.version",
    "socket.send.buffer.bytes",
    "transactional.id.expiration.ms",
    "allow.everyone.if.no.acl.found",
  ),
  fc.constantFrom(
    "true",
    "false",
    "0",
    "-1",
    "-5",
    "0.5",
    "7",
    "18000",
    "99999999",
    "zstd",
    "compact,delete",
    "LogAppendTime",
    "nonsense",
    "",
  ),
);

const topicConfigs = fc.dictionary(
  fc.constantFrom(
    "retention.ms",
    "segment.bytes",
    "min.insync.replicas",
    "cleanup.policy",
    "max.compaction.lag.ms",
    "message.timestamp.type",
    "compression.type",
    "message.format.version",
    "message.downconversion.enable",
    "message.timestamp.difference.max.ms",
    "message.timestamp.before.max.ms",
    "compression.zstd.level",
    "remote.storage.enable",
    "local.retention.ms",
    "confluent.placement.constraints",
    "follower.replication.throttled.replicas",
    "unclean.leader.election.enable",
  ),
  fc
    .constantFrom(
      "1",
      "-1",
      "5",
      "true",
      "1024",
      "604800000",
      "compact",
      "delete",
      "LogAppendTime",
      "gzip",
      "nonsense",
    )
    .map((value) => ({ value, origin: "topic" })),
);

const topic = fc.record({
  partitions: fc.integer({ min: 1, max: 2000 }),
  rate: fc.option(fc.double({ min: 0, max: 1e5, noNaN: true })),
  bytes: fc.option(fc.integer({ min: 0, max: 10 ** 13 })),
  configs: topicConfigs,
});

const shape = fc.record(
  {
    kind: fc.constantFrom("standard", "express"),
    instanceType: fc.constantFrom(
      "kafka.t3.small",
      "kafka.m5.large",
      "kafka.m7g.2xlarge",
      "kafka.m5.4xlarge",
      "express.m7g.large",
      "express.m7g.xlarge",
    ),
    brokers: fc.constantFrom(2, 3, 4, 6, 9, 33, 63),
    volumeGiB: fc.constantFrom(1, 5, 10, 16_384),
    provisionedThroughputMiBs: fc.constantFrom(100, 250, 312, 500, 593, 1000),
    kafkaVersion: fc.constantFrom(
      "3.5.1",
      "3.6.0",
      "3.7.x",
      "3.9.x",
      "3.9.x.kraft",
      "4.0.x.kraft",
      "4.2.x.kraft",
    ),
  },
  { requiredKeys: [] },
);

const cluster = fc.record({
  brokerConfigs,
  topics: fc.array(topic, { minLength: 1, maxLength: 6 }),
  shape: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: shape }),
  zones: fc.constantFrom(2, 3),
  replicationFactor: fc.constantFrom(2, 3),
  auth: fc.constantFrom("iam", "scram", "tls", "unauthenticated"),
  secrets: fc.constantFrom(0, 1, 11, 1001),
  prefix: fc.constantFrom("AmazonMSK_", "AmazonMSK_", "AmazonMSK_", "other_"),
  authorities: fc.constantFrom(
    [],
    ["arn:aws:acm-pca:us-east-1:1:certificate-authority/a"],
    ["arn:aws:acm:x"],
  ),
  sameSubnet: fc.constantFrom(false, false, false, true),
  logGroup: fc.constantFrom(undefined, "/msk"),
  transit: fc.constantFrom("tls", "tls-plaintext", "plaintext"),
});
type Drawn = typeof cluster extends fc.Arbitrary<infer T> ? T : never;

function topicOf(
  { partitions, rate, bytes, configs }: Drawn["topics"][number],
  index: number,
): AssessedTopic {
  return assessedTopic(`t${index}`, {
    partitions,
    configs,
    compacted: configs["cleanup.policy"]?.value === "compact",
    recordsPerSecond: rate === null ? unknown("no leader") : known(rate),
    bytesOnDisk: bytes === null ? unknown("not told") : known(bytes),
  });
}

const creatable = known([
  "3.6.0",
  "3.7.x",
  "3.7.x.kraft",
  "3.8.x",
  "3.8.x.kraft",
  "3.9.x",
  "3.9.x.kraft",
  "4.0.x.kraft",
  "4.1.x.kraft",
  "4.2.x.kraft",
]);

function secretsOf({ secrets, prefix }: Drawn): readonly string[] {
  return Array.from(
    { length: secrets },
    (_, index) => `arn:aws:secretsmanager:us-east-1:123456789012:secret:${prefix}${index}-a1b2c3`,
  );
}

/** `undefined` where the planner refuses ferry.yaml. */
function planned(drawn: Drawn): { readonly plan: Plan; readonly migration: Migration } | undefined {
  const migration = {
    name: "orders",
    settings: MigrationSettings.parse({
      channel: "C1",
      source: { bootstrap: ["kafka:9092"] },
      target: {
        cluster: "migrated",
        region: "us-east-1",
        auth: drawn.auth,
        transit: drawn.transit,
        ...(drawn.auth === "scram"
          ? { scram: { username: "u", passwordEnv: "P", secretArns: secretsOf(drawn) } }
          : {}),
        certificateAuthorities: drawn.authorities,
        logGroup: drawn.logGroup,
        subnets: ["subnet-a", drawn.sameSubnet ? "subnet-a" : "subnet-b", "subnet-c"].slice(0, drawn.zones),
        securityGroups: ["sg-1"],
        replicationFactor: drawn.replicationFactor,
        shape: drawn.shape,
      },
      replication: { connect: { url: "http://connect:8083" } },
    }),
  };
  const topics = drawn.topics.map(topicOf);
  const groups = [
    assessedGroup(
      "app",
      topics.map(({ name }) => name),
    ),
  ];
  const assessment = assessmentOf({ topics, groups, brokerConfigs: drawn.brokerConfigs });
  try {
    return {
      migration,
      plan: makePlan({ migration, assessment, creatable, madeAt: "2026-11-22T14:00:00.000Z" }),
    };
  } catch (thrown) {
    if (thrown instanceof FerryError && thrown.code === "E_SETTINGS") return undefined;
    throw thrown;
  }
}

/** What MSK would refuse, in its words. */
function refusals(plan: Plan, migration: Migration, drawn: Drawn): readonly string[] {
  const configuration = configurationRequest(plan, migration);
  const sent = clusterRequest(plan, migration);
  const request = provisionedRequest.parse(creationInput(sent, { arn: "arn", revision: 1 }).Provisioned);
  const { instanceType } = plan.shape;
  return [
    clusterNameRule(sent.name),
    configurationNameRule(configuration.name),
    configurationVersionRule(configuration.kafkaVersions),
    propertiesRule(configuration.properties),
    propertiesForBrokersRule(configuration.properties, instanceType),
    versionRule(plan.shape.kafkaVersion, instanceType),
    instanceTypeRule(instanceType, plan.shape.kafkaVersion),
    subnetRule(sent.subnets, instanceType),
    brokerCountRule(sent.brokers, drawn.zones),
    storageRule(request),
    connectivityAtCreateRule(request),
    loggingRule(request.LoggingInfo),
    authenticationRule(
      request.ClientAuthentication,
      request.EncryptionInfo?.EncryptionInTransit?.ClientBroker ?? "",
      request.EncryptionInfo?.EncryptionInTransit?.InCluster ?? true,
    ),
    ...(migration.settings.target.scram?.secretArns ?? []).map((arn) =>
      secretRule(arn, "123456789012", "us-east-1"),
    ),
    ...brokenRules(plan),
    ...(plan.shape.kind === "express"
      ? plan.topics.map(({ configs }) => expressTopicRule(Object.keys(configs)))
      : []),
  ].filter((verdict) => verdict !== undefined);
}

describe("the requests of a plan", () => {
  it("hold to what MSK asks of them, over random clusters and settings", () => {
    const kinds = new Set<string>();
    let sent = 0;
    fc.assert(
      fc.property(cluster, (drawn) => {
        const made = planned(drawn);
        if (made === undefined) return;
        sent += 1;
        kinds.add(`${made.plan.shape.kind} ${drawn.auth}`);
        expect(refusals(made.plan, made.migration, drawn)).toEqual([]);
        expect(
          made.plan.topics.every(({ replicationFactor }) => replicationFactor <= made.plan.shape.brokers),
        ).toBe(true);
      }),
      { numRuns: 800 },
    );
    expect(sent).toBeGreaterThan(100);
    expect(kinds).toContain("standard scram");
    expect(kinds).toContain("standard tls");
  });
});
