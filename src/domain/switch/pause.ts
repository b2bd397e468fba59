import { z } from "zod";
import type { Part } from "#domain/message.ts";
import { took } from "#domain/wording.ts";

/** How long each group read nothing while it moved, from what was seen of it; all times in ms since the epoch. */

/** What was seen of the groups of a run. A time that was not seen is absent. */
export const Signs = z.object({
  stoppingAt: z.number().optional(),
  /** The drivers had stopped their applications. */
  stoppedAt: z.number().optional(),
  /** All groups were empty and their offsets still. */
  restedAt: z.number().optional(),
  /** Their offsets were committed on the target, read back and proved. */
  provedAt: z.number().optional(),
  startingAt: z.number().optional(),
  groups: z.record(
    z.string(),
    z.object({
      /** Its committed offset was last seen to move on the source. */
      lastRead: z.number().optional(),
      firstMember: z.number().optional(),
      /** Its committed offset was first seen to move on the target. */
      firstRead: z.number().optional(),
    }),
  ),
});
export type Signs = z.infer<typeof Signs>;

export type Pause = {
  readonly group: string;
  /** From the last sign on the source to the first on the target; `null`: one of them was not seen. */
  readonly pauseMs: number | null;
  /** `record`: it was seen to read; `member`: there was nothing to read, its first member counts. */
  readonly until: "record" | "member" | "nothing";
  readonly stopMs: number | null;
  readonly restMs: number | null;
  readonly translateMs: number | null;
  /** To its first member there. */
  readonly startMs: number | null;
  /** From there to the first sign of reading. */
  readonly firstRecordMs: number | null;
};

export function pausesOf(signs: Signs, groups: readonly string[]): readonly Pause[] {
  return groups.map((group) => {
    const { lastRead, firstMember, firstRead } = signs.groups[group] ?? {};
    const began = lastRead ?? signs.stoppingAt;
    const ended = firstRead ?? firstMember;
    return {
      group,
      pauseMs: span(began, ended),
      until: firstRead === undefined ? (firstMember === undefined ? "nothing" : "member") : "record",
      stopMs: span(began, signs.stoppedAt),
      restMs: span(signs.stoppedAt, signs.restedAt),
      translateMs: span(signs.restedAt, signs.provedAt),
      startMs: span(signs.provedAt, firstMember),
      firstRecordMs: span(firstMember, firstRead),
    };
  });
}

/** A driver may say that it is done after its group has gone quiet: a part is never shorter than nothing. */
function span(from: number | undefined, until: number | undefined): number | null {
  return from === undefined || until === undefined ? null : Math.max(0, until - from);
}

/** The longest first: that is the one somebody asks about. */
export function pauseTable(pauses: readonly Pause[]): Extract<Part, { kind: "table" }> {
  const sorted = pauses.toSorted((a, b) => (b.pauseMs ?? 0) - (a.pauseMs ?? 0));
  const titles = ["pause", "stop", "rest", "translate", "start", "first record"];
  return {
    kind: "table",
    columns: [
      { title: "group", align: "left" },
      ...titles.map((title) => ({ title, align: "right" as const })),
    ],
    rows: sorted.map((pause) => [
      pause.group,
      spelled(pause.pauseMs),
      spelled(pause.stopMs),
      spelled(pause.restMs),
      spelled(pause.translateMs),
      spelled(pause.startMs),
      pause.until === "member" ? "nothing to read" : spelled(pause.firstRecordMs),
    ]),
  };
}

/** "1.2 s to 2.6 s", or why there is none. */
export function pauseRange(pauses: readonly Pause[]): string {
  const measured = pauses.flatMap(({ pauseMs }) => (pauseMs === null ? [] : [pauseMs]));
  if (measured.length === 0) return "not measured";
  const [shortest, longest] = [Math.min(...measured), Math.max(...measured)];
  const range = shortest === longest ? took(longest) : `${took(shortest)} to ${took(longest)}`;
  const missing = pauses.length - measured.length;
  return missing === 0 ? range : `${range}; not measured for ${missing}`;
}

function spelled(ms: number | null): string {
  return ms === null ? "?" : took(ms);
}
