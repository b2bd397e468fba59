import { describe, expect, it } from "vitest";
import {
  grown,
  type LoadSample,
  loadMark,
  measuredLoad,
  p95,
  samplesNeeded,
} from "#domain/assess/load-history.ts";
import { loadOf } from "#domain/assess/sizing-load.ts";
import { assessmentKey } from "#domain/assessment.ts";
import { makePlan } from "#domain/plan/planning.ts";
import type { World } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import { readSamples, sampleLoad } from "#jobs/plan-load.ts";
import { watch } from "#jobs/watch.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";
import { createSmallWork, noWorld } from "#support/small-work.ts";

const minute = 60_000;

function samples(values: readonly number[]): readonly LoadSample[] {
  return values.map((value, index) => ({
    at: (index + 1) * 5 * minute,
    ms: 5 * minute,
    ingressMBps: value,
    egressMBps: 2 * value,
    of: "m",
  }));
}

async function open() {
  const small = createSmallWork();
  const source = createFakeKafka({ role: "source", now: () => small.clock.now() });
  source.addTopic("invoices", { partitions: 2 });
  source.addTopic("idle", { partitions: 1 });
  const assessment = assessmentOf({
    topics: [
      assessedTopic("invoices", { partitions: 2, averageRecordBytes: known(1000) }),
      assessedTopic("idle", { partitions: 1, averageRecordBytes: unknown("no record") }),
    ],
    groups: [assessedGroup("a", ["invoices"]), assessedGroup("b", ["invoices"])],
  });
  await small.store.write(assessmentKey("orders"), assessment);
  const world: World = Object.create(noWorld, { source: { value: source.cluster } });
  const work = { ...small, world };
  return { small, source, work };
}

describe("samples of the source's load", () => {
  it("are taken every five minutes, and are what was written, times its readers", async () => {
    const { small, source, work } = await open();
    await sampleLoad(work);
    expect(await readSamples(work)).toEqual([]);
    source.appendMany("invoices", 0, 200);
    source.appendMany("invoices", 1, 100);
    await small.clock.advance(4 * minute);
    await sampleLoad(work);
    expect(await readSamples(work)).toEqual([]);
    await small.clock.advance(minute);
    await sampleLoad(work);
    expect(await readSamples(work)).toEqual([
      {
        at: small.clock.now(),
        ms: 5 * minute,
        ingressMBps: 0.001,
        egressMBps: 0.002,
        of: loadMark(small.migration),
      },
    ]);
  });

  it("are taken by the watch, also before anything is mirrored", async () => {
    const { small, source, work } = await open();
    const look = { name: "watch", migration: "orders", by: "schedule" } as const;
    await watch(look, work);
    source.appendMany("invoices", 0, 300);
    await small.clock.advance(5 * minute);
    await watch(look, work);
    expect(await readSamples(work)).toMatchObject([{ ingressMBps: 0.001 }]);
  });

  it("are left out after a pause, for a topic that was made anew, and where the source does not answer", async () => {
    const { small, source, work } = await open();
    await sampleLoad(work);
    source.appendMany("invoices", 0, 10);
    await small.clock.advance(30 * minute);
    await sampleLoad(work);
    expect(await readSamples(work)).toEqual([]);
    await work.world.source.deleteTopics(["invoices"]);
    source.addTopic("invoices", { partitions: 2 });
    await small.clock.advance(5 * minute);
    await sampleLoad(work);
    expect(await readSamples(work)).toEqual([]);
    await small.clock.advance(5 * minute);
    await expect(sampleLoad(createSmallWork({ store: small.store, clock: small.clock }))).resolves.toBe(
      undefined,
    );
    await small.clock.advance(5 * minute);
    await sampleLoad(work);
    expect(await readSamples(work)).toHaveLength(1);
  });
});

