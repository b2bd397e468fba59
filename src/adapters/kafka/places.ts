import type { Topic, TopicPartition } from "#domain/topology.ts";
import { noSuchPartition } from "./by-leader.ts";
import type { Cells } from "./flat-table.ts";

/**
 * Partition ids by topic. Those of a whole cluster are gone through by `forEach`: iterators make an array for each entry,
 * which was a third of all that a sweep allocated.
 */
export type Places = ReadonlyMap<string, readonly number[]>;

/** Whom to ask for what. */
export type Plan = {
  readonly places: Places;
  readonly byLeader: ReadonlyMap<number, Places>;
  readonly leaderless: Places;
};

/** Of all partitions of topics. `layout`: where the offset of each one has its place. */
export type WholePlan = Plan & { readonly layout: Layout };

type Layout = Omit<Cells, "offsets">;

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
export function createPlans(): (topics: ReadonlyMap<string, Topic>) => WholePlan {
  let last: { readonly topics: ReadonlyMap<string, Topic>; readonly plan: WholePlan } | undefined;
  return (topics) => {
    if (last && isSame(last.topics, topics)) return last.plan;
    const places = new Map(
      topics.values().map(({ name, partitions }) => [name, partitions.map(({ id }) => id)] as const),
    );
    last = { topics, plan: { ...planFor(topics, places), layout: layoutOf(places) } };
    return last.plan;
  };
}

/** One cell for each partition, topic after topic. */
function layoutOf(places: Places): Layout {
  const names = [...places.keys()];
  const begins = [0];
  for (const { length } of places.values()) begins.push((begins.at(-1) ?? 0) + length);
  const numbers = new Map(names.map((name, number) => [name, number]));
  return { names, numbers, topics: names.map((_, number) => number), begins };
}

export function placesOf(wanted: readonly TopicPartition[]): Places {
  const places = new Map<string, number[]>();
  for (const { topic, partition } of wanted) push(places, topic, partition);
  return places;
}

export function sizeOf(places: Places): number {
  let sum = 0;
  places.forEach(({ length }) => {
    sum += length;
  });
  return sum;
}

function isSame(before: ReadonlyMap<string, Topic>, now: ReadonlyMap<string, Topic>): boolean {
  let same = before.size === now.size;
  now.forEach((topic, name) => {
    same &&= before.get(name) === topic;
  });
  return same;
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
