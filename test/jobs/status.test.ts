import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { nextCommands, type Standing } from "#domain/switch/standing.ts";
import { status } from "#jobs/status.ts";
import { createMirrorWork } from "#support/mirror-work.ts";
import { createSmallWork } from "#support/small-work.ts";

const job = { name: "status", migration: "orders", by: "UANA" } as const;
const forward = {
  name: "ferry-orders-billing-forward",
  kind: "forward",
  topics: ["invoices", "payments"],
  groups: [],
  tasks: 1,
} as const;

describe("/ferry status", () => {
  it("says what comes first when nothing was done", async () => {
    const work = createSmallWork();
    await status(job, work);
    expect(work.card.shown.at(-1)).toMatchObject({ next: ["assess", "plan"] });
  });

  it("has a line per wave, with lag and the last comparison", async () => {
    const { work, source, engine, small } = await createMirrorWork();
    source.appendMany("invoices", 0, 5);
    await engine.define(forward, "running");
    await work.store.write("verified:orders:billing", {
      at: "2026-11-22T13:10:00.000Z",
      phase: "before-cutover",
      partitions: 3,
      equal: 5,
      expired: 0,
      differences: [],
    });
    await status(job, work);
    const [table] = small.card.shown.at(-1)?.parts ?? [];
    expect(table).toMatchObject({
      rows: [
        ["billing", "caught up", "0", "2", "1", "equal, 1 h ago"],
        ["shipping", "not started", "–", "1", "0", "never"],
      ],
    });
    expect(small.card.shown.at(-1)?.next).toEqual(["replicate start", "cutover consumers billing"]);
  });

  it("counts what a way back would have to bring", async () => {
    const scene = await createMirrorWork();
    const { work, target, source, engine } = scene;
    source.appendMany("invoices", 0, 5);
    await engine.define(forward, "running");
    await engine.stop(forward.name);
    await work.store.write("wave:orders:billing", {
      phase: "producers-moved",
      changedAt: "2026-11-22T14:00:00Z",
      boundary: {
        source: { invoices: [5, 0], payments: [0] },
        target: { invoices: [5, 0], payments: [0] },
        at: "2026-11-22T14:00:00Z",
      },
    });
    target.addTopic("payments");
    await engine.define({ ...forward, name: "ferry-orders-billing-reverse", kind: "reverse" }, "stopped");
    await engine.seed("ferry-orders-billing-reverse", new Map([["invoices", [4, undefined]]]));
    await engine.start("ferry-orders-billing-reverse");
    target.appendMany("invoices", 0, 3);
    engine.hold(true);
    await status(job, work);
    expect(scene.said()).toContain("🟠 back now: 0 lost, read twice unknown, time unknown");
    expect(scene.said()).toContain("lags by 3 and was not seen to copy lately");
    expect(scene.said()).toContain("3 written on MSK since, 3 of them not on the source yet");
  });

  it("says that a way back is not ready when the reverse mirror does not run", async () => {
    const scene = await createMirrorWork();
    const { work, target } = scene;
    for (const topic of ["invoices", "payments"]) target.addTopic(topic);
    await work.store.write("wave:orders:billing", {
      phase: "producers-moved",
      changedAt: "2026-11-22T14:00:00Z",
    });
    await status(job, work);
    expect(scene.said()).toContain("🔴 not ready: the reverse mirror is absent");
  });

  it("goes on without MSK, and says so", async () => {
    const { work, small } = await createMirrorWork();
    const absent = new FerryError("E_TARGET_ABSENT", "There is no MSK cluster t in r.");
    const world = Object.create(work.world, {
      target: { value: () => Promise.reject(absent) },
      engine: { value: () => Promise.reject(absent) },
    });
    await status(job, { ...work, world });
    const shown = small.card.shown.at(-1);
    expect(shown?.next).toEqual(["provision", "network"]);
    expect(JSON.stringify(shown)).toContain("E_TARGET_ABSENT There is no MSK cluster t in r.");
    expect(shown?.parts[0]).toMatchObject({
      rows: [expect.arrayContaining(["not started"]), expect.anything()],
    });
  });
});

describe("the two next commands", () => {
  it.each<{ waves: Array<Pick<Standing, "stage"> & Partial<Standing>>; next: string[] }>([
    { waves: [{ stage: "mirroring" }], next: ["lag"] },
    { waves: [{ stage: "failed", mirror: "failed" }], next: ["replicate resume", "lag"] },
    { waves: [{ stage: "consumers moved" }], next: ["cutover producers w0", "rollback w0"] },
    { waves: [{ stage: "producers moved" }, { stage: "cleaned" }], next: ["verify", "cleanup"] },
    { waves: [{ stage: "producers moved", mirror: "failed" }], next: ["replicate resume", "verify"] },
    { waves: [{ stage: "cleaned" }], next: ["audit export", "features"] },
  ])("are $next", ({ waves, next }) => {
    const full = waves.map((wave, index): Standing => ({ wave: `w${index}`, mirror: "running", ...wave }));
    expect(nextCommands(full, true)).toEqual(next);
  });
});
