import type { AssessedTopic } from "#domain/assessment.ts";
import type { PlannedTopic } from "#domain/plan.ts";
import { type KeyRule, topicConfigKeys } from "./data.ts";

/** What a topic becomes on MSK: same partitions, and the settings of the source that are legal and right there. */

type Adjusted = PlannedTopic["adjusted"][number];
type Draft = { readonly configs: Map<string, string>; readonly adjusted: Adjusted[] };

/** Topic settings of Apache Kafka 3.9; others belong to a distribution and would be refused. */
const apacheKeys = new Set([
  "cleanup.policy",
  "compression.gzip.level",
  "compression.lz4.level",
  "compression.type",
  "compression.zstd.level",
  "delete.retention.ms",
  "file.delete.delay.ms",
  "flush.messages",
  "flush.ms",
  "index.interval.bytes",
  "max.compaction.lag.ms",
  "max.message.bytes",
  "message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms",
  "message.timestamp.type",
  "min.cleanable.dirty.ratio",
  "min.compaction.lag.ms",
  "min.insync.replicas",
  "preallocate",
  "retention.bytes",
  "retention.ms",
  "segment.bytes",
  "segment.index.bytes",
  "segment.jitter.ms",
  "segment.ms",
  "unclean.leader.election.enable",
]);

/** What a topic inherits from server.properties and readers would notice; the rest is the cluster's own affair. */
const inherited = new Set([
  "cleanup.policy",
  "compression.type",
  "delete.retention.ms",
  "max.compaction.lag.ms",
  "max.message.bytes",
  "message.timestamp.type",
  "min.compaction.lag.ms",
  "retention.bytes",
  "retention.ms",
]);

/** Ended with Kafka 4.0 (KIP-724, KIP-937), or tied to the source's brokers and disks. */
const gone = new Map([
  ["message.format.version", "Kafka 4.0 has only one format (KIP-724)"],
  ["message.downconversion.enable", "ended with Kafka 4.0 (KIP-724)"],
  [
    "message.timestamp.difference.max.ms",
    "ended with Kafka 4.0 (KIP-937), and would refuse copies of old records",
  ],
  ["leader.replication.throttled.replicas", "names brokers of the source"],
  ["follower.replication.throttled.replicas", "names brokers of the source"],
  ["remote.log.copy.disable", "tiered storage is decided after the migration"],
  ["remote.log.delete.on.disable", "tiered storage is decided after the migration"],
  ["remote.storage.enable", "tiered storage is decided after the migration"],
  ["local.retention.ms", "tiered storage is decided after the migration"],
  ["local.retention.bytes", "tiered storage is decided after the migration"],
]);

/** KIP-390: Kafka 3.8 brought levels of compression. */
const levels = /^compression\.(?:gzip|lz4|zstd)\.level$/;
const beforeLevels = /^3\.[0-7]\./;

const longMax = "9223372036854775807";
/** KIP-1030: what Kafka 4.0 accepts as the smallest segment. */
const smallestSegment = 1_048_576;

/** Brokers of the target; `kafkaVersion`: MSK's name of their release, the recommended one when absent. */
export type TopicHome = { readonly kind: "standard" | "express"; readonly kafkaVersion?: string };

/** The target topic; every key that was dropped, changed or added is in `adjusted`. */
export function planTopic(topic: AssessedTopic, home: TopicHome, replicationFactor: number): PlannedTopic {
  const draft: Draft = { configs: new Map(), adjusted: [] };
  const entries = Object.entries(topic.configs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, { value, origin }] of entries) {
    if (origin === "topic") carry(draft, key, value, home);
    else if (inherited.has(key)) inherit(draft, key, value, origin, home);
  }
  decide(draft, home.kind, replicationFactor);
  return {
    name: topic.name,
    partitions: topic.partitions,
    replicationFactor,
    configs: Object.fromEntries([...draft.configs].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    adjusted: draft.adjusted,
  };
}

function carry(draft: Draft, key: string, value: string | null, home: TopicHome): void {
  const why = value === null ? "the source does not tell its value" : problem(key, value, home);
  if (why !== undefined || value === null) {
    draft.adjusted.push({ key, from: value, to: null, why: why ?? "" });
    return;
  }
  draft.configs.set(key, value);
}

