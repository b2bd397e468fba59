import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { cancel } from "#jobs/approval/cancel.ts";
import { createExecute } from "#jobs/approval/execute.ts";
import { reviewOpenRequests } from "#jobs/approval/open-requests.ts";
import { createReview } from "#jobs/approval/review.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { again, done, type Outcome } from "#jobs/work.ts";
import { approvedByTwo, asked, jobOf } from "#support/approval-bench.ts";

describe("starting", () => {
  it("happens once, whatever reviews and executions run at once", async () => {
    const at = await asked();
    for (const user of ["UBEN", "UCAT", "UDAN"]) at.react(user);
    await settledAll([at.review(), at.review()]);
    expect(at.executions()).toHaveLength(1);
    await settledAll([at.execute(), at.execute(), at.review()]);
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "done", settled: true });
    expect(at.state.on).toBe(1);
    expect(at.shown()).toContain("approved by @{UBEN}, @{UCAT}, @{UDAN}");
    const lines = await at.audited();
    expect(lines.filter((line) => line.startsWith("request.approved"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("run.started"))).toHaveLength(1);
  });

  it("does not happen when an approval is withdrawn before it; a new round starts it", async () => {
    const at = await approvedByTwo();
    at.unreact("UCAT");
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "open" });
    expect(at.state.on).toBe(0);
    at.react("UDAN");
    await at.review();
    expect(at.executions().map(({ id }) => id)).toEqual([
      `execute-orders-${at.id}-1`,
      `execute-orders-${at.id}-2`,
    ]);
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "done", decidedBy: ["UBEN", "UDAN"] });
  });

  it("does not happen when an approver was deactivated meanwhile", async () => {
    const at = await approvedByTwo();
    at.work.fake.people.set("UCAT", { id: "UCAT", name: "cat", kind: "deactivated" });
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "open" });
    expect(at.state.on).toBe(0);
  });

  it("is found again when the crash came between the approval and its execution", async () => {
    const at = await asked();
    for (const user of ["UBEN", "UCAT"]) at.react(user);
    const broken = {
      ...at.work,
      queue: { ...at.work.queue, add: () => Promise.reject(new Error("killed")) },
    };
    await expect(createReview(at.approvables)(jobOf("review", { id: at.id }), broken)).rejects.toThrow(
      "killed",
    );
    expect(await at.now()).toMatchObject({ state: "approved" });
    expect(at.executions()).toEqual([]);
    await reviewOpenRequests(at.work);
    expect(at.work.queue.jobs.at(-1)?.job).toMatchObject({ name: "review", request: at.id });
    await at.review();
    expect(at.executions()).toHaveLength(1);
  });

  it("goes on after a crash without asking anybody again", async () => {
    const at = await approvedByTwo();
    const dead: Approvable = {
      ...at.approvable,
      steps: () => Promise.reject(new FerryError("E_STORE", "killed")),
    };
    const killed = createExecute({ "cutover-consumers": dead });
    await expect(killed(jobOf("execute", { id: at.id }), at.work)).rejects.toThrow("killed");
    expect(await at.now()).toMatchObject({ state: "executing" });
    at.unreact("UBEN");
    await at.review();
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "done", decidedBy: ["UBEN", "UCAT"] });
    expect(at.state.on).toBe(1);
    expect(await at.audited()).toContain("reaction.withdrawn UBEN");
  });

  it("waits while another request of this migration runs", async () => {
    const at = await approvedByTwo();
    await at.work.store.acquire("migration:orders", "orders-ZZZZ", 60_000);
    await expect(at.execute()).rejects.toMatchObject({ code: "E_LEASE" });
    expect(await at.now()).toMatchObject({ state: "approved" });
  });

  it("tells what failed and that everything was taken back", async () => {
    const at = await approvedByTwo();
    at.state.fail = true;
    expect(await at.execute()).toEqual(done);
    expect(await at.now()).toMatchObject({ state: "failed", settled: true });
    expect(at.state.undone).toBe(1);
    expect(at.shown()).toContain("E_CLIENT_DRIVER: exit 1; everything that was begun was taken back");
  });
});

function by(user: string, id: string): JobOf<"cancel"> {
  return jobOf("cancel", { id }, user);
}

describe("cancelling", () => {
  it("is for the requester and those who may approve, while it waits", async () => {
    const at = await asked();
    await expect(cancel(by("UEVE", at.id), at.work)).rejects.toMatchObject({ code: "E_APPROVAL" });
    await cancel(by("UANA", at.id.toLowerCase()), at.work);
    expect(await at.now()).toMatchObject({ state: "cancelled", decidedBy: ["UANA"], settled: true });
    await expect(cancel(by("UANA", at.id), at.work)).rejects.toMatchObject({ code: "E_USAGE" });
    await expect(cancel(by("UANA", "2222"), at.work)).rejects.toMatchObject({ code: "E_USAGE" });
  });

  it("makes a running one turn back", async () => {
    const at = await approvedByTwo();
    const dead: Approvable = {
      ...at.approvable,
      steps: () => Promise.reject(new FerryError("E_STORE", "killed")),
    };
    const killed = createExecute({ "cutover-consumers": dead });
    await expect(killed(jobOf("execute", { id: at.id }), at.work)).rejects.toThrow("killed");
    await cancel(by("UBEN", at.id), at.work);
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "failed" });
    expect(at.state.on).toBe(0);
    expect(at.shown()).toContain("stopped by @{UBEN}");
  });
});

describe("a run whose steps cannot be told any more", () => {
  it("gives up its lease, calls people once, and goes on when what it misses is back", async () => {
    const at = await approvedByTwo();
    const lost = { now: false };
    const broken: Approvable = {
      ...at.approvable,
      steps: async (proposal, work, run) => {
        if (lost.now)
          throw new FerryError("E_PLAN_STALE", "ferry.yaml no longer has the approved ledger-app.");
        const [step] = await at.approvable.steps(proposal, work, run);
        if (step === undefined) throw new Error("no step");
        return [{ ...step, act: async () => again(1000) }];
      },
    };
    const execute = createExecute({ "cutover-consumers": broken });
    expect(await execute(jobOf("execute", { id: at.id }), at.work)).toEqual(again(1000));
    lost.now = true;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await execute(jobOf("execute", { id: at.id }), at.work)).toEqual(again(30_000));
      const lease = await at.work.store.acquire("migration:orders", "fence-sweep", 1000);
      await at.work.store.release(lease);
    }
    const alarms = at.work.fake.posts.filter(({ message }) => message.tone === "alarm");
    expect(alarms).toHaveLength(1);
    expect(JSON.stringify(alarms)).toContain("ledger-app");
    await cancel(by("UBEN", at.id), at.work);
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "failed" });
    expect(at.shown()).toContain("stopped by @{UBEN}");
  });
});

/** Losers of a race may throw or ask to be called again; what counts is what is true afterwards. */
async function settledAll(attempts: ReadonlyArray<Promise<Outcome>>): Promise<void> {
  await Promise.allSettled(attempts);
}
