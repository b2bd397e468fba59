import { describe, expect, it } from "vitest";
import { observationText } from "#domain/switch/observation.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { createSighted, observeMove, recallObserved } from "#jobs/switch/consumers-observed.ts";
import { createProgress } from "#jobs/switch/consumers-signs.ts";
import { attempt, started } from "#support/cutover-bench.ts";
import { openRun } from "#support/sample-migration.ts";

const asked = { wave: "billing", by: "UANA" };

function commits(...orders: ReadonlyArray<number | undefined>): ReadonlyMap<string, OffsetTable> {
  return new Map([["billing", new Map([["orders", orders]])]]);
}

describe("what was observed after a switch", () => {
  it("is unknown where no commit was seen, and says so", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["orders", [3]]]));
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose(asked, work);
    expect((await attempt(cutoverConsumers, sample, work, "R1", proposal)).kind).toBe("done");
    const run = await openRun(sample.store, "R1");
    const rows = (await recallObserved(run)) ?? [];
    expect(rows).toHaveLength(9);
    expect(rows.find(({ group }) => group === "nightly")).toMatchObject({
      predicted: { again: 0, skipped: 0 },
      observed: null,
      why: "no commit seen",
    });
    const text = "0 records, as predicted; unknown on 1 partition: no commit seen";
    expect(observationText(rows, "again")).toBe(text);
    expect(JSON.stringify(await cutoverConsumers.summary(proposal, work, run))).toContain(text);
    await run.leave(0);
  });

  it("tells where a group read again although nothing of that was predicted", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose(asked, work);
    await attempt(cutoverConsumers, sample, work, "R1", proposal);
    const run = await openRun(sample.store, "R1");
    const wave = {
      ...sample.plan.waves[0],
      name: "billing",
      topics: ["orders", "payments"],
      groups: [],
      why: "",
    };
    const [offset = 0] = (await sample.target.cluster.offsets(["orders"], "start")).get("orders") ?? [];
    const translated = JSON.stringify(await run.recall("translated"));
    const place = Number(
      /"billing".*?"orders","partition":0,"committed":\d+,"offset":(\d+)/u.exec(translated)?.[1],
    );
    expect(place).toBeGreaterThan(offset + 2);
    const sighting = { group: "billing", topic: "orders", partition: 0, first: place + 1, lowest: place - 2 };
    await run.remember("sightings", [sighting]);
    const rows = await observeMove(proposal, wave, sample.target.cluster, run);
    expect(observationText(rows, "again")).toMatch(
      /^2 records, NOT as predicted: billing orders-0 2, predicted 0; unknown on 7 partitions: no commit seen$/,
    );
    sample.target.deleteBefore("orders", 0, place + 1);
    const later = await observeMove(proposal, wave, sample.target.cluster, run);
    expect(later.find(({ observed }) => observed !== null)).toBeUndefined();
    expect(observationText(later, "again")).toContain("the log begins at");
    await run.leave(0);
  });

  it("keeps the first commit beside the run's own, and the lowest, across attempts", () => {
    const cell = { topic: "orders", partition: 0, committed: 9, offset: 10, again: 0 };
    const translated = [{ group: "billing", kind: "exact", offsets: [cell] }] as const;
    const sighted = createSighted(translated, []);
    sighted.note(commits(10));
    expect(sighted.list()).toEqual([]);
    sighted.note(commits(14));
    sighted.note(commits(8));
    const later = createSighted(translated, sighted.list());
    later.note(commits(20));
    expect(later.list()).toEqual([{ group: "billing", topic: "orders", partition: 0, first: 14, lowest: 8 }]);
  });

  it("says what was not predicted, and when nothing is known", () => {
    const row = { group: "billing", topic: "orders", partition: 0, predicted: null, observed: null };
    expect(observationText([], "again")).toBe("nothing was committed");
    expect(observationText([row], "again")).toBe("unknown on 1 partition: not observed");
    const seen = { ...row, observed: { again: 4, skipped: 0 } };
    expect(observationText([seen], "again")).toBe("4 records, nothing was predicted");
    expect(observationText([seen, { ...seen, predicted: { again: 4, skipped: 0 } }], "again")).toBe(
      "8 records, as predicted, without a prediction on 1 partition",
    );
  });
});

describe("the sign that a group reads", () => {
  it("is a commit beyond the one that was made for it", () => {
    const progress = createProgress(commits(10));
    progress.note(commits(10));
    expect(progress.hasRead("billing")).toBe(false);
    progress.note(commits(11));
    expect(progress.hasRead("billing")).toBe(true);
  });

  it("is not the first commit of a partition that had none: the group may only have joined", () => {
    const progress = createProgress(commits(10));
    progress.note(commits(10, 500));
    progress.note(commits(10, 500));
    expect(progress.hasRead("billing")).toBe(false);
    progress.note(commits(10, 501));
    expect(progress.hasRead("billing")).toBe(true);
  });
});
