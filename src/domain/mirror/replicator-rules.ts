import type { MskCluster } from "#domain/msk.ts";
import type { ReplicatorSettings } from "#domain/replicator-settings.ts";
import type { Security } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";

/**
 * What MSK Replicator asks of a migration, checked before AWS is asked. Pages: msk-replicator-external-prereqs,
 * msk-replicator-cross-account and limits of the MSK developer guide. Every failing rule names the value it met.
 */

export type ReplicatorFacts = {
  /** Release of the source, as "3.9" or "2.8.1". */
  readonly version: Known<string>;
  readonly security: Security;
  /** `undefined`: ferry.yaml has no section for it; then what is known of the bot's own listener counts. */
  readonly settings: ReplicatorSettings | undefined;
  readonly target: ReplicatorTarget;
};

/** A cluster that exists, or one that is planned and has no ARN yet. */
type ReplicatorTarget = Pick<
  MskCluster,
  "name" | "kind" | "auth" | "subnets" | "brokers" | "instanceType" | "kafkaVersion"
> & { readonly arn?: string | undefined };

export type Prerequisite = {
  readonly name:
    | "source-version"
    | "source-tls"
    | "source-authentication"
    | "target-kind"
    | "target-iam"
    | "target-brokers"
    | "target-instance"
    | "target-version"
    | "same-account";
  readonly state: "pass" | "fail" | "unknown";
  /** What was met, and what is needed where that differs. */
  readonly text: string;
};

/** The oldest release that a Replicator reads from, and writes equal topic names to. */
const oldest = [2, 8, 1] as const;

/** Every prerequisite that can be told from facts; routes, secrets and the role's rights only AWS itself finds out. */
export function prerequisites(facts: ReplicatorFacts): readonly Prerequisite[] {
  return [
    sourceVersion(facts.version),
    sourceTls(facts),
    sourceAuthentication(facts),
    ...targetRules(facts.target),
    ...sameAccount(facts),
  ];
}

/** Texts of those that fail or are not known. */
export function replicatorProblems(facts: ReplicatorFacts): readonly string[] {
  return prerequisites(facts)
    .filter(({ state }) => state !== "pass")
    .map(({ text }) => text);
}

function rule(name: Prerequisite["name"], passes: boolean, met: string, needed: string): Prerequisite {
  return { name, state: passes ? "pass" : "fail", text: passes ? met : `${met}; ${needed}` };
}

function sourceVersion(version: Known<string>): Prerequisite {
  const name = "source-version";
  const needed = "MSK Replicator reads from Kafka 2.8.1 on";
  if (!version.known) {
    return {
      name,
      state: "unknown",
      text: `the source's release is not known (${version.why}); ${needed}`,
    };
  }
  const compared = compareRelease(version.value);
  if (compared === "unclear") {
    return { name, state: "unknown", text: `the source is Kafka ${version.value}; ${needed}` };
  }
  return rule(name, compared === "enough", `the source is Kafka ${version.value}`, needed);
}

/** "2.8" may be 2.8.0 or 2.8.1; "3.9.x" and "3.9.x.kraft" are MSK's names. */
function compareRelease(version: string): "enough" | "older" | "unclear" {
  const parts = version.split(".");
  for (const [index, wanted] of oldest.entries()) {
    const part = parts[index];
    const number = Number(part);
    if (part === undefined || !Number.isInteger(number)) return "unclear";
    if (number !== wanted) return number > wanted ? "enough" : "older";
  }
  return "enough";
}

function sourceTls({ security, settings }: ReplicatorFacts): Prerequisite {
  const name = "source-tls";
  if (settings?.bootstrap !== undefined) {
    return {
      name,
      state: "pass",
      text: `replication.replicator.bootstrap names ${settings.bootstrap.join(",")}`,
    };
  }
  const encrypted = security.protocol === "SSL" || security.protocol === "SASL_SSL";
  return rule(
    name,
    encrypted,
    `source.bootstrap is reached by ${security.protocol}`,
    "a Replicator needs a TLS listener: name it in replication.replicator.bootstrap",
  );
}

function sourceAuthentication({ security, settings }: ReplicatorFacts): Prerequisite {
  const name = "source-authentication";
  if (settings === undefined) return listenerAuthentication(security);
  const { scram, mtls, bootstrap } = settings;
  const one = (scram === undefined) !== (mtls === undefined);
  if (!one) {
    const met = scram === undefined ? "neither scram nor mtls is set" : "both scram and mtls are set";
    return rule(name, false, `replication.replicator: ${met}`, "a Replicator authenticates by one of them");
  }
  const way = scram === undefined ? "mutual TLS" : `SASL/SCRAM ${scram.mechanism}`;
  // The listener of the bot itself tells what it takes; one named apart is not known.
  if (bootstrap === undefined && "mechanism" in security && security.mechanism === "PLAIN") {
    const met = "the listener of source.bootstrap takes SASL PLAIN";
    return rule(name, false, met, `a Replicator authenticates by SCRAM, mutual TLS or OAUTHBEARER`);
  }
  return rule(name, true, `the Replicator authenticates to the source by ${way}`, "");
}

