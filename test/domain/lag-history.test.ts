import { array, assert, constant, integer, oneof, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { type LagSample, packSample, ratesBetween, sampleOf, unpackSample } from "#domain/lag/lag-history.ts";

const topics = [["t", 3]] as const;

function sample(at: number, next: readonly number[], ends: readonly number[]): LagSample {
  return { at, topics, next: Float64Array.from(next), ends: Float64Array.from(ends) };
}

describe("samples", () => {
  it("come back as they were packed, unknown cells and offsets beyond 2^32 too", () => {
    const offset = oneof(constant(Number.NaN), integer({ min: 0, max: 2 ** 40 }));
    const cell = tuple(offset, integer({ min: 0, max: 2 ** 40 }));
    assert(
      property(array(cell, { minLength: 3, maxLength: 3 }), (cells) => {
        const next = cells.map(([position]) => position);
        const taken = sample(
          7,
          next,
          cells.map(([position, behind]) => position + behind),
        );
        const back = unpackSample(packSample(taken), topics);
        expect(back?.next).toEqual(taken.next);
        expect(back?.ends).toEqual(taken.ends);
      }),
    );
  });

  it("are not read as those of other partitions, or when they are cut", () => {
    const packed = packSample(sample(7, [1, 2, 3], [4, 5, 6]));
    expect(unpackSample(packed, [["t", 4]])).toBeUndefined();
    expect(unpackSample(packed, [["u", 3]])).toBeUndefined();
    expect(unpackSample({ ...packed, cells: packed.cells.slice(0, 4) }, topics)).toBeUndefined();
  });

  it("take a few bytes a partition", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => 1_000_000 + index);
    const packed = packSample({
      at: 0,
      topics: [["t", 5_000]],
      next: Float64Array.from(many),
      ends: Float64Array.from(many.map((offset) => offset + 90)),
    });
    expect(packed.cells.length).toBeLessThan(5_000 * 8);
  });

  it("know nothing of a partition that is unknown, and give no rate for another log", () => {
    const reading = {
      at: 0,
      partitions: new Map([["t", 2]]),
      copied: new Map([["t", [4, 9]]]),
      starts: new Map([["t", [0, 0]]]),
      ends: new Map([["t", [10, undefined]]]),
    };
    expect([...sampleOf(reading).next]).toEqual([5, Number.NaN]);
    const { copying, arriving } = ratesBetween(
      sample(0, [0, 5, 5], [10, 10, 5]),
      sample(2000, [4, 1, 5], [20, 10, 5]),
    );
    expect([...copying]).toEqual([2, Number.NaN, 0]);
    expect([...arriving]).toEqual([5, 0, 0]);
  });
});
