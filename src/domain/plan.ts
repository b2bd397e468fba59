import { z } from "zod";

/** The plan: what will be done, with every value traced. Its hash is what approvals are bound to. */

/** Something that stands in more than one wave although it ties them together, and who says why that is right. */
export const Apart = z.object({
  kind: z.enum(["group", "producer", "transaction", "writer", "streams"]),
  name: z.string(),
  why: z.string(),
});
export type Apart = z.infer<typeof Apart>;

export const Wave = z.object({
  name: z.string(),
  topics: z.array(z.string()),
  groups: z.array(z.string()),
  /** Why these belong together. */
  why: z.string(),
  /** Points by which waves are ordered, fewest first, and what they are for. */
  risk: z.object({ score: z.int(), why: z.string() }).optional(),
  apart: z.array(Apart).optional(),
});
export type Wave = z.infer<typeof Wave>;

export const PlannedTopic = z.object({
  name: z.string(),
  partitions: z.int(),
  replicationFactor: z.int(),
  configs: z.record(z.string(), z.string()),
  /** Config keys of the source that were dropped or changed for MSK, each with its reason. */
  adjusted: z.array(
    z.object({ key: z.string(), from: z.string().nullable(), to: z.string().nullable(), why: z.string() }),
  ),
});
export type PlannedTopic = z.infer<typeof PlannedTopic>;

/** One recommendation: what, why with the measured value, and the page that says so. */
export const Reason = z.object({ what: z.string(), why: z.string(), source: z.string() });
export type Reason = z.infer<typeof Reason>;

export const Shape = z.object({
  kind: z.enum(["standard", "express"]),
  instanceType: z.string(),
  brokers: z.int(),
  volumeGiB: z.int().optional(),
  provisionedThroughputMiBs: z.int().optional(),
  kafkaVersion: z.string(),
  /** US dollars a month; the price table's date and region are in `reasons`. */
  monthlyUsd: z.number(),
});
export type Shape = z.infer<typeof Shape>;

/** One changing call that follows. `later`: what is known only at that moment. */
const PlannedCall = z.object({
  /** The command that makes it. */
  step: z.string(),
  to: z.enum([
    "MSK",
    "Application Auto Scaling",
    "EC2",
    "source",
    "target",
    "source and target",
    "engine",
    "client",
  ]),
  call: z.string(),
  args: z.record(z.string(), z.unknown()),
  later: z.string().optional(),
});
export type PlannedCall = z.infer<typeof PlannedCall>;

/** US dollars; `null` where it is not known. */
const CostRow = z.object({ what: z.string(), usd: z.number().nullable(), why: z.string() });
export type CostRow = z.infer<typeof CostRow>;

/** One engine, with everything that it asks for. */
const EngineRow = z.object({
  name: z.enum(["connect", "mirrormaker", "replicator"]),
  what: z.string(),
  /** ferry.yaml names it. */
  taken: z.boolean(),
  /** The first in the order of preference of which nothing fails. */
  recommended: z.boolean(),
  prerequisites: z.array(
    z.object({
      name: z.string(),
      state: z.enum(["pass", "fail", "unknown"]),
      text: z.string(),
      source: z.string(),
    }),
  ),
});
export type EngineRow = z.infer<typeof EngineRow>;

/** What only people know, as it stood when the plan was made. `null`: there is none. */
const PlannedQuestion = z.object({
  id: z.string(),
  asks: z.string(),
  /** `taken`: nobody has answered, and the proposal counts. */
  state: z.enum(["answered", "taken", "open"]),
  value: z.string().nullable(),
  proposed: z.string().nullable(),
  /** Of the proposal. */
  why: z.string().nullable(),
  /** What the answer decides. */
  depends: z.string(),
  severity: z.enum(["blocker", "warning", "info"]),
  /** The step that an open answer holds up. */
  blocks: z.string().nullable(),
  /** Where the answer forbids a step, or contradicts ferry.yaml. */
  conflict: z.string().nullable(),
});
export type PlannedQuestion = z.infer<typeof PlannedQuestion>;

/** The assessment in few words: whether it can go, how long the copy takes, what to fix first. */
const Assessed = z.object({
  verdict: z.enum(["yes", "not yet", "not known"]),
  whether: z.string(),
  howLong: z.string(),
  blockers: z.int(),
  /** Blockers, then what may turn out to be one, then warnings: the first of them. */
  first: z.array(z.object({ weight: z.enum(["blocker", "warning"]), text: z.string() })),
  /** How many there are beyond `first`. */
  more: z.int(),
});
export type Assessed = z.infer<typeof Assessed>;

export const Plan = z.object({
  migration: z.string(),
  /** ISO 8601. */
  madeAt: z.string(),
  /** SHA-256 over everything but `madeAt`, `basis` and `hash`. */
  hash: z.string(),
  sourceClusterId: z.string(),
  shape: Shape,
  /** server.properties of the MSK configuration. */
  configuration: z.record(z.string(), z.string()),
  topics: z.array(PlannedTopic),
  waves: z.array(Wave),
  reasons: z.array(Reason),
  /** What the published guide gets wrong and this plan does instead. */
  corrections: z.array(Reason),
  alternatives: z.array(z.object({ name: z.string(), monthlyUsd: z.number(), why: z.string() })),
  engines: z.array(EngineRow).optional(),
  /** The dry run of everything that follows, in order. */
  calls: z.array(PlannedCall).optional(),
  /** Open ones first, the most severe of them at the top. */
  questions: z.array(PlannedQuestion).optional(),
  /** What it was made from, to tell later what changed. */
  basis: z
    .object({
      assessedAt: z.string(),
      settings: z.record(z.string(), z.string()),
      /** What the assessment said then, for the first screen. */
      assessed: Assessed.optional(),
    })
    .optional(),
  /** What `shape.monthlyUsd` consists of, and what the migration itself costs. */
  costs: z.object({ monthly: z.array(CostRow), migration: z.array(CostRow) }).optional(),
});
export type Plan = z.infer<typeof Plan>;

/** Key of the migration's current plan in the store. */
export function planKey(migration: string): string {
  return `plan:${migration}`;
}

/** Key of each plan that there was; without a hash what they all begin with. */
export function planHistoryKey(migration: string, hash = ""): string {
  return `plan-history:${migration}:${hash}`;
}

/** Name of a wave's flow: `ferry-<migration>-<wave>-<kind>`. */
export function flowName(
  migration: string,
  wave: string,
  kind: "forward" | "checkpoint" | "reverse",
): string {
  return `ferry-${migration}-${wave}-${kind}`;
}
