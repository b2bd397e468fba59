import { describe, expect, it } from "vitest";
import { type Assessment, assessmentKey } from "#domain/assessment.ts";
import { assessDiff } from "#jobs/assess-diff.ts";
import { keepAssessment, readAssessments } from "#jobs/assess-memory.ts";
import type { Work } from "#jobs/work.ts";
import { assessed, sampleSource } from "#support/assess-work.ts";
import { assessedTopic, assessmentOf } from "#support/assessed.ts";
import { createSmallWork } from "#support/small-work.ts";

const job = { name: "assess-diff", migration: "orders", by: "UANA" } as const;

function taken(at: string, change: Partial<Assessment> = {}): Assessment {
  return assessmentOf({ topics: [assessedTopic("invoices")], taken: { at, windowMs: 30_000 }, ...change });
}

async function keep(work: Work, ...assessments: readonly Assessment[]): Promise<void> {
  for (const each of assessments) await keepAssessment(each, Date.parse(each.taken.at) - 40_000, work);
}

async function answer(work: ReturnType<typeof createSmallWork>): Promise<string> {
  expect(await assessDiff(job, work)).toEqual({ kind: "done" });
  return JSON.stringify(work.card.shown.at(-1));
}

describe("/ferry assess diff", () => {
  it("needs an assessment, and says so when there is only one", async () => {
    const work = createSmallWork();
    await expect(assessDiff(job, work)).rejects.toMatchObject({ code: "E_NO_ASSESSMENT" });
    await keep(work, taken("2026-11-22T10:00:00.000Z"));
    expect(await answer(work)).toContain("There is only one assessment");
  });

  it("answers from memory what changed, and attaches all of it", async () => {
    const work = createSmallWork();
    const files: string[] = [];
    const card = { ...work.card, file: async ({ name }: { name: string }) => `F${files.push(name)}` };
    await keep(
      work,
      taken("2026-11-20T10:00:00.000Z"),
      taken("2026-11-22T10:00:00.000Z", { topics: [assessedTopic("audit"), assessedTopic("b")] }),
    );
    const said = await answer({ ...work, card });
    expect(said).toContain("From 2026-11-20 10:00 to 2026-11-22 10:00 UTC, 2 d");
    expect(said).toContain("topics: 2 added, 1 removed");
    expect(files).toEqual(["assess-diff-2026-11-22.md", "assess-diff-2026-11-22.json"]);
  });

  it("shows some of each kind where there is too much, and says how much more there is", async () => {
    const work = createSmallWork();
    const many = Array.from({ length: 100 }, (_, at) => assessedTopic(`topic-${at}`));
    await keep(
      work,
      taken("2026-11-20T10:00:00.000Z"),
      taken("2026-11-22T10:00:00.000Z", { topics: many, version: { known: true, value: "4.0" } }),
    );
    const said = await answer(work);
    expect(said).toContain("cluster: 1 changed · topics: 100 added, 1 removed");
    expect(said).toContain('"version"');
    expect(said).toContain("87 more changes in the thread.");
  });

  it("says that nothing changed, and that the newest is stale", async () => {
    const work = createSmallWork();
    await keep(work, taken("2026-11-01T10:00:00.000Z"), taken("2026-11-10T10:00:00.000Z"));
    const said = await answer(work);
    expect(said).toContain("nothing changed.");
    expect(said).toContain("the assessment is 12 days old (2026-11-10) and stale");
  });

  it("does not compare what another release kept", async () => {
    const work = createSmallWork();
    await work.store.write(assessmentKey("orders"), { takenAt: "2026-11-20T10:00:00.000Z" });
    expect(await answer(work)).toContain("by another release of the bot");
    await keep(work, taken("2026-11-22T10:00:00.000Z"));
    expect(await answer(work)).toContain("The assessment before the last was kept by another release");
  });
});

describe("what is kept of assessments", () => {
  it("is the newest and the one before it", async () => {
    const work = createSmallWork();
    const [first, second, third] = ["01", "02", "03"].map((day) => taken(`2026-11-${day}T10:00:00.000Z`));
    for (const each of [first, second, third]) if (each !== undefined) await keep(work, each);
    expect(await readAssessments(work)).toEqual({
      newest: { kind: "read", assessment: third },
      before: { kind: "read", assessment: second },
    });
  });

  it("is not what an attempt of the same run kept before it was killed", async () => {
    const work = createSmallWork();
    const began = Date.parse("2026-11-22T10:00:00.000Z");
    const [told, lost, last] = ["20T10", "22T11", "22T12"].map((hour) => taken(`2026-11-${hour}:00:00.000Z`));
    if (told === undefined || lost === undefined || last === undefined) throw new Error("no assessments");
    await keep(work, told);
    await keepAssessment(lost, began, work);
    await keepAssessment(last, began, work);
    expect(await readAssessments(work)).toMatchObject({
      newest: { assessment: last },
      before: { assessment: told },
    });
  });

  it("comes from the assessments themselves, and the second offers the comparison", async () => {
    const parts = sampleSource();
    expect((await assessed(parts)).last?.next).toEqual(["plan"]);
    parts.kafka.addTopic("parcels");
    await parts.clock.advance(60_000);
    expect((await assessed(parts)).last?.next).toEqual(["plan", "assess diff"]);
    const work = createSmallWork(parts);
    expect(await answer(work)).toContain("parcels");
  });
});
