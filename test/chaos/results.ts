import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { Fault, Run } from "./cases.ts";
import { Shot } from "./world.ts";

/** What has been found out, one JSON line each: a case with a line is not played again. */

/** A run that nothing disturbed: its boundaries, and the world that it leaves. */
export const Baseline = z.object({
  kind: z.literal("baseline"),
  run: Run,
  boundaries: z.array(z.string()),
  titles: z.record(z.string(), z.string()),
  after: Shot,
  seconds: z.number(),
  lost: z.int(),
  twice: z.int(),
  at: z.string(),
});
export type Baseline = z.infer<typeof Baseline>;

export const Row = z.object({
  kind: z.literal("case"),
  name: z.string(),
  run: Run,
  /** Where the fault came, as the journal showed it. */
  at: z.string(),
  fault: Fault,
  ok: z.boolean(),
  outcome: z.enum(["went on", "went back", "no legal end"]),
  lost: z.int().nullable(),
  twice: z.int().nullable(),
  /** From the fault to the bot's last word, in seconds. */
  seconds: z.number(),
  /** Of the whole case. */
  tookSeconds: z.number(),
  /** Why it is not ok, one sentence each. */
  why: z.array(z.string()),
  /** The bot's last word in the channel. */
  said: z.string(),
  /** What it said before it asked for approval, when it refused to at first. */
  refusals: z.array(z.string()),
  when: z.string(),
});
export type Row = z.infer<typeof Row>;

export const Versions = z.object({
  kind: z.literal("versions"),
  source: z.string(),
  target: z.string(),
  connect: z.string(),
  redis: z.string(),
  node: z.string(),
  commit: z.string(),
});
export type Versions = z.infer<typeof Versions>;

const Line = z.discriminatedUnion("kind", [Baseline, Row, Versions]);
type Line = z.infer<typeof Line>;

export type Results = {
  readonly baselines: () => ReadonlyMap<Run, Baseline>;
  readonly rows: () => readonly Row[];
  readonly versions: () => Versions | undefined;
  readonly add: (line: Line) => void;
};

/** Opens or begins a file of results. `path` undefined: nothing is kept. */
export function openResults(path: string | undefined): Results {
  const lines: Line[] = [];
  if (path !== undefined && existsSync(path)) {
    for (const text of readFileSync(path, "utf8").split("\n")) {
      if (text !== "") lines.push(Line.parse(JSON.parse(text)));
    }
  }
  return {
    baselines: () =>
      new Map(lines.flatMap((line) => (line.kind === "baseline" ? [[line.run, line] as const] : []))),
    rows: () => [
      ...new Map(
        lines.flatMap((line) => (line.kind === "case" ? [[line.name, line] as const] : [])),
      ).values(),
    ],
    versions: () => lines.findLast((line) => line.kind === "versions"),
    add(line) {
      lines.push(line);
      if (path === undefined) return;
      mkdirSync(dirname(path), { recursive: true });
      appendFileSync(path, `${JSON.stringify(line)}\n`);
    },
  };
}
