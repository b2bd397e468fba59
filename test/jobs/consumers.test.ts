import { describe, expect, it } from "vitest";
import { factHashOf } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { answersKey } from "#domain/plan/questions.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState, withClientsOfRun } from "#jobs/switch/wave.ts";
import type { Outcome, Work } from "#jobs/work.ts";
import { attempt, carryOut, expectNothingLost, fused, started, withWorld } from "#support/cutover-bench.ts";
import { openRun, type SampleMigration } from "#support/sample-migration.ts";
import { whenWaiting } from "#support/when-waiting.ts";

const asked = { wave: "billing", by: "UANA" };

/** Meddles once, as soon as the consumers run on the target. */
async function meddle(sample: SampleMigration, act: () => void) {
  let meddled = false;
  const work = whenWaiting(await sample.openWork(), () => {
    if (meddled || sample.places.get("billing-app") !== "target") return;
    meddled = true;
    act();
  });
  return await carryOut(cutoverConsumers, sample, work, "R1");
}

/** Committed and read back in good order; right behind it a stranger sets a group back. */
async function setBackBehindCommit(sample: SampleMigration, work: Work): Promise<Work> {
  const target = await work.world.target();
  let reads = 0;
  const meddled: KafkaCluster = {
    ...target,
    commit: async (offsets) => {
      await target.commit(offsets);
      reads = 1;
    },
    committed: async (groups) => {
      const now = await target.committed(groups);
      reads += reads > 0 ? 1 : 0;
      if (reads === 2) sample.target.commitAs("billing", new Map([["orders", [0]]]));
      return now;
    },
  };
  return withWorld(work, { target: async () => meddled });
}

