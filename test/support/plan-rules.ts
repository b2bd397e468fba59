import type { Plan, PlannedTopic } from "#domain/plan.ts";

/**
 * What MSK refuses beyond the rules of its stand-in, written from the guide's figures and not from the planner: quotas,
 * SCRAM, and what brokers take as a topic. Each answers in words where a plan breaks it.
 */

type Verdict = string | undefined;

function verdict(broken: boolean, text: string): Verdict {
  return broken ? text : undefined;
}

/** limits.html: 30 brokers with ZooKeeper's metadata, 60 with KRaft. */
function brokerQuotaRule({ shape: { brokers, kafkaVersion } }: Plan): Verdict {
  const zookeeper = /^3\.(?:\d+\.x|[0-6]\.\d)$/.test(kafkaVersion);
  return verdict(brokers > (zookeeper ? 30 : 60), `${brokers} brokers with ${kafkaVersion}`);
}

const hardPartitions: ReadonlyMap<string, number> = new Map([
  ["express.m7g.large", 1500],
  ["express.m7g.xlarge", 2000],
  ["express.m7g.2xlarge", 4000],
  ["express.m7g.4xlarge", 8000],
  ["express.m7g.8xlarge", 16_000],
  ["express.m7g.12xlarge", 24_000],
  ["express.m7g.16xlarge", 32_000],
]);

/** limits.html: Express brokers create no partition beyond theirs. */
function hardPartitionRule({ shape, topics }: Plan): Verdict {
  const most = (hardPartitions.get(shape.instanceType) ?? Number.POSITIVE_INFINITY) * shape.brokers;
  const replicas = topics.reduce((sum, topic) => sum + topic.partitions * topic.replicationFactor, 0);
  return verdict(replicas > most, `${replicas} partition replicas on brokers for ${most}`);
}

/** msk-password.html: at most ten secrets a call, with MSK's prefix, of at most a thousand users. */
function secretsRule({ calls = [] }: Plan): Verdict {
  const named = calls
    .filter(({ call }) => call === "BatchAssociateScramSecret")
    .map(({ args }) => args["secretArns"]);
  const lists = named.map((list) => (Array.isArray(list) ? list.map(String) : []));
  const all = lists.flat();
  return (
    verdict(
      lists.some(({ length }) => length < 1 || length > 10),
      "a call with no secret, or more than 10",
    ) ??
    verdict(all.length > 1000, `${all.length} users`) ??
    verdict(
      all.some((arn) => !arn.includes(":secret:AmazonMSK_")),
      "a secret without MSK's prefix",
    )
  );
}

/** Topic settings that Kafka ended with 4.0, and what only a cluster with tiered storage takes. */
const neverOnMsk =
  /^(message\.format\.version|message\.downconversion\.enable|message\.timestamp\.difference\.max\.ms|remote\.|local\.|confluent\.|(leader|follower)\.replication\.throttled)/;
const levels = /^compression\.(gzip|lz4|zstd)\.level$/;
const beforeLevels = /^3\.[67]\./;

/** Apache's documentation of topic settings; KIP-390 for levels, KIP-1030 for the smallest segment. */
function topicRules(
  { name, configs, replicationFactor, partitions }: PlannedTopic,
  { shape }: Plan,
): readonly Verdict[] {
  const of = (key: string) => Number(configs[key] ?? Number.NaN);
  const keys = Object.keys(configs);
  const least = of("min.insync.replicas");
  const segment = of("segment.bytes");
  return [
    verdict(
      keys.some((key) => neverOnMsk.test(key)),
      `${name}: a key that MSK has not`,
    ),
    verdict(
      keys.some((key) => levels.test(key)) && beforeLevels.test(shape.kafkaVersion),
      `${name}: a compression level before Kafka 3.8`,
    ),
    verdict(
      replicationFactor > shape.brokers || replicationFactor < 1,
      `${name}: ${replicationFactor} replicas`,
    ),
    verdict(partitions < 1, `${name}: no partition`),
    verdict(least > replicationFactor, `${name}: min.insync.replicas above the replicas`),
    verdict(segment < 1_048_576, `${name}: segment.bytes ${segment}`),
    ...(shape.kind === "express" ? expressTopicRules(name, configs, replicationFactor) : []),
  ];
}

/** msk-configuration-express-read-write.html */
function expressTopicRules(
  name: string,
  configs: PlannedTopic["configs"],
  replicationFactor: number,
): readonly Verdict[] {
  const week = 7 * 86_400_000;
  const { "max.compaction.lag.ms": lag, "cleanup.policy": policy = "delete" } = configs;
  return [
    verdict(replicationFactor !== 3, `${name}: Express keeps three replicas`),
    verdict(lag !== undefined && !(Number(lag) >= week), `${name}: max.compaction.lag.ms ${lag}`),
    verdict(
      !/^(delete|compact|compact,delete|delete,compact)$/.test(policy),
      `${name}: cleanup.policy ${policy}`,
    ),
    // One day is the default there, and copies of older records are refused.
    verdict(
      !(Number(configs["message.timestamp.before.max.ms"]) > 86_400_000 * 365),
      `${name}: copies of old records are refused`,
    ),
  ];
}

/** Kafka refuses writes for ever where more replicas have to be in sync than there are. */
function writableRule({ configuration }: Plan): Verdict {
  const { "min.insync.replicas": least = "1", "default.replication.factor": all = "3" } = configuration;
  return verdict(Number(least) > Number(all), `min.insync.replicas ${least} of ${all}`);
}

/** msk-default-configuration.html: MSK's own default is true on Standard brokers. */
function uncleanRule({ shape, configuration }: Plan): Verdict {
  const decided = configuration["unclean.leader.election.enable"];
  return verdict(shape.kind === "standard" && decided !== "false", "unclean elections are not decided");
}

/** Empty where nothing of the plan would be refused. */
export function brokenRules(plan: Plan): readonly string[] {
  return [
    brokerQuotaRule(plan),
    hardPartitionRule(plan),
    secretsRule(plan),
    writableRule(plan),
    uncleanRule(plan),
    ...plan.topics.flatMap((topic) => topicRules(topic, plan)),
  ].filter((each) => each !== undefined);
}
