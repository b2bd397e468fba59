import type { PlannedTopic } from "#domain/plan.ts";
import type { ConfigEntry } from "#domain/topology.ts";

/** Where a topic on the target is set otherwise than on the source, and why. Pure. */

type Row = readonly string[];

/** Topic, key, value on the source, value on the target, reason. */
export function topicDeviations(
  topics: readonly PlannedTopic[],
  onTarget: ReadonlyMap<string, readonly ConfigEntry[]>,
): { readonly adjusted: readonly Row[]; readonly drifted: readonly Row[] } {
  return {
    adjusted: topics.flatMap(({ name, adjusted }) =>
      adjusted.map(({ key, from, to, why }) => [name, key, from ?? "not set", to ?? "left out", why]),
    ),
    drifted: topics.flatMap((topic) => drifted(topic, onTarget.get(topic.name) ?? [])),
  };
}

/** Rows that differ in their topic only as one. */
export function inShort(rows: readonly Row[]): readonly Row[] {
  const alike = Map.groupBy(rows, ([, ...cells]) => JSON.stringify(cells));
  return [...alike.values()].flatMap((group) => {
    const [, ...cells] = group[0] ?? [];
    return [[named(group.map(([topic = ""]) => topic)), ...cells]];
  });
}

/** A topic that was there before is left as it is. */
function drifted(topic: PlannedTopic, entries: readonly ConfigEntry[]): readonly Row[] {
  const values = new Map(entries.map(({ name, value }) => [name, value]));
  return Object.entries(topic.configs).flatMap(([key, wanted]): readonly Row[] => {
    const there = values.get(key);
    if (there === undefined || there === null || isSame(there, wanted)) return [];
    return [[topic.name, key, wanted, there, "the topic was there before, and is left as it is"]];
  });
}

/** Brokers answer numbers and lists in their own spelling. */
function isSame(there: string, wanted: string): boolean {
  if (tidy(there) === tidy(wanted)) return true;
  return wanted.trim() !== "" && Number(there) === Number(wanted);
}

function tidy(text: string): string {
  return text.replaceAll(/\s/g, "");
}

function named(topics: readonly string[]): string {
  const [first = ""] = topics;
  return topics.length > 3 ? `${first} and ${topics.length - 1} more` : topics.join(", ");
}
