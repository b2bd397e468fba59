import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { known } from "#domain/topology.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import {
  createSampleMigration,
  openRun,
  type SampleMigration,
  startMirroring,
} from "#support/sample-migration.ts";

/** The process is gone: everything that it would still do fails as well. */
class Crash extends Error {}

type Fuse = { left: number };
type Wrap = <T extends object>(part: T) => T;

/** Lets a test decide about each call of a part; what answers later also fails later, as real ports do. */
function guarded(before: (call: string) => Error | undefined, after: () => Error | undefined): Wrap {
  return (part) =>
    new Proxy(part, {
      get(from, key) {
        const member: unknown = Reflect.get(from, key);
        if (typeof member !== "function") return member;
        return (...given: unknown[]) => {
          const refusal = before(String(key));
          if (refusal !== undefined && key === "client") throw refusal;
          if (refusal !== undefined) return Promise.reject(refusal);
          const answer: unknown = Reflect.apply(member, from, given);
          return answer instanceof Promise
            ? answer.then((value: unknown) => answered(value, after()))
            : answer;
        };
      },
    });
}

function answered(value: unknown, error: Error | undefined): unknown {
  if (error !== undefined) throw error;
  return value;
}

/** The process dies at the nth moment: before or after a call; nothing works from then on. */
function fused(fuse: Fuse): Wrap {
  const burn = () => {
    fuse.left -= 1;
    return fuse.left < 0 ? new Crash("killed") : undefined;
  };
  return guarded(burn, burn);
}

/** One call of a driver, a cluster or the engine fails, the way the world does; memory stays well. */
function failing(fuse: Fuse): Wrap {
  const trouble = guarded(
    (call) => {
      fuse.left -= 1;
      return fuse.left === 0 ? new FerryError("E_CLIENT_DRIVER", `${call} failed`) : undefined;
    },
    () => undefined,
  );
  return (part) => ("append" in part ? part : trouble(part));
}

async function carryOut(action: Approvable, sample: SampleMigration, work: Work, id: string) {
  const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
  return await attempt(action, sample, work, id, proposal);
}

async function attempt(
  action: Approvable,
  sample: SampleMigration,
  work: Work,
  id: string,
  proposal: Awaited<ReturnType<Approvable["propose"]>>,
) {
  const run = await openRun(sample.store, id);
  const steps = await action.steps(proposal, work, run);
  const result = await runSteps({
    steps,
    run,
    work,
    subject: proposal.title,
    patienceMs: 0,
    undoPatienceMs: 0,
  });
  await run.leave(0);
  return result;
}

/** Lets everything be read, with producers stopped, and compares what was read with what was produced. */
async function expectNothingLost(sample: SampleMigration): Promise<void> {
  sample.places.set("checkout", "stopped");
  for (let round = 0; round < 10; round += 1) await sample.clock.sleep(500);
  for (const [group, ids] of sample.read) {
    expect(ids.length, `records read by ${group}`).toBe(new Set(ids).size);
    expect(ids.toSorted(), `records of ${group}`).toEqual(sample.produced.toSorted());
  }
  expect(sample.trouble).toEqual([]);
  await expectNoCopyTwice(sample);
}

async function expectNoCopyTwice(sample: SampleMigration): Promise<void> {
  for (const { cluster } of [sample.source, sample.target]) {
    for (const topic of ["orders", "payments"]) {
      for (const partition of [0, 1]) {
        const records = await cluster.read({ topic, partition }, 0, { max: 1_000_000 });
        const ids = records.map(({ value }) => String(value));
        expect(ids.length, `${topic}-${partition} on the ${cluster.role}`).toBe(new Set(ids).size);
      }
    }
  }
}

async function started(actions: readonly Approvable[] = []): Promise<SampleMigration> {
  const sample = createSampleMigration();
  await startMirroring(sample);
  for (const [index, action] of actions.entries()) {
    const result = await carryOut(action, sample, await sample.openWork(), `before-${index}`);
    expect(result.kind).toBe("done");
  }
  return sample;
}

const actions = [
  {
    what: "cutover of consumers",
    before: [],
    action: cutoverConsumers,
    from: "before-cutover",
    to: "consumers-moved",
  },
  {
    what: "cutover of producers",
    before: [cutoverConsumers],
    action: cutoverProducers,
    from: "consumers-moved",
    to: "producers-moved",
  },
  {
    what: "rollback of consumers",
    before: [cutoverConsumers],
    action: rollback,
    from: "consumers-moved",
    to: "before-cutover",
  },
  {
    what: "rollback of producers",
    before: [cutoverConsumers, cutoverProducers],
    action: rollback,
    from: "producers-moved",
    to: "before-cutover",
  },
] as const;

