import type { Assessment } from "./assessment.ts";
import { hashOf } from "./canonical.ts";
import { corrections } from "./corrections.ts";
import { configure } from "./msk-configuration.ts";
import type { ObservedWriter } from "./observed-writers.ts";
import type { Plan, Reason, Wave } from "./plan.ts";
import type { Migration } from "./settings.ts";
import { chooseShape } from "./shape-choice.ts";
import { shapeReasons } from "./shape-reasons.ts";
import { loadOf } from "./sizing-load.ts";
import { planTopic } from "./topic-plan.ts";
import type { Known } from "./topology.ts";
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
  /** Waves that have begun to move. */
  readonly fixed?: readonly Wave[];
  /** Waves of the plan before. */
  readonly previous?: readonly Wave[];
  /** ISO 8601. */
  readonly madeAt: string;
};

/** `E_SETTINGS` when ferry.yaml asks for what cannot be. */
export function makePlan(question: PlanQuestion): Plan {
  const { migration, assessment, creatable, writers = writersNotAsked, fixed = [], previous = [] } = question;
  const { settings } = migration;
  const { waves, excluded } = planWaves({ ...assessment, settings, writers, fixed, previous });
  const carried = new Set(waves.flatMap(({ topics }) => topics));
  const topics = assessment.topics.filter(({ name }) => carried.has(name));
  const groups = assessment.groups.filter(({ id }) => waves.some((wave) => wave.groups.includes(id)));
  const load = loadOf(topics, groups);
  const { replicationFactor, subnets, shape: wanted } = settings.target;
  const site = { zones: subnets.length, replicationFactor };
  const choice = chooseShape({ load, site, wanted, creatable });
  const configured = configure(assessment, choice.shape.kind, replicationFactor);
  const content: Omit<Plan, "hash" | "madeAt"> = {
    migration: migration.name,
    sourceClusterId: assessment.clusterId,
    shape: choice.shape,
    configuration: { ...configured.properties },
    topics: topics
      .map((topic) => planTopic(topic, choice.shape.kind, replicationFactor))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    waves: [...waves],
    reasons: [
      ...shapeReasons({ choice, load, site, settings, assessment, creatable }),
      engineReason,
      ...configured.reasons,
      ...writerReasons(writers),
      ...waves.flatMap(apartReasons),
      ...excluded.map(exclusionReason),
    ],
    corrections: [...corrections({ shape: choice.shape, configuration: configured.properties }, settings)],
    alternatives: choice.others.map(({ brokers, type, monthlyUsd, bottleneck, refused }) => ({
      name: `${brokers} × ${type.instanceType}`,
      monthlyUsd,
      why: refused ?? `its number of brokers comes from: ${bottleneck}`,
    })),
  };
  return { ...content, madeAt: question.madeAt, hash: planHash(content) };
}

/** SHA-256 over everything but `madeAt` and `hash`. */
export function planHash(plan: Omit<Plan, "hash" | "madeAt"> & Partial<Plan>): string {
  const { hash: _, madeAt: __, ...content } = plan;
  return hashOf(content);
}

const engineReason: Reason = {
  what: "engine: MirrorMaker 2 on Kafka Connect",
  why: "exactly-once, one mirror per wave, offsets that can be read and set; dedicated MirrorMaker has no REST to set offsets; MSK Replicator needs TLS and authentication on the source, cannot pause, and adds a header to records",
  source: "KIP-618, KIP-875, msk-replicator-external-prereqs.html",
};

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
