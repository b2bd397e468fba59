import type { TopicTraffic } from "#domain/ports.ts";
import { bytesRate, count } from "#domain/wording.ts";

/** How topics are ranked and summed where only the largest can be shown. */

/** Known rates first, the highest before; where they are equal or not known, more partitions before. */
function byTraffic<T extends TopicTraffic>(topics: readonly T[]): readonly T[] {
  return topics.toSorted(
    (a, b) =>
      (b.bytesPerSecond ?? -1) - (a.bytesPerSecond ?? -1) ||
      b.partitions - a.partitions ||
      (a.name < b.name ? -1 : 1),
  );
}

/** Those with the highest rates, and room for a few whose rate is not known: it may be the highest. */
export function mostTraffic<T extends TopicTraffic>(
  topics: readonly T[],
  room: number,
): { readonly shown: readonly T[]; readonly rest: readonly T[] } {
  const ranked = byTraffic(topics);
  const unknown = ranked.filter(({ bytesPerSecond }) => bytesPerSecond === null).slice(0, keptForUnknown);
  const known = ranked.filter((topic) => !unknown.includes(topic)).slice(0, room - unknown.length);
  const shown = byTraffic([...known, ...unknown]);
  return { shown, rest: ranked.filter((topic) => !shown.includes(topic)) };
}

const keptForUnknown = 3;

/** "9 topics · 45 partitions · 1.2 MB/s in", with how much of it is not known. */
export function totalOf(topics: readonly TopicTraffic[]): string {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
  return [count(topics.length, "topic"), count(partitions, "partition"), trafficOf(topics)].join(" · ");
}

/** "12 more topics · 340 partitions · 0 B/s in" */
export function restOf(topics: readonly TopicTraffic[]): string {
  return totalOf(topics).replace(" topic", " more topic");
}

function trafficOf(topics: readonly TopicTraffic[]): string {
  const known = topics.flatMap(({ bytesPerSecond }) => (bytesPerSecond === null ? [] : [bytesPerSecond]));
  const unknown = topics.length - known.length;
  const sum = bytesRate(known.reduce((all, each) => all + each, 0));
  if (unknown === 0) return `${sum} in`;
  return known.length === 0 ? "traffic unknown" : `at least ${sum} in, ${count(unknown, "topic")} unknown`;
}
