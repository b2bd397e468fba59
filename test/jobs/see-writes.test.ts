import { describe, expect, it } from "vitest";
import { firstWriteRows, noteUnseen } from "#jobs/switch/see-writes.ts";
import type { Work } from "#jobs/work.ts";
import type { FakeClient } from "#support/fake-producers.ts";
import { createSampleMigration, openRun } from "#support/sample-migration.ts";

/** Two producers on the target, of which one shares its topic with the other. */
async function bench(write: (append: (topic: string, by: FakeClient) => number) => void) {
  const sample = createSampleMigration();
  sample.places.set("checkout", "stopped");
  for (const topic of ["orders", "payments"]) sample.target.appendMany(topic, 0, 4);
  const open = await sample.openWork();
  const { settings } = open.migration;
  const exec = settings.clients[0]?.switch ?? { driver: "manual", timeout: 1 };
  const work: Work = {
    ...open,
    migration: {
      ...open.migration,
      settings: {
        ...settings,
        clients: [
          { name: "checkout", role: "producer", topics: ["orders", "payments"], switch: exec },
          { name: "refunds", role: "producer", topics: ["payments"], switch: exec },
        ],
      },
    },
  };
  const run = await openRun(sample.store, "R1");
  const target = { orders: [4, 0], payments: [4, 0] };
  await run.remember("boundary", { source: target, target, at: "2026-11-22T14:00:00.000Z" });
  write((topic, by) => sample.target.append(topic, 0, { value: "first" }, by));
  const [wave] = sample.plan.waves;
  if (wave === undefined) throw new Error("the sample has no wave");
  await noteUnseen(wave, work, run);
  return { sample, rows: await firstWriteRows(run), unseen: await run.recall("unseen") };
}

describe("the first records on the target", () => {
  it("are seen from each producer, with offset and time", async () => {
    const { rows, unseen } = await bench((append) => {
      append("orders", { producerId: 7 });
      append("payments", { producerId: 7 });
      append("payments", { producerId: 8 });
    });
    expect(unseen).toBeUndefined();
    expect(rows.map(({ label }) => label)).toContain("First record of refunds");
    expect(rows.map(({ value }) => value).join()).toContain("orders-0 offset 4 at 14:");
    expect(rows.map(({ value }) => value).join()).toContain("producer id 8");
  });

  it("are waited for, and said to be missing when patience ends", async () => {
    const { rows, unseen } = await bench((append) => {
      append("orders", { producerId: 7 });
      append("payments", { producerId: 7 });
    });
    expect(unseen).toContain("nothing yet from refunds");
    expect(rows.map(({ label }) => label)).toEqual(["First record of checkout"]);
  });

  it("count only when they are committed", async () => {
    const { unseen } = await bench((append) => {
      append("orders", { producerId: 7 });
      append("payments", { transactionalId: "refunds-tx" });
    });
    expect(unseen).toContain("refunds");
  });

  it("are not told apart where both write without ids, and that is said", async () => {
    const { rows, unseen } = await bench((append) => void append("payments", {}));
    expect(unseen).toBeUndefined();
    expect(rows.map(({ label }) => label)).toContain("Not told apart");
  });
});
