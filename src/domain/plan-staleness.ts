import type { Assessment } from "./assessment.ts";
import { canonical, hashOf } from "./canonical.ts";
import type { Plan } from "./plan.ts";
import type { Migration } from "./settings.ts";
import { planTopic } from "./topic-plan.ts";
import { selectGroups, selectTopics } from "./wave-selection.ts";

/** Whether a plan still is what would be planned now, and if not, which setting or part of the source changed. */

/** Parts of ferry.yaml from which a plan is made. */
const sections = ["source", "target", "replication", "waves", "clients", "cutover"] as const;

/** How fast is copied, not what: more tasks ask for no new plan. */
const pace = "replication.tasks";

/** Key, two levels deep, to a short hash of its value: values themselves are not kept. */
export function settingsMarks({ settings }: Migration): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sections.flatMap((section) => {
      const value = settings[section];
      if (value === undefined) return [];
      if (Array.isArray(value)) return [[section, mark(value)]];
      return Object.entries(value)
        .filter(([key, part]) => part !== undefined && `${section}.${key}` !== pace)
        .map(([key, part]) => [`${section}.${key}`, mark(part)]);
    }),
  );
}

function mark(value: unknown): string {
  return hashOf(value).slice(0, 16);
}

/** Each change in words, settings first; empty when the plan is fresh. `assessment`: the newest there is. */
export function planStaleness(
  plan: Plan,
  migration: Migration,
  assessment: Assessment | undefined,
): readonly string[] {
  const source =
    assessment === undefined || assessment.taken.at === plan.basis?.assessedAt
      ? []
      : sourceChanges(plan, migration, assessment);
  return [...settingsChanges(plan, migration), ...source];
}

function settingsChanges({ basis }: Plan, migration: Migration): readonly string[] {
  if (basis === undefined) return [];
  const now = settingsMarks(migration);
  const keys = [...new Set([...Object.keys(basis.settings), ...Object.keys(now)])].toSorted();
  return keys.filter((key) => basis.settings[key] !== now[key]).map((key) => `ferry.yaml: ${key} changed`);
}

function sourceChanges(plan: Plan, { settings }: Migration, assessment: Assessment): readonly string[] {
  if (assessment.clusterId !== plan.sourceClusterId) {
    return [`source: cluster ${assessment.clusterId}, planned ${plan.sourceClusterId}`];
  }
  const named = new Set((settings.waves ?? []).flatMap(({ topics }) => topics));
  const { selected } = selectTopics(assessment.topics, settings.replication.topics, named);
  const carried = new Map(selected.map((topic) => [topic.name, topic]));
  const planned = new Map(plan.topics.map((topic) => [topic.name, topic]));
  const { links } = selectGroups(assessment.groups, settings.replication.groups, carried);
  const groups = links.map(({ name }) => name);
  const kept = [...carried.values()].flatMap((topic) => {
    const before = planned.get(topic.name);
    if (before === undefined) return [];
    const now = planTopic(topic, plan.shape.kind, before.replicationFactor);
    if (now.partitions !== before.partitions)
      return [`source: ${topic.name} has ${now.partitions} partitions, planned ${before.partitions}`];
    return canonical(now.configs) === canonical(before.configs)
      ? []
      : [`source: settings of ${topic.name} changed`];
  });
  return [
    ...difference("topic", [...carried.keys()], [...planned.keys()]),
    ...kept,
    ...difference(
      "group",
      groups,
      plan.waves.flatMap((wave) => wave.groups),
    ),
  ];
}

function difference(what: string, now: readonly string[], before: readonly string[]): readonly string[] {
  const [present, known] = [new Set(now), new Set(before)];
  return [
    ...now.filter((name) => !known.has(name)).map((name) => `source: ${what} ${name} is new`),
    ...before.filter((name) => !present.has(name)).map((name) => `source: ${what} ${name} is gone`),
  ].toSorted();
}

const shown = 6;

/** For a message: the first changes, and how many more. */
export function stalenessText(changes: readonly string[]): string {
  const more = changes.length > shown ? [`and ${changes.length - shown} more`] : [];
  return [...changes.slice(0, shown), ...more].join("; ");
}
