import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { attempt, carryOut, hour, moved, names, propose } from "#support/cleanup-bench.ts";
import { withWorld } from "#support/cutover-bench.ts";

const reverse = "ferry-orders-billing-reverse";

describe("asking for a cleanup", () => {
  it("needs every wave to have moved, and names those that have not", async () => {
    const scene = await moved("billing");
    await expect(propose(scene)).rejects.toMatchObject({
      code: "E_PHASE",
      message: expect.stringContaining('shipping ("before-cutover")'),
    });
  });

  it("says that there is no way back afterwards", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    expect(proposal.title).toContain("NO WAY BACK");
    expect(proposal.quorum).toBe(2);
    expect(proposal.facts.map(({ name, state }) => [name, state])).toEqual([
      ["source-groups", "pass"],
      ["target-groups", "warn"],
      ["compared", "warn"],
    ]);
  });

  it("does not pass while somebody reads on the source, or records differ", async () => {
    const scene = await moved("billing");
    scene.source.addMember("stranger", { assignment: [{ topic: "invoices", partition: 0 }] });
    await scene.work.store.write("verified:orders:billing", {
      at: "2026-11-22T13:00:00Z",
      phase: "producers-moved",
      partitions: 3,
      equal: 1,
      expired: 0,
      differences: [{ topic: "invoices", partition: 0, kind: "differs", what: "values differ" }],
    });
    const { facts } = await propose(scene, "billing");
    const failing = facts.filter(({ state }) => state === "fail").map(({ text }) => text);
    expect(failing).toEqual([expect.stringContaining("stranger"), "records differ in billing"]);
  });
});

describe("carrying out a cleanup", () => {
  it("watches for as long as configured, removes what the bot made and nothing else", async () => {
    const scene = await moved("billing", "shipping");
    const own = [
      "mm2-offset-syncs.ferry-target.internal",
      "ferry-orders-billing-forward-offsets-abc1",
      "ferry-orders-shipping-reverse-offsets-abc2",
      "ferry-source.checkpoints.internal",
      "ferry-source.heartbeats",
    ];
    const foreign = [
      "mm2-offset-syncs.backup.internal",
      "ferry-orders-billing-forward-offsets-of-somebody",
      "heartbeats",
    ];
    for (const name of [...own, ...foreign]) {
      scene.source.addTopic(name);
      scene.target.addTopic(name);
    }
    const began = scene.small.clock.now();
    expect(await carryOut(scene, await propose(scene))).toEqual({ kind: "done" });
    expect(scene.small.clock.now() - began).toBeGreaterThanOrEqual(hour);
    expect(await scene.engine.list("ferry-")).toEqual([]);
    for (const role of ["source", "target"] as const) {
      expect(await names(scene, role)).toEqual(
        [...foreign, "invoices", "parcels", "payments"].toSorted((a, b) => (a < b ? -1 : 1)),
      );
    }
    expect(await scene.work.store.read("wave:orders:billing")).toMatchObject({ value: { phase: "cleaned" } });
    const report = [...scene.files.values()].join("");
    expect(report).toContain("# Final report of orders");
    expect(report).toContain("no record, no reader");
  });

  it("removes what is left of a mirror whose removal was cut short: it is listed and absent", async () => {
    const scene = await moved("billing");
    const { engine } = scene;
    const name = "ferry-orders-billing-checkpoint";
    const left = new Set([name]);
    const half = { name, state: "absent", kind: undefined, topics: [], tasks: [] } as const;
    const halfRemoved = {
      ...engine,
      list: async (prefix: string) => [...(await engine.list(prefix)), ...(left.has(name) ? [half] : [])],
      remove: async (removed: string) => {
        left.delete(removed);
        await engine.remove(removed);
      },
    };
    const work = withWorld(scene.work, { engine: async () => halfRemoved });
    const proposal = await propose(scene, "billing");
    expect(await carryOut({ ...scene, work }, proposal)).toEqual({ kind: "done" });
    expect([...left]).toEqual([]);
  });

  it("keeps what other waves still need", async () => {
    const scene = await moved("billing", "shipping");
    scene.target.addTopic("ferry-source.checkpoints.internal");
    await carryOut(scene, await propose(scene, "billing"));
    expect((await scene.engine.list("ferry-")).map(({ name }) => name)).toEqual([
      "ferry-orders-shipping-forward",
      "ferry-orders-shipping-reverse",
    ]);
    expect(await names(scene, "target")).toContain("ferry-source.checkpoints.internal");
  });

  it("turns back when the source grows, naming topic and rate, and starts the mirror back again", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    expect(await attempt(scene, proposal)).toMatchObject({ kind: "again" });
    await scene.small.clock.advance(2 * hour);
    scene.source.appendMany("invoices", 1, 6);
    expect(await attempt(scene, proposal)).toMatchObject({
      kind: "undone",
      error: { code: "E_NOT_SILENT", message: expect.stringContaining("invoices by 6 (3.0 an hour)") },
    });
    expect(await scene.engine.status(reverse)).toMatchObject({ state: "running" });
    expect(await scene.work.store.read("wave:orders:billing")).toMatchObject({
      value: { phase: "producers-moved" },
    });
  });

  it("turns back when a group comes to life on the source", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    await attempt(scene, proposal);
    scene.source.addMember("billing-app");
    expect(await attempt(scene, proposal)).toMatchObject({
      kind: "undone",
      error: { message: expect.stringContaining("billing-app") },
    });
  });

  it("goes on watching when the source did not answer for a while", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    await attempt(scene, proposal);
    scene.source.fail("offsets", new FerryError("E_SOURCE_UNREACHABLE", "no broker answered"), 3);
    expect(await carryOut(scene, proposal)).toEqual({ kind: "done" });
  });

  it("counts what was written while nobody looked", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    await attempt(scene, proposal);
    scene.source.appendMany("payments", 0, 1);
    await scene.small.clock.advance(49 * hour);
    expect(await attempt(scene, proposal)).toMatchObject({ kind: "undone" });
  });
});
