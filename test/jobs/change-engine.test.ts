import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { EngineName } from "#domain/settings.ts";
import { waveKey } from "#domain/wave-state.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createFakeEngine, type FakeEngine } from "#support/fake-engine.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const forward = "ferry-orders-billing-forward";
const sections = {
  connect: { url: "http://connect:8083" },
  mirrormaker: {
    run: "supervised",
    home: "/opt/kafka",
    folder: "mirrormaker",
    java: "java",
    heap: "1g",
    patience: 60_000,
  },
} as const;

describe("a change of engine", () => {
  let mirror: MirrorWork;
  let engines: Record<"connect" | "mirrormaker", FakeEngine>;

  beforeEach(async () => {
    mirror = await createMirrorWork();
    for (const topic of ["invoices", "payments", "parcels"]) mirror.source.appendMany(topic, 0, 10);
    engines = {
      connect: mirror.engine,
      mirrormaker: createFakeEngine(mirror.source, mirror.target),
    };
    await start("connect");
  });

  async function start(engine: "connect" | "mirrormaker", given: Partial<typeof sections> = sections) {
    const { work } = mirror;
    const { settings } = work.migration;
    const { connect: _, ...replication } = settings.replication;
    const replicated = { ...replication, ...given, engine };
    const migration = { ...work.migration, settings: { ...settings, replication: replicated } };
    const changed = withWorld(
      { ...work, migration },
      {
        engine: async (name: EngineName = engine) => engines[name === "connect" ? "connect" : "mirrormaker"],
      },
    );
    return await replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, changed);
  }

  async function counts(): Promise<readonly number[]> {
    const ends = await mirror.target.cluster.offsets(["invoices", "payments", "parcels"], "end");
    return ["invoices", "payments", "parcels"].map((topic) => ends.get(topic)?.[0] ?? 0);
  }

  it("takes every wave over with its offsets, and copies nothing twice", async () => {
    expect(await counts()).toEqual([10, 10, 10]);
    mirror.source.appendMany("invoices", 0, 5);
    await start("mirrormaker");
    expect(await counts()).toEqual([15, 10, 10]);
    expect((await engines.connect.list("ferry-")).length).toBe(0);
    const running = (await engines.mirrormaker.list("ferry-")).filter(({ state }) => state === "running");
    expect(running.map(({ name }) => name).sort()).toEqual([
      "ferry-orders-billing-checkpoint",
      forward,
      "ferry-orders-shipping-forward",
    ]);
    const trail = await mirror.work.store.auditTrail("orders");
    expect(trail.filter(({ what }) => what === "mirror.taken-over")).toMatchObject([
      { before: "connect", after: "mirrormaker" },
      { before: "connect", after: "mirrormaker" },
    ]);
  });

  it("goes on where it was broken off, and back again", async () => {
    const { connect, mirrormaker } = engines;
    const broken = {
      ...connect,
      remove: () => Promise.reject(new FerryError("E_CONNECT_UNREACHABLE", "away")),
    };
    engines = { connect: broken, mirrormaker };
    await expect(start("mirrormaker")).rejects.toMatchObject({ code: "E_CONNECT_UNREACHABLE" });
    expect((await connect.status(forward)).state).toBe("stopped");
    expect((await mirrormaker.status(forward)).state).toBe("stopped");
    engines = { connect, mirrormaker };
    await start("mirrormaker");
    mirror.source.appendMany("parcels", 0, 5);
    await start("connect");
    expect(await counts()).toEqual([10, 10, 15]);
    expect((await mirrormaker.list("ferry-")).length).toBe(0);
  });

  it("is refused once a wave's cutover has begun, and without the section of the engine before", async () => {
    await expect(start("mirrormaker", { mirrormaker: sections.mirrormaker })).rejects.toMatchObject({
      code: "E_SETTINGS",
      message:
        "replication.connect: not set; the mirrors run on connect and cannot be taken over without it.",
    });
    const state = { phase: "consumers-moved", changedAt: new Date(0).toISOString() };
    await mirror.work.store.write(waveKey("orders", "billing"), state);
    await expect(start("mirrormaker")).rejects.toMatchObject({
      code: "E_PHASE",
      message: `Wave billing has begun its cutover on connect (${forward}); set replication.engine from mirrormaker back to connect.`,
    });
    expect((await engines.connect.status(forward)).state).toBe("running");
  });

  it("is refused where the source is shorter than what was copied: all would be copied again", async () => {
    await engines.connect.stop(forward);
    await engines.connect.seed(forward, new Map([["invoices", [99]]]));
    await start("mirrormaker");
    expect(mirror.said()).toContain("invoices-0 was copied up to 99, and the source ends at 10.");
    expect((await engines.mirrormaker.status(forward)).state).toBe("absent");
  });

  it("asks no other engine once all has been taken over", async () => {
    await start("mirrormaker");
    engines.connect.fail(new FerryError("E_CONNECT_UNREACHABLE", "switched off"));
    expect(await start("mirrormaker")).toEqual({ kind: "done" });
  });
});
