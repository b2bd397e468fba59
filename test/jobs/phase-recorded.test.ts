import { expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { runSteps } from "#jobs/run/steps.ts";
import type { Work } from "#jobs/work.ts";
import { actions, started } from "#support/cutover-bench.ts";
import { openRun } from "#support/sample-migration.ts";

/** As a bot that is killed after it has written the wave's phase and before the trail has its entry. */
function killedBeforeEntry(work: Work): Work {
  const audit: Work["audit"] = (entry) =>
    entry.what === "wave.phase"
      ? Promise.reject(new FerryError("E_LEASE_LOST", "killed"))
      : work.audit(entry);
  return { ...work, audit };
}

it.each(actions)(
  "a $what killed after the wave's phase is written has it in the audit trail once, as it was",
  async ({ action, before }) => {
    const sample = await started(before);
    const work = await sample.openWork();
    const phases = async () => {
      const trail = await sample.store.auditTrail("orders");
      return trail.filter(({ what }) => what === "wave.phase");
    };
    const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
    const earlier = await phases();
    const run = await openRun(sample.store, "R1");
    const dying = killedBeforeEntry(work);
    const subject = proposal.title;
    const killed = runSteps({ steps: await action.steps(proposal, dying, run), run, work: dying, subject });
    await expect(killed).rejects.toMatchObject({ code: "E_LEASE_LOST" });
    expect(await phases()).toEqual(earlier);

    for (let attempt = 0; attempt < 2; attempt += 1) {
      const steps = await action.steps(proposal, work, run);
      expect(await runSteps({ steps, run, work, subject })).toEqual({ kind: "done" });
    }
    await run.leave(0);
    const [entry, ...others] = (await phases()).slice(earlier.length);
    expect(others).toEqual([]);
    const was = earlier.at(-1)?.after ?? "before-cutover";
    expect(entry).toMatchObject({ wave: "billing", before: was });
    expect(entry?.after).not.toBe(was);
  },
);
