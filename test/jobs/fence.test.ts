import { describe, expect, it } from "vitest";
import { asFerryError } from "#domain/errors.ts";
import { cleanup } from "#jobs/cleanup/cleanup.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { readFence } from "#jobs/switch/fence-document.ts";
import { liftExpiredFences } from "#jobs/switch/fence-sweep.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { watch } from "#jobs/watch.ts";
import type { Work } from "#jobs/work.ts";
import { attempt, carryOut, expectNothingLost, fused, started, withWorld } from "#support/cutover-bench.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { guards, guardsOf, own, shared, sourceAcls } from "#support/fence-bench.ts";
import { openRun, type SampleGuard, type SampleMigration, sampleLeaseMs } from "#support/sample-migration.ts";

type Rogue = {
  readonly work: Work;
  readonly refused: number;
  readonly sent: number;
  /** When it was first named, ms after the start. */
  readonly namedAfter: number | undefined;
  readonly said: readonly string[];
};

/** A producer that no driver knows: it writes whenever time passes, and counts what it got through. */
function withRogue(
  sample: SampleMigration,
  work: Work,
  { side, principal, awake }: { side: "source" | "target"; principal: string; awake: () => Promise<boolean> },
): Rogue {
  const said: string[] = [];
  const rogue: { -readonly [K in keyof Rogue]: Rogue[K] } = {
    work,
    refused: 0,
    sent: 0,
    namedAfter: undefined,
    said,
  };
  const began = work.clock.now();
  const sleep: Work["clock"]["sleep"] = async (ms, signal) => {
    if (await awake()) write();
    await work.clock.sleep(ms, signal);
  };
  const thread: Work["card"]["thread"] = async (_key, message) => {
    said.push(JSON.stringify(message));
    rogue.namedAfter ??= work.clock.now() - began;
  };

  function write(): void {
    const id = `rogue:${rogue.sent}`;
    try {
      sample[side].append("payments", 1, { key: id, value: id }, { principal });
      sample.produced.push(id);
      rogue.sent += 1;
    } catch (thrown) {
      if (asFerryError(thrown).code !== "E_KAFKA_AUTH") throw thrown;
      rogue.refused += 1;
    }
  }

  return Object.assign(rogue, {
    work: { ...work, clock: { ...work.clock, sleep }, card: { ...work.card, thread } },
  });
}

/** Killed once the fence stands and before producers were started. */
async function diedFenced(guard: SampleGuard) {
  const sample = await started([cutoverConsumers], guard);
  const calm = await sample.openWork();
  const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, calm);
  const engine = await calm.world.engine();
  const fuse = { left: Number.MAX_SAFE_INTEGER };
  const dying = await sample.openWork(fused(fuse));
  const dead = withWorld(dying, {
    engine: async () => ({
      ...engine,
      stop: async (name) => {
        if (name.endsWith("forward")) fuse.left = 0;
        await engine.stop(name);
      },
    }),
  });
  await expect(attempt(cutoverProducers, sample, dead, "R1", proposal)).rejects.toThrow("killed");
  return { sample, calm, proposal };
}

