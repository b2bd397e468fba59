import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import {
  actions,
  attempt,
  carryOut,
  expectNothingLost,
  failing,
  fused,
  started,
} from "#support/cutover-bench.ts";

describe.each(actions)("$what", ({ before, action, from, to }) => {
  it("is carried out and loses nothing", async () => {
    const sample = await started(before);
    const work = await sample.openWork();
    expect((await carryOut(action, sample, work, "R1")).kind).toBe("done");
    expect((await readWaveState(work, "billing")).phase).toBe(to);
    await expectNothingLost(sample);
  });

  it("killed anywhere, ends in one of the two legal states and loses nothing", {
    timeout: 60_000,
  }, async () => {
    const property = fc.asyncProperty(fc.integer({ min: 0, max: 700 }), async (left) => {
      const sample = await started(before);
      const calm = await sample.openWork();
      const proposal = await action.propose({ wave: "billing", by: "UANA" }, calm);
      const dying = await sample.openWork(fused({ left }));
      const first = await attempt(action, sample, dying, "R1", proposal).catch((error: unknown) => error);
      for (let round = 0; round < 3; round += 1) await sample.clock.sleep(500);
      const second = await attempt(action, sample, calm, "R1", proposal);
      expect(["done", "undone"], String(first)).toContain(second.kind);
      expect((await readWaveState(calm, "billing")).phase).toBe(second.kind === "done" ? to : from);
      await expectNothingLost(sample);
    });
    await expect(fc.assert(property, { numRuns: 120 })).resolves.toBeUndefined();
  });
});

describe.each(actions)("$what, when one call fails", ({ before, action, from, to }) => {
  it("goes through or goes back, and loses nothing", async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 160 }), async (left) => {
      const sample = await started(before);
      const calm = await sample.openWork();
      const proposal = await action.propose({ wave: "billing", by: "UANA" }, calm);
      const troubled = await sample.openWork(failing({ left }));
      const first = await attempt(action, sample, troubled, "R1", proposal).catch(() => undefined);
      const result = first ?? (await attempt(action, sample, calm, "R1", proposal));
      seen.add(result.kind);
      expect((await readWaveState(calm, "billing")).phase).toBe(result.kind === "done" ? to : from);
      const place =
        to === "before-cutover" ? { done: "source", undone: "target" } : { done: "target", undone: "source" };
      const where = result.kind === "done" ? place.done : place.undone;
      const moved = action === cutoverProducers ? ["checkout"] : ["billing-app", "ledger-app"];
      for (const client of moved) expect(sample.places.get(client), client).toBe(where);
      await expectNothingLost(sample);
    });
    await expect(fc.assert(property, { numRuns: 100 })).resolves.toBeUndefined();
    expect([...seen].toSorted()).toEqual(["done", "undone"]);
  });
});

describe("a mirror that is behind", () => {
  it.each(actions.slice(0, 2))("is waited for by the $what", async ({ before, action }) => {
    const sample = await started(before);
    sample.engine.hold(true);
    for (let round = 0; round < 5; round += 1) await sample.clock.sleep(500);
    const work = await sample.openWork();
    const release = work.clock.now() + 6000;
    const sleep: Work["clock"]["sleep"] = async (ms, signal) => {
      if (work.clock.now() > release) sample.engine.hold(false);
      await work.clock.sleep(ms, signal);
    };
    const result = await carryOut(action, sample, { ...work, clock: { ...work.clock, sleep } }, "R1");
    expect(result.kind).toBe("done");
    await expectNothingLost(sample);
  });
});

describe("a whole migration", () => {
  it("goes over, back with what was written on the target, and over again", async () => {
    const sample = await started([cutoverConsumers, cutoverProducers]);
    for (let round = 0; round < 5; round += 1) await sample.clock.sleep(500);
    for (const [index, action] of [rollback, cutoverConsumers, cutoverProducers].entries()) {
      const work = await sample.openWork();
      expect((await carryOut(action, sample, work, `again-${index}`)).kind).toBe("done");
    }
    await expectNothingLost(sample);
    expect([...sample.places.values()].filter((place) => place === "source")).toEqual([]);
  });
});
