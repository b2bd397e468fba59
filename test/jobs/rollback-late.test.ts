import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import {
  attempt,
  beforeConsumers,
  carryOut,
  expectNothingLost,
  shortLived,
  started,
  withWorld,
} from "#support/cutover-bench.ts";
import { settle } from "#support/rogue-bench.ts";
import { openRun, type SampleMigration } from "#support/sample-migration.ts";

const reverse = "ferry-orders-billing-reverse";

async function producersMoved() {
  const sample = await started([cutoverConsumers, cutoverProducers]);
  await settle(sample);
  return { sample, work: await sample.openWork() };
}

function writeOnMsk(sample: SampleMigration): void {
  sample.produced.push("late");
  sample.target.append("payments", 1, { key: null, value: "late", timestamp: sample.clock.now() });
}

describe("a record that comes to MSK after the reverse mirror was stopped", () => {
  it("turns the rollback around before its point of no return, and is carried over then", async () => {
    const { sample, work } = await producersMoved();
    const late = beforeConsumers("stop", work, () => writeOnMsk(sample));
    const result = await carryOut(rollback, sample, late, "B1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_ROGUE_PRODUCER" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("payments-1");
    expect((await readWaveState(work, "billing")).phase).toBe("producers-moved");
    expect((await sample.engine.status(reverse)).state).toBe("running");
    await settle(sample);
    expect((await carryOut(rollback, sample, work, "B2")).kind).toBe("done");
    await expectNothingLost(sample);
  });

  it("is named in the summary when nothing can be taken back any more", async () => {
    const { sample, work } = await producersMoved();
    const proposal = await rollback.propose({ wave: "billing", by: "UANA" }, work);
    const late = beforeConsumers("start", work, () => writeOnMsk(sample));
    expect((await attempt(rollback, sample, late, "B1", proposal)).kind).toBe("done");
    const summary = JSON.stringify(await rollback.summary(proposal, work, await openRun(sample.store, "B1")));
    expect(summary).toContain("Late on MSK");
    expect(summary).toMatch(/1 offsets came to MSK .* payments-1/);
  });

  it("is not spoken of when none came", async () => {
    const { sample, work } = await producersMoved();
    const proposal = await rollback.propose({ wave: "billing", by: "UANA" }, work);
    expect((await attempt(rollback, sample, work, "B1", proposal)).kind).toBe("done");
    const summary = JSON.stringify(await rollback.summary(proposal, work, await openRun(sample.store, "B1")));
    expect(summary).not.toContain("Late on MSK");
  });
});

describe("what a rollback commits on the source", () => {
  it.each([
    { what: "consumers", before: [cutoverConsumers] },
    { what: "producers", before: [cutoverConsumers, cutoverProducers] },
  ])("is read back after $what moved", async ({ before }) => {
    const sample = await started(before);
    await settle(sample);
    const work = await sample.openWork();
    const source = { ...work.world.source, commit: async () => {} };
    const result = await carryOut(rollback, sample, withWorld(work, { source }), "B1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("on the source");
    await expectNothingLost(sample);
  });

  it("is not committed beside a group that somebody started there", async () => {
    const { sample, work } = await producersMoved();
    const early = beforeConsumers("stop", work, () => {
      sample.source.addMember("billing", { clientId: "early" });
    });
    expect(await carryOut(rollback, sample, early, "B1")).toMatchObject({
      kind: "undone",
      error: { code: "E_GROUP_ALIVE" },
    });
  });
});

describe("offsets that an undone cutover of consumers carries back", () => {
  it("are read back", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const source = { ...work.world.source, commit: async () => {} };
    const result = carryOut(cutoverConsumers, sample, shortLived(sample, withWorld(work, { source })), "C1");
    await expect(result).rejects.toMatchObject({ code: "E_UNDO_FAILED" });
    await expect(result).rejects.toThrow(/Committed on the source and read back differently/);
  });
});

describe("the reverse mirror of a rollback that is taken back", () => {
  it("is not started beside a forward mirror that somebody started", async () => {
    const { sample, work } = await producersMoved();
    const meddled = beforeConsumers("stop", work, async () => {
      await sample.engine.start("ferry-orders-billing-forward");
      throw new FerryError("E_CLIENT_DRIVER", "it does not stop");
    });
    await expect(carryOut(rollback, sample, meddled, "B1")).rejects.toMatchObject({ code: "E_UNDO_FAILED" });
    expect((await sample.engine.status(reverse)).state).toBe("stopped");
  });
});
