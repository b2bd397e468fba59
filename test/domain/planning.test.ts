import { describe, expect, it } from "vitest";
import { planTopic } from "#domain/msk/topic-plan.ts";
import { configure } from "#domain/plan/msk-configuration.ts";
import { makePlan, planHash } from "#domain/plan/planning.ts";
import { planReport } from "#domain/report/plan-report.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { createSmallWork } from "#support/small-work.ts";

const topicOf = (configs: Record<string, [string | null, string]>) =>
  assessedTopic("t", {
    configs: Object.fromEntries(
      Object.entries(configs).map(([key, [value, origin]]) => [key, { value, origin }]),
    ),
  });

describe("a topic on MSK", () => {
  it("keeps what was set on it, and what it inherits from server.properties", () => {
    const topic = topicOf({
      "cleanup.policy": ["compact", "topic"],
      "retention.ms": ["172800000", "broker-static"],
      "log.flush.interval": ["1", "broker-static"],
    });
    const planned = planTopic(topic, { kind: "standard" }, 3);
    expect(planned).toMatchObject({ partitions: 3, replicationFactor: 3 });
    expect(planned.configs).toEqual({ "cleanup.policy": "compact", "retention.ms": "172800000" });
    expect(planned.adjusted).toEqual([
      expect.objectContaining({ key: "retention.ms", from: null, to: "172800000" }),
    ]);
  });

  it.each([
    { key: "message.timestamp.type", from: "LogAppendTime", to: "CreateTime" },
    { key: "unclean.leader.election.enable", from: "true", to: "false" },
    { key: "min.insync.replicas", from: "3", to: "2" },
    { key: "message.timestamp.before.max.ms", from: "3600000", to: "9223372036854775807" },
    { key: "segment.bytes", from: "1024", to: "1048576" },
    { key: "message.format.version", from: "2.8", to: null },
    { key: "leader.replication.throttled.replicas", from: "*", to: null },
    { key: "confluent.tier.enable", from: "true", to: null },
  ])("changes $key=$from to $to and says why", ({ key, from, to }) => {
    const planned = planTopic(topicOf({ [key]: [from, "topic"] }), { kind: "standard" }, 3);
    expect(planned.configs[key] ?? null).toBe(to);
    expect(planned.adjusted).toEqual([{ key, from, to, why: expect.stringMatching(/./) }]);
  });

  it("has only keys that Express takes, and room for old records there", () => {
    const topic = topicOf({
      "segment.bytes": ["2000000", "topic"],
      "max.message.bytes": ["2000000", "topic"],
    });
    const planned = planTopic(topic, { kind: "express" }, 3);
    expect(planned.configs).toEqual({
      "max.message.bytes": "2000000",
      "message.timestamp.after.max.ms": "9223372036854775807",
      "message.timestamp.before.max.ms": "9223372036854775807",
    });
    expect(planned.adjusted.map(({ key }) => key)).toContain("segment.bytes");
  });
});

it("tells what a topic inherited on the source and cannot have on MSK", () => {
  const topic = topicOf({
    "max.compaction.lag.ms": ["86400000", "broker-static"],
    "retention.ms": [null, "broker-dynamic"],
  });
  const { adjusted } = planTopic(topic, { kind: "express" }, 3);
  expect(adjusted).toEqual(
    expect.arrayContaining([
      {
        key: "max.compaction.lag.ms",
        from: "86400000",
        to: null,
        why: "in force there by server.properties of the source; 86400000 is less than 604800000",
      },
      expect.objectContaining({ key: "retention.ms", from: null, to: null }),
    ]),
  );
});

