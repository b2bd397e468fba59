import type { Plan, Wave } from "#domain/plan.ts";

/** A plan of these waves, one partition a topic, for jobs that only ask who moves with whom. */
export function smallPlan(migration: string, waves: readonly Wave[]): Plan {
  return {
    migration,
    madeAt: "2026-11-22T14:00:00.000Z",
    hash: "a91f",
    sourceClusterId: "lab",
    shape: {
      kind: "standard",
      instanceType: "kafka.m7g.large",
      brokers: 3,
      kafkaVersion: "3.9.x",
      monthlyUsd: 500,
    },
    configuration: {},
    topics: waves
      .flatMap(({ topics }) => topics)
      .map((name) => ({ name, partitions: 1, replicationFactor: 1, configs: {}, adjusted: [] })),
    waves: [...waves],
    reasons: [],
    corrections: [],
    alternatives: [],
  };
}
