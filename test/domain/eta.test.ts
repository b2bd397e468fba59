import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type Eta, etaFrom, lastEta } from "#domain/lag/eta.ts";
import { type LagSample, packSample, unpackSample } from "#domain/lag/lag-history.ts";

/**
 * Catch-ups as MirrorMaker 2 (3.9.2, exactly-once, on two cores that did other work too) made them, sampled each second:
 * copied offsets and ends of each partition until it had caught up.
 */
const Recorded = z.array(
  z.object({ name: z.string(), partitions: z.int(), samples: z.array(z.tuple([z.number(), z.string()])) }),
);
const recorded = Recorded.parse(
  JSON.parse(readFileSync(new URL("./catch-ups.json", import.meta.url), "utf8")),
);

const kept = 40;

function sample(at: number, next: readonly number[], ends: readonly number[]): LagSample {
  return { at, topics: [["t", next.length]], next: Float64Array.from(next), ends: Float64Array.from(ends) };
}

type Coming = Extract<Eta, { state: "in" }>;

/** What was said at each sample of a catch-up that ended with the last one, where an estimate was given. */
function estimates(samples: readonly LagSample[]): readonly Coming[] {
  return samples
    .slice(2, -1)
    .map((_, index) => etaFrom(samples.slice(Math.max(0, index + 3 - kept), index + 3)))
    .filter((eta) => eta.state === "in");
}

function within(eta: Coming, end: number): boolean {
  return eta.earliest <= end && (eta.latest === null || end <= eta.latest);
}

describe("the estimate of a recorded catch-up", () => {
  it.each(recorded)("is within its own band nine times of ten: $name", ({ partitions, samples }) => {
    const layout = unpackLayout(partitions);
    const whole = samples.map(([at, cells]) => layout(at, cells));
    const end = whole.at(-1)?.at ?? 0;
    const said = estimates(whole);
    // It is an estimate: given at most samples, mostly with an end, and not so wide that it says nothing.
    expect(said.length).toBeGreaterThan(samples.length * 0.6);
    expect(said.filter(({ latest }) => latest === null).length).toBeLessThan(said.length / 2);
    expect(said.filter((eta) => within(eta, end)).length / said.length).toBeGreaterThanOrEqual(0.9);
    const halves = said.map(
      ({ at }, index) => Math.abs(at - end) / Math.max(1, end - (whole[index + 2]?.at ?? 0)),
    );
    expect(median(halves)).toBeLessThan(1);
  });

  it("names the slowest partition, as the one with the most left is in the skewed ones", () => {
    const one = recorded.find(({ name }) => name.includes("one has two thirds"));
    const layout = unpackLayout(one?.partitions ?? 0);
    const samples = (one?.samples ?? []).slice(0, 50).map(([at, cells]) => layout(at, cells));
    expect(etaFrom(samples.slice(-kept))).toMatchObject({
      state: "in",
      slowest: { topic: "t", partition: 0 },
    });
  });
});

describe("the estimate of a simulated catch-up", () => {
  it.each([
    { noise: 0.1, arriving: 0 },
    { noise: 0.4, arriving: 0 },
    { noise: 0.4, arriving: 500 },
    { noise: 0.7, arriving: 200 },
  ])("holds with noise $noise and $arriving records a second arriving", ({ noise, arriving }) => {
    let [hits, all] = [0, 0];
    for (let seed = 1; seed <= 20; seed += 1) {
      const samples = simulated(seed, noise, arriving);
      const end = samples.at(-1)?.at ?? 0;
      const said = estimates(samples);
      hits += said.filter((eta) => within(eta, end)).length;
      all += said.length;
    }
    expect(all).toBeGreaterThan(200);
    expect(hits / all).toBeGreaterThanOrEqual(0.9);
  });
});