describe("while the consumers move", () => {
  it("goes on with the applications it began with when ferry.yaml loses them while it runs", async () => {
    const sample = await started();
    const calm = await sample.openWork();
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, calm);
    const dying = await sample.openWork(fused({ left: 80 }));
    await expect(attempt(cutoverConsumers, sample, dying, "R1", proposal)).rejects.toThrow("killed");
    const { settings } = calm.migration;
    const clients = settings.clients.filter(({ name }) => name !== "billing-app");
    const poorer = { ...calm, migration: { ...calm.migration, settings: { ...settings, clients } } };
    await expect(attempt(cutoverConsumers, sample, poorer, "R1", proposal)).rejects.toMatchObject({
      code: "E_PLAN_STALE",
    });
    const whole = await withClientsOfRun(poorer, "R1");
    expect(whole.migration.settings.clients).toEqual(expect.arrayContaining([...settings.clients]));
    expect((await attempt(cutoverConsumers, sample, whole, "R1", proposal)).kind).toBe("done");
    expect(sample.places.get("billing-app")).toBe("target");
    await expectNothingLost(sample);
  });

  it("takes back an application that somebody else started on MSK right behind the proof", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose(asked, work);
    const run = await openRun(sample.store, "R1");
    const steps = await cutoverConsumers.steps(proposal, work, run);
    const early = steps.map((step) =>
      step.name === "prove-offsets" ? { ...step, act: () => proveThenStart(() => step.act()) } : step,
    );
    const failing = early.map((step) =>
      step.name === "watch-consumers"
        ? { ...step, act: () => Promise.reject(new FerryError("E_OFFSETS_MOVED", "a stranger")) }
        : step,
    );
    const result = await runSteps({ steps: failing, run, work, subject: "test", patienceMs: 0 });
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    for (const name of ["billing-app", "ledger-app"]) expect(sample.places.get(name)).toBe("source");
    const live = (await sample.target.cluster.describeGroups(["billing", "ledger"])).flatMap(
      ({ members }) => members,
    );
    expect(live).toEqual([]);
    await run.leave(0);
    await expectNothingLost(sample);

    async function proveThenStart(prove: () => Promise<Outcome>): Promise<Outcome> {
      const outcome = await prove();
      const access = await work.world.applications("target");
      for (const client of work.migration.settings.clients.filter(({ role }) => role === "consumer")) {
        await work.world.client(client).start("target", access, "by hand");
      }
      return outcome;
    }
  });

  it("stops the group sync before the commit, and starts it again when it goes back", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const states: string[] = [];
    const target = await work.world.target();
    const watching: KafkaCluster = {
      ...target,
      commit: async (offsets) => {
        states.push((await sample.engine.status("ferry-orders-billing-checkpoint")).state);
        sample.target.addMember("ledger", { clientId: "early" });
        await target.commit(offsets);
      },
    };
    const result = await carryOut(
      cutoverConsumers,
      sample,
      withWorld(work, { target: async () => watching }),
      "R1",
    );
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_GROUP_ALIVE" } });
    expect(states).toEqual(["stopped"]);
    expect((await sample.engine.status("ferry-orders-billing-checkpoint")).state).toBe("running");
  });

  it("starts the checkpoints again even while Connect's workers rebalance", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const target = await work.world.target();
    const gone: KafkaCluster = {
      ...target,
      commit: () => {
        sample.engine.rebalance(1);
        return Promise.reject(new FerryError("E_INCOMPLETE", "the coordinator is away"));
      },
    };
    const away = withWorld(work, { target: async () => gone });
    expect((await carryOut(cutoverConsumers, sample, away, "R1")).kind).toBe("undone");
    expect((await sample.engine.status("ferry-orders-billing-checkpoint")).state).toBe("running");
  });

  it("starts the checkpoints again when the move is rolled back, so that the next prediction knows them", async () => {
    const sample = await started([cutoverConsumers]);
    const checkpoint = async () => (await sample.engine.status("ferry-orders-billing-checkpoint")).state;
    expect(await checkpoint()).toBe("stopped");
    const back = await carryOut(rollback, sample, await sample.openWork(), "R1");
    expect(back.kind).toBe("done");
    expect(await checkpoint()).toBe("running");
  });

  it("refuses a group whose state is not told", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose(asked, work);
    sample.target.commitAs("nightly", new Map());
    sample.target.setState("nightly", "Unknown");
    const result = await attempt(cutoverConsumers, sample, work, "R1", proposal);
    expect(result).toMatchObject({
      kind: "undone",
      error: { code: "E_GROUP_ALIVE", message: expect.stringMatching(/state is Unknown: nightly \(/) },
    });
    await expectNothingLost(sample);
  });

  it("does not start where somebody changed an offset after the commit", async () => {
    const sample = await started();
    const work = await setBackBehindCommit(sample, await sample.openWork());
    const result = await carryOut(cutoverConsumers, sample, work, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    expect(result.kind === "undone" ? result.error.message : "").toMatch(/billing orders-0: \d+ read again/);
    await expectNothingLost(sample);
  });

  it("is bound to the limit of what is read again that was approved, whatever is answered later", async () => {
    const sample = await started();
    const calm = await sample.openWork();
    const { settings } = calm.migration;
    const generous = { ...settings, cutover: { ...settings.cutover, maxReadAgain: 1_000_000 } };
    const open = { ...calm, migration: { ...calm.migration, settings: generous } };
    const limit = async (value: string) =>
      void (await sample.store.write(answersKey("orders"), {
        "read-twice": { value, by: "UANA", at: "2026-11-23T12:00:00.000Z", job: "job-1", before: null },
      }));
    await limit("0");
    const approved = await cutoverConsumers.propose(asked, open);
    await limit("1000000");
    expect(factHashOf(await cutoverConsumers.propose(asked, open))).not.toBe(factHashOf(approved));
    const work = await setBackBehindCommit(sample, open);
    const result = await attempt(cutoverConsumers, sample, work, "R1", approved);
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    await expectNothingLost(sample);
  });

  it("goes back when a stranger sets a group back, and names it", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["orders", [3]]]));
    const result = await meddle(sample, () => sample.target.commitAs("nightly", new Map([["orders", [1]]])));
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain(
      "nightly orders-0 is 1, was committed at 3",
    );
    expect((await sample.source.cluster.committed(["nightly"])).get("nightly")?.get("orders")).toEqual([3]);
    await expectNothingLost(sample);
  });

  it("goes back when a group comes to life on the source, and leaves that one alone", async () => {
    const sample = await started();
    const result = await meddle(sample, () => void sample.source.addMember("billing", { clientId: "late" }));
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_SPLIT_BRAIN" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("late");
    expect(sample.places.get("ledger-app")).toBe("source");
    expect((await readWaveState(await sample.openWork(), "billing")).phase).toBe("before-cutover");
  });

  it("goes back when offsets move on the source without a member", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["orders", [1]]]));
    const result = await meddle(sample, () => sample.source.commitAs("nightly", new Map([["orders", [3]]])));
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_SPLIT_BRAIN" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("nightly: orders-0 1 → 3");
    await expectNothingLost(sample);
  });

  it("asks no progress of groups that have read everything before the marker at the end of a quiet copy", async () => {
    const sample = await started();
    sample.places.set("checkout", "stopped");
    await sample.clock.sleep(1000);
    for (const topic of ["orders", "payments"])
      for (const partition of [0, 1]) sample.target.skip(topic, partition, 1);
    expect((await carryOut(cutoverConsumers, sample, await sample.openWork(), "R1")).kind).toBe("done");
    sample.places.set("checkout", "source");
    await expectNothingLost(sample);
  });

  it("asks no progress of groups whose unread records have expired on MSK meanwhile", async () => {
    const sample = await started();
    sample.places.set("checkout", "stopped");
    await sample.clock.sleep(1000);
    const result = await meddle(sample, () => {
      for (const topic of ["orders", "payments"]) {
        for (const partition of [0, 1]) {
          sample.target.skip(topic, partition, 3);
          sample.target.deleteBefore(topic, partition, 1_000);
          sample.target.skip(topic, partition, 1_000);
        }
      }
    });
    expect(result.kind).toBe("done");
  });

  it("tells what was observed and how long each group paused, in the summary, the audit and the run", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const audited: string[] = [];
    const told = {
      ...work,
      audit: async (entry: { readonly what: string }) => void audited.push(entry.what),
    };
    const proposal = await cutoverConsumers.propose(asked, told);
    expect((await attempt(cutoverConsumers, sample, told, "R1", proposal)).kind).toBe("done");
    const run = await openRun(sample.store, "R1");
    const parts = await cutoverConsumers.summary(proposal, told, run);
    const facts = JSON.stringify(parts);
    expect(facts).toContain("0 records, as predicted (by the groups' commits)");
    expect(facts).toContain("by its commits: from the last on the source");
    expect(await run.recall("observed")).toContainEqual({
      group: "billing",
      topic: "orders",
      partition: 1,
      predicted: { again: 0, skipped: 0 },
      observed: { again: 0, skipped: 0 },
    });
    const table = parts.find(({ kind }) => kind === "table");
    expect(table?.kind === "table" ? table.rows.map(([group]) => String(group)) : []).toEqual(
      expect.arrayContaining(["billing", "ledger"]),
    );
    expect(await run.recall("pauses")).toEqual([
      expect.objectContaining({ group: "billing", until: "record", pauseMs: expect.any(Number) }),
      expect.objectContaining({ group: "ledger", until: "record", pauseMs: expect.any(Number) }),
    ]);
    await run.leave(0);
    expect(audited).toEqual(
      expect.arrayContaining(["offsets.committed", "offsets.proved", "consumers.moved"]),
    );
    await expectNothingLost(sample);
  });
});
