import { describe, expect, it } from "vitest";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { readinessLines } from "#jobs/switch/readiness.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import { attempt, beforeConsumers, shortLived, started } from "#support/cutover-bench.ts";
import { announced, expectReadByAll, rogueOf, settle } from "#support/rogue-bench.ts";
import { openRun, type SampleMigration } from "#support/sample-migration.ts";

const forward = "ferry-orders-billing-forward";

async function propose(sample: SampleMigration) {
  return await rollback.propose({ wave: "billing", by: "UANA" }, await sample.openWork());
}

async function producersMoved() {
  const sample = await started([cutoverConsumers, cutoverProducers]);
  return { sample, rogue: rogueOf(sample), work: await sample.openWork() };
}

describe("a rollback over records that only the source has", () => {
  it("shows where groups begin again, takes all of them there and the mirror away", async () => {
    const { sample, rogue, work } = await producersMoved();
    await settle(sample);
    rogue.write();
    await settle(sample);
    const proposal = await propose(sample);
    expect(announced(proposal)).toHaveLength(2);
    const effects = new Map(proposal.effects.map(({ label, value }) => [label, value]));
    expect(effects.get("MSK lacks")).toContain(announced(proposal).join(", "));
    expect(effects.get("Read twice")).toMatch(/^[1-9]\d* records: /);
    expect(effects.get("Afterwards")).toContain("the forward mirror is removed");
    expect(proposal.table?.rows[0]?.[3]).toContain(announced(proposal)[0]);

    expect((await attempt(rollback, sample, work, "B1", proposal)).kind).toBe("done");
    const parts = JSON.stringify(await rollback.summary(proposal, work, await openRun(sample.store, "B1")));
    expect(parts).toContain("2 records on the source only");
    expect(parts).toContain("delete orders, payments on MSK");
    expect((await sample.engine.status(forward)).state).toBe("absent");
    expect((await readinessLines(sample.plan.waves, new Map(), work)).get("billing")).toContain(
      "not mirrored: MSK lacks 2 records on the source only",
    );
    const trail = await sample.store.auditTrail("orders");
    const held = trail.find(({ what }) => what === "mirror.held");
    expect(JSON.stringify(held?.detail)).toContain("2 records");
    await settle(sample);
    await expectReadByAll(sample, rogue, announced(proposal));
  });

  it("goes back to MSK where nobody was shown them, and through once they are", async () => {
    const { sample, rogue, work } = await producersMoved();
    const blind = await propose(sample);
    rogue.write();
    await settle(sample);
    const first = await attempt(rollback, sample, work, "B1", blind);
    expect(first).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect((await readWaveState(work, "billing")).phase).toBe("producers-moved");
    const proposal = await propose(sample);
    expect((await attempt(rollback, sample, work, "B2", proposal)).kind).toBe("done");
    await settle(sample);
    await expectReadByAll(sample, rogue, announced(proposal));
  });

  it("mirrors forward what came once the reverse mirror was stopped", async () => {
    const { sample, rogue, work } = await producersMoved();
    const proposal = await propose(sample);
    const late = beforeConsumers("stop", work, () => rogue.write());
    expect((await attempt(rollback, sample, late, "B1", proposal)).kind).toBe("done");
    expect((await sample.engine.status(forward)).state).toBe("running");
    await settle(sample);
    await expectReadByAll(sample, rogue, []);
    const copied = await sample.target.cluster.read({ topic: "payments", partition: 1 }, 0, { max: 10_000 });
    expect(copied.filter(({ value }) => String(value).startsWith("rogue"))).toHaveLength(1);
  });

  it("leaves a wave that cannot be cut over until it is mirrored afresh", async () => {
    const { sample, rogue, work } = await producersMoved();
    rogue.write();
    await settle(sample);
    expect((await attempt(rollback, sample, work, "B1", await propose(sample))).kind).toBe("done");
    const { facts } = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, work);
    expect(facts.find(({ name }) => name === "mirror")).toMatchObject({
      state: "fail",
      text: expect.stringContaining("mirror absent"),
    });
  });
});

async function cutOver(rogueWrites: boolean) {
  const sample = await started([cutoverConsumers]);
  const rogue = rogueOf(sample);
  const work = await sample.openWork();
  const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, work);
  const troubled = shortLived(sample, work, ({ name }) => {
    if (rogueWrites) rogue.write();
    sample.places.set(name, "stopped");
  });
  return { sample, rogue, result: attempt(cutoverProducers, sample, troubled, "P1", proposal) };
}

describe("a cutover that fails after producers wrote on MSK", () => {
  it("goes back with what they wrote", async () => {
    const { sample, rogue, result } = await cutOver(false);
    expect((await result).kind).toBe("undone");
    await settle(sample);
    await expectReadByAll(sample, rogue, []);
  });

  it("calls a person where somebody else wrote to the source meanwhile", async () => {
    const { sample, result } = await cutOver(true);
    await expect(result).rejects.toMatchObject({ code: "E_UNDO_FAILED" });
    await expect(result).rejects.toThrow(
      /2 records on the source only: .*payments-1 offsets \d+ to \d+ \(1\)/,
    );
    expect((await sample.engine.status(forward)).state).toBe("stopped");
  });
});