describe("a producer that ignores its stop", () => {
  it("is named before a fence would hide it, and the cutover turns back without one", async () => {
    const sample = await started([cutoverConsumers], own);
    const untouched = await guardsOf(sample);
    const everywhere = { side: "source", principal: "User:rogue", awake: async () => true } as const;
    const rogue = withRogue(sample, await sample.openWork(), everywhere);
    const result = await carryOut(cutoverProducers, sample, rogue.work, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("payments-1");
    expect(rogue.said.join()).toContain("payments-1");
    expect(rogue.namedAfter).toBeLessThan(30_000);
    expect(rogue.refused).toBe(0);
    expect(await guardsOf(sample)).toEqual(untouched);
    expect(await readFence(rogue.work, "billing", "source")).toBeUndefined();
    expect(sample.places.get("checkout")).toBe("source");
    await expectNothingLost(sample);
  });

  it("is refused by the fence when it comes back only then, and the cutover goes through", async () => {
    const sample = await started([cutoverConsumers], own);
    const awake = async () => (await sourceAcls(sample)).length > 0;
    const returning = { side: "source", principal: "User:rogue", awake } as const;
    const rogue = withRogue(sample, await sample.openWork(), returning);
    expect((await carryOut(cutoverProducers, sample, rogue.work, "R1")).kind).toBe("done");
    expect(rogue.refused).toBeGreaterThan(0);
    await expectNothingLost(sample);
  });

  it("is named on MSK before the fence of a rollback, which turns back", async () => {
    const byName = guards.find(({ what }) => what === "rights by name");
    const sample = await started([cutoverConsumers, cutoverProducers], byName?.guard);
    const untouched = await guardsOf(sample);
    const onTarget = { side: "target", principal: "User:checkout", awake: async () => true } as const;
    const rogue = withRogue(sample, await sample.openWork(), onTarget);
    const result = await carryOut(rollback, sample, rogue.work, "R2");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(rogue.said.join()).toContain("payments-1");
    expect(rogue.refused).toBe(0);
    expect(await guardsOf(sample)).toEqual(untouched);
    expect(sample.places.get("checkout")).toBe("target");
    await expectNothingLost(sample);
  });

  it("is found by the last look where the mirror shares its principal, and the cutover turns back", async () => {
    const sample = await started([cutoverConsumers], shared);
    const untouched = await guardsOf(sample);
    const work = await sample.openWork();
    const engine = await work.world.engine();
    const late: typeof engine = {
      ...engine,
      start: async (name) => {
        if (name.endsWith("reverse")) {
          sample.source.append("payments", 1, { key: "late", value: "late" });
          sample.produced.push("late");
        }
        await engine.start(name);
      },
    };
    const meddled = withWorld(work, { engine: async () => late });
    const result = await carryOut(cutoverProducers, sample, meddled, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("payments-1");
    expect(await guardsOf(sample)).toEqual(untouched);
    await expectNothingLost(sample);
  });
});

describe("a fence whose run died", () => {
  it("is lifted once its lease has run out, not before, and that is said once", async () => {
    const { sample, calm } = await diedFenced(own);
    const fake = createFakeChat();
    const audited: string[] = [];
    const work: Work = {
      ...calm,
      chat: fake.chat,
      audit: async ({ what }) => void audited.push(what),
    };
    const fenced = await sourceAcls(sample);
    expect(fenced).toHaveLength(4);
    await liftExpiredFences(work);
    expect(await sourceAcls(sample)).toEqual(fenced);
    await sample.clock.sleep(sampleLeaseMs);
    await watch({ name: "watch", migration: "orders", by: "schedule" }, work);
    expect(await sourceAcls(sample)).toEqual([]);
    await liftExpiredFences(work);
    const key = "fence-lifted:R1:source:1";
    expect(await fake.chat.find("C1", key)).toBeDefined();
    expect(audited).toEqual(["fence.lifted"]);
  });

  it("is set again when the run comes back, and silence is proved again", async () => {
    const { sample, calm, proposal } = await diedFenced(own);
    await sample.clock.sleep(sampleLeaseMs);
    await liftExpiredFences(calm);
    expect((await attempt(cutoverProducers, sample, calm, "R1", proposal)).kind).toBe("done");
    expect(await readFence(calm, "billing", "source")).toMatchObject({ generation: 2, state: "standing" });
    expect(await sourceAcls(sample)).toHaveLength(4);
    await expectNothingLost(sample);
  });

  it("does not trust a proof that is older than the fence", async () => {
    const sample = await started([cutoverConsumers], own);
    const calm = await sample.openWork();
    const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, calm);
    const fuse = { left: Number.MAX_SAFE_INTEGER };
    const dying = await sample.openWork(fused(fuse));
    const engine = await calm.world.engine();
    const dead = withWorld(dying, {
      engine: async () => ({
        ...engine,
        start: async (name) => {
          await engine.start(name);
          if (name.endsWith("reverse")) fuse.left = 0;
        },
      }),
    });
    await expect(attempt(cutoverProducers, sample, dead, "R1", proposal)).rejects.toThrow("killed");
    await sample.clock.sleep(sampleLeaseMs);
    await liftExpiredFences(calm);
    sample.source.append("orders", 0, { key: "gap", value: "gap" }, { principal: "User:rogue" });
    sample.produced.push("gap");
    const result = await attempt(cutoverProducers, sample, calm, "R1", proposal);
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("orders-0");
    expect(await sourceAcls(sample)).toEqual([]);
    await expectNothingLost(sample);
  });

  it("stays when its run has passed the point of no return", async () => {
    const sample = await started([cutoverConsumers, cutoverProducers], own);
    const work = await sample.openWork();
    const standing = await sourceAcls(sample);
    expect(standing).toHaveLength(4);
    await sample.clock.sleep(sampleLeaseMs);
    await liftExpiredFences(work);
    expect(await sourceAcls(sample)).toEqual(standing);
  });

  it("is left to its run when producers may run on the target already", async () => {
    const sample = await started([cutoverConsumers], own);
    const calm = await sample.openWork();
    const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, calm);
    const fuse = { left: Number.MAX_SAFE_INTEGER };
    const dying = await sample.openWork(fused(fuse));
    const driverOf: Work["world"]["client"] = (client) => dying.world.client(client);
    const dead = withWorld(dying, {
      client: (client) => ({
        ...driverOf(client),
        stop: (request) => driverOf(client).stop(request),
        status: () => driverOf(client).status(),
        start: async (place, access, request) => {
          await driverOf(client).start(place, access, request);
          fuse.left = 0;
        },
      }),
    });
    await expect(attempt(cutoverProducers, sample, dead, "R1", proposal)).rejects.toThrow("killed");
    await sample.clock.sleep(sampleLeaseMs);
    await liftExpiredFences(calm);
    expect(await sourceAcls(sample)).toHaveLength(4);
    expect((await attempt(cutoverProducers, sample, calm, "R1", proposal)).kind).toBe("done");
    await expectNothingLost(sample);
  });
});

describe("before producers start on the target", () => {
  it("waits for a transaction that is open on the source, then turns back and names it", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const engine = await work.world.engine();
    const late: typeof engine = {
      ...engine,
      start: async (name) => {
        await engine.start(name);
        if (!name.endsWith("reverse")) return;
        sample.source.append("orders", 1, { key: "tx", value: "tx" }, "tx-orders");
      },
    };
    const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, work);
    const open = withWorld(work, { engine: async () => late });
    const result = await attempt(cutoverProducers, sample, open, "R1", proposal);
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("tx-orders");
    expect(sample.places.get("checkout")).toBe("source");
  });
});

describe("cleaning up", () => {
  it("lifts the standing fence", async () => {
    const sample = await started([cutoverConsumers, cutoverProducers], own);
    const work = await sample.openWork();
    expect(await sourceAcls(sample)).toHaveLength(4);
    const proposal = await cleanup.propose({ wave: "billing", by: "UANA" }, work);
    expect(JSON.stringify(proposal.effects)).toContain("the fence of billing on the source (4 ACLs)");
    const run = await openRun(sample.store, "C1");
    const steps = await cleanup.steps(proposal, work, run);
    const lift = steps.find(({ name }) => name === "lift-fences");
    expect(await lift?.isDone()).toBe(false);
    await lift?.act();
    expect(await lift?.isDone()).toBe(true);
    expect(await sourceAcls(sample)).toEqual([]);
  });
});
