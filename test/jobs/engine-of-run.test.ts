import { describe, expect, it } from "vitest";
import type { EngineName } from "#domain/settings.ts";
import { runSteps } from "#jobs/run/steps.ts";
import type { Work } from "#jobs/work.ts";
import { actions, expectNothingLost, started, withWorld } from "#support/cutover-bench.ts";
import { createFakeEngine } from "#support/fake-engine.ts";
import { openRun, type SampleMigration } from "#support/sample-migration.ts";

/** As after an edit of ferry.yaml and a restart: the engine named now knows nothing of the mirrors. */
function on(engine: EngineName, work: Work, sample: SampleMigration): Work {
  const { migration } = work;
  const replication = { ...migration.settings.replication, engine };
  const settings = { ...migration.settings, replication };
  const empty = createFakeEngine(sample.source, sample.target);
  return withWorld({ ...work, migration: { ...migration, settings } }, { engine: async () => empty });
}

describe("the engine of a run", () => {
  it.each(actions)("holds a begun $what while the settings name another", async ({ action, before }) => {
    const sample = await started(before);
    const work = await sample.openWork();
    const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
    const run = await openRun(sample.store, "R1");
    const steps = await action.steps(proposal, work, run);
    await steps[0]?.act();
    const moved = on("mirrormaker", work, sample);
    await expect(action.steps(proposal, moved, run)).rejects.toMatchObject({
      code: "E_SETTINGS",
      message:
        "replication.engine: is mirrormaker, and this run has its mirrors on connect. Set it back to connect and start the bot again.",
    });
    const again = await action.steps(proposal, work, run);
    const subject = proposal.title;
    expect(await runSteps({ steps: again, run, work, subject, patienceMs: 0 })).toEqual({ kind: "done" });
    await run.leave(0);
    await expectNothingLost(sample);
  });

  it.each(actions)("refuses a $what where the mirrors run on another", async ({ action, before }) => {
    const sample = await started(before);
    const work = await sample.openWork();
    await sample.store.write("engine:orders", { engine: "connect", leaving: [] });
    const asked = action.propose({ wave: "billing", by: "UANA" }, on("mirrormaker", work, sample));
    await expect(asked).rejects.toMatchObject({
      code: "E_PHASE",
      message: "The mirrors run on connect; set replication.engine from mirrormaker back to it.",
    });
  });

  it.each(actions)("is, for a $what of an older bot, where the mirrors run", async ({ action, before }) => {
    const sample = await started(before);
    const work = await sample.openWork();
    const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
    await sample.store.write("engine:orders", { engine: "connect", leaving: [] });
    const run = await openRun(sample.store, "R1");
    const moved = on("mirrormaker", work, sample);
    await expect(action.steps(proposal, moved, run)).rejects.toMatchObject({ code: "E_SETTINGS" });
    expect(await run.recall("engine")).toBeUndefined();
    await run.leave(0);
  });
});
