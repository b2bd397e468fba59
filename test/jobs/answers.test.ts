import { describe, expect, it } from "vitest";
import { answersKey } from "#domain/plan/questions.ts";
import { answerEffects, answers, readAnswers, requireAnswers } from "#jobs/answers.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { createSmallWork } from "#support/small-work.ts";

const job = (given?: Record<string, string>) =>
  ({ name: "answers", migration: "orders", by: "UANA", ...(given && { given }) }) as const;

describe("answers", () => {
  it("are kept with who and when, audited with before and after, and changed by the next one", async () => {
    const work = createSmallWork();
    await answers(job({ owners: "ana", window: "sat 22:00-02:00" }), work);
    const later = createSmallWork({ store: work.store, clock: work.clock, by: "UBEN", jobId: "job-2" });
    await work.clock.advance(60_000);
    await answers({ ...job({ owners: "ben", window: "sat 22:00-02:00" }), by: "UBEN" }, later);
    expect(await readAnswers(work)).toMatchObject({
      owners: { value: "ben", by: "UBEN", before: "ana" },
      window: { value: "sat 22:00-02:00", by: "UANA" },
    });
    const trail = (await work.store.auditTrail("orders")).filter(({ what }) => what === "plan.answered");
    expect(trail.map(({ actor, subject, before, after }) => [actor, subject, before, after])).toEqual([
      ["UANA", "owners", "not answered", "ana"],
      ["UANA", "window", "not answered", "sat 22:00-02:00"],
      ["UBEN", "owners", "ana", "ben"],
    ]);
    const said = JSON.stringify(later.card.shown.at(-1));
    expect(said).toContain("ana → ben, by @{UBEN}");
    expect(said).toContain("plan answer");
  });

  it("are audited by the attempt after one that was killed, once", async () => {
    const work = createSmallWork();
    const killed = {
      ...work,
      audit: async () => {
        throw new Error("killed");
      },
    };
    await expect(answers(job({ owners: "ana" }), killed)).rejects.toThrow("killed");
    await answers(job({ owners: "ana" }), work);
    await answers(job({ owners: "ana" }), work);
    const trail = await work.store.auditTrail("orders");
    expect(trail.filter(({ what }) => what === "plan.answered")).toHaveLength(1);
  });

  it("of two people at once are both kept", async () => {
    const store = createMemoryStore({ now: () => 0 });
    const one = createSmallWork({ store, jobId: "job-1" });
    const other = createSmallWork({ store, jobId: "job-2", by: "UBEN" });
    await Promise.all([
      answers(job({ owners: "ana" }), one),
      answers({ ...job({ window: "any" }), by: "UBEN" }, other),
    ]);
    expect(await readAnswers(one)).toMatchObject({ owners: { value: "ana" }, window: { value: "any" } });
  });

  it("that are none keep nothing", async () => {
    const work = createSmallWork();
    const given = { owners: "ana", "read-twice": "many" };
    await expect(answers(job(given), work)).rejects.toMatchObject({ code: "E_USAGE" });
    expect(await work.store.read(answersKey("orders"))).toBeUndefined();
  });

  it("are listed with the open ones first, what is proposed, and what it holds up", async () => {
    const work = createSmallWork();
    await answers(job({ "network-path": "open" }), work);
    const checks = work.card.shown.at(-1)?.parts.find((part) => part.kind === "checks");
    const items = checks?.kind === "checks" ? checks.items : [];
    expect(items.map(({ state, text }) => `${state} ${text.split(/[,:]/)[0]}`)).toEqual([
      "fail network-path",
      "warn owners",
      "warn window",
      "pass compliance",
      "pass read-twice",
      "pass old-cluster",
      "pass growth",
    ]);
    expect(items[0]?.text).toContain("as @{UANA} said; holds up `network`");
    await expect(requireAnswers("network", work)).rejects.toMatchObject({
      code: "E_ANSWER_NEEDED",
      message: expect.stringContaining("network-path is open"),
    });
    await expect(requireAnswers("provision", work)).resolves.toBeUndefined();
  });

  it("are named in requests for a cutover: owners, and whether now is inside the window", async () => {
    const work = createSmallWork();
    const rows = async () => (await answerEffects(work)).map(({ label, value }) => `${label}: ${value}`);
    expect(await rows()).toEqual([
      "Owners: nobody has said: `/ferry plan answer`",
      "Window: nobody has said: `/ferry plan answer`",
    ]);
    const hour = new Date(work.clock.now()).toISOString().slice(11, 13);
    const other = hour === "03" ? "04" : "03";
    await answers(job({ owners: "@ana", window: `${hour}:00-${hour}:59` }), work);
    expect(await rows()).toEqual(["Owners: @ana", `Window: ${hour}:00-${hour}:59 UTC; now is inside`]);
    const next = createSmallWork({ store: work.store, clock: work.clock, jobId: "job-2" });
    await answers(job({ window: `${other}:00-${other}:59` }), next);
    expect(await rows()).toContain(`Window: ${other}:00-${other}:59 UTC; now is OUTSIDE`);
  });
});
