import { z } from "zod";

/** The tour's `--json FILE`. Counted from the applications' own logs and from both clusters, never from the bot. */

const count = z.int().nonnegative();

export const Approval = z.object({
  action: z.string(),
  wave: z.string().nullable(),
  requester: z.string(),
  approvers: z.array(z.string()),
  /** What the workspace showed to these people alone. */
  refused: z.array(z.object({ user: z.string(), why: z.string() })),
});
export type Approval = z.infer<typeof Approval>;

/** A request that ended without anything being done, in the words of its message. */
export const Ending = z.object({
  request: z.string(),
  action: z.string(),
  wave: z.string().nullable(),
  said: z.string(),
});
export type Ending = z.infer<typeof Ending>;

/** What the offline check says of the exported audit, and of the same file with one word changed. */
export const Evidence = z.object({ entries: count, said: z.string(), ofChanged: z.string() });
export type Evidence = z.infer<typeof Evidence>;

export const Rollback = z.object({
  /** Records that were acknowledged on the target before the way back. */
  targetOnly: count,
  /** How many of them the source held after it. */
  backOnSource: count,
  lost: count,
  duplicated: count,
});
export type Rollback = z.infer<typeof Rollback>;

export const Report = z.object({
  ok: z.boolean(),
  produced: count,
  groups: z.array(
    z.object({
      name: z.string(),
      consumed: count,
      lost: count,
      duplicated: count,
      pauseMs: z.number().nullable(),
    }),
  ),
  topics: z.array(
    z.object({ name: z.string(), partitions: count, source: count, target: count, equal: z.boolean() }),
  ),
  rollback: Rollback,
  approvals: z.array(Approval),
  endings: z.array(Ending),
  /** What AWS refused, in the words of the step's message, and what mended it; the step went on then. */
  refusals: z.array(z.object({ step: z.string(), code: z.string(), said: z.string(), repair: z.string() })),
  evidence: Evidence,
  steps: z.array(z.object({ name: z.string(), ms: z.number() })),
  /** What of the bot is left in Connect and on both clusters; empty is the aim. */
  residue: z.array(z.string()),
  versions: z.object({
    source: z.string(),
    target: z.string(),
    connect: z.string(),
    redis: z.string(),
    node: z.string(),
  }),
});
export type Report = z.infer<typeof Report>;

/** Everything that does not hold, one sentence each. Empty: the tour is passed. */
export function failuresOf(report: Omit<Report, "ok">): readonly string[] {
  const { groups, topics, rollback, residue, refusals, evidence } = report;
  return [
    ...(refusals.length === 0 ? ["AWS refused nothing"] : []),
    ...groups
      .filter(({ lost, duplicated }) => lost > 0 || duplicated > 0)
      .map(({ name, lost, duplicated }) => `${name}: ${lost} lost, ${duplicated} read twice`),
    ...topics
      .filter(({ equal }) => !equal)
      .map(({ name, source, target }) => `${name} differs: ${source} on the source, ${target} on the target`),
    ...(rollback.targetOnly === 0 ? ["nothing was written on the target before the rollback"] : []),
    ...(rollback.lost > 0 || rollback.duplicated > 0
      ? [`rollback: ${rollback.lost} lost, ${rollback.duplicated} twice of ${rollback.targetOnly}`]
      : []),
    ...residue.map((thing) => `left behind: ${thing}`),
    ...(evidence.said.endsWith("All holds.") ? [] : [`the exported audit does not hold: ${evidence.said}`]),
    ...(evidence.ofChanged.includes("BROKEN") ? [] : ["a changed audit was not found to be broken"]),
  ];
}

/** The report as the tour's last words. */
export function tableOf({ groups, topics, rollback, produced, steps, evidence }: Report): string {
  const took = steps.reduce((sum, { ms }) => sum + ms, 0);
  return [
    columns([
      ["group", "read", "lost", "read twice", "pause"],
      ...groups.map(({ name, consumed, lost, duplicated, pauseMs }) => [
        name,
        String(consumed),
        String(lost),
        String(duplicated),
        pauseMs === null ? "–" : `${(pauseMs / 1000).toFixed(1)} s`,
      ]),
    ]),
    columns([
      ["topic", "partitions", "source", "target", "content"],
      ...topics.map(({ name, partitions, source, target, equal }) => [
        name,
        String(partitions),
        String(source),
        String(target),
        equal ? "equal" : "DIFFERS",
      ]),
    ]),
    `rollback: ${rollback.targetOnly} records written on MSK, ${rollback.backOnSource} of them back on the source, ${rollback.lost} lost, ${rollback.duplicated} twice`,
    `audit: ${evidence.entries} entries, exported, signed and checked offline`,
    `${produced} records acknowledged; ${steps.length} steps in ${(took / 1000).toFixed(0)} s`,
  ].join("\n\n");
}

function columns(rows: ReadonlyArray<readonly string[]>): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  "),
    )
    .join("\n");
}
