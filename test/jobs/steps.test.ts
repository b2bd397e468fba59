import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Store } from "#domain/ports.ts";
import type { Step } from "#jobs/run/approvable.ts";
import { readJournal } from "#jobs/run/journal.ts";
import { createRun, type LiveRun } from "#jobs/run/run.ts";
import { askToTurnBack, runSteps } from "#jobs/run/steps.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { createSmallWork } from "#support/small-work.ts";

function openRun(work: Work, id = "R1"): Promise<LiveRun> {
  return createRun({ id, migration: "orders", store: work.store, clock: work.clock, log: work.log });
}

function simpleStep(name: string, change: Partial<Step> = {}): Step & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    name,
    title: `do ${name}`,
    isDone: async () => false,
    act: async () => (calls.push("act"), done),
    undo: { title: `undo ${name}`, run: async () => void calls.push("undo") },
    ...change,
  };
}

describe("an attempt that was overtaken", () => {
  it("journals nothing any more and does not undo", async () => {
    const work = createSmallWork();
    const gate = Promise.withResolvers<Outcome>();
    const reached = Promise.withResolvers<void>();
    const slow = simpleStep("slow", {
      act: () => {
        reached.resolve();
        return gate.promise;
      },
    });
    const first = runSteps({ steps: [slow], run: await openRun(work), work, subject: "s" });
    await reached.promise;
    const next = await openRun(work);
    expect(await runSteps({ steps: [simpleStep("slow")], run: next, work, subject: "s" })).toEqual(done);
    const journal = await work.store.read("journal:R1");
    gate.resolve(done);
    await expect(first).rejects.toMatchObject({ code: "E_LEASE_LOST" });
    expect(await work.store.read("journal:R1")).toEqual(journal);
    expect(slow.calls).toEqual([]);
  });

  it("may not remember either", async () => {
    const work = createSmallWork();
    const stale = await openRun(work);
    const fresh = await openRun(work);
    await fresh.remember("ends", { a: 1 });
    await expect(stale.remember("ends", { a: 2 })).rejects.toMatchObject({ code: "E_LEASE_LOST" });
    expect(await fresh.recall("ends")).toEqual({ a: 1 });
    expect(await fresh.recall("other")).toBeUndefined();
  });
});

describe("the lease of a run", () => {
  it("is renewed as long as the run lives, and held for the next attempt", async () => {
    const work = createSmallWork();
    const run = await openRun(work);
    for (let beat = 0; beat < 10; beat += 1) await work.clock.advance(7000);
    await expect(openRun(work, "R2")).rejects.toMatchObject({ code: "E_LEASE" });
    await run.leave(30_000);
    await work.clock.advance(29_000);
    await expect(openRun(work, "R2")).rejects.toMatchObject({ code: "E_LEASE" });
    await work.clock.advance(2000);
    expect((await openRun(work, "R2")).lease.token).toBeGreaterThan(run.lease.token);
  });

  it("aborts the run when a newer attempt holds it", async () => {
    const work = createSmallWork();
    const run = await openRun(work);
    await openRun(work);
    await work.clock.advance(7000);
    expect(run.signal.aborted).toBe(true);
    expect(run.signal.reason).toMatchObject({ code: "E_LEASE_LOST" });
  });

  it("aborts the run, for another attempt, when the store is away for longer than it lasts", async () => {
    const work = createSmallWork();
    let away = false;
    const store: Store = {
      ...work.store,
      renew: async (...given) => {
        if (away) throw new FerryError("E_STORE", "away");
        return work.store.renew(...given);
      },
    };
    const run = await createRun({ id: "R1", migration: "orders", store, clock: work.clock, log: work.log });
    away = true;
    await work.clock.advance(13_500);
    expect(run.signal.aborted).toBe(false);
    await work.clock.advance(13_500);
    expect(run.signal.reason).toMatchObject({ code: "E_STORE", retryable: true });
  });
});

