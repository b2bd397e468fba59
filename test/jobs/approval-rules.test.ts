import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { breakGlass } from "#jobs/approval/break-glass.ts";
import { cancel } from "#jobs/approval/cancel.ts";
import { changeRequest } from "#jobs/approval/request-store.ts";
import { waitingFor } from "#jobs/approval/waiting-for.ts";
import { approvedByTwo, asked, jobOf } from "#support/approval-bench.ts";
import { createSmallWork } from "#support/small-work.ts";

/** Work of the small migration with other rules of approval. */
function ruled(approvals: object) {
  const { migration } = createSmallWork();
  const { channel, source, target, replication } = {
    channel: "C1",
    source: { bootstrap: ["kafka:9092"] },
    target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
    replication: { connect: { url: "http://connect:8083" } },
  };
  const approvers = { users: ["UANA", "UBEN", "UCAT", "UDAN"] };
  const settings = MigrationSettings.parse({ channel, source, target, replication, approvers, approvals });
  return createSmallWork({ migration: { ...migration, settings } });
}

function twoAccounts() {
  return ruled({
    identities: [
      ["UANA", "UAN2"],
      ["UBEN", "UCAT"],
    ],
  });
}

function withBreakGlass() {
  return ruled({ breakGlass: { users: ["UANA"] } });
}

function glassJob(id: string, by = "UANA", reason = "payments are down") {
  return { ...jobOf("cancel", { id }, by), name: "break-glass" as const, reason };
}

describe("roles", () => {
  const roles = {
    "cutover-consumers": [
      { name: "owners", users: ["UBEN", "UCAT"] },
      { name: "platform", users: ["UDAN", "UPAT"], waves: ["billing"] },
    ],
  };

  it("must be filled by different people; the message says which is missing", async () => {
    const at = await asked({ work: ruled({ roles }) });
    at.react("UBEN");
    at.react("UCAT");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open", lacking: { people: 1, roles: ["platform"] } });
    expect(at.shown()).toContain("Approved 2 of 2: @{UBEN}, @{UCAT}. Still missing: *platform*");
    // In no list but that of the role.
    at.react("UPAT");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "approved" });
  });

  it("are part of what is hashed: other roles void the request", async () => {
    const at = await asked({ work: ruled({ roles }) });
    const fewer = ruled({ roles: { "cutover-consumers": [roles["cutover-consumers"][0]] } });
    await at.review({ ...at.work, migration: fewer.migration });
    expect(await at.now()).toMatchObject({
      state: "void",
      reason: expect.stringContaining("roles moved from"),
    });
  });
});

describe("one person with two accounts", () => {
  it("counts once, is told so, and is excluded as requester by both", async () => {
    const at = await asked({ work: twoAccounts() });
    for (const user of ["UBEN", "UCAT", "UAN2"]) at.react(user);
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open", lacking: { people: 1 } });
    const told = at.work.fake.whispers.map(({ user, message }) => `${user} ${JSON.stringify(message.parts)}`);
    expect(told.find((text) => text.startsWith("UCAT"))).toContain("people count, not accounts");
    expect(told.find((text) => text.startsWith("UAN2"))).toContain("you asked for this");
  });
});

describe("a hold", () => {
  it("by anybody, also a guest, keeps it from starting, with who and why, until the hand is taken away", async () => {
    const at = await approvedByTwo();
    at.react("UGUEST", "raised_hand::skin-tone-3");
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "open" });
    expect(at.shown()).toContain("on hold by @{UGUEST} (no reason given: reply in this thread)");
    at.work.fake.reply(at.ref, "UGUEST", "wait for\nthe invoice run");
    await at.review();
    expect(at.shown()).toContain("on hold by @{UGUEST} (“wait for the invoice run”)");
    at.unreact("UGUEST", "raised_hand::skin-tone-3");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "approved", round: 2 });
    expect(await at.audited()).toContain("reaction.held UGUEST");
  });

  it("by a bot is none", async () => {
    const at = await asked();
    for (const user of ["UBEN", "UCAT"]) at.react(user);
    at.react("UBOT", "raised_hand");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "approved" });
  });
});

describe("a reminder", () => {
  it("mentions those who have not reacted, once, shortly before the end", async () => {
    const at = await asked();
    at.react("UBEN");
    await at.work.clock.advance(2_990_000);
    await at.review();
    expect(at.replies()).toEqual([]);
    await at.work.clock.advance(20_000);
    await Promise.all([at.review(), at.review()]);
    await at.review();
    expect(at.replies()).toHaveLength(1);
    expect(JSON.stringify(at.replies())).toContain("@{UCAT} @{UDAN} 1 more ✅ needed");
  });

  it("is posted by the next process when the first one died before or after posting it", async () => {
    const at = await asked();
    await at.work.clock.advance(3_010_000);
    at.work.fake.failNext("post", new FerryError("E_SLACK", "killed"));
    await expect(at.review()).rejects.toThrow("killed");
    await at.review();
    expect(at.replies()).toEqual([]);
    await at.work.clock.advance(61_000);
    await at.review();
    await at.review();
    expect(at.replies()).toHaveLength(1);
  });
});

describe("what waits", () => {
  it("is told with who is missing, without calling anybody", async () => {
    const at = await asked();
    at.react("UBEN");
    await at.review();
    expect(await waitingFor(at.work)).toEqual([
      `cut over CONSUMERS of wave billing for one more ✅ of ucat, udan (request ${at.id}, 1 h left)`,
    ]);
  });
});

