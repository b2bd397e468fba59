import type { Committed } from "#domain/switch/group-findings.ts";
import type { OffsetTable } from "#domain/topology.ts";

/** Where groups stand that would not go on on MSK where they stopped. */

export type StrayPosition = {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** `expired`: below the first offset held; `beyond`: past the end; `none`: never committed, and there is something. */
  readonly kind: "expired" | "beyond" | "none";
  readonly committed: number | undefined;
  readonly start: number;
  readonly end: number;
};

/**
 * Committed offsets must have been read before the ends. A partition whose start or end is not known has no position
 * here: its topic is the finding.
 */
export function strayPositions(
  committed: Committed,
  starts: OffsetTable,
  ends: OffsetTable,
): readonly StrayPosition[] {
  return [...committed].flatMap(([group, table]) =>
    [...table].flatMap(([topic, row]) =>
      (ends.get(topic) ?? []).flatMap((end, partition): readonly StrayPosition[] => {
        const start = starts.get(topic)?.[partition];
        if (end === undefined || start === undefined) return [];
        const where = { group, topic, partition, committed: row[partition], start, end };
        const kind = kindOf(where);
        return kind === undefined ? [] : [{ ...where, kind }];
      }),
    ),
  );
}

function kindOf({
  committed,
  start,
  end,
}: Pick<StrayPosition, "committed" | "start" | "end">): StrayPosition["kind"] | undefined {
  if (committed === undefined) return end > start ? "none" : undefined;
  if (committed < start) return "expired";
  return committed > end ? "beyond" : undefined;
}
