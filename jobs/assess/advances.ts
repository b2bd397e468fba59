import { type Known, known, type OffsetTable, unknown } from "#domain/topology.ts";
import type { FirstReading } from "#jobs/assess-window.ts";

/** What groups' commits advanced by between two readings. */

type Row = ReadonlyArray<number | null | undefined>;

export type Advance = {
  /** Any committed offset is another one now. */
  readonly moved: boolean;
  /** Records by topic. */
  readonly topics: ReadonlyMap<string, Known<number>>;
};

export function advancesOf(
  first: Pick<FirstReading, "commits">,
  committed: ReadonlyMap<string, OffsetTable>,
): ReadonlyMap<string, Advance> {
  return new Map(
    [...committed].map(([group, table]) => {
      const before = first.commits[group] ?? {};
      const topics = [...table].map(
        ([topic, row]) => [topic, advanceOf(group, topic, before[topic] ?? [], row)] as const,
      );
      const moved = [...table].some(([topic, row]) => isOther(before[topic] ?? [], row));
      return [group, { moved, topics: new Map(topics) }] as const;
    }),
  );
}

function advanceOf(group: string, topic: string, before: Row, now: Row): Known<number> {
  let sum = 0;
  for (const [partition, offset] of now.entries()) {
    if (offset === undefined || offset === null) continue;
    const was = before[partition] ?? undefined;
    const where = `${topic}-${partition}`;
    if (was === undefined) return unknown(`${group} committed ${where} for the first time while measuring`);
    if (offset < was) return unknown(`${group} went back in ${where} while measuring`);
    sum += offset - was;
  }
  return known(sum);
}

function isOther(before: Row, now: Row): boolean {
  return now.some((offset, partition) => (offset ?? undefined) !== (before[partition] ?? undefined));
}

/** Records per second of all that is known; unknown where one of the parts is. */
export function perSecond(parts: Iterable<Known<number>>, windowMs: number): Known<number> {
  if (windowMs <= 0) return unknown("no time passed between the two readings");
  let sum = 0;
  for (const part of parts) {
    if (!part.known) return part;
    sum += part.value;
  }
  return known(sum / (windowMs / 1000));
}
