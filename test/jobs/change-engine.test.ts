import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { ReplicatorSettings } from "#domain/replicator-settings.ts";
import type { EngineName } from "#domain/settings.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import { cleanup } from "#jobs/cleanup/cleanup.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
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

const replicated = {
  ...sections,
  replicator: ReplicatorSettings.parse({
    role: "arn:aws:iam::123456789012:role/replicator",
    mtls: { secretArn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_source-a1b2c3" },
  }),
};
const nothing = new Map([
  ["invoices", [undefined, undefined]],
  ["payments", [undefined]],
]);

const absent = (name: string) => ({ name, state: "absent", kind: undefined, topics: [], tasks: [] }) as const;

const away = async () => Promise.reject(new FerryError("E_CONNECT_UNREACHABLE", "away"));

describe("a change of engine", () => {
  let mirror: MirrorWork;
  let engines: Record<EngineName, FakeEngine>;

  beforeEach(async () => {
    mirror = await createMirrorWork();
    for (const topic of ["invoices", "payments", "parcels"]) mirror.source.appendMany(topic, 0, 10);
    engines = {
      connect: mirror.engine,
      mirrormaker: createFakeEngine(mirror.source, mirror.target),
      replicator: createFakeEngine(mirror.source, mirror.target),
    };
    await start("connect");
  });

  function changedTo(engine: EngineName, given: Partial<typeof replicated> = sections) {
    const { work } = mirror;
    const { settings } = work.migration;
    const { connect: _, ...replication } = settings.replication;
    const changes = { ...replication, ...given, engine };
    const migration = { ...work.migration, settings: { ...settings, replication: changes } };
    return withWorld(
      { ...work, migration },
      {
        engine: async (name: EngineName = engine) => engines[name],
      },
    );
  }

  async function start(...given: Parameters<typeof changedTo>) {
    const changed = changedTo(...given);
    return await replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, changed);
  }

  function asked(wave: string, given?: Partial<typeof replicated>) {
    return cutoverConsumers.propose({ wave, by: "UANA" }, changedTo("mirrormaker", given));
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
    engines = { ...engines, connect: broken };
    await expect(start("mirrormaker")).rejects.toMatchObject({ code: "E_CONNECT_UNREACHABLE" });
    expect((await connect.status(forward)).state).toBe("stopped");
    expect((await mirrormaker.status(forward)).state).toBe("stopped");
    engines = { ...engines, connect };
    await start("mirrormaker");
    mirror.source.appendMany("parcels", 0, 5);
    await start("connect");
    expect(await counts()).toEqual([10, 10, 15]);
    expect((await mirrormaker.list("ferry-")).length).toBe(0);
  });

  it("is not taken for the end of the mirrors by a cleanup", async () => {
    for (const wave of ["billing", "shipping"]) {
      const state = { phase: "producers-moved", changedAt: new Date(0).toISOString() };
      await mirror.work.store.write(waveKey("orders", wave), state);
    }
    await expect(cleanup.propose({ by: "UANA" }, changedTo("mirrormaker"))).rejects.toMatchObject({
      code: "E_PHASE",
      message: "The mirrors run on connect; set replication.engine from mirrormaker back to it.",
    });
    expect(await cleanup.propose({ by: "UANA" }, changedTo("connect"))).toMatchObject({ action: "cleanup" });
  });

  it("killed inside a removal, removes the rest and keeps the offsets that were taken over", async () => {
    const { connect } = engines;
    // As Connect does it: the offsets first, then the connector.
    const remove = async (name: string) => {
      await connect.seed(name, new Map([[name.includes("billing") ? "invoices" : "parcels", []]]));
      throw new FerryError("E_CONNECT_UNREACHABLE", "killed");
    };
    engines = { ...engines, connect: { ...connect, remove } };
    await expect(start("mirrormaker")).rejects.toMatchObject({ code: "E_CONNECT_UNREACHABLE" });
    expect((await connect.copied(forward)).get("invoices") ?? []).toEqual([]);
    engines = { ...engines, connect };
    await start("mirrormaker");
    expect(await counts()).toEqual([10, 10, 10]);
    expect(engines.mirrormaker.orders.filter((order) => order === `seed ${forward}`)).toHaveLength(1);
    expect(await connect.list("ferry-")).toEqual([]);
  });

  it("removes what is left of a mirror that looks absent on the engine before", async () => {
    const { connect } = engines;
    const removed: string[] = [];
    engines = {
      ...engines,
      connect: {
        ...connect,
        status: async (name) => absent(name),
        remove: async (name) => {
          removed.push(name);
        },
      },
    };
    for (const name of ["invoices", "payments", "parcels"]) await mirror.target.cluster.deleteTopics([name]);
    await start("mirrormaker");
    expect(removed).toContain(forward);
  });

  it("lets no cutover begin on a wave that a change which was broken off has left behind", async () => {
    const { connect, mirrormaker } = engines;
    const stay = (name: string) =>
      name.includes("shipping")
        ? Promise.reject(new FerryError("E_CONNECT_UNREACHABLE", "away"))
        : connect.stop(name);
    engines = { ...engines, connect: { ...connect, stop: stay } };
    await expect(start("mirrormaker")).rejects.toMatchObject({ code: "E_CONNECT_UNREACHABLE" });
    await expect(asked("shipping")).rejects.toMatchObject({
      code: "E_PHASE",
      message:
        "The change of engine from connect to mirrormaker is not complete: ferry-orders-shipping-forward is running on connect. Start replication again first.",
    });
    expect(await asked("billing")).toMatchObject({ wave: "billing" });
    await expect(asked("billing", { mirrormaker: sections.mirrormaker })).rejects.toMatchObject({
      code: "E_SETTINGS",
      message: expect.stringContaining("replication.connect: not set"),
    });
    engines = { connect, mirrormaker, replicator: engines.replicator };
    await start("mirrormaker");
    expect(await asked("shipping")).toMatchObject({ wave: "shipping" });
  });

  it("keeps the way back open for a wave that has moved, whatever became of the engine before", async () => {
    const { connect } = engines;
    await start("mirrormaker");
    const changedAt = "2026-11-23T12:00:00.000Z";
    await mirror.work.store.write(waveKey("orders", "billing"), { phase: "consumers-moved", changedAt });
    await mirror.work.store.write("engine:orders", { engine: "mirrormaker", leaving: ["connect"] });
    engines = { ...engines, connect: { ...connect, status: away } };
    const asked = { wave: "billing", by: "UANA" };
    await expect(rollback.propose(asked, changedTo("mirrormaker"))).resolves.toMatchObject({
      action: "rollback",
    });
    const { mirrormaker } = sections;
    await expect(rollback.propose(asked, changedTo("mirrormaker", { mirrormaker }))).resolves.toMatchObject({
      action: "rollback",
    });
    await expect(rollback.propose(asked, changedTo("connect"))).rejects.toMatchObject({ code: "E_PHASE" });
  });

  it("finds the waves that were taken over, when it is given up halfway", async () => {
    const { connect, mirrormaker } = engines;
    const shipping = "ferry-orders-shipping-forward";
    await connect.stop(shipping);
    await connect.seed(shipping, new Map([["parcels", [99]]]));
    await start("mirrormaker");
    expect((await mirrormaker.status(forward)).state).toBe("running");
    await connect.seed(shipping, new Map([["parcels", [9]]]));
    mirror.source.appendMany("invoices", 0, 5);
    await start("connect");
    expect((await mirrormaker.list("ferry-")).length).toBe(0);
    expect((await connect.status(forward)).state).toBe("running");
    expect(await counts()).toEqual([15, 10, 10]);
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

  it("to a Replicator is refused before any mirror is stopped, once one has copied", async () => {
    await engines.connect.stop("ferry-orders-shipping-forward");
    const before = await engines.connect.list("ferry-");
    const orders = engines.connect.orders.length;
    await expect(start("replicator", replicated)).rejects.toMatchObject({
      code: "E_REPLICATOR",
      message: `${forward}: records of 2 of its topics (invoices, payments) were copied on connect, and a Replicator cannot begin after them. Nothing was changed; set replication.engine back to connect.`,
    });
    expect(await engines.connect.list("ferry-")).toEqual(before);
    expect(engines.connect.orders.slice(orders)).toEqual([]);
    expect(engines.replicator.orders).toEqual([]);
    mirror.source.appendMany("invoices", 0, 5);
    expect(await start("connect", replicated)).toEqual({ kind: "done" });
    expect(await counts()).toEqual([15, 10, 10]);
  });

  it("to a Replicator is refused for one wave's copy before another wave is taken over", async () => {
    engines.connect.hold(true);
    await mirror.target.cluster.deleteTopics(["invoices", "payments"]);
    await engines.connect.stop(forward);
    await engines.connect.seed(forward, nothing);
    await expect(start("replicator", replicated)).rejects.toMatchObject({
      code: "E_REPLICATOR",
      message: expect.stringContaining("ferry-orders-shipping-forward: records of 1 of its topics (parcels)"),
    });
    expect((await engines.connect.status(forward)).state).toBe("stopped");
    expect((await engines.connect.status("ferry-orders-shipping-forward")).state).toBe("running");
    expect(engines.replicator.orders).toEqual([]);
  });

  it("to a Replicator is refused for records on MSK of which no offset is committed yet", async () => {
    const { connect } = engines;
    engines = { ...engines, connect: { ...connect, copied: async () => new Map() } };
    await expect(start("replicator", replicated)).rejects.toMatchObject({ code: "E_REPLICATOR" });
    expect((await connect.status(forward)).state).toBe("running");
  });

  it("to a Replicator needs no offsets where nothing was copied", async () => {
    engines.connect.hold(true);
    await mirror.target.cluster.deleteTopics(["invoices", "payments", "parcels"]);
    for (const [name, table] of [
      [forward, nothing],
      ["ferry-orders-shipping-forward", new Map([["parcels", [undefined]]])],
    ] as const) {
      await engines.connect.stop(name);
      await engines.connect.seed(name, table);
    }
    expect(await start("replicator", replicated)).toEqual({ kind: "done" });
    expect(await engines.connect.list("ferry-")).toEqual([]);
    expect(await counts()).toEqual([10, 10, 10]);
    expect(engines.replicator.orders.filter((order) => order.startsWith("seed"))).toEqual([]);
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
