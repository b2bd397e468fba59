import { expect, it } from "vitest";
import { alarmsOf } from "#jobs/mirror/alarms-of.ts";
import { sampleLag } from "#jobs/mirror/migration-lag.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createMirrorWork } from "#support/mirror-work.ts";

it("a mirror that died and runs again is an alarm, which its words are in", async () => {
  const { work, engine, source } = await createMirrorWork();
  source.appendMany("parcels", 0, 3);
  await replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, work);
  const trace =
    "The process of ferry-orders-shipping-forward (pid 7 on host) ended by itself.\nERROR out of disk";
  const status: typeof engine.status = async (name) => {
    const seen = await engine.status(name);
    const tasks = seen.tasks.map((task) => (name.includes("shipping") ? { ...task, trace } : task));
    return { ...seen, tasks };
  };
  const lag = await sampleLag(withWorld(work, { engine: async () => ({ ...engine, status }) }));
  const rules = { lagRising: 600_000, targetDisk: 80 };
  const found = alarmsOf(
    { lag, points: [], disk: { at: 0, used: null, text: "" }, standing: new Set() },
    rules,
  );
  expect(found).toEqual([
    {
      key: "died:ferry-orders-shipping-forward",
      title: "mirror of wave shipping died and runs again",
      text: "The process of ferry-orders-shipping-forward (pid 7 on host) ended by itself. It was started again and goes on where it was.",
    },
  ]);
});
