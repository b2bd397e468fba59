import { grown, type LoadSample, loadMark, measuredLoad } from "#domain/assess/load-history.ts";
import type { ObservedWriter } from "#domain/assess/observed-writers.ts";
import { type Load, loadOf } from "#domain/assess/sizing-load.ts";
import type { AssessedTopic, Assessment } from "#domain/assessment.ts";
import { hashOf } from "#domain/canonical.ts";
import { FerryError } from "#domain/errors.ts";
import { assessedInShort } from "#domain/findings/summary.ts";
import { checkSecrets } from "#domain/msk/access-rules.ts";
import { recordedVersions } from "#domain/msk/data.ts";
import { checkCluster, checkConfiguration, violationText } from "#domain/msk/rules.ts";
import { planTopic } from "#domain/msk/topic-plan.ts";
import type { EngineRow, Plan, Reason, Wave } from "#domain/plan.ts";
import type { EngineCheck } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import type { AwsSize } from "./aws-sizing.ts";
import { callsOf } from "./calls.ts";
import { corrections } from "./corrections.ts";
import { migrationCosts, monthlyCosts } from "./costs.ts";
import { engineRows } from "./engine-choice.ts";
import { configure } from "./msk-configuration.ts";
import { clusterRequest } from "./provisioning.ts";
import { type Answers, growthFactor, plannedQuestion, standings, stayOf } from "./questions.ts";
import { serverless } from "./serverless.ts";
import { chooseShape } from "./shape-choice.ts";
import { shapeReasons } from "./shape-reasons.ts";
import { bottleneckText, type Candidate, type Site, sizedByAws } from "./sizing.ts";
import { settingsMarks } from "./staleness.ts";
import type { Exclusion } from "./wave-selection.ts";
import { planWaves, writersNotAsked } from "./waves.ts";

/** The plan, from what was assessed and what ferry.yaml says. Pure: the same question gives the same hash. */

export type PlanQuestion = {
  readonly migration: Migration;
  readonly assessment: Assessment;
  /** ListKafkaVersions now, or why it could not be asked. */
  readonly creatable: Known<readonly string[]>;
  /** Producers as the source remembers them now, or why that is not known; absent: nobody asked. */
  readonly writers?: Known<readonly ObservedWriter[]>;
  /** What the engine of ferry.yaml says of itself now, or why it does not; absent: nobody asked. */
  readonly engine?: Known<EngineCheck>;
  /** Waves that have begun to move. */
  readonly fixed?: readonly Wave[];
  /** Waves of the plan before. */
  readonly previous?: readonly Wave[];
  /** What people answered. */
  readonly answers?: Answers;
  /** What the source was seen to carry before, oldest first. */
  readonly samples?: readonly LoadSample[];
  /** ISO 8601. */
  readonly madeAt: string;
};

const engineNotAsked = unknown("nobody asked the engine");

/** `E_SETTINGS` when ferry.yaml asks for what cannot be. */
export function makePlan(question: PlanQuestion): Plan {
  const { migration, assessment, creatable, fixed = [], previous = [] } = question;
  const { writers = writersNotAsked, engine = engineNotAsked, answers = {} } = question;
  const { settings } = migration;
  const { waves, excluded } = planWaves({ ...assessment, settings, writers, fixed, previous });
  const carried = new Set(waves.flatMap(({ topics }) => topics));
  const topics = assessment.topics.filter(({ name }) => carried.has(name));
  const moving = new Set(waves.flatMap((wave) => wave.groups));
  const groups = assessment.groups.filter(({ id }) => moving.has(id));
  const { load, how } = loadToCarry(question, topics, groups);
  const { replicationFactor, subnets, shape: wanted } = settings.target;
  const site = { zones: subnets.length, replicationFactor };
  const choice = chooseShape({ load, site, wanted, creatable });
  const configured = configure(assessment, choice.shape, replicationFactor);
  const engines = engineRows({
    settings,
    version: assessment.version,
    shape: choice.shape,
    waves,
    largestRecord: largestRecord(topics, assessment.brokerConfigs),
    check: engine,
  });
  const content: Omit<Plan, "hash" | "madeAt"> = {
    migration: migration.name,
    sourceClusterId: assessment.clusterId,
    shape: choice.shape,
    configuration: { ...configured.properties },
    topics: topics
      .map((topic) => planTopic(topic, choice.shape, replicationFactor))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    waves: [...waves],
    reasons: [
      ...shapeReasons({ choice, load, site, settings, how, growth: growthFactor(answers), creatable }),
      ...engineReasons(engines),
      ...configured.traces,
      ...configured.reasons,
      ...writerReasons(writers),
      ...waves.flatMap(apartReasons),
      ...excluded.map(exclusionReason),
    ],
    corrections: [...corrections({ shape: choice.shape, configuration: configured.properties }, settings)],
    engines: [...engines],
    costs: {
      monthly: [...monthlyCosts(choice.shape, load, site, settings.target)],
      migration: [...migrationCosts(choice.shape, load, site, stayOf(migration, answers))],
    },
    questions: standings(migration, answers).map(plannedQuestion),
    alternatives: [
      ...choice.others.map((each) => alternative(each, load, site)),
      { name: "Serverless", ...serverless(load, { topics, groups }) },
    ],
  };
  refuseIllegal(content, question);
  const whole = { ...content, calls: [...callsOf(content, migration, assessment)] };
  return { ...whole, basis: basisOf(question), madeAt: question.madeAt, hash: planHash(whole) };
}

