import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import { known } from "#domain/topology.ts";
import { mirroringKey } from "#jobs/mirror/replicate.ts";
import { standbyKey } from "#jobs/mirror/standby-record.ts";
import { watchStandby } from "#jobs/mirror/standby-watch.ts";
import { watch } from "#jobs/watch.ts";
import { createStandbyBench, mirrorId, type StandbyBench } from "#support/standby-bench.ts";

const mirrors = [
  { what: "with exactly-once", by: { transactionalId: mirrorId }, version: "3.9" },
  { what: "with idempotence only", by: { producerId: 7 }, version: "3.9" },
  { what: "without ids", by: {}, version: "3.9" },
  { what: "to a broker that tells no ids", by: { transactionalId: mirrorId }, version: "2.7" },
] as const;

async function quietBench(
  by: Parameters<StandbyBench["copyBack"]>[0],
  version: string,
): Promise<StandbyBench> {
  const bench = await createStandbyBench();
  bench.source.setVersion(known(version));
  await bench.produce(20);
  await bench.copyBack(by);
  return bench;
}

describe.each(mirrors)("a standby that is mirrored $what", ({ by, version }) => {
  it("is clean while only the mirror writes", async () => {
    const bench = await quietBench(by, version);
    expect(await bench.watch()).toMatchObject({ state: "clean", records: 0 });
    await bench.produce(20);
    await bench.copyBack(by);
    expect(await bench.watch()).toMatchObject({ state: "clean", records: 0 });
    expect(bench.alarms()).toEqual([]);
  });

  it.each([
    ["with idempotence", { producerId: 4711 }, "producer id 4711"],
    ["without idempotence", {}, "without idempotence"],
  ])("has an alarm that names a stray producer %s at the next check", async (_, stray, named) => {
    const bench = await quietBench(by, version);
    await bench.watch();
    const offset = bench.stray(stray);
    await bench.produce(5);
    await bench.copyBack(by);
    expect(await bench.watch()).toMatchObject({ state: "rogue", records: 1 });
    const [alarm, ...others] = bench.alarms();
    expect(others).toEqual([]);
    expect(alarm).toContain(named);
    expect(alarm).toContain(`invoices-1 offsets ${offset} to ${offset} (1)`);
    expect(alarm).not.toContain("invoices-0");
  });

  it("takes what a killed mirror wrote twice for the mirror's", async () => {
    const bench = await quietBench(by, version);
    await bench.watch();
    const records = await bench.target.cluster.read({ topic: "invoices", partition: 0 }, 20, { max: 10 });
    for (const { timestamp, key, value } of records) {
      bench.source.append("invoices", 0, { timestamp, key, value }, { producerId: 99 });
    }
    expect(await bench.watch()).toMatchObject({ state: "clean" });
    expect(bench.alarms()).toEqual([]);
  });
});

describe("the alarm", () => {
  it("changes in place, clears itself when all is quiet, and the count stays", async () => {
    const bench = await quietBench({}, "3.9");
    bench.stray();
    await bench.watch();
    bench.stray();
    await bench.watch();
    expect(bench.alarms()).toHaveLength(1);
    expect(bench.alarms()[0]).toContain("2 records on the source only");
    expect(await bench.watch(6 * 60_000)).toMatchObject({ state: "rogue", records: 2 });
    expect(bench.alarms()).toHaveLength(1);
    expect(bench.alarms()[0]).toContain("cleared");
    bench.stray();
    expect(await bench.watch()).toMatchObject({ state: "rogue", records: 3 });
    expect(bench.alarms()).toHaveLength(2);
    const audited = await bench.work.store.auditTrail("orders");
    expect(audited.filter(({ what }) => what === "producer.rogue")).toHaveLength(2);
  });

  it("is cleared when the wave is rolled back, and the next standby begins anew", async () => {
    const bench = await quietBench({}, "3.9");
    bench.stray();
    await bench.watch();
    const changedAt = new Date(bench.work.clock.now()).toISOString();
    await bench.work.store.write(waveKey("orders", "billing"), { phase: "before-cutover", changedAt });
    expect(await bench.watch()).toMatchObject({ state: "unknown", records: undefined });
    expect(bench.alarms()[0]).toContain("cleared");
    const ends = async (of: typeof bench.source) =>
      Object.fromEntries(await of.cluster.offsets(["invoices", "payments"], "end"));
    const boundary = { source: await ends(bench.source), target: await ends(bench.target), at: changedAt };
    const state = { phase: "producers-moved", boundary, changedAt };
    await bench.work.store.write(waveKey("orders", "billing"), state);
    expect(await bench.watch()).toMatchObject({ state: "clean", records: 0 });
  });

  it("comes for a transaction that is still open, and its records are counted when it has ended", async () => {
    const bench = await quietBench({ transactionalId: mirrorId }, "3.9");
    await bench.watch();
    bench.stray({ transactionalId: "checkout-tx" });
    expect(await bench.watch()).toMatchObject({ state: "rogue", records: 0 });
    expect(bench.alarms()[0]).toContain("transactional id checkout-tx");
    bench.source.endTransaction("checkout-tx", "commit");
    expect(await bench.watch()).toMatchObject({ state: "rogue", records: 1 });
  });

  it("does not count what a stray producer aborted", async () => {
    const bench = await quietBench({ transactionalId: mirrorId }, "3.9");
    bench.stray({ transactionalId: "checkout-tx" });
    bench.source.endTransaction("checkout-tx", "abort");
    expect(await bench.watch()).toMatchObject({ state: "clean", records: 0 });
  });
});

