import { readFileSync } from "node:fs";
import { type AssessedGroup, type AssessedTopic, Assessment } from "#domain/assessment.ts";
import type { Context, Subject } from "#domain/findings/view.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { known } from "#domain/topology.ts";

/**
 * The smallest changes of a recorded inventory. test/fixtures/assessment-3.9.json is what `/ferry assess` stored of the
 * lab's source (Kafka 3.9.2) in test/jobs/assess-findings.real.test.ts on 2026-11-23, with the migration's name and the folder of
 * the logs replaced, and without the rows of clean checks.
 */

/** The real inventory as it was recorded, with the topics and groups that were made to provoke findings. */
export function recordedAssessment(): Assessment {
  const path = new URL("../fixtures/assessment-3.9.json", import.meta.url);
  return Assessment.parse(JSON.parse(readFileSync(path, "utf8")));
}

const recorded = recordedAssessment();
/** Instead of what a small lab has, and of the ACL, the quota and the unknowns that the real test provoked. */
const roomy = {
  brokers: [1, 2, 3].map((id) => ({ id, host: `kafka-${id}`, rack: `zone-${id}` })),
  brokerConfigs: { "auto.create.topics.enable": "false" },
  acls: known([]),
  quotas: known([]),
  clients: { ...recorded.clients, unknown: [] },
};

/** Names of the recorded topic and group that nothing is wrong with. */
export const plainTopic = nameEnding(
  recorded.topics.map(({ name }) => name),
  "-plain",
);
export const plainGroup = nameEnding(
  recorded.groups.map(({ id }) => id),
  "-reader",
);

export type Change = {
  readonly subject?: Partial<Subject>;
  /** Of the plain topic. */
  readonly topic?: Partial<AssessedTopic>;
  /** Settings of the plain topic, as written on it. */
  readonly configs?: Readonly<Record<string, string | null>>;
  readonly group?: Partial<AssessedGroup>;
  readonly context?: Partial<Context>;
  /** As in ferry.yaml. */
  readonly shape?: Record<string, unknown>;
  readonly auth?: string;
  readonly engine?: string;
  readonly source?: Record<string, unknown>;
  readonly topics?: readonly string[];
};

export type Scene = { readonly subject: Subject; readonly context: Context };

export function scene(change: Change = {}): Scene {
  const { topic, group, configs = {} } = change;
  const plain = find(recorded.topics, ({ name }) => name === plainTopic);
  const own = Object.entries(configs).map(([key, value]) => [key, { value, origin: "topic" }] as const);
  const changed: AssessedTopic = {
    ...plain,
    replicationFactor: 3,
    ...topic,
    configs: { ...(topic?.configs ?? plain.configs), ...Object.fromEntries(own) },
  };
  const idle = find(recorded.groups, ({ id }) => id === plainGroup);
  const reader = { ...idle, protocolType: "consumer", usesAssign: known(false), ...group };
  return {
    subject: { ...recorded, ...roomy, topics: [changed], groups: [reader], ...change.subject },
    context: {
      settings: settingsOf(change),
      positions: known([]),
      target: known(new Map()),
      controller: 1,
      disks: known([{ broker: 1, total: 1e12, usable: 9e11 }]),
      ...change.context,
    },
  };
}

/** Another topic like the plain one. */
export function topicNamed(name: string, change: Partial<AssessedTopic> = {}): AssessedTopic {
  const { topics } = scene({ topic: { name, ...change } }).subject;
  return find(topics, () => true);
}

function settingsOf({
  shape = {},
  auth = "iam",
  engine = "connect",
  source = {},
  topics,
}: Change): MigrationSettings {
  return MigrationSettings.parse({
    channel: "C1",
    source: { bootstrap: ["kafka:9092"], ...source },
    target: {
      cluster: "t",
      region: "r",
      auth,
      scram: { username: "ferry", passwordEnv: "FERRY", secretArns: [] },
      subnets: ["a", "b", "c"],
      securityGroups: ["g"],
      shape: { kind: "standard", ...shape },
    },
    replication: {
      engine,
      connect: { url: "http://connect:8083" },
      replicator: {
        role: "arn:aws:iam::111122223333:role/replicator",
        scram: {
          mechanism: "SHA512",
          secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:AmazonMSK_ferry",
        },
      },
      ...(topics === undefined ? {} : { topics }),
    },
  });
}

function find<T>(all: readonly T[], is: (one: T) => boolean): T {
  const found = all.find(is);
  if (found === undefined) throw new Error("the recorded inventory does not hold what the tests change");
  return found;
}

function nameEnding(names: readonly string[], ending: string): string {
  return find(names, (name) => name.endsWith(ending));
}