/** MirrorMaker 2 copies only what is set on the topic itself, and MSK's server.properties differ. */
function inherit(draft: Draft, key: string, value: string | null, origin: string, home: TopicHome): void {
  const from = origin === "default" ? "Kafka's default" : "server.properties of the source";
  const why = value === null ? "the source does not tell its value" : problem(key, value, home);
  if (why !== undefined || value === null) {
    // Readers of the topic live with it there, so that losing it is to be said as for its own setting.
    draft.adjusted.push({ key, from: value, to: null, why: `in force there by ${from}; ${why}` });
    return;
  }
  draft.configs.set(key, value);
  draft.adjusted.push({ key, from: null, to: value, why: `in force there by ${from}; written to the topic` });
}

function problem(key: string, value: string, { kind, kafkaVersion = "" }: TopicHome): string | undefined {
  const ended = gone.get(key);
  if (ended !== undefined) return ended;
  if (!apacheKeys.has(key)) return "not a topic setting of Apache Kafka 3.9";
  if (levels.test(key) && beforeLevels.test(kafkaVersion))
    return `Kafka ${kafkaVersion} has no such levels (KIP-390)`;
  const legal = topicConfigKeys[kind];
  if (legal === undefined) return undefined;
  const rule = legal.get(key);
  if (rule === undefined) return "Express brokers do not take it (msk-configuration-express-read-write.html)";
  return breaks(rule, value);
}

/** Why this value breaks the rule; `undefined` when it does not. */
export function breaks(rule: KeyRule, value: string): string | undefined {
  switch (rule.kind) {
    case "boolean":
      return value === "true" || value === "false" ? undefined : `${value} is neither true nor false`;
    case "number":
      return breaksNumber(rule, Number(value), value);
    case "text": {
      const wrong = value.split(",").find((part) => rule.oneOf?.includes(part.trim()) === false);
      return wrong === undefined ? undefined : `${wrong} is not one of ${rule.oneOf?.join(", ")}`;
    }
  }
}

function breaksNumber(rule: KeyRule & { kind: "number" }, value: number, text: string): string | undefined {
  if (text.trim() === "" || Number.isNaN(value)) return `${text} is not a number`;
  if (rule.min !== undefined && value < rule.min) return `${text} is less than ${rule.min}`;
  if (rule.max !== undefined && value > rule.max) return `${text} is more than ${rule.max}`;
  return undefined;
}

/** Where the source's setting would lose records, refuse copies, or stop writes on MSK. */
function decide(draft: Draft, kind: "standard" | "express", replicationFactor: number): void {
  if (draft.configs.get("message.timestamp.type") === "LogAppendTime") {
    change(
      draft,
      "message.timestamp.type",
      "CreateTime",
      "copies keep the source's time; set LogAppendTime again when the producers have moved",
    );
  }
  for (const key of ["message.timestamp.before.max.ms", "message.timestamp.after.max.ms"]) {
    if (kind === "express") {
      change(
        draft,
        key,
        longMax,
        "Express refuses records older than one day by default; copies of old records would be lost",
      );
    } else if (draft.configs.has(key)) {
      change(
        draft,
        key,
        longMax,
        "would refuse copies of old records; set it again when the producers have moved",
      );
    }
  }
  if (draft.configs.has("unclean.leader.election.enable")) {
    change(
      draft,
      "unclean.leader.election.enable",
      "false",
      "an unclean election loses acknowledged records",
    );
  }
  const most = Math.max(1, replicationFactor - 1);
  if (Number(draft.configs.get("min.insync.replicas") ?? 0) > most) {
    change(
      draft,
      "min.insync.replicas",
      String(most),
      `with ${replicationFactor} replicas more would stop writes whenever MSK patches a broker`,
    );
  }
  if (Number(draft.configs.get("segment.bytes") ?? smallestSegment) < smallestSegment) {
    change(
      draft,
      "segment.bytes",
      String(smallestSegment),
      "Kafka 4.0 accepts no smaller segment (KIP-1030)",
    );
  }
}

function change(draft: Draft, key: string, to: string, why: string): void {
  const from = draft.configs.get(key) ?? null;
  if (from === to) return;
  draft.configs.set(key, to);
  draft.adjusted.push({ key, from, to, why });
}
