import type { Assessment } from "./assessment.ts";
import type { EngineRow, Shape, Wave } from "./plan.ts";
import type { EngineCheck } from "./ports.ts";
import type { MigrationSettings } from "./settings.ts";
import type { Known } from "./topology.ts";
import { count } from "./wording.ts";

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

function replicatorRules(facts: EngineFacts): readonly Rule[] {
  return [
    replicatorVersion(facts.version),
    ...replicatorSource(facts.settings),
    ...replicatorTarget(facts),
    ...replicatorLoad(facts),
  ];
}

function replicatorVersion(version: Assessment["version"]): Rule {
  const needed = "it reads from Kafka 2.8.1 on";
  if (!version.known) {
    return unclear(
      "source version",
      `the source's release is not known: ${version.why}; ${needed}`,
      replicatorPage,
    );
  }
  const text = `the source is Kafka ${version.value}`;
  const compared = atLeast(version.value, [2, 8, 1]);
  if (compared === "unclear") return unclear("source version", `${text}; ${needed}`, replicatorPage);
  return rule("source version", compared === "enough", text, needed, replicatorPage);
}

function replicatorSource({ source }: MigrationSettings): readonly Rule[] {
  const { security } = source;
  const encrypted = security.protocol === "SSL" || security.protocol === "SASL_SSL";
  const tls = rule(
    "TLS on the source",
    encrypted,
    `source.security is ${security.protocol}`,
    "it needs a TLS listener",
    replicatorPage,
  );
  const name = "authentication on the source";
  if (security.protocol === "SSL") {
    const text = "whether the TLS listener takes client certificates is not written in ferry.yaml";
    return [tls, unclear(name, text, replicatorPage)];
  }
  const mechanism = "mechanism" in security ? security.mechanism : "none";
  const scram = mechanism.startsWith("SCRAM-");
  const needed = "it takes SCRAM, mutual TLS or OAUTHBEARER";
  return [tls, rule(name, scram, `the source authenticates by ${mechanism}`, needed, replicatorPage)];
}

function replicatorTarget({ settings, shape }: EngineFacts): readonly Rule[] {
  const zones = settings.target.subnets.length;
  const brokers = zones === 2 ? 4 : 3;
  const { auth } = settings.target;
  return [
    rule("IAM on the target", auth === "iam", `target.auth is ${auth}`, "it writes with IAM", replicatorPage),
    rule(
      "target brokers",
      shape.brokers >= brokers,
      `${count(shape.brokers, "broker")} in ${zones} zones`,
      `it needs ${brokers}`,
      replicatorPage,
    ),
    rule(
      "target type",
      shape.instanceType !== "kafka.t3.small",
      shape.instanceType,
      "it needs the class of m5.large or above",
      replicatorPage,
    ),
  ];
}

/** TopicCount, and the largest record within one Region: limits.html. */
const most = { topics: 750, recordBytes: 20 * 1024 * 1024 } as const;

function replicatorLoad({ settings, waves, largestRecord }: EngineFacts): readonly Rule[] {
  const wide = waves.find(({ topics }) => topics.length > most.topics);
  const topics =
    wide === undefined
      ? rule("topics", true, `no wave has more than ${most.topics} topics`, "", "limits.html")
      : rule(
          "topics",
          false,
          `wave ${wide.name} has ${wide.topics.length} topics`,
          `one takes ${most.topics}`,
          "limits.html",
        );
  const size = largestRecord.known
    ? rule(
        "record size",
        largestRecord.value <= most.recordBytes,
        `records of up to ${largestRecord.value} bytes`,
        `it copies up to ${most.recordBytes} within a Region`,
        "limits.html",
      )
    : unclear("record size", largestRecord.why, "limits.html");
  const once = rule(
    "exactly once",
    !settings.replication.exactlyOnce,
    settings.replication.exactlyOnce ? "replication.exactlyOnce is true" : "replication.exactlyOnce is false",
    "it copies at least once",
    "msk-replicator.html",
  );
  return [topics, size, once];
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
