import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { readStandby } from "#jobs/mirror/standby-record.ts";
import { watchStandby } from "#jobs/mirror/standby-watch.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import { actions, attempt, failing, fused, started } from "#support/cutover-bench.ts";
import { announced, expectReadByAll, type Rogue, rogueOf, settle } from "#support/rogue-bench.ts";
import type { SampleMigration } from "#support/sample-migration.ts";

/** A producer that ignores its stop writes to the source at any moment, in a run that is killed or fails anywhere. */

const moves = [actions[1], actions[3]] as const;

type Move = (typeof moves)[number];

async function ending(error: unknown): Promise<{ readonly kind: "stuck" } | undefined> {
  return error instanceof FerryError && error.code === "E_UNDO_FAILED" ? { kind: "stuck" } : undefined;
}

/** Once in trouble, then calmly to the end. Returns how it ended, and what the request had announced. */
async function play(
  { before, action }: Move,
  { early, at, wrap }: { early: boolean; at: number; wrap: <T extends object>(part: T) => T },
) {
  const sample = await started(before);
  const rogue = rogueOf(sample);
  const calm = await sample.openWork();
  if (early) rogue.write();
  await settle(sample);
  const proposal = await action.propose({ wave: "billing", by: "UANA" }, calm);
  const troubled = await sample.openWork((part) => wrap(rogue.during(at)(part)));
  const first = await attempt(action, sample, troubled, "R1", proposal).catch(ending);
  await settle(sample);
  const last = first ?? (await attempt(action, sample, calm, "R1", proposal).catch(ending));
  if (last === undefined) throw new Error("the calm attempt did not end");
  return { sample, rogue, kind: last.kind, floors: announced(proposal) };
}

/** A run that is stuck has called a person; otherwise everybody reads everything, at the latest after a rollback. */
async function expectNothingSkipped(
  sample: SampleMigration,
  rogue: Rogue,
  kind: string,
  floors: readonly string[],
): Promise<void> {
  if (kind === "stuck") return;
  const work = await sample.openWork();
  await settle(sample);
  if ((await readWaveState(work, "billing")).phase !== "producers-moved") {
    await expectReadByAll(sample, rogue, floors);
    return;
  }
  await watchStandby(work);
  const verdict = await readStandby(work, "billing");
  const proposal = await rollback.propose({ wave: "billing", by: "UANA" }, work);
  expect((await attempt(rollback, sample, work, "B1", proposal)).kind).toBe("done");
  await settle(sample);
  await expectReadByAll(sample, rogue, announced(proposal));
  expect(["clean", "rogue"]).toContain(verdict.state);
  expect(announced(proposal).length > 0, "announced what the watch found").toBe(verdict.state === "rogue");
}

describe.each(moves)("a rogue during the $what", (move) => {
  it("costs nobody a record, killed anywhere", { timeout: 120_000 }, async () => {
    const kinds = new Set<string>();
    const moment = fc.integer({ min: 0, max: 500 });
    const property = fc.asyncProperty(moment, moment, fc.boolean(), async (left, at, early) => {
      const { sample, rogue, kind, floors } = await play(move, { early, at, wrap: fused({ left }) });
      kinds.add(kind);
      await expectNothingSkipped(sample, rogue, kind, floors);
    });
    await expect(fc.assert(property, { numRuns: 30 })).resolves.toBeUndefined();
    expect(kinds).toContain("done");
  });

  it("costs nobody a record, when one call fails", { timeout: 120_000 }, async () => {
    const kinds = new Set<string>();
    const moment = fc.integer({ min: 1, max: 250 });
    const property = fc.asyncProperty(moment, moment, fc.boolean(), async (left, at, early) => {
      const { sample, rogue, kind, floors } = await play(move, { early, at, wrap: failing({ left }) });
      kinds.add(kind);
      await expectNothingSkipped(sample, rogue, kind, floors);
    });
    await expect(fc.assert(property, { numRuns: 30 })).resolves.toBeUndefined();
    expect(kinds).toContain("undone");
  });
});
