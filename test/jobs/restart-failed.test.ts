import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { restartFailed, restartLimit } from "#jobs/mirror/restart-failed.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { eventually } from "#support/eventually.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const flow = "ferry-orders-billing-forward";
const trace = "RecordTooLargeException: 2000 bytes\n\tat Sender.run";

describe("failed tasks", () => {
  let mirror: MirrorWork;
  const command = (action: "start" | "resume") =>
    replicate({ name: "replicate", migration: "orders", by: "UANA", action }, mirror.work);
  const restarts = () => mirror.engine.orders.filter((order) => order === `restart ${flow}`).length;

  beforeEach(async () => {
    mirror = await createMirrorWork();
    mirror.source.appendMany("invoices", 0, 10);
    await command("start");
  });

  /** So much time passes, in steps of the watch; a cause that stays fails the task again each time. */
  async function watchFor(ms: number, isBroken = true) {
    let alarms: Awaited<ReturnType<typeof restartFailed>> = [];
    for (let passed = 0; passed < ms; passed += 15_000) {
      if (isBroken) mirror.engine.failTask(flow, trace);
      alarms = await restartFailed(mirror.work);
      await mirror.small.clock.advance(15_000);
    }
    return alarms;
  }

  it("are started again at once, and nobody hears of it when that was all", async () => {
    mirror.engine.failTask(flow, trace);
    const [alarm] = await restartFailed(mirror.work);
    expect(alarm).toMatchObject({ key: `task-failed:${flow}`, title: "mirror of wave billing failed" });
    expect(alarm?.text).toContain(
      "1 of 1 task of ferry-orders-billing-forward failed: RecordTooLargeException",
    );
    expect(alarm?.text).toMatch(/Started again 1 time of 5\.$/);
    expect(alarm?.advice).toMatch(/starts it again at \d\d:\d\d:\d\d UTC/);
    expect(alarm?.trace).toBe(trace);
    expect((await mirror.engine.status(flow)).state).toBe("running");
    expect(await restartFailed(mirror.work)).toEqual([]);
    const trail = await mirror.work.store.auditTrail("orders");
    expect(trail.at(-1)).toMatchObject({ what: "mirror.restarted", detail: { flow, count: 1, of: 5 } });
  });

  it("are started again less and less often, and after five times not any more", async () => {
    await watchFor(15_000);
    expect(restarts()).toBe(1);
    await watchFor(15_000);
    expect(restarts()).toBe(2);
    await watchFor(15_000);
    expect(restarts()).toBe(2);
    const [alarm] = await watchFor(3_600_000);
    expect(restarts()).toBe(restartLimit);
    expect(alarm?.text).toMatch(/Started again 5 times of 5 within 3 min 45 s, and it failed each time\.$/);
    // A cleared alarm repeats its text: what is to be done is no part of it.
    expect(alarm?.advice).toContain("`/ferry replicate resume`");
  });

  it("count anew after somebody resumed the mirror, and after ten minutes without a failure", async () => {
    await watchFor(3_600_000);
    await command("resume");
    const before = restarts();
    await watchFor(15_000);
    expect(restarts()).toBe(before + 1);
    await watchFor(11 * 60_000, false);
    const [alarm] = await watchFor(15_000);
    expect(alarm?.text).toContain("Started again 1 time of 5");
  });

  it("of other flows are no concern of this migration, and a stopped flow stays stopped", async () => {
    const other = { kind: "forward", topics: ["x"], groups: [], tasks: 1 } as const;
    await mirror.engine.define({ ...other, name: "ferry-payroll-all-forward" }, "running");
    mirror.engine.failTask("ferry-payroll-all-forward", trace);
    await mirror.engine.stop("ferry-orders-shipping-forward");
    expect(await restartFailed(mirror.work)).toEqual([]);
    expect((await mirror.engine.status("ferry-orders-shipping-forward")).state).toBe("stopped");
  });

  it("are started by one of two watches only", async () => {
    mirror.engine.failTask(flow, trace);
    await Promise.all([restartFailed(mirror.work), restartFailed(mirror.work)]);
    expect(restarts()).toBe(1);
  });

  it("cannot be looked for while Connect is away, which is no failure of the watch", async () => {
    mirror.engine.fail(new FerryError("E_CONNECT_UNREACHABLE", "Connect did not answer."));
    expect(await restartFailed(mirror.work)).toEqual([]);
  });

  it("do not hold up the watch when they take long to come back", async () => {
    mirror.engine.failTask(flow, trace);
    const slow = { ...mirror.engine, restartFailed: () => new Promise<void>(() => {}) };
    const work = withWorld(mirror.work, { engine: async () => slow });
    const looking = restartFailed(work);
    await eventually("the watch waits", () => mirror.small.clock.sleepers() > 0 || undefined);
    await mirror.small.clock.advance(10_000);
    expect(await looking).toHaveLength(1);
  });
});
