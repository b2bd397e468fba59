import type { Topic, TopicPartition } from "#domain/topology.ts";
import { noSuchPartition } from "./by-leader.ts";

/** Partition ids by topic. */
export type Places = ReadonlyMap<string, readonly number[]>;

/** Whom to ask for what. */
export type Plan = {
  readonly places: Places;
  readonly byLeader: ReadonlyMap<number, Places>;
  readonly leaderless: Places;
};

/** The plan for these partitions of topics that are known. `E_KAFKA` for a partition that does not exist. */
export function planFor(topics: ReadonlyMap<string, Topic>, places: Places): Plan {
  const byLeader = new Map<number, Map<string, number[]>>();
  const leaderless = new Map<string, number[]>();
  for (const [name, { partitions }] of topics) {
    for (const id of places.get(name) ?? []) {
      const leader = partitions[id]?.leader;
      if (leader === undefined) throw noSuchPartition({ topic: name, partition: id }, partitions.length);
      if (leader < 0) push(leaderless, name, id);
      else push(mapIn(byLeader, leader), name, id);
    }
  }
  return { places, byLeader, leaderless };
}

/**
 * Plans for all partitions of topics. The last one is kept: metadata that has not changed is the same object, and a sweep
 * asks for the same again and again.
 */
export function createPlans(): (topics: ReadonlyMap<string, Topic>) => Plan {
  let last: { readonly topics: ReadonlyMap<string, Topic>; readonly plan: Plan } | undefined;
  return (topics) => {
    if (last && isSame(last.topics, topics)) return last.plan;
    const places = topics
      .values()
      .map(({ name, partitions }): [string, number[]] => [name, partitions.map(({ id }) => id)]);
    last = { topics, plan: planFor(topics, new Map(places)) };
    return last.plan;
  };
}

export function placesOf(wanted: readonly TopicPartition[]): Places {
  const places = new Map<string, number[]>();
  for (const { topic, partition } of wanted) push(places, topic, partition);
  return places;
}

export function sizeOf(places: Places): number {
  return places.values().reduce((sum, { length }) => sum + length, 0);
}

function isSame(before: ReadonlyMap<string, Topic>, now: ReadonlyMap<string, Topic>): boolean {
  return before.size === now.size && now.entries().every(([name, topic]) => before.get(name) === topic);
}

function mapIn<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const held = maps.get(key) ?? new Map<string, V>();
  maps.set(key, held);
  return held;
}

function push(places: Map<string, number[]>, topic: string, partition: number): void {
  const partitions = places.get(topic);
  if (partitions) partitions.push(partition);
  else places.set(topic, [partition]);
}