describe("a failing step", () => {
  it("is undone in reverse, itself included, with what went wrong", async () => {
    const work = createSmallWork();
    const order: string[] = [];
    const step = (name: string, change: Partial<Step> = {}) =>
      simpleStep(name, { undo: { title: name, run: async () => void order.push(name) }, ...change });
    const steps = [
      step("a"),
      step("found", { isDone: async () => true }),
      step("b", { act: () => Promise.reject(new FerryError("E_GROUP_ALIVE", "billing-app has 2 members")) }),
      step("c"),
    ];
    const result = await runSteps({ steps, run: await openRun(work), work, subject: "s" });
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_GROUP_ALIVE" } });
    expect(order).toEqual(["b", "a"]);
    const trail = await work.store.auditTrail("orders");
    expect(trail.map((entry) => entry.what)).toEqual([
      "step.intent",
      "step.done",
      "step.found",
      "step.intent",
      "step.failed",
      "step.undo",
      "step.undone",
      "step.undo",
      "step.undone",
    ]);
  });

  it("waits for a world that does not answer, then turns back", async () => {
    const work = createSmallWork();
    const away = new FerryError("E_SOURCE_UNREACHABLE", "no broker answered");
    const steps = [simpleStep("a"), simpleStep("b", { act: () => Promise.reject(away) })];
    const attempt = async () => runSteps({ steps, run: await openRun(work), work, subject: "s" });
    await expect(attempt()).rejects.toBe(away);
    await work.clock.advance(59_000);
    await expect(attempt()).rejects.toBe(away);
    await work.clock.advance(2000);
    expect(await attempt()).toMatchObject({ kind: "undone", error: { code: "E_SOURCE_UNREACHABLE" } });
    expect(steps[0]?.calls.at(-1)).toBe("undo");
  });

  it("is thrown for another attempt behind the point of no return", async () => {
    const work = createSmallWork();
    let on = false;
    const steps = [
      simpleStep("a", {
        pointOfNoReturn: true,
        act: async () => ((on = true), done),
        isDone: async () => on,
      }),
      simpleStep("b", { act: () => Promise.reject(new FerryError("E_CONNECT", "500")) }),
    ];
    const attempt = async () => runSteps({ steps, run: await openRun(work), work, subject: "s" });
    await expect(attempt()).rejects.toMatchObject({ code: "E_CONNECT" });
    await expect(attempt()).rejects.toMatchObject({ code: "E_CONNECT" });
    expect((await readJournal(work.store, "R1"))?.passed).toBe(true);
    expect(steps.flatMap((step) => step.calls)).toEqual([]);
  });

  it("calls a person once when going back fails, and touches nothing after that", async () => {
    const work = createSmallWork();
    const broken = {
      title: "start it again",
      run: () => Promise.reject(new FerryError("E_CLIENT_DRIVER", "exit 1")),
    };
    const steps = [
      simpleStep("a"),
      simpleStep("b", { undo: broken, act: () => Promise.reject(new FerryError("E_KAFKA", "refused")) }),
    ];
    const attempt = async () => runSteps({ steps, run: await openRun(work), work, subject: "s" });
    await expect(attempt()).rejects.toMatchObject({ code: "E_UNDO_FAILED" });
    await expect(attempt()).rejects.toMatchObject({ code: "E_UNDO_FAILED" });
    expect(steps[0]?.calls).toEqual(["act"]);
    const alarms = work.fake.posts.filter((post) => post.message.tone === "alarm");
    expect(alarms).toHaveLength(1);
    expect(JSON.stringify(alarms[0]?.message)).toContain("start it again");
  });

  it("turns back between two steps when somebody asks for it, and is then over", async () => {
    const work = createSmallWork();
    let polls = 0;
    const steps = [simpleStep("a"), simpleStep("wait", { act: async () => ((polls += 1), again(500)) })];
    const attempt = async () => runSteps({ steps, run: await openRun(work), work, subject: "s" });
    expect(await attempt()).toEqual({ kind: "again", ms: 500 });
    await askToTurnBack(work.store, "R1", "UBEN");
    expect(await attempt()).toMatchObject({ kind: "undone", error: { message: "stopped by @{UBEN}" } });
    expect(await attempt()).toMatchObject({ kind: "undone" });
    expect(polls).toBe(1);
  });
});
