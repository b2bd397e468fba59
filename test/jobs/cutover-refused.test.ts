import { describe, expect, it } from "vitest";
import type { Client } from "#domain/settings.ts";
import { known } from "#domain/topology.ts";
import { startGuarded } from "#jobs/mirror/loop-guard.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { armReverse } from "#jobs/switch/reverse-mirror.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { loadPlan, readWaveState, waveAt } from "#jobs/switch/wave.ts";
import { attempt, carryOut, expectNothingLost, fused, started, withWorld } from "#support/cutover-bench.ts";
import { openRun } from "#support/sample-migration.ts";

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
    expect((await sample.engine.status("ferry-orders-billing-checkpoint")).state).toBe("stopped");
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
    expect((await sample.engine.status("ferry-orders-billing-checkpoint")).state).toBe("stopped");
    await expectNothingLost(sample);
  });

  it("stops the reverse mirror again when somebody started forward beside it", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const engine = await work.world.engine();
    let meddled = false;
    const meddling: typeof engine = {
      ...engine,
      start: async (name) => {
        await engine.start(name);
        if (meddled || !name.endsWith("reverse")) return;
        meddled = true;
        await engine.start(name.replace("reverse", "forward"));
      },
    };
    const beside = withWorld(work, { engine: async () => meddling });
    const result = await carryOut(cutoverProducers, sample, beside, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_LOOP" } });
    expect((await engine.status("ferry-orders-billing-reverse")).state).toBe("absent");
    expect((await engine.status("ferry-orders-billing-forward")).state).toBe("running");
    await expectNothingLost(sample);
  });

  it("does not take a mirror back that somebody let run for its own", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const engine = await work.world.engine();
    const stray: typeof engine = {
      ...engine,
      define: async (flow, state) => {
        await engine.define(flow, state);
        if (flow.kind === "reverse") await engine.start(flow.name);
      },
    };
    const beside = withWorld(work, { engine: async () => stray });
    const result = await carryOut(cutoverProducers, sample, beside, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_LOOP" } });
    expect((await engine.status("ferry-orders-billing-reverse")).state).toBe("absent");
  });

  it("stops a forward mirror again that was ordered while a run turned the mirror around", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const engine = await work.world.engine();
    const name = "ferry-orders-billing-forward";
    await engine.stop(name);
    const wave = await waveAt(work, await loadPlan(work), "billing", ["consumers-moved"]);
    await armReverse(wave, work);
    const racing = startGuarded(name, wave, engine, async () => {
      await engine.start(name.replace("forward", "reverse"));
      await engine.start(name);
    });
    await expect(racing).rejects.toMatchObject({ code: "E_LOOP" });
    expect((await engine.status(name)).state).toBe("stopped");
  });

  it("does not take an application that was started on the target early for a committed group", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const driverOf = (client: Client) => work.world.client(client);
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
    const driverOf = (client: Client) => work.world.client(client);
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
