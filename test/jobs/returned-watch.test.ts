import { describe, expect, it } from "vitest";
import { returnedKey, watchReturned } from "#jobs/mirror/returned-watch.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import type { Work } from "#jobs/work.ts";
import { carryOut, started } from "#support/cutover-bench.ts";
import { createFakeChat, type FakeChat } from "#support/fake-chat.ts";
import { settle } from "#support/rogue-bench.ts";
import type { SampleMigration } from "#support/sample-migration.ts";

/** Everything forth and back again, and a channel that shows what is said about it. */
async function cameBack() {
  const sample = await started([cutoverConsumers, cutoverProducers, rollback]);
  await settle(sample);
  const fake = createFakeChat();
  const work = { ...(await sample.openWork()), chat: fake.chat };
  return { sample, fake, work };
}

async function watchFor(ms: number, sample: SampleMigration, work: Work): Promise<void> {
  await sample.clock.sleep(ms);
  await watchReturned(work);
}

function said(fake: FakeChat): readonly string[] {
  return fake.posts.map(({ message }) => JSON.stringify(message));
}

function stray(sample: SampleMigration): number {
  const record = { key: "stray", value: `stray ${sample.clock.now()}`, timestamp: sample.clock.now() };
  return sample.target.append("payments", 1, record, { producerId: 4711 });
}

describe("MSK after producers came back to the source", () => {
  it("is no alarm while only the forward mirror writes there", async () => {
    const { sample, fake, work } = await cameBack();
    for (let round = 0; round < 5; round += 1) await watchFor(15_000, sample, work);
    expect(await sample.target.cluster.offsets(["payments"], "end")).not.toEqual(new Map());
    expect(said(fake)).toEqual([]);
  });

  it("has one alarm that names a producer which ignored the switch back, until it is quiet", async () => {
    const { sample, fake, work } = await cameBack();
    await watchFor(15_000, sample, work);
    const first = stray(sample);
    await watchFor(15_000, sample, work);
    expect(said(fake)).toHaveLength(1);
    expect(said(fake)[0]).toContain("something else writes to MSK, wave billing");
    expect(said(fake)[0]).toContain(`payments-1 offsets ${first} to ${first} (1)`);
    expect(said(fake)[0]).toContain("producer id 4711");
    const second = stray(sample);
    await watchFor(15_000, sample, work);
    expect(said(fake)).toHaveLength(1);
    expect(said(fake)[0]).toContain(`payments-1 offsets ${first} to ${second} (2)`);
    await watchFor(6 * 60_000, sample, work);
    expect(said(fake)[0]).toContain("cleared");
    const trail = await sample.store.auditTrail("orders");
    expect(trail.filter(({ what }) => what === "producer.rogue")).toHaveLength(2);
  });

  it("is watched on when the consumers move again, and no more once the producers do", async () => {
    const { sample, fake, work } = await cameBack();
    expect((await carryOut(cutoverConsumers, sample, work, "again-1")).kind).toBe("done");
    stray(sample);
    await watchFor(15_000, sample, work);
    expect(said(fake).filter((text) => text.includes("something else writes to MSK"))).toHaveLength(1);
    await sample.store.write("wave:orders:billing", {
      phase: "producers-moved",
      changedAt: new Date(sample.clock.now()).toISOString(),
    });
    await watchFor(15_000, sample, work);
    expect(said(fake).filter((text) => text.includes("cleared"))).toHaveLength(1);
    expect(await sample.store.read(returnedKey("orders", "billing"))).toBeUndefined();
  });

  it("is not judged by what was there before, once its topics were made anew", async () => {
    const { sample, fake, work } = await cameBack();
    sample.target.addTopic("payments", { partitions: 2 });
    await watchFor(15_000, sample, work);
    expect(await sample.store.read(returnedKey("orders", "billing"))).toBeUndefined();
    expect(said(fake)).toEqual([]);
  });

  it("is not watched after a rollback of consumers alone", async () => {
    const sample = await started([cutoverConsumers, rollback]);
    expect(await sample.store.read(returnedKey("orders", "billing"))).toBeUndefined();
  });
});