/** Where nothing is written about the Replicator: what the bot's own listener takes. */
function listenerAuthentication(security: Security): Prerequisite {
  const name = "source-authentication";
  if (security.protocol === "SSL") {
    const text = "whether the TLS listener takes client certificates is not written in ferry.yaml";
    return { name, state: "unknown", text };
  }
  const mechanism = "mechanism" in security ? security.mechanism : "none";
  return rule(
    name,
    mechanism.startsWith("SCRAM-"),
    `the source authenticates by ${mechanism}`,
    "a Replicator authenticates by SCRAM, mutual TLS or OAUTHBEARER",
  );
}

function targetRules(target: ReplicatorTarget): readonly Prerequisite[] {
  const kind = rule(
    "target-kind",
    target.kind !== "serverless",
    `${target.name} is ${target.kind}`,
    "a Replicator copies to provisioned clusters only",
  );
  if (target.kind === "serverless") return [kind];
  const zones = target.subnets.length;
  const needed = zones === 2 ? 4 : 3;
  return [
    kind,
    rule(
      "target-iam",
      target.auth.includes("iam"),
      `${target.name} authenticates by ${target.auth.join(", ")}`,
      "a Replicator writes with IAM, which must be turned on",
    ),
    rule(
      "target-brokers",
      target.brokers >= needed,
      `${target.name} has ${target.brokers} brokers in ${zones} zones`,
      `a Replicator needs ${needed} of them`,
    ),
    rule(
      "target-instance",
      !/\.t\d|\.(?:nano|micro|small|medium)$/.test(target.instanceType),
      `${target.name} has ${target.instanceType} brokers`,
      "a Replicator needs the class of m5.large or above",
    ),
    targetVersion(target),
  ];
}

function targetVersion({ name, kafkaVersion }: ReplicatorTarget): Prerequisite {
  const compared = compareRelease(kafkaVersion);
  const met = `${name} runs Kafka ${kafkaVersion}`;
  const needed = "a Replicator keeps topic names from Kafka 2.8.1 on";
  if (compared === "unclear") return { name: "target-version", state: "unknown", text: `${met}; ${needed}` };
  return rule("target-version", compared === "enough", met, needed);
}

/** Of a planned cluster it is not asked: the bot makes it in the account whose credentials it has. */
function sameAccount({ settings, target }: ReplicatorFacts): readonly Prerequisite[] {
  if (settings === undefined || target.arn === undefined) return [];
  const [role, cluster] = [accountOf(settings.role), accountOf(target.arn)];
  return [
    rule(
      "same-account",
      role === cluster,
      `the role is of account ${role}, ${target.name} of ${cluster}`,
      "a Replicator takes no role of another account",
    ),
  ];
}

/** arn:partition:service:region:account:… */
function accountOf(arn: string): string {
  return arn.split(":")[4] ?? "";
}

/** Why no cutover begins on this engine, and what to do. From the first step of a cutover on it cannot be changed. */
export const noMirrorBack =
  "a Replicator cannot be the mirror back that keeps the source in step: set replication.engine to connect and run `/ferry replicate start`, which takes the copy over";

/** Topics that one Replicator copies at most (TopicCount). */
const mostTopics = 750;
/** Replicators that an account may have, unless AWS has raised its quota. */
export const mostReplicators = 15;
/** Longest pattern that the API takes. */
const longestPattern = 249;
/** Largest record within one Region, in bytes. */
const largestRecord = 20 * 1024 * 1024;

export type CarriedTopic = {
  readonly name: string;
  /** Of the source. */
  readonly maxMessageBytes?: number | undefined;
  /** `message.timestamp.type` of the target. */
  readonly timestampType?: string | undefined;
};

/** Why one Replicator could not carry these topics. */
export function topicProblems(topics: readonly CarriedTopic[]): readonly string[] {
  const many =
    topics.length > mostTopics
      ? [`the wave has ${topics.length} topics; a Replicator copies ${mostTopics} at most: divide the wave`]
      : [];
  const long = topics
    .filter(({ name }) => topicPattern(name).length > longestPattern)
    .map(
      ({ name }) =>
        `the pattern for ${name} has ${topicPattern(name).length} characters; the API takes ${longestPattern}`,
    );
  const large = topics
    .filter(({ maxMessageBytes = 0 }) => maxMessageBytes > largestRecord)
    .map(
      ({ name, maxMessageBytes }) =>
        `${name} allows records of ${maxMessageBytes} bytes; a Replicator copies up to ${largestRecord} within a Region`,
    );
  const stamped = topics
    .filter(({ timestampType }) => timestampType === "LogAppendTime")
    .map(
      ({ name }) =>
        `${name} has message.timestamp.type=LogAppendTime on MSK; how far a Replicator came is found by records and their timestamps: set CreateTime`,
    );
  return [...many, ...long, ...large, ...stamped];
}

/** The API takes regular expressions: a dot would stand for any character. No other character of a topic's name does. */
export function topicPattern(topic: string): string {
  return topic.replaceAll(".", "\\.");
}

/** The topic that a pattern of `topicPattern` stands for; `undefined` for a pattern of somebody else's. */
export function topicOf(pattern: string): string | undefined {
  const name = pattern.replaceAll("\\.", ".");
  return /^[\w.-]+$/.test(name) && topicPattern(name) === pattern ? name : undefined;
}
