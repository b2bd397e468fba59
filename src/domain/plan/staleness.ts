import type { AssessedTopic, Assessment } from "#domain/assessment.ts";
import { canonical, hashOf } from "#domain/canonical.ts";
import { planTopic } from "#domain/msk/topic-plan.ts";
import type { Plan, PlannedTopic, Wave } from "#domain/plan.ts";
import type { Migration } from "#domain/settings.ts";
import { type Answers, standings } from "./questions.ts";
import { selectGroups, selectTopics } from "./wave-selection.ts";

/** Whether a plan still is what would be planned now, and if not, which setting or part of the source changed. */

/** Parts of ferry.yaml from which a plan is made. */
const sections = ["source", "target", "replication", "waves", "clients", "cutover"] as const;

/** Change nothing that is planned: how many tasks a mirror has, and what an assessment lists beside the cluster. */
const unmarked: ReadonlySet<string> = new Set(["replication.tasks", "source.connect"]);

/** Key, two levels deep, to a short hash of its value: values themselves are not kept. */
export function settingsMarks({ settings }: Migration): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sections.flatMap((section) => {
      const value = settings[section];
      if (value === undefined) return [];
      if (Array.isArray(value)) return [[section, mark(value)]];
      return Object.entries(value)
        .filter(([key, part]) => part !== undefined && !unmarked.has(`${section}.${key}`))
        .map(([key, part]) => [`${section}.${key}`, mark(part)]);
    }),
  );
}

function mark(value: unknown): string {
  return hashOf(value).slice(0, 16);
}

/** One difference between what the plan was made from and what is there now. */
export type PlanChange =
  | { readonly kind: "setting"; readonly key: string; readonly text: string }
  | { readonly kind: "cluster"; readonly text: string }
  | {
      readonly kind: "topic";
      readonly name: string;
      readonly what: "new" | "gone" | "partitions" | "settings";
      readonly text: string;
    }
  | { readonly kind: "group"; readonly name: string; readonly text: string }
  | { readonly kind: "answer"; readonly id: string; readonly text: string };

/** Each change in words, settings first; empty when the plan is fresh. `assessment`: the newest there is. */
export function planStaleness(
  plan: Plan,
  migration: Migration,
  assessment: Assessment | undefined,
  answers: Answers = {},
): readonly string[] {
  return planChanges(plan, migration, assessment, answers).map(({ text }) => text);
}

/** The same, for whoever asks which of them matter: settings, the source, answers. */
export function planChanges(
  plan: Plan,
  migration: Migration,
  assessment: Assessment | undefined,
  answers: Answers = {},
): readonly PlanChange[] {
  const source =
    assessment === undefined || assessment.taken.at === plan.basis?.assessedAt
      ? []
      : sourceChanges(plan, migration, assessment);
  return [...settingsChanges(plan, migration), ...source, ...answerChanges(plan, migration, answers)];
}

function settingsChanges({ basis }: Plan, migration: Migration): readonly PlanChange[] {
  if (basis === undefined) return [];
  const now = settingsMarks(migration);
  const keys = [...new Set([...Object.keys(basis.settings), ...Object.keys(now)])].toSorted();
  return keys
    .filter((key) => basis.settings[key] !== now[key])
    .map((key) => ({ kind: "setting", key, text: `ferry.yaml: ${key} changed` }));
}

/** Owners and window are named in requests as they then are: they change nothing that is planned. */
const unplanned = new Set(["owners", "window"]);

function answerChanges(
  { questions = [] }: Plan,
  migration: Migration,
  answers: Answers,
): readonly PlanChange[] {
  const now = new Map<string, string | null>(
    standings(migration, answers).map((each) => [each.question.id, each.value ?? null]),
  );
  return questions
    .filter(({ id, value }) => !unplanned.has(id) && now.get(id) !== undefined && now.get(id) !== value)
    .map(({ id, value }) => ({
      kind: "answer",
      id,
      text: `answers: ${id} is ${now.get(id) ?? "open"}, planned ${value ?? "open"}`,
    }));
}

