import type { AssessedTopic, Assessment } from "#domain/assessment.ts";
import { sumKnown } from "#domain/assessment.ts";
import type { Disk } from "#domain/inventory.ts";
import { recommendedVersion } from "#domain/msk/data.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import type { StrayPosition } from "./positions.ts";

/** What the checks look at: the inventory, what is wanted of the migration, and what follows from both. */

export type Subject = Omit<Assessment, "findings">;

/** A topic that is on the target already. */
export type TargetTopic = { readonly partitions: number; readonly records: Known<number> };

/** What the inventory does not hold. What is absent was not looked at: what hangs on it is unknown. */
export type Context = {
  /** Names of topics that were deleted while it was looked at. */
  readonly vanished?: readonly string[];
  readonly settings?: Pick<MigrationSettings, "source" | "target" | "replication" | "waves">;
  /** Committed offsets outside of what their partitions hold. */
  readonly positions?: Known<readonly StrayPosition[]>;
  /** By name; empty while there is no target cluster. */
  readonly target?: Known<ReadonlyMap<string, TargetTopic>>;
  /** The active controller's broker id; `null`: there is none. */
  readonly controller?: number | null;
  /** The release of the workers that are to copy, where it was asked. */
  readonly workers?: Known<string>;
  /** Of each broker's log directories, in bytes. */
  readonly disks?: Known<readonly Disk[]>;
};

export type TargetKind = "standard" | "express" | "serverless";

/** Major and minor. */
export type Release = readonly [number, number];

export type View = Subject & {
  readonly context: Context;
  /** Topics that are to be copied: those of replication.topics and of waves, without Kafka's own. */
  readonly wanted: readonly AssessedTopic[];
  readonly release: Known<Release>;
  /** `undefined`: left to the plan. */
  readonly kind: TargetKind | undefined;
  /** As MSK writes it, "3.9.x.kraft": the one in ferry.yaml, or else MSK's recommendation. */
  readonly targetVersion: string;
  /** Copies of each partition on the target. */
  readonly targetReplicas: number;
  /** When the assessment was taken, in ms since the epoch. */
  readonly now: number;
  /** How long the first copy may take. */
  readonly copyMs: Known<number>;
};

export const dayMs = 86_400_000;

/** How fast a first copy is taken to be: one mirror, records of common sizes, a line that is not the limit. */
const copyBytesPerSecond = 20_000_000;
/** However little there is: approvals and the start of a wave take their time. */
export const leastCopyMs = 5 * 3_600_000;

export function viewOf(subject: Subject, context: Context): View {
  const target = context.settings?.target;
  const kind = kindOf(target?.shape);
  const wanted = wantedTopics(subject.topics, context.settings);
  return {
    ...subject,
    context,
    wanted,
    release: subject.version.known
      ? releaseOf(subject.version.value)
      : unknown(`the source's version is not known: ${subject.version.why}`),
    kind,
    targetVersion:
      target?.shape.kafkaVersion ?? recommendedVersion[kind === "express" ? "express" : "standard"],
    targetReplicas: kind === "express" ? 3 : (target?.replicationFactor ?? 3),
    now: Date.parse(subject.taken.at),
    copyMs: copyTime(wanted),
  };
}

type Shape = NonNullable<Context["settings"]>["target"]["shape"];

function kindOf(shape: Shape | undefined): TargetKind | undefined {
  if (shape?.kind !== undefined) return shape.kind;
  if (shape?.instanceType === undefined) return undefined;
  return shape.instanceType.startsWith("express.") ? "express" : "standard";
}

/** Patterns match whole names, as Connect does; a wave may name a topic that no pattern matches. */
function wantedTopics(
  topics: readonly AssessedTopic[],
  settings: Context["settings"],
): readonly AssessedTopic[] {
  const own = topics.filter(({ internal, role }) => !internal && role?.kind !== "kafka");
  if (settings === undefined) return own;
  const patterns = settings.replication.topics.map((pattern) => new RegExp(`^(?:${pattern})$`));
  const named = new Set((settings.waves ?? []).flatMap((wave) => wave.topics));
  return own.filter(({ name }) => named.has(name) || patterns.some((pattern) => pattern.test(name)));
}

/** "3.9", "3.9.1", "3.9.x.kraft". */
export function releaseOf(version: string): Known<Release> {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return unknown(`"${version}" names no release`);
  return known([Number(major), Number(minor)]);
}

export function isBefore(one: Release, other: Release): boolean {
  return one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]);
}

function copyTime(topics: readonly AssessedTopic[]): Known<number> {
  const { sum, unknown: missing } = sumKnown(topics.map(({ bytesOnDisk }) => bytesOnDisk));
  if (missing > 0)
    return unknown(`how long a first copy takes is not known: ${missing} topics do not tell their size`);
  return known(Math.max(leastCopyMs, (sum / copyBytesPerSecond) * 1000));
}

/**
 * A setting as it is in effect on the topic. `apache`: Kafka's default, for an inventory that does not name it. A topic
 * of which no setting was told is unknown.
 */
export function settingOf(view: Subject, topic: AssessedTopic, key: string, apache: string): Known<string> {
  const entry = topic.configs[key];
  if (entry?.value === null) return unknown(`the broker does not tell ${key} of ${topic.name}`);
  if (entry !== undefined) return known(entry.value);
  if (Object.keys(topic.configs).length === 0) {
    return unknown(`the broker told no setting of ${topic.name}: DESCRIBE_CONFIGS is needed`);
  }
  return known(view.topicDefaults[key] ?? apache);
}

export function numberOf(setting: Known<string>): Known<number> {
  if (!setting.known) return setting;
  const value = Number(setting.value);
  return Number.isNaN(value) ? unknown(`${setting.value} is not a number`) : known(value);
}

/** A setting of the brokers as it was written down; `undefined`: Apache's default is in effect. */
export function brokerSetting({ brokerConfigs }: Subject, key: string): string | null | undefined {
  return brokerConfigs[key];
}

/** A topic that holds nothing has no record to look at: clean, not unknown. */
export function nothingHeld({ offsetsHeld }: AssessedTopic): boolean {
  return offsetsHeld.known && offsetsHeld.value === 0;
}