describe.each(actions)("$what", ({ before, action, from, to }) => {
  it("is carried out and loses nothing", async () => {
    const sample = await started(before);
    const work = await sample.openWork();
    expect((await carryOut(action, sample, work, "R1")).kind).toBe("done");
    expect((await readWaveState(work, "billing")).phase).toBe(to);
    await expectNothingLost(sample);
  });

  it("killed anywhere, ends in one of the two legal states and loses nothing", async () => {
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

describe("what must not be carried out", () => {
  it("turns back and names the topic when something still writes to the source", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const rogue = {
      ...work,
      clock: {
        ...work.clock,
        sleep: async (ms: number, signal?: AbortSignal) => {
          const id = `rogue:${sample.produced.length}`;
          sample.produced.push(id);
          sample.source.append("payments", 1, {
            key: null,
            value: Buffer.from(id),
            timestamp: work.clock.now(),
          });
          await work.clock.sleep(ms, signal);
        },
      },
    };
    const result = await carryOut(cutoverProducers, sample, rogue, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("payments-1");
    expect(sample.places.get("checkout")).toBe("source");
    expect((await sample.engine.status("ferry-orders-billing-reverse")).state).toBe("absent");
    await expectNothingLost(sample);
  });

  it("proposes with a failing gate when a group is already on the target", async () => {
    const sample = await started();
    sample.target.addMember("billing", { clientId: "early" });
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, await sample.openWork());
    expect(proposal.facts).toContainEqual(expect.objectContaining({ name: "target-groups", state: "fail" }));
  });

  it("proposes with a failing gate when an unknown group reads the wave's topics", async () => {
    const sample = await started();
    sample.source.commitAs("stranger", new Map([["orders", [1]]]));
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, await sample.openWork());
    expect(proposal.facts).toContainEqual(
      expect.objectContaining({
        name: "known-groups",
        state: "fail",
        text: expect.stringContaining("stranger"),
      }),
    );
  });

  it("proposes with a failing gate when the mirror has stopped", async () => {
    const sample = await started();
    await sample.engine.stop("ferry-orders-billing-forward");
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, await sample.openWork());
    expect(proposal.facts).toContainEqual(expect.objectContaining({ name: "mirror", state: "fail" }));
  });

  it("turns back without losing what was written between the drain and the stop of the mirror", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const engine = await work.world.engine();
    const late: typeof engine = {
      ...engine,
      stop: async (name) => {
        await engine.stop(name);
        if (!name.endsWith("forward")) return;
        sample.produced.push("straggler");
        sample.source.append("orders", 0, {
          key: null,
          value: Buffer.from("straggler"),
          timestamp: work.clock.now(),
        });
      },
    };
    const result = await carryOut(
      cutoverProducers,
      sample,
      withWorld(work, { engine: async () => late }),
      "R1",
    );
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("orders-0");
    await expectNothingLost(sample);
  });

  it("does not take an application that was started on the target early for a committed group", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const { client: driverOf } = work.world;
    const early = withWorld(work, {
      client: (client) => {
        const driver = driverOf(client);
        const restart = () => driver.start("target", sample.source.cluster.access, "by hand");
        return client.name === "billing-app" ? { ...driver, stop: restart } : driver;
      },
    });
    const result = await carryOut(cutoverConsumers, sample, early, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_GROUP_ALIVE" } });
    expect((await readWaveState(work, "billing")).phase).toBe("before-cutover");
  });

  it("does not begin when the plan was made anew after the approval", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, work);
    await sample.store.write("plan:orders", { ...sample.plan, hash: "1".repeat(64) });
    await expect(attempt(cutoverConsumers, sample, work, "R1", proposal)).rejects.toMatchObject({
      code: "E_PLAN_STALE",
    });
    expect(sample.places.get("billing-app")).toBe("source");
  });

  it("keeps to the approved wave when the plan changes while it runs", async () => {
    const sample = await started();
    const calm = await sample.openWork();
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, calm);
    const dying = await sample.openWork(fused({ left: 60 }));
    await expect(attempt(cutoverConsumers, sample, dying, "R1", proposal)).rejects.toThrow("killed");
    await sample.store.write("plan:orders", { ...sample.plan, hash: "1".repeat(64), waves: [] });
    expect((await attempt(cutoverConsumers, sample, calm, "R1", proposal)).kind).toBe("done");
    await expectNothingLost(sample);
  });
});

describe("a producer that does not write on the target", () => {
  it("is named, and leaves the way back open", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const { client: driverOf } = work.world;
    let claimed = false;
    const claims = withWorld(work, {
      client: (client) => ({
        ...driverOf(client),
        start: async (place, access, request) => {
          claimed = place === "target";
          if (!claimed) await driverOf(client).start(place, access, request);
        },
        status: async () => (claimed ? known("target") : driverOf(client).status()),
      }),
    });
    const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, claims);
    expect((await attempt(cutoverProducers, sample, claims, "R1", proposal)).kind).toBe("done");
    const run = await openRun(sample.store, "R1");
    const summary = await cutoverProducers.summary(proposal, claims, run);
    await run.leave(0);
    expect(JSON.stringify(summary)).toContain("nothing yet from checkout");
    claimed = false;
    expect((await carryOut(rollback, sample, work, "R2")).kind).toBe("done");
    await expectNothingLost(sample);
  });
});

function withWorld(work: Work, changes: Partial<Work["world"]>): Work {
  const world = new Proxy(work.world, {
    get: (from, key): unknown => Reflect.get(Reflect.has(changes, key) ? changes : from, key),
  });
  return { ...work, world };
}
