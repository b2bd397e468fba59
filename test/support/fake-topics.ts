import type { Topic } from "#domain/topology.ts";
import type { FakeLog } from "./fake-log.ts";

/** A topic of the cluster in memory, and how metadata tells of it. */

export type FakeTopic = {
  readonly id: string;
  readonly internal: boolean;
  readonly configs: Map<string, string>;
  readonly logs: FakeLog[];
  readonly leaders: number[];
  readonly replicas: number;
};

export function describeTopic(
  name: string,
  { id: topicId, internal, logs, leaders, replicas }: FakeTopic,
): Topic {
  const all = Array.from({ length: replicas }, (_, index) => index + 1);
  const partitions = logs.map((_, id) => {
    const leader = leaders[id] ?? -1;
    return { id, leader, replicas: all, isr: leader < 0 ? [] : all };
  });
  return { name, id: topicId, internal, partitions };
}

export function byName(a: Topic, b: Topic): number {
  return a.name < b.name ? -1 : 1;
}
