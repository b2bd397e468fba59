import type { Assessment } from "#domain/assessment.ts";
import {
  mostReplicators,
  type Prerequisite,
  prerequisites,
  topicProblems,
} from "#domain/mirror/replicator-rules.ts";
import type { EngineRow, Shape, Wave } from "#domain/plan.ts";
import type { EngineCheck } from "#domain/ports.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";

/**
 * What each engine asks of this migration, and whether that is so: before any cluster exists, from the assessment, the
 * planned shape and ferry.yaml. Sources: KIP-618, KIP-875, KIP-896; guide, msk-replicator-external-prereqs.html and
 * limits.html.
 */

export type EngineFacts = {
  readonly settings: MigrationSettings;
  readonly version: Assessment["version"];
  readonly shape: Shape;
  readonly waves: readonly Wave[];
  /** Largest `max.message.bytes` of the topics that move; unknown where a topic does not tell. */
  readonly largestRecord: Known<number>;
  /** What the engine of ferry.yaml answered when it was asked, or why it did not. */
  readonly check: Known<EngineCheck>;
};

type Rule = EngineRow["prerequisites"][number];

const replicatorPage = "msk-replicator-external-prereqs.html";

/** In the order of preference; the one of ferry.yaml is taken, whatever is recommended. */
export function engineRows(facts: EngineFacts): readonly EngineRow[] {
  const rules = [
    { name: "connect", what: strengths.connect, prerequisites: connectRules(facts) },
    { name: "mirrormaker", what: strengths.mirrormaker, prerequisites: mirrorMakerRules(facts) },
    { name: "replicator", what: strengths.replicator, prerequisites: replicatorRules(facts) },
  ] as const;
  const best = rules.find(({ prerequisites }) => prerequisites.every(({ state }) => state !== "fail"));
  const taken = facts.settings.replication.engine;
  return rules.map(({ name, what, prerequisites }) => ({
    name,
    what,
    taken: name === taken,
    recommended: name === best?.name,
    prerequisites: [...prerequisites],
  }));
}

const strengths = {
  connect:
    "MirrorMaker 2 on Kafka Connect: exactly once, one mirror per wave, offsets that can be read and set",
  mirrormaker:
    "dedicated MirrorMaker 2: needs no Connect cluster; has no REST, so that every change restarts its process",
  replicator: "MSK Replicator: managed; cannot pause, copies at least once, adds a header to each record",
} as const;

function rule(name: string, passes: boolean, text: string, needed: string, source: string): Rule {
  return { name, state: passes ? "pass" : "fail", text: passes ? text : `${text}; ${needed}`, source };
}

function unclear(name: string, text: string, source: string): Rule {
  return { name, state: "unknown", text, source };
}

function connectRules({ settings, check, version }: EngineFacts): readonly Rule[] {
  const { connect, engine } = settings.replication;
  const isSet = connect !== undefined;
  const set = rule(
    "a Connect cluster",
    isSet,
    isSet ? "replication.connect.url is set" : "replication.connect is not set",
    "name the workers' REST address",
    "docs/settings.md",
  );
  return [set, ...(engine === "connect" ? answered(check, settings) : []), oldBrokers(version)];
}

function mirrorMakerRules({ settings, check, version }: EngineFacts): readonly Rule[] {
  const { mirrormaker, engine } = settings.replication;
  const ready =
    mirrormaker !== undefined && (mirrormaker.run === "handed-over" || mirrormaker.home !== undefined);
  const set = rule(
    "an installed Kafka",
    ready,
    ready ? "replication.mirrormaker tells who runs it" : "replication.mirrormaker does not tell who runs it",
    "home of a Kafka of 3.9.2 or newer, or run: handed-over",
    "docs/settings.md",
  );
  return [set, ...(engine === "mirrormaker" ? answered(check, settings) : []), oldBrokers(version)];
}

