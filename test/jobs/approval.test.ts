import { describe, expect, it } from "vitest";
import type { GateFact, Proposal, Request } from "#domain/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { Person, Store } from "#domain/ports.ts";
import type { Approvable } from "#jobs/approvable.ts";
import { cancel } from "#jobs/cancel.ts";
import { createExecute } from "#jobs/execute.ts";
import { reviewOpenRequests } from "#jobs/open-requests.ts";
import { ask } from "#jobs/request.ts";
import { listRequests } from "#jobs/request-store.ts";
import { createReview } from "#jobs/review.ts";
import { done, type Outcome } from "#jobs/work.ts";
import { createSmallWork, type SmallWork } from "#support/small-work.ts";

/** An action on a switch: on or off, with a gate that tests move. */
function createSwitch() {
  const state = { on: 0, undone: 0, lag: 0, plan: 1, unreadable: false, fail: false };
  const fact = (): GateFact => ({
    name: "mirror",
    text: `mirror behind by ${state.lag}`,
    state: state.lag === 0 ? "pass" : "fail",
    pinned: null,
  });
  const pinned = (): GateFact => ({
    name: "partitions",
    text: `${state.plan} partitions`,
    state: "pass",
    pinned: state.plan,
  });
  const approvable: Approvable = {
    propose: async ({ wave = "all" }): Promise<Proposal> => {
      if (state.unreadable) throw new FerryError("E_SOURCE_UNREACHABLE", "no broker answered");
      return {
        action: "cutover-consumers",
        wave,
        title: `cut over CONSUMERS of wave ${wave}`,
        plan: { wave },
        effects: [{ label: "What happens", value: "the switch is turned" }],
        facts: [fact(), pinned()],
        quorum: 1,
      };
    },
    steps: async () => [
      {
        name: "turn",
        title: "turn the switch",
        isDone: async () => state.on > 0,
        act: async () => {
          if (state.fail) throw new FerryError("E_CLIENT_DRIVER", "exit 1");
          state.on += 1;
          return done;
        },
        undo: { title: "turn it back", run: async () => void (state.undone += 1) },
      },
    ],
    summary: async () => [{ kind: "text", text: "pause 0 s" }],
  };
  return { state, approvable, approvables: { "cutover-consumers": approvable } };
}

const kinds: ReadonlyArray<readonly [string, Person["kind"]]> = [
  ["UGUEST", "guest"],
  ["UBOT", "bot"],
  ["UGONE", "deactivated"],
  ["UFAR", "stranger"],
];

async function asked(store?: Store) {
  const work = createSmallWork(store === undefined ? {} : { store });
  for (const [id, kind] of kinds) work.fake.people.set(id, { id, name: id, kind });
  const toggle = createSwitch();
  await ask(toggle.approvable, "cutover-consumers", { wave: "billing", by: "UANA" }, work);
  const request = await only(work);
  const ref = { channel: request.channel, ts: request.ts ?? "" };
  const review = createReview(toggle.approvables);
  const execute = createExecute(toggle.approvables);
  return {
    ...toggle,
    work,
    id: request.id,
    ref,
    react: (user: string, emoji = "white_check_mark") => work.fake.react(ref, user, emoji),
    unreact: (user: string, emoji = "white_check_mark") => work.fake.unreact(ref, user, emoji),
    review: () => review(jobOf("review", request), work),
    execute: () => execute(jobOf("execute", request), work),
    now: () => only(work),
    executions: () => work.queue.jobs.filter(({ job }) => job.name === "execute"),
    shown: () => JSON.stringify(work.fake.posts.find((post) => post.ref.ts === ref.ts)?.message),
    audited: async () =>
      (await work.store.auditTrail("orders")).map((entry) => `${entry.what} ${entry.actor}`),
  };
}

async function only(work: SmallWork): Promise<Request> {
  const [request] = await listRequests(work.store, "orders");
  if (request === undefined) throw new Error("no request was stored");
  return request;
}

function jobOf<N extends "review" | "execute" | "cancel">(
  name: N,
  { id }: Pick<Request, "id">,
  by = "schedule",
) {
  return { name, migration: "orders", by, request: id };
}

async function approvedByTwo() {
  const at = await asked();
  at.react("UBEN");
  at.react("UCAT");
  await at.review();
  return at;
}

describe("asking", () => {
  it("posts one message with the facts, seeds both emoji, and waits for its expiry", async () => {
    const { work, id, shown, ref } = await asked();
    expect(shown()).toContain("@{UANA} asks. Two people");
    expect(shown()).toContain("mirror behind by 0");
    expect(work.fake.seeded(ref)).toEqual(["white_check_mark", "x"]);
    expect(work.queue.jobs).toEqual([
      expect.objectContaining({ id: `review-orders-${id}-expiry`, delayMs: 3_600_500 }),
    ]);
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

describe("cancelling", () => {
  const by = (user: string, id: string): JobOf<"cancel"> => jobOf("cancel", { id }, user);

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

/** Losers of a race may throw or ask to be called again; what counts is what is true afterwards. */
async function settledAll(attempts: ReadonlyArray<Promise<Outcome>>): Promise<void> {
  await Promise.allSettled(attempts);
}
