import { describe, expect, it } from "vitest";
import { cancel } from "#jobs/approval/cancel.ts";
import { ask } from "#jobs/approval/request.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { createReview } from "#jobs/approval/review.ts";
import { done } from "#jobs/work.ts";
import { approvedByTwo, asked, createSwitch, jobOf } from "#support/approval-bench.ts";
import { createSmallWork } from "#support/small-work.ts";

describe("asking", () => {
  it("posts one message with the facts, seeds both emoji, and waits for its expiry", async () => {
    const { work, id, shown, ref } = await asked();
    expect(shown()).toContain("@{UANA} asks. Two people");
    expect(shown()).toContain("mirror behind by 0");
    expect(work.fake.seeded(ref)).toEqual(["white_check_mark", "x"]);
    expect(work.queue.jobs).toEqual([
      expect.objectContaining({ id: `review-orders-${id}-expiry`, delayMs: 3_600_500 }),
      expect.objectContaining({ id: `review-orders-${id}-reminder`, delayMs: 3_000_500 }),
    ]);
  });

  it("waits as long as the requester says, and never longer than the team's limit", async () => {
    for (const [expires, waits] of [
      [30_000, 30_000],
      [7_200_000, 3_600_000],
    ] as const) {
      const work = createSmallWork();
      const { approvable } = createSwitch();
      await ask(approvable, "cutover-consumers", { by: "UANA" }, work, { expires });
      const [request] = await listRequests(work.store, "orders");
      expect(request && request.expiresAt - request.createdAt).toBe(waits);
      expect(work.queue.jobs[0]).toMatchObject({ delayMs: waits + 500 });
    }
  });

  it("finds its own request when the job is repeated, and voids the earlier one of another job", async () => {
    const { work, approvable, id } = await asked();
    const again = () => ask(approvable, "cutover-consumers", { wave: "billing", by: "UANA" }, work);
    await again();
    expect(await listRequests(work.store, "orders")).toHaveLength(1);
    const later = { ...work, jobId: "job-2" };
    await ask(approvable, "cutover-consumers", { wave: "billing", by: "UBEN" }, later);
    const requests = await listRequests(work.store, "orders");
    expect(requests.find((request) => request.id === id)).toMatchObject({ state: "void", settled: true });
    expect(requests.filter((request) => request.state === "open")).toHaveLength(1);
  });

  it("asks nobody in a dry run", async () => {
    const work = createSmallWork();
    const { approvable } = createSwitch();
    await ask(approvable, "cutover-consumers", { by: "UANA" }, work, { dryRun: true });
    expect(await listRequests(work.store, "orders")).toEqual([]);
    expect(work.fake.posts).toEqual([]);
    expect(JSON.stringify(work.card.shown)).toContain("nobody was asked");
  });
});

describe("counting", () => {
  it("does not write over the word of a cancel that came in between", async () => {
    const at = await asked();
    const { chat } = at.work;
    at.react("UBEN");
    const slow: typeof chat = {
      ...chat,
      update: async (ref, message) => {
        // The review has read and decided; the cancel is through before its edit reaches Slack.
        if ((await at.now()).state === "open") await cancel(jobOf("cancel", at, "UANA"), at.work);
        await chat.update(ref, message);
      },
    };
    await at.review({ ...at.work, chat: slow });
    expect(await at.now()).toMatchObject({ state: "cancelled", settled: true });
    expect(at.shown()).toContain("Cancelled by @{UANA}");
  });

  it("takes two different eligible people who are not the requester", async () => {
    const at = await asked();
    at.react("UANA");
    at.react("UBEN");
    at.react("UBEN", "white_check_mark::skin-tone-2");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open" });
    expect(at.shown()).toContain("Approved 1 of 2: @{UBEN}");
    at.react("UCAT");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "approved", decidedBy: ["UBEN", "UCAT"], round: 1 });
    expect(at.executions()).toHaveLength(1);
  });

  it("counts nobody outside the rules and tells each person why, once and alone", async () => {
    const at = await asked();
    for (const user of ["UANA", "UGUEST", "UBOT", "UGONE", "UFAR", "UEVE"]) at.react(user);
    at.react("UBEN", "+1");
    await at.review();
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open" });
    const told = at.work.fake.whispers.map(({ user, message }) => `${user} ${JSON.stringify(message.parts)}`);
    expect(told).toHaveLength(5);
    expect(told.find((text) => text.startsWith("UANA"))).toContain("you asked for this");
    expect(told.find((text) => text.startsWith("UEVE"))).toContain("not among those");
    expect((await at.audited()).filter((line) => line.startsWith("reaction.not-counted"))).toHaveLength(6);
  });

  it("lets one eligible denial end it, also by somebody who approved as well", async () => {
    const at = await asked();
    for (const user of ["UBEN", "UCAT", "UDAN"]) at.react(user);
    at.react("UBEN", "x");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "denied", decidedBy: ["UBEN"], settled: true });
    expect(at.executions()).toEqual([]);
    expect(at.shown()).toContain("Denied by @{UBEN}");
  });

  it("forgets what was withdrawn, however often and in whatever order it is told", async () => {
    const at = await asked();
    at.react("UBEN");
    await at.review();
    at.unreact("UBEN");
    at.react("UCAT");
    await Promise.all([at.review(), at.review(), at.review()]);
    expect(await at.now()).toMatchObject({ state: "open" });
    expect(at.shown()).toContain("Approved 1 of 2: @{UCAT}");
    expect(await at.audited()).toContain("reaction.withdrawn UBEN");
  });

  it("needs nobody when the list is empty: then nobody can", async () => {
    const at = await asked();
    const { migration } = at.work;
    const settings = { ...migration.settings, approvers: { users: [] } };
    for (const user of ["UBEN", "UCAT"]) at.react(user);
    const work = { ...at.work, migration: { ...migration, settings } };
    await createReview(at.approvables)(jobOf("review", { id: at.id }), work);
    expect(await at.now()).toMatchObject({ state: "open" });
  });
});

describe("time and the world", () => {
  it("expires while it waits, and after approval", async () => {
    const open = await asked();
    await open.work.clock.advance(3_600_000);
    for (const user of ["UBEN", "UCAT"]) open.react(user);
    await open.review();
    expect(await open.now()).toMatchObject({ state: "expired", settled: true });

    const granted = await approvedByTwo();
    await granted.work.clock.advance(900_000);
    expect(await granted.execute()).toEqual(done);
    expect(await granted.now()).toMatchObject({ state: "expired" });
    expect(granted.state.on).toBe(0);
  });

  it("is void when a pinned fact moves, and says from what to what", async () => {
    const at = await asked();
    at.state.plan = 2;
    await at.review();
    expect(await at.now()).toMatchObject({ state: "void" });
    expect(at.shown()).toContain('partitions moved from \\"1 partitions\\" to \\"2 partitions\\"');
  });

  it("stays open while a fact fails or cannot be read, and starts when it holds", async () => {
    const at = await asked();
    for (const user of ["UBEN", "UCAT"]) at.react(user);
    at.state.lag = 7;
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open" });
    expect(at.shown()).toContain("the gate does not hold: mirror behind by 7");
    at.state.lag = 0;
    at.state.unreadable = true;
    await at.review();
    expect(at.shown()).toContain("E_SOURCE_UNREACHABLE");
    at.state.unreadable = false;
    await at.review();
    expect(await at.now()).toMatchObject({ state: "approved" });
  });

  it("is cancelled when its message is deleted", async () => {
    const at = await approvedByTwo();
    at.work.fake.remove(at.ref);
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "cancelled", settled: true });
    expect(at.state.on).toBe(0);
  });
});
