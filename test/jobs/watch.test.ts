import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { planKey } from "#domain/plan.ts";
import { mirroringKey, replicate } from "#jobs/mirror/replicate.ts";
import { watch } from "#jobs/watch.ts";
import { createMirrorWork } from "#support/mirror-work.ts";
import { createSampleMigration } from "#support/sample-migration.ts";

const job = { name: "watch", migration: "orders", by: "schedule" } as const;

const absent = () => Promise.reject(new FerryError("E_TARGET_ABSENT", "There is no MSK cluster t in r."));

describe("watching", () => {
  it("raises no alarm over a target that is planned and not yet made, and one when it goes away later", async () => {
    const sample = createSampleMigration();
    await sample.store.write(planKey("orders"), sample.plan);
    const work = await sample.openWork();
    const world = new Proxy(work.world, {
      get: (from, key): unknown => (key === "target" || key === "engine" ? absent : Reflect.get(from, key)),
    });
    await watch(job, { ...work, world });
    expect(await sample.store.keys("alarm:")).toEqual([]);
    await sample.store.write(mirroringKey("orders"), 1);
    await watch(job, { ...work, world });
    expect(await sample.store.keys("alarm:")).toHaveLength(1);
  });

  it("starts failed tasks again, and its alarm says how often, in place", async () => {
    const { work, engine, source, small } = await createMirrorWork();
    source.appendMany("invoices", 0, 3);
    await replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, work);
    const flow = "ferry-orders-billing-forward";
    for (let round = 0; round < 8; round += 1) {
      engine.failTask(flow, "TopicAuthorizationException: invoices\n\tat Sender.run");
      await watch(job, work);
      await small.clock.advance(120_000);
    }
    const alarms = small.fake.posts.filter(({ message }) =>
      message.subject.includes("mirror of wave billing failed"),
    );
    expect(alarms).toHaveLength(1);
    const shown = JSON.stringify(alarms[0]?.message);
    expect(shown).toContain("Started again 5 times of 5");
    expect(shown).toContain("at Sender.run");
  });
});
