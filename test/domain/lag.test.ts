import { assert, integer, option, pre, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { eta } from "#domain/lag/eta.ts";
import { type LagReading, partitionLags, progress, rates, sumLags } from "#domain/lag/lag.ts";
import type { LagPoint } from "#domain/ports.ts";

type Cell = { start?: number; end?: number; copied?: number; quiet?: number };

/** One topic, one partition. */
function reading({ start, end, copied, quiet }: Cell, at = 0): LagReading {
  return {
    at,
    partitions: new Map([["t", 1]]),
    copied: new Map([["t", [copied]]]),
    starts: new Map([["t", [start]]]),
    ends: new Map([["t", [end]]]),
    quietUntil: new Map([["t", [quiet]]]),
  };
}

function lagOf(cell: Cell) {
  const [lag] = partitionLags(reading(cell));
  return { state: lag?.state, records: lag?.records, lost: lag?.lost };
}

describe("lag of a partition", () => {
  it.each([
    ["at the end", { start: 0, end: 10, copied: 9 }, { state: "in-step", records: 0, lost: 0 }],
    ["behind", { start: 0, end: 10, copied: 4 }, { state: "behind", records: 5, lost: 0 }],
    ["empty, never copied", { start: 7, end: 7 }, { state: "in-step", records: 0, lost: 0 }],
    ["never copied", { start: 3, end: 10 }, { state: "never-copied", records: 7, lost: 0 }],
    [
      "expired under the mirror",
      { start: 8, end: 10, copied: 4 },
      { state: "truncated", records: 2, lost: 3 },
    ],
    ["created anew", { start: 0, end: 3, copied: 9 }, { state: "ahead", records: null, lost: 0 }],
    ["end unknown", { start: 0, copied: 9 }, { state: "incomplete", records: null, lost: 0 }],
    ["start unknown", { end: 10, copied: 9 }, { state: "incomplete", records: null, lost: 0 }],
    [
      "only markers left",
      { start: 0, end: 10, copied: 8, quiet: 10 },
      { state: "in-step", records: 0, lost: 0 },
    ],
    [
      "more after the markers",
      { start: 0, end: 12, copied: 8, quiet: 10 },
      { state: "behind", records: 2, lost: 0 },
    ],
    [
      "the markers expired",
      { start: 10, end: 10, copied: 8, quiet: 10 },
      { state: "in-step", records: 0, lost: 0 },
    ],
    [
      "markers of another life",
      { start: 0, end: 5, copied: 2, quiet: 9 },
      { state: "behind", records: 2, lost: 0 },
    ],
    [
      "nothing but aborted records",
      { start: 0, end: 4, quiet: 4 },
      { state: "in-step", records: 0, lost: 0 },
    ],
  ])("%s", (_name, cell, expected) => {
    expect(lagOf(cell)).toEqual(expected);
  });

  const offset = option(integer({ min: 0, max: 50 }), { nil: undefined });
  const cells = record({ start: offset, end: offset, copied: offset, quiet: offset });

  it("is never negative, never zero where an offset is missing, and in step only with nothing between", () => {
    assert(
      property(cells, (drawn) => {
        pre(drawn.start === undefined || drawn.end === undefined || drawn.start <= drawn.end);
        const cell: Cell = {};
        Object.assign(cell, drawn);
        const { state, records } = lagOf(cell);
        const missing = drawn.start === undefined || drawn.end === undefined;
        const [end, next] = [drawn.end ?? 0, (drawn.copied ?? -1) + 1];
        expect(state === "incomplete").toBe(missing);
        expect(records === null).toBe(missing || next > end);
        expect(records ?? 0).toBeGreaterThanOrEqual(0);
        // In step is where the last copied record, or the proved silence after it, reaches the end: nowhere else.
        expect(state === "in-step").toBe(!missing && reached(drawn) === end);
      }),
    );
  });

  it("grows by what arrives and shrinks by what is copied", () => {
    const small = integer({ min: 0, max: 1000 });
    assert(
      property(small, small, small, (copied, left, more) => {
        const end = copied + 1 + left;
        const before = lagOf({ start: 0, end, copied }).records;
        expect(lagOf({ start: 0, end: end + more, copied }).records).toBe((before ?? 0) + more);
        expect(lagOf({ start: 0, end: end + more, copied: copied + more }).records).toBe(before);
      }),
    );
  });
});

describe("sums", () => {
  it("are unknown when a part is, and say what is known at least", () => {
    const lags = partitionLags({
      at: 0,
      partitions: new Map([
        ["a", 2],
        ["b", 1],
      ]),
      copied: new Map([
        ["a", [4, 0]],
        ["b", [9]],
      ]),
      starts: new Map([
        ["a", [0, 0]],
        ["b", [0]],
      ]),
      ends: new Map([
        ["a", [10, 3]],
        ["b", [3]],
      ]),
    });
    const sum = sumLags(lags);
    expect(sum).toMatchObject({ records: null, atLeast: 7, partitions: 3, unknown: 1 });
    expect(sum.worst.map(({ topic, partition }) => `${topic}-${partition}`)).toEqual(["a-0", "a-1"]);
    expect(sum.findings.map(({ state }) => state)).toEqual(["ahead"]);
    expect(sumLags(lags.filter(({ topic }) => topic === "a"))).toMatchObject({ records: 7, unknown: 0 });
  });
});

describe("rates", () => {
  it("are records per second, and unknown when offsets are missing or went backwards", () => {
    const before = progress(reading({ start: 0, end: 100, copied: 49 }, 1_000));
    expect(rates(before, progress(reading({ start: 0, end: 160, copied: 79 }, 11_000)))).toEqual({
      arriving: 6,
      copying: 3,
    });
    expect(rates(before, progress(reading({ start: 0, end: 90, copied: 79 }, 11_000))).arriving).toBeNull();
    expect(rates(before, progress(reading({ start: 0, copied: 79 }, 11_000))).arriving).toBeNull();
    expect(rates(before, before)).toEqual({ arriving: null, copying: null });
  });
});

describe("the estimate", () => {
  it("has a band from the best and the worst of the last ten minutes", () => {
    const points = [point(0, 9_000, 0, 100), point(60_000, 6_000, 0, 50), point(120_000, 3_000, 0, 75)];
    expect(eta(points)).toEqual({ state: "in", at: 160_000, earliest: 150_000, latest: 180_000 });
    expect(eta([point(0, 9_000, 10, 5), point(120_000, 3_000, 0, 75)])).toMatchObject({
      state: "in",
      latest: null,
    });
  });

  it("says when there is none", () => {
    expect(eta([])).toMatchObject({ state: "unknown" });
    expect(eta([point(0, null, 1, 1)])).toMatchObject({ state: "unknown" });
    expect(eta([point(0, 5, null, null)])).toMatchObject({ state: "unknown" });
    expect(eta([point(0, 0, null, null)])).toEqual({ state: "caught-up" });
    expect(eta([point(0, 5_000, 10, 10)])).toEqual({ state: "not-catching-up" });
    expect(eta([point(0, 100, 10, 10)])).toEqual({ state: "keeping-up", seconds: 10 });
  });
});

function point(at: number, behind: number | null, arriving: number | null, copying: number | null): LagPoint {
  return { at, behind, arriving, copying };
}

type Drawn = { readonly [K in keyof Required<Cell>]: number | undefined };

/** Next offset that still matters. */
function reached({ start, end, copied, quiet }: Drawn): number {
  const silence = quiet !== undefined && quiet <= (end ?? 0) ? quiet : 0;
  return Math.max(copied === undefined ? (start ?? 0) : copied + 1, silence);
}
