import { at, type OffsetTable } from "#domain/topology.ts";

/**
 * Where on the target the originals of new records on a standby can begin. A mirror never goes back behind the offset
 * that it has committed: what comes onto the source after that offset was read has its original behind it. So only the
 * newest part of the target need be searched, whatever times the records bear.
 */

export type Floors = Readonly<Record<string, readonly number[]>>;

/** End of the source, and the offset that the mirror had committed before that end was read; by partition. */
export type Marks = Readonly<Record<string, ReadonlyArray<readonly [end: number, copied: number] | null>>>;

/**
 * `floors` hold for every source offset from `cursors` on. A mark turns into a floor once everything up to its end was
 * looked at. `copied` was read before `ends`; without it nothing moves.
 */
export function advanceFloors(
  { floors, marks }: { readonly floors: Floors; readonly marks: Marks },
  cursors: Floors,
  ends: OffsetTable,
  copied: OffsetTable,
): {
  readonly floors: Record<string, number[]>;
  readonly marks: Record<string, Array<[number, number] | null>>;
} {
  const nextFloors: Record<string, number[]> = {};
  const nextMarks: Record<string, Array<[number, number] | null>> = {};
  for (const [topic, row] of ends) {
    nextFloors[topic] = row.map((_, partition) => {
      const floor = floors[topic]?.[partition] ?? 0;
      const mark = marks[topic]?.[partition];
      return isPassed(mark, cursors[topic]?.[partition]) ? Math.max(floor, (mark?.[1] ?? -1) + 1) : floor;
    });
    nextMarks[topic] = row.map((end, partition) => {
      const mark = marks[topic]?.[partition] ?? null;
      const last = at(copied, topic, partition);
      if (mark !== null && !isPassed(mark, cursors[topic]?.[partition])) return [...mark];
      return end === undefined || last === undefined ? null : [end, last];
    });
  }
  return { floors: nextFloors, marks: nextMarks };
}

function isPassed(mark: readonly [number, number] | null | undefined, cursor: number | undefined): boolean {
  return mark !== null && mark !== undefined && cursor !== undefined && cursor >= mark[0];
}