describe("the MSK configuration", () => {
  const brokerConfigs = {
    "auto.create.topics.enable": "true",
    "log.retention.hours": "48",
    "message.max.bytes": "5000000",
    "num.io.threads": "32",
    "log.dirs": "/data",
    "ssl.keystore.password": null,
    "log.message.timestamp.type": "LogAppendTime",
  };

  it("takes what MSK allows and decides what must be", () => {
    const { properties, reasons } = configure({ brokerConfigs }, { kind: "standard" }, 3);
    expect(properties).toEqual({
      "auto.create.topics.enable": "false",
      "default.replication.factor": "3",
      "log.retention.hours": "48",
      "message.max.bytes": "5000000",
      "min.insync.replicas": "2",
      "unclean.leader.election.enable": "false",
    });
    expect(reasons.map(({ what }) => what)).toEqual([
      "num.io.threads=32 of the source is not carried over",
      "log.message.timestamp.type=LogAppendTime of the source is not carried over",
      "2 broker settings of the source have no place in an MSK configuration",
    ]);
  });

  it("traces each value to the source's setting, or to the reason it was decided for", () => {
    const { properties, traces } = configure({ brokerConfigs }, { kind: "standard" }, 3);
    expect(traces.map(({ what }) => what)).toEqual(
      Object.entries(properties).map(([key, value]) => `${key}=${value}`),
    );
    const why = (key: string) => traces.find(({ what }) => what.startsWith(`${key}=`))?.why;
    expect(why("log.retention.hours")).toContain("as the source's brokers have it");
    expect(why("auto.create.topics.enable")).toMatch(/^decided: .*the source's brokers have true$/);
    expect(why("unclean.leader.election.enable")).toMatch(/^decided: .*MSK's own default.* is true/);
    expect(why("min.insync.replicas")).toContain("one less than the 3 replicas");
    const bare = configure({ brokerConfigs: {} }, { kind: "express" }, 3).traces;
    expect(bare.find(({ what }) => what === "message.max.bytes=1048588")?.why).toContain("Apache's default");
  });

  it("carries no class over that MSK's brokers do not have", () => {
    const apache = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
    expect(kept(apache).properties["replica.selector.class"]).toBe(apache);
    const own = kept("com.example.NearestSelector");
    expect(own.properties["replica.selector.class"]).toBeUndefined();
    expect(own.reasons[0]?.why).toContain("com.example.NearestSelector is no class of Apache Kafka");
  });

  it("gives large Standard brokers the threads that the guide asks for, and others none", () => {
    expect(threads("kafka.m7g.2xlarge", 300)).toEqual([undefined, undefined, undefined, true]);
    expect(threads("kafka.m5.4xlarge")).toEqual(["16", "8", undefined, false]);
    expect(threads("kafka.m5.12xlarge", 500)).toEqual(["48", "24", "14", false]);
    expect(threads("kafka.m5.24xlarge", 500)).toEqual(["96", "48", "16", false]);
    expect(threads("express.m7g.16xlarge")).toEqual([undefined, undefined, undefined, false]);
  });

  it("leaves out what Express refuses", () => {
    expect(configure({ brokerConfigs }, { kind: "express" }, 3).properties).toEqual({
      "auto.create.topics.enable": "false",
      "message.max.bytes": "5000000",
    });
  });
});

function kept(value: string) {
  return configure({ brokerConfigs: { "replica.selector.class": value } }, { kind: "standard" }, 3);
}

/** Settings for io, network and fetchers, and whether the source's own io threads are said to be left out. */
function threads(instanceType: string, provisionedThroughputMiBs?: number): readonly unknown[] {
  const kind = instanceType.startsWith("express.") ? "express" : "standard";
  const rate = provisionedThroughputMiBs === undefined ? {} : { provisionedThroughputMiBs };
  const brokerConfigs = { "num.io.threads": "32" };
  const { properties, reasons } = configure({ brokerConfigs }, { kind, instanceType, ...rate }, 3);
  const left = reasons.some(({ what }) => what.startsWith("num.io.threads=32"));
  const keys = ["num.io.threads", "num.network.threads", "num.replica.fetchers"];
  return [...keys.map((key) => properties[key]), left];
}

function scramOf(secret: string): object {
  const secretArns = [`arn:aws:secretsmanager:us-east-1:123456789012:secret:${secret}`];
  return { username: "ferry", passwordEnv: "P", secretArns };
}

describe("a plan", () => {
  const question = {
    migration: createSmallWork().migration,
    assessment: assessmentOf({
      topics: [assessedTopic("invoices"), assessedTopic("device-heartbeats")],
      groups: [assessedGroup("billing-app", ["invoices"])],
    }),
    creatable: unknown("E_AWS_UNREACHABLE no answer"),
    madeAt: "2026-11-22T14:00:00.000Z",
  };

  it("has the hash of its content, whenever it was made", () => {
    const made = makePlan(question);
    expect(planHash(made)).toBe(made.hash);
    expect(makePlan({ ...question, madeAt: "2027-01-01T00:00:00.000Z" }).hash).toBe(made.hash);
    expect(makePlan({ ...question, creatable: known(["3.9.x"]) }).hash).not.toBe(made.hash);
  });

  it("names what does not move, what was not checked, and each mistake of the guide", () => {
    const made = makePlan(question);
    const reasons = made.reasons.map(({ what, why }) => `${what}: ${why}`).join("\n");
    expect(reasons).toContain("topic device-heartbeats does not move");
    expect(reasons).toContain("not checked with AWS: E_AWS_UNREACHABLE");
    const said = made.corrections.map(({ what, why }) => `${what} ${why}`).join("\n");
    for (const mistake of [
      "3.5.1",
      "250 MiB/s",
      "unclean",
      "CreateCluster needs its ARN",
      "only creates the peering",
      "emit.consumer.offsets",
      "mm2-source-target",
      "broker id All",
    ]) {
      expect(said).toContain(mistake);
    }
  });

  it.each<[object, string]>([
    [{ auth: "iam", transit: "plaintext" }, "must be set to either TLS or TLS_PLAINTEXT"],
    [{ auth: "scram", transit: "tls-plaintext", scram: scramOf("AmazonMSK_a") }, "SASL over TLS_PLAINTEXT"],
    [{ auth: "scram", scram: scramOf("ferry") }, "Secret names must have the prefix 'AmazonMSK_'"],
    [{ auth: "tls" }, "at least one private certificate authority"],
    [{ auth: "tls", certificateAuthorities: ["arn:aws:acm:x"] }, "certificate authority ARNs"],
    [{ subnets: ["subnet-a", "subnet-a", "subnet-c"] }, "duplicate items"],
  ])("is none where MSK would refuse its requests: %j", (target, says) => {
    const { migration } = question;
    const settings = { ...migration.settings, target: { ...migration.settings.target, ...target } };
    expect(() => makePlan({ ...question, migration: { ...migration, settings } })).toThrow(
      expect.objectContaining({ code: "E_SETTINGS", message: expect.stringContaining(says) }),
    );
  });

  it("gives a topic no level of compression where the target's Kafka is too old for it", () => {
    const topic = assessedTopic("t", {
      configs: { "compression.gzip.level": { value: "9", origin: "topic" } },
    });
    const levels = (kafkaVersion: string) =>
      planTopic(topic, { kind: "standard", kafkaVersion }, 3).configs["compression.gzip.level"];
    expect(["3.6.0", "3.7.x.kraft", "3.8.x", "3.9.x", "4.1.x.kraft"].map(levels)).toEqual([
      undefined,
      undefined,
      "9",
      "9",
      "9",
    ]);
  });

  it("says of a version that its support has ended, and what to take", () => {
    const { migration } = question;
    const sayings = (kafkaVersion: string) => {
      const target = { ...migration.settings.target, shape: { kafkaVersion } };
      const settings = { ...migration.settings, target };
      const { reasons } = makePlan({ ...question, migration: { ...migration, settings } });
      return reasons
        .filter(({ what }) => what.startsWith("set target.shape.kafkaVersion"))
        .map(({ why }) => why);
    };
    expect(sayings("3.7.x")).toEqual([expect.stringContaining("support of 3.7.x ended on 2026-09-01")]);
    expect(sayings("3.9.x")).toEqual([]);
  });

  it("carries every topic of its waves, and only those", () => {
    const made = makePlan(question);
    expect(made.topics.map(({ name }) => name)).toEqual(made.waves.flatMap(({ topics }) => topics));
  });

  it("says first what the assessment found, how long it takes, and what is not known of the price", () => {
    const { assessment, migration } = question;
    const finding = {
      subject: "invoices",
      state: "found",
      evidence: "no leader",
      remedy: "bring it back",
    } as const;
    const findings = [{ ...finding, code: "PARTITIONS_OFFLINE", severity: "blocker" } as const];
    const screen = (change: Partial<typeof question>) =>
      planReport(makePlan({ ...question, ...change })).markdown.split("## MSK")[0] ?? "";
    const blocked = screen({ assessment: { ...assessment, findings } });
    expect(blocked).toContain("Not yet: 1 blocker to clear first.");
    expect(blocked).toContain("1. **blocker** invoices: no leader → bring it back");
    expect(blocked).toContain("first copy of 200 kB: under 1 s at 20 MB/s");
    expect(screen({})).not.toContain("Stale");
    expect(screen({})).toContain("at prices of 2026-11-22 in us-east-1");
    const target = { ...migration.settings.target, region: "eu-central-1" };
    const there = { ...migration, settings: { ...migration.settings, target } };
    expect(screen({ migration: there })).toMatch(/in us-east-1\. .*Unknown: prices in eu-central-1; /);
    const late = screen({ madeAt: "2027-03-01T00:00:00.000Z" });
    expect(late).toContain("**Stale:** the assessment is 98 days old (2026-11-22) and stale");
    expect(late).toContain("**Stale:** the price table is 99 days old (2026-11-22)");
  });

  it("can be read by people, without breaking its tables", () => {
    const { markdown } = planReport(makePlan(question));
    expect(markdown).toContain("/ferry cutover consumers invoices");
    const rows = markdown.split("\n").filter((line) => line.startsWith("| "));
    expect(rows.length).toBeGreaterThan(20);
  });
});