/** What the engine itself said; only the one of ferry.yaml is asked. */
function answered(check: Known<EngineCheck>, settings: MigrationSettings): readonly Rule[] {
  if (!check.known) return [unclear("its own check", `it was not asked: ${check.why}`, "docs/runbook.md")];
  const { version, exactlyOnce, problems } = check.value;
  const own = rule(
    "its own check",
    problems.length === 0,
    problems.length === 0 ? `Kafka ${version} answers` : problems.join("; "),
    "correct the workers",
    "docs/runbook.md",
  );
  const once = rule(
    "exactly once",
    exactlyOnce || !settings.replication.exactlyOnce,
    exactlyOnce ? "exactly once is enabled" : "exactly once is not enabled",
    "set exactly.once.source.support=enabled on the workers, or replication.exactlyOnce to false",
    "KIP-618",
  );
  return [own, once];
}

/** Clients of Kafka 4 speak to brokers from 2.1 on, those of 3.9 to older ones too. */
function oldBrokers(version: Assessment["version"]): Rule {
  const name = "source version";
  if (!version.known) return unclear(name, `the source's release is not known: ${version.why}`, "KIP-896");
  const text = `the source is Kafka ${version.value}`;
  return atLeast(version.value, [2, 1]) === "older"
    ? unclear(name, `${text}; workers of Kafka 4 need 2.1, those of 3.9 take it`, "KIP-896")
    : rule(name, true, text, "", "KIP-896");
}

/** For people; the rules themselves are those that the Replicator is held to later. */
const replicatorNames: Readonly<Record<Prerequisite["name"], string>> = {
  "source-version": "source version",
  "source-tls": "TLS on the source",
  "source-authentication": "authentication on the source",
  "target-kind": "target kind",
  "target-iam": "IAM on the target",
  "target-brokers": "target brokers",
  "target-instance": "target type",
  "target-version": "target version",
  "same-account": "account of its role",
};

/** replicator-rules.ts, asked of the cluster that is planned. */
function replicatorRules(facts: EngineFacts): readonly Rule[] {
  const { settings, shape, version } = facts;
  const { cluster, auth, subnets } = settings.target;
  const met = prerequisites({
    version,
    security: settings.source.security,
    settings: settings.replication.replicator,
    target: { ...shape, name: cluster, auth: [auth], subnets },
  });
  return [
    ...met.map(({ name, state, text }) => ({
      name: replicatorNames[name],
      state,
      text,
      source: replicatorPage,
    })),
    ...replicatorLoad(facts),
  ];
}

function replicatorLoad({ settings, waves, largestRecord }: EngineFacts): readonly Rule[] {
  const wide = waves.flatMap(({ name, topics }) =>
    topicProblems(topics.map((topic) => ({ name: topic }))).map((problem) => `wave ${name}: ${problem}`),
  );
  const many =
    waves.length > mostReplicators
      ? [
          `the plan has ${waves.length} waves, each with a Replicator of its own; an account has ${mostReplicators}`,
        ]
      : [];
  const [problem] = [...wide, ...many];
  const topics: Rule = {
    name: "topics",
    state: problem === undefined ? "pass" : "fail",
    text: problem ?? "one Replicator carries each wave's topics",
    source: "limits.html",
  };
  const once = rule(
    "exactly once",
    !settings.replication.exactlyOnce,
    settings.replication.exactlyOnce ? "replication.exactlyOnce is true" : "replication.exactlyOnce is false",
    "it copies at least once",
    "msk-replicator.html",
  );
  return [topics, recordSize(largestRecord), once];
}

function recordSize(largest: Known<number>): Rule {
  const [name, source] = ["record size", "limits.html"];
  if (!largest.known) return unclear(name, largest.why, source);
  const [problem] = topicProblems([{ name: "a topic that moves", maxMessageBytes: largest.value }]);
  return problem === undefined
    ? { name, state: "pass", text: `records of up to ${largest.value} bytes`, source }
    : { name, state: "fail", text: problem, source };
}

/** "2.8" may be 2.8.0 or 2.8.1. */
function atLeast(version: string, wanted: readonly number[]): "enough" | "older" | "unclear" {
  const parts = version.split(".").map(Number);
  for (const [index, least] of wanted.entries()) {
    const part = parts[index];
    if (part === undefined || !Number.isInteger(part)) return "unclear";
    if (part !== least) return part > least ? "enough" : "older";
  }
  return "enough";
}
