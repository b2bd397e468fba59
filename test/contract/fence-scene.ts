import { afterAll, beforeAll } from "vitest";
import type { KafkaCluster } from "#domain/ports.ts";
import { at } from "#domain/topology.ts";
import { unique } from "#support/unique.ts";

export type Principal = "User:ANONYMOUS" | "User:checkout" | "User:mirror";

export type Draft = { readonly value: string; readonly timestamp?: number };

/** Records go to partition 0, those of one call in one batch. */
export type FenceUnderTest = {
  /** Used by a super user where there is an authorizer. */
  readonly cluster: KafkaCluster;
  /** The cluster as another principal sees it. */
  as<T>(principal: Principal, work: (cluster: KafkaCluster) => Promise<T>): Promise<T>;
  /** Rejects when the broker refuses. Each call is a producer of its own. */
  send(
    principal: Principal,
    topic: string,
    drafts: readonly Draft[],
    kind?: "plain" | "idempotent",
  ): Promise<void>;
  /** Writes in a transaction and leaves it open. */
  transaction(
    principal: Principal,
    topic: string,
    drafts: readonly Draft[],
  ): Promise<{ readonly id: string; readonly finish: (outcome: "commit" | "abort") => Promise<void> }>;
  close(): Promise<void>;
};

/** What the contracts of fences and writers stand on. */
export type Scene = {
  /** Set before the first test. */
  readonly under: () => FenceUnderTest;
  readonly cluster: () => KafkaCluster;
  readonly topic: (prefix?: string) => Promise<string>;
};

export function openScene(open: () => Promise<FenceUnderTest>): Scene {
  let under: FenceUnderTest | undefined;
  const topics: string[] = [];

  function opened(): FenceUnderTest {
    if (!under) throw new Error("the scene opens before the first test");
    return under;
  }

  async function topic(prefix = "fence"): Promise<string> {
    const name = unique(prefix);
    topics.push(name);
    const spec = { name, partitions: 1, replicationFactor: 1, configs: { "retention.ms": "86400000" } };
    await opened().cluster.createTopics([spec]);
    return name;
  }

  beforeAll(async () => {
    under = await open();
  });
  afterAll(async () => {
    await under?.cluster.deleteTopics(topics);
    await under?.close();
  });
  return { under: opened, cluster: () => opened().cluster, topic };
}

export async function end(cluster: KafkaCluster, topic: string): Promise<number | undefined> {
  return at(await cluster.offsets([topic], "end"), topic, 0);
}
