import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { played, rulesOf, type Step, steps } from "#support/approval-moves.ts";

/** Each was once played as wrong: a job that keeps trying again held up the review of what a crash left. */
const found: ReadonlyArray<{ readonly name: string; readonly steps: readonly Step[] }> = [
  {
    name: "a cancel dies before its audit entry, and another request cannot read the source",
    steps: [
      ["cancel", 0, 15],
      ["work", 0, 7],
      ["crash", 0, 0],
      ["facts", 22, 0],
      ["ask", 0, 0],
    ],
  },
  {
    name: "the review of a deleted message dies before its audit entry, and another request cannot read the source",
    steps: [
      ["delete", 0, 0],
      ["react", 0, 0],
      ["deliver", 0, 17],
      ["ask", 0, 0],
      ["crash", 0, 0],
      ["facts", 4, 0],
    ],
  },
];

describe("an approval, whatever happens in whatever order", () => {
  // 7,000 more in approval-faults.test.ts, which runs beside this one.
  it("starts at most once, and only while valid approvals of the live facts stand, read back from Slack", async () => {
    const property = fc.asyncProperty(rulesOf, steps, async (rules, all) => {
      expect(await played(rules, all)).toEqual([]);
    });
    await fc.assert(property, { numRuns: 14_000 });
  }, 900_000);

  it.each(found)("ends with all of it in the audit: $name", async ({ steps: all }) => {
    const ends: string[] = [];
    const wrong = await played({ roles: false, scheduled: false, quorum: 2 }, all, {}, ({ moves, queue }) => {
      ends.push(...moves.map(({ to }) => to));
      ends.push(...queue.flatMap(({ job, state }) => (job.name === "ask" ? [`ask ${state}`] : [])));
    });
    expect({ wrong, ends }).toEqual({ wrong: [], ends: ["cancelled", "ask ended", "ask waiting"] });
  });

  it("is started by many of them: a play in which nothing happens would prove nothing", async () => {
    const plays = fc.sample(fc.tuple(rulesOf, steps), { numRuns: 200, seed: 7 });
    const ends = new Map<string, number>();
    for (const [rules, all] of plays) {
      await played(rules, all, {}, (play) => {
        for (const { to } of play.moves) ends.set(to, (ends.get(to) ?? 0) + 1);
      });
    }
    const enough = ["approved", "executing", "done", "denied", "void", "cancelled", "expired", "open"];
    expect(enough.filter((state) => (ends.get(state) ?? 0) < 4)).toEqual([]);
  }, 60_000);
});