function basisOf({ assessment, migration }: PlanQuestion): NonNullable<Plan["basis"]> {
  return {
    assessedAt: assessment.taken.at,
    settings: settingsMarks(migration),
    assessed: assessedInShort(assessment),
  };
}

/** What MSK would refuse of the requests, ferry.yaml has to change: no plan shows a request that cannot be sent. */
function refuseIllegal(content: Omit<Plan, "hash" | "madeAt">, { migration, creatable }: PlanQuestion): void {
  const { subnets, auth, scram } = migration.settings.target;
  const { kind } = content.shape;
  const request = clusterRequest({ ...content, hash: "", madeAt: "" }, migration);
  const violations = [
    ...checkCluster(request, creatable.known ? creatable.value : recordedVersions[kind], subnets.length),
    ...checkConfiguration(kind, content.configuration),
    ...(auth === "scram" ? checkSecrets(scram?.secretArns ?? []) : []),
  ];
  if (violations.length === 0) return;
  throw new FerryError("E_SETTINGS", `target: ${violations.map(violationText).join(" ")}`);
}

/** The load at its 95th percentile where that is known, and by as much more as people expect it to grow. */
function loadToCarry(
  { migration, assessment, samples = [], answers = {} }: PlanQuestion,
  topics: readonly AssessedTopic[],
  groups: Assessment["groups"],
): { readonly load: Load; readonly how: string } {
  const { at, windowMs } = assessment.taken;
  const until = Date.parse(at);
  const { load, how } = measuredLoad(loadOf(topics, groups, assessment.topicDefaults), samples, {
    of: loadMark(migration),
    until,
    windowMs,
  });
  return { load: grown(load, growthFactor(answers)), how };
}

/** SHA-256 over everything but `madeAt`, `basis` and `hash`. */
export function planHash(plan: Omit<Plan, "hash" | "madeAt"> & Partial<Plan>): string {
  const { hash: _, madeAt: __, basis: ___, ...content } = plan;
  return hashOf(content);
}

function alternative(other: Candidate, load: Load, site: Site): Plan["alternatives"][number] {
  const { brokers, type, monthlyUsd, refused, partial } = other;
  const why = refused === undefined ? "" : `${refused}; `;
  const least = partial ? "; a part of the price is not known" : "";
  return {
    name: `${brokers} × ${type.instanceType}`,
    monthlyUsd,
    why: `${why}bottleneck: ${bottleneckText(other, load, site)}${byAws(sizedByAws(type, load, site))}${least}`,
  };
}

function byAws(size: AwsSize | undefined): string {
  return size === undefined ? "" : `; AWS's sizing: ${size.brokers}, from ${size.bottleneck}`;
}

/** The engine of ferry.yaml, and where it lacks something, what. */
function engineReasons(engines: readonly EngineRow[]): readonly Reason[] {
  const taken = engines.find((engine) => engine.taken);
  if (taken === undefined) return [];
  const failing = taken.prerequisites.filter(({ state }) => state === "fail");
  const others = engines
    .filter((engine) => !engine.taken)
    .map(({ name, prerequisites }) => {
      const [first, ...more] = prerequisites.filter(({ state }) => state === "fail");
      const rest = more.length === 0 ? "" : ` and ${more.length} more`;
      return first === undefined ? `${name} could be taken too` : `${name} lacks: ${first.text}${rest}`;
    });
  return [
    { what: `engine: ${taken.name}`, why: [taken.what, ...others].join(". "), source: "KIP-618, KIP-875" },
    ...failing.map(({ name, text, source }) => ({
      what: `set right before replicate: ${name} of ${taken.name}`,
      why: text,
      source,
    })),
  ];
}

/** The largest record that a topic which moves may hold: its own limit, else the brokers', else Apache's default. */
function largestRecord(
  topics: readonly AssessedTopic[],
  brokers: Assessment["brokerConfigs"],
): Known<number> {
  const standard = brokers["message.max.bytes"] ?? "1048588";
  const limits = topics.map(({ configs }) => Number(configs["max.message.bytes"]?.value ?? standard));
  if (limits.some((limit) => !Number.isFinite(limit)))
    return unknown("a topic does not tell its max.message.bytes");
  return known(limits.reduce((most, limit) => Math.max(most, limit), 0));
}

function writerReasons(writers: Known<readonly ObservedWriter[]>): readonly Reason[] {
  if (writers.known) return [];
  return [
    {
      what: "unknown: who writes in transactions",
      why: `${writers.why}; waves follow groups, Streams applications and the producers of ferry.yaml only`,
      source: "KIP-664",
    },
  ];
}

function apartReasons({ name, apart = [] }: Wave): readonly Reason[] {
  return apart.map((part) => ({
    what: `wave ${name}: ${part.kind} ${part.name} stands in another wave too`,
    why: part.why,
    source: "ferry.yaml",
  }));
}

function exclusionReason({ kind, name, why }: Exclusion): Reason {
  return { what: `${kind} ${name} does not move`, why, source: "assessment and ferry.yaml" };
}