describe("the load that MSK is sized for", () => {
  const topics = [assessedTopic("a", { recordsPerSecond: known(1000), averageRecordBytes: known(1000) })];
  const load = loadOf(topics, [assessedGroup("x", ["a"])]);
  const rising = samples(Array.from({ length: 100 }, (_, index) => index + 1));
  const asked = { of: "m", until: 1e12, windowMs: 30_000 };

  it("is the 95th percentile where there are enough samples, and says of how many", () => {
    const { load: sized, how } = measuredLoad(load, rising, asked);
    expect(sized).toMatchObject({
      ingressMBps: known(95),
      egressMBps: known(190),
      storedBytes: load.storedBytes,
    });
    expect(how).toBe(
      "p95 of 100 samples over 8 h 20 min; in the window of the assessment in 1.0 MB/s, out 1.0 MB/s",
    );
  });

  it("is that of the window where there are too few, of other topics, or later than the assessment", () => {
    const few = samples(Array.from({ length: samplesNeeded - 1 }, () => 9));
    expect(measuredLoad(load, few, asked)).toEqual({
      load,
      how: expect.stringMatching(/^over the 30 s of the assessment, not p95: 19 of 20 samples kept/),
    });
    expect(measuredLoad(load, [], asked).how).toContain("no sample is kept yet");
    expect(measuredLoad(load, rising, { ...asked, of: "other" }).load).toBe(load);
    expect(measuredLoad(load, rising, { ...asked, until: 60 * minute }).load).toBe(load);
  });

  it("is nearest rank", () => {
    expect(p95([3, 1, 2])).toBe(3);
    expect(p95(Array.from({ length: 20 }, (_, index) => index))).toBe(18);
    expect(p95([7])).toBe(7);
  });

  it("grows with what people expect, and keeps unknown unknown", () => {
    const more = grown({ ...load, storedBytes: unknown("no answer") }, 1.5);
    expect(more).toMatchObject({ ingressMBps: known(1.5), storedBytes: unknown("no answer") });
    expect(more.partitions).toBe(load.partitions);
  });

  it("sizes the plan, which says how it was measured, what grows, and what a lost zone leaves", () => {
    const { migration } = createSmallWork();
    const question = {
      migration,
      assessment: assessmentOf({ topics, groups: [assessedGroup("x", ["a"])] }),
      creatable: known(["3.9.x"]),
      madeAt: "2026-11-22T14:00:00.000Z",
    };
    const history = rising.map((sample) => ({ ...sample, of: loadMark(migration) }));
    const given = { value: "100", by: "UANA", at: question.madeAt, job: "1", before: null };
    const plain = makePlan(question);
    const measured = makePlan({ ...question, samples: history });
    const more = makePlan({ ...question, samples: history, answers: { growth: given } });
    const cost = [plain, measured, more].map(({ shape }) => shape.monthlyUsd);
    expect(cost).toEqual(cost.toSorted((a, b) => a - b));
    expect(new Set(cost).size).toBe(3);
    const said = more.reasons.map(({ what, why }) => `${what}: ${why}`).join("\n");
    expect(said).toContain("p95 of 100 samples");
    expect(said).toContain("growth: 100 %");
    expect(said).toContain("one zone may be down: ");
    expect(plain.reasons.map(({ why }) => why).join()).toContain("not p95: no sample is kept yet");
    expect(makePlan({ ...question, samples: history }).hash).toBe(measured.hash);
  });

  it("is priced for the time that both clusters run, and another Region's prices are not guessed", () => {
    const { migration } = createSmallWork();
    const question = {
      migration,
      assessment: assessmentOf({ topics, groups: [assessedGroup("x", ["a"])] }),
      creatable: known(["3.9.x"]),
      madeAt: "2026-11-22T14:00:00.000Z",
    };
    const given = { value: "30d", by: "UANA", at: question.madeAt, job: "1", before: null };
    const { costs, shape } = makePlan({ ...question, answers: { "old-cluster": given } });
    const stay = costs?.migration.find(({ what }) => what.includes("after the last switch"));
    expect(stay?.usd).toBeCloseTo((shape.monthlyUsd / 730) * 720, 1);
    expect(stay?.why).toContain("30 d");
    expect(costs?.monthly[0]).toMatchObject({
      what: `prices in ${migration.settings.target.region}`,
      usd: null,
    });
    const open = makePlan({ ...question, answers: { "old-cluster": { ...given, value: "open" } } });
    expect(open.costs?.migration.some(({ what }) => what.includes("after the last switch"))).toBe(false);
  });
});
