import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { liftExpiredFences } from "#jobs/switch/fence-sweep.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import {
  actions,
  attempt,
  carryOut,
  expectNothingLost,
  failing,
  fused,
  started,
} from "#support/cutover-bench.ts";
import { expectGuards, type GuardScene, guards, guardsOf } from "#support/fence-bench.ts";
import { type SampleMigration, sampleLeaseMs } from "#support/sample-migration.ts";

/** The same kills as without an authorizer; besides, nothing of a fence may be left where a run was taken back. */

const moves = actions.filter(({ before }) => before.length > 0 && before !== actions[2].before);
const cases = guards.flatMap((scene) => moves.map((move) => ({ ...move, ...scene, name: move.what })));

/** Rights before anybody touched them, and a wave that is ready for the action. */
async function ready(scene: GuardScene, before: (typeof moves)[number]["before"]) {
  const untouched = await guardsOf(await started([], scene.guard));
  return { sample: await started(before, scene.guard), untouched };
}

async function waitOut(sample: SampleMigration, ms: number): Promise<void> {
  await sample.clock.sleep(ms);
  for (let round = 0; round < 3; round += 1) await sample.clock.sleep(500);
}

describe.each(cases)("$name with $what", (scene) => {
  const { before, action, from, to, stands } = scene;
  const standsAfter = (kind: string) => (action === rollback) === (kind === "undone") && stands;

  it("is carried out", async () => {
    const { sample, untouched } = await ready(scene, before);
    const work = await sample.openWork();
    expect((await carryOut(action, sample, work, "R1")).kind).toBe("done");
    expect((await readWaveState(work, "billing")).phase).toBe(to);
    await expectGuards(sample, untouched, { ...scene, stands: standsAfter("done") });
    await expectNothingLost(sample);
  });

  it("killed anywhere, with the sweeper in between, leaves no fence behind and loses nothing", async () => {
    const kinds = new Set<string>();
    const kill = fc.integer({ min: 0, max: 420 });
    const property = fc.asyncProperty(
      kill,
      fc.integer({ min: 0, max: 30 }),
      fc.boolean(),
      async (left, swept, sweeps) => {
        const { sample, untouched } = await ready(scene, before);
        const calm = await sample.openWork();
        const proposal = await action.propose({ wave: "billing", by: "UANA" }, calm);
        const dying = await sample.openWork(fused({ left }));
        await attempt(action, sample, dying, "R1", proposal).catch(() => undefined);
        await waitOut(sample, sweeps ? sampleLeaseMs : 500);
        if (sweeps) {
          await liftExpiredFences(await sample.openWork(fused({ left: swept })));
          await waitOut(sample, sampleLeaseMs);
          await liftExpiredFences(calm);
        }
        const second = await attempt(action, sample, calm, "R1", proposal);
        kinds.add(second.kind);
        expect(["done", "undone"]).toContain(second.kind);
        expect((await readWaveState(calm, "billing")).phase).toBe(second.kind === "done" ? to : from);
        await expectGuards(sample, untouched, { ...scene, stands: standsAfter(second.kind) });
        await expectNothingLost(sample);
      },
    );
    await expect(fc.assert(property, { numRuns: 8 })).resolves.toBeUndefined();
    expect(kinds.size).toBeGreaterThan(0);
  });

  it("goes through or goes back when one call fails", async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (left) => {
      const { sample, untouched } = await ready(scene, before);
      const calm = await sample.openWork();
      const proposal = await action.propose({ wave: "billing", by: "UANA" }, calm);
      const troubled = await sample.openWork(failing({ left }));
      const first = await attempt(action, sample, troubled, "R1", proposal).catch(() => undefined);
      const result = first ?? (await attempt(action, sample, calm, "R1", proposal));
      seen.add(result.kind);
      await expectGuards(sample, untouched, { ...scene, stands: standsAfter(result.kind) });
      await expectNothingLost(sample);
    });
    await expect(fc.assert(property, { numRuns: 8 })).resolves.toBeUndefined();
    expect(seen).toContain("undone");
  });
});

describe("a run that died for good", () => {
  it.each(guards)("has its fence lifted by the sweeper: $what", async (scene) => {
    let lifted = 0;
    for (let left = 100; left < 320; left += 22) {
      const { sample, untouched } = await ready(scene, [cutoverConsumers]);
      const calm = await sample.openWork();
      const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, calm);
      const dying = await sample.openWork(fused({ left }));
      const ended = await attempt(cutoverProducers, sample, dying, "R1", proposal).catch(() => undefined);
      if (ended !== undefined || sample.places.get("checkout") === "target") continue;
      if ((await guardsOf(sample)).length > untouched.length) lifted += 1;
      await waitOut(sample, sampleLeaseMs);
      await liftExpiredFences(calm);
      await expectGuards(sample, untouched, { ...scene, stands: false });
    }
    expect(lifted).toBeGreaterThan(0);
  });
});