function sourceChanges(plan: Plan, { settings }: Migration, assessment: Assessment): readonly PlanChange[] {
  if (assessment.clusterId !== plan.sourceClusterId) {
    const text = `source: cluster ${assessment.clusterId}, planned ${plan.sourceClusterId}`;
    return [{ kind: "cluster", text }];
  }
  const named = new Set((settings.waves ?? []).flatMap(({ topics }) => topics));
  const { selected } = selectTopics(assessment.topics, settings.replication.topics, named);
  const carried = new Map(selected.map((topic) => [topic.name, topic]));
  const planned = new Map(plan.topics.map((topic) => [topic.name, topic]));
  const { links } = selectGroups(assessment.groups, settings.replication.groups, carried);
  const groups = links.map(({ name }) => name);
  const kept = [...carried.values()].flatMap((topic) => keptTopic(topic, planned.get(topic.name), plan));
  return [
    ...difference([...carried.keys()], [...planned.keys()]).map(
      ([name, what]): PlanChange => ({ kind: "topic", name, what, text: `source: topic ${name} is ${what}` }),
    ),
    ...kept,
    ...difference(
      groups,
      plan.waves.flatMap((wave) => wave.groups),
    ).map(([name, what]): PlanChange => ({ kind: "group", name, text: `source: group ${name} is ${what}` })),
  ];
}

function keptTopic(
  topic: AssessedTopic,
  before: PlannedTopic | undefined,
  { shape }: Plan,
): readonly PlanChange[] {
  if (before === undefined) return [];
  const { name } = topic;
  const now = planTopic(topic, shape, before.replicationFactor);
  if (now.partitions !== before.partitions) {
    const text = `source: ${name} has ${now.partitions} partitions, planned ${before.partitions}`;
    return [{ kind: "topic", name, what: "partitions", text }];
  }
  if (canonical(now.configs) === canonical(before.configs)) return [];
  return [{ kind: "topic", name, what: "settings", text: `source: settings of ${name} changed` }];
}

function difference(
  now: readonly string[],
  before: readonly string[],
): ReadonlyArray<readonly [string, "new" | "gone"]> {
  const [present, known] = [new Set(now), new Set(before)];
  return [
    ...now.filter((name) => !known.has(name)).map((name) => [name, "new"] as const),
    ...before.filter((name) => !present.has(name)).map((name) => [name, "gone"] as const),
  ].toSorted(([a, x], [b, y]) => (`${a} ${x}` < `${b} ${y}` ? -1 : 1));
}

/** A step that is carried out from the plan, and what of the plan it rests on. */
export type PlannedStep =
  | { readonly step: "provision" | "network" }
  /** Waves whose mirrors it starts, and all topics of the others. */
  | { readonly step: "replicate start"; readonly waves: readonly Wave[]; readonly others: readonly Wave[] }
  | { readonly step: "cutover"; readonly wave: Wave };

/**
 * Settings that each step rests on, by the beginning of their keys. The engine is not among them: `replicate start` reads
 * it anew and takes mirrors of another one over. A wave that is under way keeps what it began with.
 */
const restsOn: Readonly<Record<PlannedStep["step"], readonly string[]>> = {
  provision: ["target.", "replication.topics"],
  network: [
    "source.network",
    "source.bootstrap",
    "target.cluster",
    "target.region",
    "target.subnets",
    "target.securityGroups",
    "target.auth",
    "target.transit",
  ],
  "replicate start": [
    "target.cluster",
    "target.region",
    "target.replicationFactor",
    "replication.topics",
    "replication.groups",
    "waves",
  ],
  cutover: [
    "target.cluster",
    "target.region",
    "replication.topics",
    "replication.groups",
    "waves",
    "clients",
    "cutover.fence",
  ],
};

/** Those changes that would make this step do something else than what was planned. */
export function changesFor(step: PlannedStep, changes: readonly PlanChange[]): readonly PlanChange[] {
  return changes.filter((change) => matters(step, change));
}

function matters(step: PlannedStep, change: PlanChange): boolean {
  switch (change.kind) {
    case "setting":
      return restsOn[step.step].some((key) => change.key.startsWith(key));
    case "cluster":
      return true;
    case "topic":
      return topicMatters(step, change);
    // Groups come and go; one that reads a wave's topics and is not in it fails the gate of that wave by itself.
    case "group":
      return false;
    case "answer":
      return step.step === "provision" && change.id === "growth";
  }
}

function topicMatters(step: PlannedStep, { name, what }: PlanChange & { readonly kind: "topic" }): boolean {
  switch (step.step) {
    case "provision":
      return what !== "settings";
    case "network":
      return false;
    // What a fence changes on topics of a wave that has moved is the bot's own doing.
    case "replicate start":
      return !step.others.some(({ topics }) => topics.includes(name));
    case "cutover":
      return step.wave.topics.includes(name) && what !== "settings";
  }
}

const shown = 6;

/** For a message: the first changes, and how many more. */
export function stalenessText(changes: readonly string[]): string {
  const more = changes.length > shown ? [`and ${changes.length - shown} more`] : [];
  return [...changes.slice(0, shown), ...more].join("; ");
}
