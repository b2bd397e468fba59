import { describe, expect, it } from "vitest";
import { Verified, verifiedKey } from "#domain/offsets/verification.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { verify } from "#jobs/verify/verify.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const job = { name: "verify", migration: "orders", by: "UANA", wave: "billing" } as const;

/** Both topics of wave billing filled and mirrored; timestamps a second apart. */
async function mirrored(records = 30): Promise<MirrorWork> {
  const scene = await createMirrorWork();
  for (let index = 0; index < records; index += 1) {
    for (const [topic, partition] of places) {
      scene.source.append(topic, partition, { key: `${index}`, value: `v${index}`, timestamp: index * 1000 });
    }
  }
  await scene.engine.define(flow, "running");
  await scene.engine.status(flow.name);
  return scene;
}

const places = [
  ["invoices", 0],
  ["invoices", 1],
  ["payments", 0],
] as const;

const flow = {
  name: "ferry-orders-billing-forward",
  kind: "forward",
  topics: ["invoices", "payments"],
  groups: [],
  tasks: 1,
} as const;

async function result({ work }: MirrorWork): Promise<Verified> {
  return Verified.parse((await work.store.read(verifiedKey("orders", "billing")))?.value);
}

function plain(table: OffsetTable): Record<string, readonly (number | undefined)[]> {
  return Object.fromEntries(table);
}

async function turnAround({ work, source, target, engine }: MirrorWork): Promise<void> {
  await engine.stop(flow.name);
  await work.store.write("wave:orders:billing", {
    phase: "producers-moved",
    changedAt: "2026-11-22T15:00:00Z",
    boundary: {
      source: plain(await source.cluster.offsets(["invoices", "payments"], "end")),
      target: plain(await target.cluster.offsets(["invoices", "payments"], "end")),
      at: "2026-11-22T15:00:00Z",
    },
  });
}

describe("/ferry verify", () => {
  it("finds a mirrored wave equal, and keeps the result", async () => {
    const scene = await mirrored();
    await verify(job, scene.work);
    expect(await result(scene)).toMatchObject({ partitions: 3, equal: 90, expired: 0, differences: [] });
    expect(scene.said()).toContain("equal, as far as copied");
  });

  it("does not ask for records that are not copied yet", async () => {
    const scene = await mirrored();
    scene.engine.hold(true);
    scene.source.appendMany("invoices", 0, 7);
    await verify(job, scene.work);
    expect((await result(scene)).equal).toBe(90);
  });

  it("names partition and offsets of a record that MSK lost", async () => {
    const scene = await mirrored();
    scene.target.addTopic("payments");
    for (let index = 0; index < 30; index += 1) {
      if (index === 12) continue;
      scene.target.append("payments", 0, { key: `${index}`, value: `v${index}`, timestamp: index * 1000 });
    }
    await expect(verify(job, scene.work)).rejects.toMatchObject({
      code: "E_VERIFY",
      message: expect.stringContaining("payments-0 at source offset 12, MSK offset 12"),
    });
    expect((await result(scene)).differences).toHaveLength(1);
  });

  it("finds a record at the end that the mirror says it copied", async () => {
    const scene = await mirrored();
    scene.engine.hold(true);
    scene.source.append("payments", 0, { key: "x", value: "x", timestamp: 99_000 });
    await scene.engine.stop(flow.name);
    await scene.engine.seed(flow.name, new Map([["payments", [30]]]));
    await expect(verify(job, scene.work)).rejects.toThrow("payments-0 at source offset 30: the mirror says");
  });

  it("finds a record on MSK that the source does not have", async () => {
    const scene = await mirrored();
    scene.target.append("invoices", 1, { key: "foreign", value: "1" });
    await expect(verify(job, scene.work)).rejects.toThrow("invoices-1 at MSK offset 30: MSK holds a record");
  });

  it("compares what both still hold when retention has taken records on one side", async () => {
    const scene = await mirrored();
    scene.source.deleteBefore("invoices", 0, 10);
    scene.target.deleteBefore("payments", 0, 5);
    await verify(job, scene.work);
    expect(await result(scene)).toMatchObject({ equal: 75, expired: 15, differences: [] });
  });

  it("accepts a log that has expired as a whole on the source", async () => {
    const scene = await mirrored();
    scene.source.deleteBefore("payments", 0, 30);
    await verify(job, scene.work);
    expect(await result(scene)).toMatchObject({ equal: 60, expired: 30, differences: [] });
  });

  it("compares compacted topics by the last record of each key", async () => {
    const scene = await mirrored();
    scene.source.setConfig("payments", "cleanup.policy", "compact");
    scene.target.addTopic("payments");
    scene.target.append("payments", 0, { key: "0", value: "old", timestamp: 0 });
    for (let index = 0; index < 30; index += 1) {
      scene.target.append("payments", 0, { key: `${index}`, value: `v${index}`, timestamp: index * 1000 });
    }
    await verify(job, scene.work);
    expect((await result(scene)).equal).toBe(90);
  });

  it("after the producers moved compares up to the boundary only", async () => {
    const scene = await mirrored();
    await turnAround(scene);
    scene.target.appendMany("invoices", 0, 5);
    await verify(job, scene.work);
    expect(await result(scene)).toMatchObject({ phase: "producers-moved", equal: 90, differences: [] });
  });

  it("after the producers moved knows that newer records outdate compacted ones", async () => {
    const scene = await mirrored();
    scene.source.setConfig("payments", "cleanup.policy", "compact");
    await turnAround(scene);
    scene.target.append("payments", 0, { key: "3", value: "new", timestamp: 90_000 });
    scene.target.deleteBefore("payments", 0, 4);
    for (const key of ["0", "1", "2"]) scene.target.append("payments", 0, { key, value: "new" });
    await verify(job, scene.work);
    expect((await result(scene)).differences).toEqual([]);
  });

  it("goes on where an attempt was stopped", async () => {
    const scene = await mirrored(900);
    const slow = {
      ...scene.work,
      clock: { ...scene.work.clock, now: stepping(scene.work.clock.now(), 8_000) },
    };
    expect(await verify(job, slow)).toEqual({ kind: "again", ms: 0 });
    const kept = await keptEqual(scene);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(2700);
    await verify(job, scene.work);
    expect(await result(scene)).toMatchObject({ equal: 2700, differences: [] });
    expect(await keptEqual(scene)).toBe(0);
  });

  it("skips a wave that is not mirrored yet", async () => {
    const scene = await createMirrorWork();
    await verify(job, scene.work);
    expect(scene.said()).toContain("not mirrored yet");
  });
});

/** A clock on which each look takes this long. */
function stepping(start: number, ms: number): () => number {
  let now = start;
  return () => {
    now += ms;
    return now;
  };
}

/** Records that the kept progress says are equal. */
async function keptEqual({ work }: MirrorWork): Promise<number> {
  const kept = await work.store.read("verify-progress:orders:billing");
  const text = JSON.stringify(kept?.value ?? {});
  return [...text.matchAll(/"equal":(\d+)/g)].reduce((sum, [, found]) => sum + Number(found), 0);
}
