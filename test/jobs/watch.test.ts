import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { planKey } from "#domain/plan.ts";
import { mirroringKey } from "#jobs/mirror/replicate.ts";
import { watch } from "#jobs/watch.ts";
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
});