describe("what is no estimate", () => {
  it("is said to be unknown, caught up, or keeping pace", () => {
    expect(etaFrom([])).toMatchObject({ state: "unknown" });
    expect(etaFrom([sample(0, [1], [9])])).toMatchObject({
      state: "unknown",
      why: "rates are not known yet",
    });
    expect(etaFrom([sample(0, [Number.NaN], [9])])).toMatchObject({
      state: "unknown",
      why: "lag is not known",
    });
    expect(etaFrom([sample(0, [9, 4], [9, 4])])).toEqual({ state: "caught-up" });
    const pacing = [0, 15_000, 30_000].map((at) => sample(at, [at / 10, 0], [at / 10 + 500, 0]));
    expect(etaFrom(pacing)).toEqual({ state: "keeping-up", seconds: 5 });
  });

  it("is not catching up where more arrives than is copied", () => {
    const falling = [0, 15_000, 30_000].map((at) => sample(at, [at / 100], [9_000 + at / 10]));
    expect(etaFrom(falling)).toMatchObject({ state: "not-catching-up", slowest: { partition: 0, at: null } });
  });

  it("is not catching up where one partition stands still, whatever the others do", () => {
    const frozen = Array.from({ length: 8 }, (_, index) => {
      const at = index * 15_000;
      return sample(at, [50, at], [90, 1_000_000]);
    });
    expect(etaFrom(frozen)).toMatchObject({
      state: "not-catching-up",
      slowest: { partition: 0, records: 40, copying: 0 },
    });
    // Not yet a minute: partitions of one task take turns.
    expect(etaFrom(frozen.slice(0, 3))).toMatchObject({ state: "in", latest: null });
  });

  it("knows no rate where an offset went back: that was another log", () => {
    expect(etaFrom([sample(0, [50], [90]), sample(15_000, [10], [20])])).toMatchObject({ state: "unknown" });
  });
});

describe("several mirrors", () => {
  it("have caught up when the last of them has", () => {
    expect(lastEta([coming(10, 20), { state: "caught-up" }, coming(30, 31)])).toMatchObject({
      at: 30,
      latest: 31,
    });
    expect(lastEta([coming(10, null), coming(30, 31)])).toMatchObject({ at: 30, latest: null });
    expect(lastEta([coming(10, 20), { state: "not-catching-up" }])).toMatchObject({
      state: "not-catching-up",
    });
    expect(lastEta([coming(10, 20), { state: "unknown", why: "x" }])).toMatchObject({ state: "unknown" });
    expect(lastEta([{ state: "caught-up" }, { state: "keeping-up", seconds: 3 }])).toMatchObject({
      seconds: 3,
    });
    expect(lastEta([{ state: "caught-up" }])).toEqual({ state: "caught-up" });
    expect(lastEta([])).toMatchObject({ state: "unknown" });
  });

  it("name the partition that is last of all of them", () => {
    const etas = [behind("invoices", 18_415, null), behind("clicks", 119_161, null), behind("orders", 5, 99)];
    expect(lastEta([...etas, { state: "not-catching-up" }])).toEqual(etas[1]);
  });
});

function behind(topic: string, records: number, at: number | null): Eta {
  return {
    state: "not-catching-up",
    slowest: { topic, partition: 3, records, copying: 0, arriving: 80, at },
  };
}

function coming(at: number, latest: number | null): Eta {
  return { state: "in", at, earliest: at - 5, latest };
}

function unpackLayout(partitions: number): (at: number, cells: string) => LagSample {
  const topics = [["t", partitions]] as const;
  const empty = new Float64Array(0);
  const { layout } = packSample({ at: 0, topics, next: empty, ends: empty });
  return (at, cells) => {
    const found = unpackSample({ at, layout, cells }, topics);
    if (found === undefined) throw new Error("the recording is not whole");
    return found;
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Twelve uneven partitions on one mirror whose power wavers; a finished partition's share goes to the others. */
function simulated(seed: number, noise: number, arriving: number): readonly LagSample[] {
  const random = mulberry(seed);
  const ends = Array.from({ length: 12 }, (_, index) => Math.round(400_000 / (index + 1)));
  const next = ends.map(() => 0);
  const samples = [sample(0, next, ends)];
  for (let at = 15_000; next.some((position, cell) => position < (ends[cell] ?? 0)); at += 15_000) {
    const waiting = ends.filter((end, cell) => end > (next[cell] ?? 0)).length;
    const power = 15 * 4_000 * (1 + noise * (random() * 2 - 1));
    for (const [cell, end] of ends.entries()) {
      const share = (power / waiting) * (1 + noise * (random() * 2 - 1));
      next[cell] = Math.min(end, Math.round((next[cell] ?? 0) + share));
      // What arrives ends with the catch-up, so that it has an end.
      if (at < 120_000) ends[cell] = end + Math.round((arriving * 15) / ends.length);
    }
    samples.push(sample(at, next, ends));
  }
  return samples;
}

/** A small generator of numbers from 0 to 1, the same for the same seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
