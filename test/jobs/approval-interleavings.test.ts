import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { played, rulesOf, steps } from "#support/approval-moves.ts";

describe("an approval, whatever happens in whatever order", () => {
  // 7,000 more in approval-faults.test.ts, which runs beside this one.
  it("starts at most once, and only while valid approvals of the live facts stand, read back from Slack", async () => {
    const property = fc.asyncProperty(rulesOf, steps, async (rules, all) => {
      expect(await played(rules, all)).toEqual([]);
    });
    await fc.assert(property, { numRuns: 14_000 });
  }, 900_000);

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
