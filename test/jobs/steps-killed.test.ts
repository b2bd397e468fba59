import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Store } from "#domain/ports.ts";
import type { Step } from "#jobs/run/approvable.ts";
import { readJournal } from "#jobs/run/journal.ts";
import { createRun, type LiveRun } from "#jobs/run/run.ts";
import { runSteps, type StepsResult } from "#jobs/run/steps.ts";
import { again, done, type Outcome } from "#jobs/work.ts";
import { createHandClock, type HandClock } from "#support/hand-clock.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { createSmallWork } from "#support/small-work.ts";

/** The process is gone: everything that it would still do fails as well. */
class Crash extends Error {}

type Fuse = { left: number };

function burn(fuse: Fuse): void {
  if (fuse.left <= 0) throw new Crash("killed");
  fuse.left -= 1;
}

function fused(store: Store, fuse: Fuse): Store {
  return {
    read: async (...given) => (burn(fuse), store.read(...given)),
    write: async (...given) => (burn(fuse), store.write(...given)),
    keys: async (...given) => (burn(fuse), store.keys(...given)),
    remove: async (...given) => (burn(fuse), store.remove(...given)),
    acquire: async (...given) => (burn(fuse), store.acquire(...given)),
    renew: async (...given) => (burn(fuse), store.renew(...given)),
    release: async (...given) => (burn(fuse), store.release(...given)),
    audit: async (...given) => (burn(fuse), store.audit(...given)),
    auditTrail: async (...given) => (burn(fuse), store.auditTrail(...given)),
    pruneAudit: async (...given) => (burn(fuse), store.pruneAudit(...given)),
    append: async (...given) => (burn(fuse), store.append(...given)),
    list: async (...given) => (burn(fuse), store.list(...given)),
  };
}

type Plan = {
  /** For each step: how often it asks for another attempt before it is done. */
  readonly waits: readonly number[];
  readonly noReturn: number;
  /** Which step fails, how often, and whether it had already changed the world. */
  readonly failing: { readonly step: number; readonly times: number; readonly after: boolean } | undefined;
};

/** What the steps change. It outlives every process. */
function createTinyWorld(plan: Plan) {
  const on = plan.waits.map(() => false);
  const acts = plan.waits.map(() => 0);
  const waited = plan.waits.map(() => 0);
  let failures = 0;

  function fails(step: number, after: boolean): boolean {
    const { failing } = plan;
    if (failing === undefined || failing.step !== step || failing.after !== after) return false;
    if (failures >= failing.times) return false;
    failures += 1;
    return true;
  }

  async function act(step: number, fuse: Fuse): Promise<Outcome> {
    burn(fuse);
    if (fails(step, false)) throw new FerryError("E_KAFKA", `step ${step} refused`);
    if ((waited[step] ?? 0) < (plan.waits[step] ?? 0)) {
      waited[step] = (waited[step] ?? 0) + 1;
      return again(1000);
    }
    on[step] = true;
    acts[step] = (acts[step] ?? 0) + 1;
    if (fails(step, true)) throw new FerryError("E_KAFKA", `step ${step} broke half-way`);
    return done;
  }

  function steps(fuse: Fuse): readonly Step[] {
    return plan.waits.map((_, step) => ({
      name: `step-${step}`,
      title: `do ${step}`,
      isDone: async () => (burn(fuse), on[step] ?? false),
      act: () => act(step, fuse),
      undo: {
        title: `undo ${step}`,
        run: async () => {
          burn(fuse);
          on[step] = false;
        },
      },
      pointOfNoReturn: step === plan.noReturn,
    }));
  }
  return { on, acts, steps };
}

type Ending = StepsResult["kind"] | "failed";

/** Attempts as the queue makes them, each killed after so many operations, the last ones not. */
async function play(plan: Plan, kills: readonly number[]) {
  const clock = createHandClock();
  const memory = createMemoryStore(clock);
  const world = createTinyWorld(plan);
  const endings: Ending[] = [];
  for (let attempt = 0; attempt < kills.length + 40; attempt += 1) {
    const fuse = { left: kills[attempt] ?? Number.MAX_SAFE_INTEGER };
    const ending = await oneAttempt(fused(memory, fuse), clock, world.steps(fuse));
    if (ending === undefined) continue;
    endings.push(ending);
    if (ending === "done" || ending === "undone") break;
  }
  return { world, endings, memory, journal: await readJournal(memory, "R1") };
}

async function oneAttempt(
  store: Store,
  clock: HandClock,
  steps: readonly Step[],
): Promise<Ending | undefined> {
  const work = createSmallWork({ store, clock });
  let run: LiveRun | undefined;
  try {
    run = await createRun({ id: "R1", migration: "orders", store, clock, log: work.log });
    return (await runSteps({ steps, run, work, subject: "test" })).kind;
  } catch (thrown) {
    if (thrown instanceof Crash) return undefined;
    if (thrown instanceof FerryError && thrown.cause instanceof Crash) return undefined;
    if (thrown instanceof FerryError) return "failed";
    throw thrown;
  } finally {
    await run?.leave(60_000);
  }
}

const plans: fc.Arbitrary<Plan> = fc
  .array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 5 })
  .chain((waits) =>
    fc.record({
      waits: fc.constant(waits),
      noReturn: fc.integer({ min: -1, max: waits.length - 1 }),
      failing: fc.option(
        fc.record({
          step: fc.nat({ max: waits.length - 1 }),
          times: fc.integer({ min: 1, max: 3 }),
          after: fc.boolean(),
        }),
        { nil: undefined },
      ),
    }),
  );

describe("a run that is killed anywhere, any number of times", () => {
  it("ends with every step done once, or with every step undone", async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.array(fc.nat({ max: 40 }), { maxLength: 6 }), async (plan, kills) => {
        const { world, endings, journal } = await play(plan, kills);
        const end = endings.at(-1);
        expect(["done", "undone"]).toContain(end);
        expect(world.on).toEqual(plan.waits.map(() => end === "done"));
        expect(journal?.state).toBe(end);
        expect(world.acts.every((acts) => end !== "done" || acts === 1)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it("never turns back once the step of no return has happened in the world", async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.array(fc.nat({ max: 40 }), { maxLength: 6 }), async (plan, kills) => {
        const { failing, noReturn } = plan;
        fc.pre(failing !== undefined && noReturn >= 0);
        fc.pre(failing.step > noReturn || (failing.step === noReturn && failing.after));
        const { endings } = await play(plan, kills);
        expect(endings.at(-1)).toBe("done");
      }),
      { numRuns: 200 },
    );
  });

  it("is killed at every single operation in turn", async () => {
    const plan = { waits: [0, 1, 0], noReturn: 1, failing: { step: 2, times: 1, after: true } };
    for (let kill = 0; kill < 60; kill += 1) {
      const { world, endings } = await play(plan, [kill]);
      expect(endings.at(-1), `killed after ${kill}`).toBe("done");
      expect(world.on, `killed after ${kill}`).toEqual([true, true, true]);
    }
    const back = { waits: [0, 1, 0], noReturn: -1, failing: { step: 2, times: 9, after: true } };
    for (let kill = 0; kill < 60; kill += 1) {
      const { world, endings } = await play(back, [kill]);
      expect(endings.at(-1), `killed after ${kill}`).toBe("undone");
      expect(world.on, `killed after ${kill}`).toEqual([false, false, false]);
    }
  });
});