describe("what cannot be decided", () => {
  it("is unknown before the first check, and when a cluster does not answer", async () => {
    const bench = await createStandbyBench();
    expect(await bench.watch(0)).toMatchObject({ state: "clean" });
    bench.source.fail("offsets", new FerryError("E_SOURCE_UNREACHABLE", "no broker answers"), 1);
    expect(await bench.watch()).toMatchObject({
      state: "unknown",
      why: expect.stringContaining("no broker"),
    });
    expect(await bench.watch()).toMatchObject({ state: "clean" });
    await bench.work.store.remove(standbyKey("orders", "billing"));
    bench.source.fail("offsets", new FerryError("E_SOURCE_UNREACHABLE", "no broker answers"), 1);
    expect(await bench.watch()).toMatchObject({ state: "unknown", checkedAt: undefined });
  });

  it("is unknown where the original may have expired on the target", async () => {
    const bench = await quietBench({}, "3.9");
    bench.target.deleteBefore("invoices", 0, 25);
    expect(await bench.watch()).toMatchObject({ state: "unknown", why: expect.stringContaining("expired") });
    expect(bench.alarms()).toEqual([]);
  });

  it("is unknown where compaction may have removed the original", async () => {
    const bench = await createStandbyBench();
    bench.target.setConfig("invoices", "cleanup.policy", "compact");
    bench.source.append("invoices", 1, { key: "a", value: "1" });
    bench.target.append("invoices", 1, { key: "a", value: "2" });
    expect(await bench.watch()).toMatchObject({
      state: "unknown",
      why: expect.stringContaining("compacted"),
    });
  });

  it("is compared without times where the source gives records its own", async () => {
    const bench = await createStandbyBench();
    bench.source.setConfig("invoices", "message.timestamp.type", "LogAppendTime");
    await bench.produce(3);
    for (const value of ["made 1", "made 2", "made 3"]) {
      bench.source.append("invoices", 1, { key: value.replace("made ", "k"), value, timestamp: 5 });
    }
    expect(await bench.watch()).toMatchObject({ state: "clean" });
    bench.stray();
    expect(await bench.watch()).toMatchObject({ state: "rogue", records: 1 });
  });
});

it("is part of the watch, whose other alarms leave this one alone", async () => {
  const bench = await quietBench({}, "3.9");
  await bench.work.store.write(mirroringKey("orders"), 1);
  bench.stray();
  const job = { name: "watch", migration: "orders", by: "schedule" } as const;
  await watch(job, bench.work);
  await watch(job, bench.work);
  const rogue = bench.alarms().filter((alarm) => alarm.includes("something else writes"));
  expect(rogue).toHaveLength(1);
  expect(rogue[0]).not.toContain("cleared");
});

it("does not take the applications of a rollback for strays: forward runs before they start", async () => {
  const bench = await quietBench({}, "3.9");
  const flow = { topics: ["invoices", "payments"], groups: [], tasks: 1 };
  await bench.engine.define({ ...flow, name: "ferry-orders-billing-forward", kind: "forward" }, "running");
  bench.stray();
  await watchStandby(bench.work);
  expect(bench.alarms()).toEqual([]);
});