describe("a scheduled start", () => {
  it("is approved now and carried out then, after a restart too, with the gate read again", async () => {
    const at = await asked({ at: "22:30" });
    expect(at.shown()).toContain("22:30 UTC if approved by then, not after 22:45 UTC");
    for (const user of ["UBEN", "UCAT"]) at.react(user);
    await at.review();
    expect(at.shown()).toContain("It starts at 22:30 UTC");
    expect(at.executions()).toEqual([expect.objectContaining({ delayMs: 30_000_000 })]);
    expect(await at.execute()).toMatchObject({ kind: "again" });
    await at.work.clock.advance(8 * 3_600_000 + 20 * 60_000);
    at.state.lag = 5;
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "open" });
    at.state.lag = 0;
    await at.review();
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "done" });
    expect(at.state.on).toBe(1);
  });

  it("can be withdrawn and cancelled until then, and is not carried out late", async () => {
    const late = await asked({ at: "16:00" });
    for (const user of ["UBEN", "UCAT"]) late.react(user);
    await late.review();
    await late.work.clock.advance(7_500_000);
    await late.execute();
    expect(await late.now()).toMatchObject({ state: "expired" });
    const at = await asked({ at: "2026-11-23T06:00" });
    for (const user of ["UBEN", "UCAT"]) at.react(user);
    await at.review();
    at.unreact("UCAT");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open" });
    await cancel(jobOf("cancel", { id: at.id }, "UDAN"), at.work);
    expect(await at.now()).toMatchObject({ state: "cancelled" });
  });

  it("in the past is refused", async () => {
    await expect(asked({ at: "2026-11-22T14:00" })).rejects.toMatchObject({ code: "E_USAGE" });
  });
});

describe("break-glass", () => {
  it("is one approval, of one's own request too; one other person is still needed; everybody is told", async () => {
    const at = await asked({ work: withBreakGlass() });
    await breakGlass(glassJob(at.id), at.work);
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open", lacking: { people: 1 } });
    expect(at.shown()).toContain("BREAK-GLASS by @{UANA}, one approval: payments are down");
    const loud = at.work.fake.posts.map(({ message }) => JSON.stringify(message.parts));
    expect(loud.filter((text) => text.includes("@channel{}"))).toHaveLength(1);
    at.react("UBEN");
    await at.review();
    expect(await at.now()).toMatchObject({ state: "approved", decidedBy: ["UANA", "UBEN"] });
    expect(await at.audited()).toContain("request.break-glass UANA");
  });

  it("never overrides a gate that does not hold", async () => {
    const at = await asked({ work: withBreakGlass() });
    await breakGlass(glassJob(at.id), at.work);
    at.react("UBEN");
    at.state.lag = 9;
    await at.review();
    expect(await at.now()).toMatchObject({ state: "open" });
  });

  it("is off unless people are named, for them only, and with a reason", async () => {
    const off = await asked();
    await expect(breakGlass(glassJob(off.id), off.work)).rejects.toMatchObject({ code: "E_APPROVAL" });
    const at = await asked({ work: withBreakGlass() });
    await expect(breakGlass(glassJob(at.id, "UBEN"), at.work)).rejects.toMatchObject({ code: "E_APPROVAL" });
    await expect(breakGlass(glassJob(at.id, "UANA", " "), at.work)).rejects.toMatchObject({
      code: "E_USAGE",
    });
    expect((await at.now()).breakGlass).toBeUndefined();
  });
});

describe("Slack that does not say who reacts", () => {
  it("makes an approval wait and say so; it starts when Slack answers", async () => {
    const at = await approvedByTwo();
    at.work.fake.failNext("reactions", new FerryError("E_SLACK", "reactions.get: method_not_supported"));
    expect(await at.execute()).toEqual({ kind: "again", ms: 2000 });
    expect(await at.now()).toMatchObject({ state: "approved" });
    expect(at.shown()).toContain("Slack does not tell who reacted");
    expect(at.state.on).toBe(0);
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "done" });
  });
});

describe("the audit of a request", () => {
  it("loses nothing when the crash comes between a change and its entry, and says nothing twice", async () => {
    const at = await asked();
    at.react("UBEN", "x");
    const dead = { ...at.work, audit: () => Promise.reject(new FerryError("E_STORE", "killed")) };
    await expect(at.review(dead)).rejects.toThrow("killed");
    expect(await at.now()).toMatchObject({ state: "denied" });
    expect(await at.audited()).not.toContain("request.denied UANA");
    await at.work.clock.advance(61_000);
    await at.review();
    await at.review();
    const lines = await at.audited();
    expect(lines.filter((line) => line.startsWith("request.denied"))).toHaveLength(1);
    expect(lines.filter((line) => line === "reaction.counted UBEN")).toHaveLength(1);
    expect((await at.now()).unaudited).toBeUndefined();
  });
});

describe("a request of an earlier release", () => {
  it("whose hash was made otherwise is void rather than taken for what it was", async () => {
    const at = await asked();
    await changeRequest(at.work.store, "orders", at.id, (request) => ({
      ...request,
      factHash: "0".repeat(64),
    }));
    await at.review();
    expect(await at.now()).toMatchObject({ state: "void" });
  });
});
