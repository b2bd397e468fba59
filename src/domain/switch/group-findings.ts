import { at, type GroupDescription, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import { short } from "#domain/wording.ts";

/** What about a group would make its cutover wrong, decided from what was read. */

export type Committed = ReadonlyMap<string, OffsetTable>;

/** Somebody is in the group, or the broker will not say so. */
export function isQuiet({ state, members }: GroupDescription): boolean {
  return members.length === 0 && (state === "Empty" || state === "Dead");
}

/** A state that tells nothing about members: "billing (Unknown, consumer group)". */
export function unreadable(groups: readonly GroupDescription[]): readonly string[] {
  return groups
    .filter(({ state, members }) => state === "Unknown" && members.length === 0)
    .map(({ id, type }) => `${id} (${type === "unknown" ? "type not known" : `${type} group`})`);
}

/** Active on both clusters at once: "billing (source: app-1 /10.0.0.7; MSK: app-2 /10.0.0.8)". */
export function splitBrains(
  onSource: readonly GroupDescription[],
  onTarget: readonly GroupDescription[],
): readonly string[] {
  const there = new Map(onTarget.map((group) => [group.id, group]));
  return onSource.flatMap((here) => {
    const other = there.get(here.id);
    if (other === undefined || isQuiet(here) || isQuiet(other)) return [];
    return [`${here.id} (source: ${who(here)}; MSK: ${who(other)})`];
  });
}

function who({ members, state }: GroupDescription): string {
  const names = members.slice(0, 3).map(({ clientId, host }) => `${clientId} ${host}`);
  const more = members.length > 3 ? ` and ${members.length - 3} more` : "";
  return names.length === 0 ? `state ${state}` : `${names.join(", ")}${more}`;
}

/** Committed offsets that moved although nobody was in the group at either look: "billing: orders-0 12 → 15". */
export function rogueCommits(
  before: Committed,
  after: Committed,
  quiet: ReadonlySet<string>,
): readonly string[] {
  return [...quiet].flatMap((group) => {
    const moved = differences(before.get(group), after.get(group));
    return moved.length === 0 ? [] : [`${group}: ${short(moved)}`];
  });
}

/** Cells that differ: "orders-0 12 → 15". */
export function differences(
  before: OffsetTable | undefined,
  after: OffsetTable | undefined,
): readonly string[] {
  const topics = new Set([...(before ?? new Map()).keys(), ...(after ?? new Map()).keys()]);
  return [...topics].flatMap((topic) => {
    const [was, now] = [before?.get(topic) ?? [], after?.get(topic) ?? []];
    return Array.from({ length: Math.max(was.length, now.length) }, (_, partition) => partition)
      .filter((partition) => was[partition] !== now[partition])
      .map((partition) => `${topic}-${partition} ${was[partition] ?? "none"} → ${now[partition] ?? "none"}`);
  });
}

/** Static members (KIP-345) with their ids: they stay in the group after they stopped, until their session ends. */
export function staticMembers(groups: readonly GroupDescription[]): readonly string[] {
  return groups.flatMap(({ id, members }) => {
    const ids = members.flatMap(({ instanceId }) => (instanceId === null ? [] : [instanceId]));
    return ids.length === 0 ? [] : [`${id}: ${short(ids)}`];
  });
}

/** Topics that a group reads at this moment, by what its members say; without members none. */
export function topicsOf({ members }: GroupDescription): ReadonlySet<string> {
  return new Set(
    members.flatMap(({ subscription, assignment }) => [
      ...subscription,
      ...assignment.map(({ topic }) => topic),
    ]),
  );
}

/** A group that reads a topic which does not move with it. */
export type Stray = { readonly group: string; readonly topic: string; readonly reading: boolean };

export function strayTopics(
  groups: readonly GroupDescription[],
  committed: Committed,
  own: ReadonlySet<string>,
): readonly Stray[] {
  return groups.flatMap((group) => {
    const reading = topicsOf(group);
    const table = committed.get(group.id) ?? new Map();
    const touched = new Set([...reading, ...table.keys()]);
    return [...touched]
      .filter((topic) => !own.has(topic))
      .map((topic) => ({ group: group.id, topic, reading: reading.has(topic) }));
  });
}

/** Partitions of topics that a group reads, on which it has committed nothing. */
export function neverCommitted(
  groups: readonly GroupDescription[],
  committed: Committed,
  partitions: ReadonlyMap<string, number>,
): ReadonlyArray<TopicPartition & { readonly group: string }> {
  return groups.flatMap((group) => {
    const table: OffsetTable = committed.get(group.id) ?? new Map();
    const topics = new Set([...topicsOf(group), ...table.keys()]);
    return [...topics].flatMap((topic) =>
      Array.from({ length: partitions.get(topic) ?? 0 }, (_, partition) => partition)
        .filter((partition) => at(table, topic, partition) === undefined)
        .map((partition) => ({ group: group.id, topic, partition })),
    );
  });
}
