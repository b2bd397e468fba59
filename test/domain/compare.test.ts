import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareLast, compareRuns, keepLast, type LastPerKey, placeOfRun } from "#domain/offsets/compare.ts";
import type { KafkaRecord } from "#domain/topology.ts";

function record(offset: number, key: string, value: string | null, timestamp = 0): KafkaRecord {
  return {
    offset,
    timestamp,
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: [],
  };
}

/** Each letter a record; offsets from `start`. */
function records(text: string, start = 0): readonly KafkaRecord[] {
  return text.split("").map((letter, index) => record(start + index, letter, letter));
}

function last(drawn: readonly KafkaRecord[]): LastPerKey {
  const kept: LastPerKey = new Map();
  keepLast(kept, drawn);
  return kept;
}

const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 30 });

describe("comparing record by record", () => {
  it("finds the first difference, wherever it is", () => {
    fc.assert(
      fc.property(letters, fc.nat(), fc.nat({ max: 5 }), (text, place, shift) => {
        fc.pre(text.length > 0);
        const at = place % text.length;
        const changed = `${text.slice(0, at)}x${text.slice(at + 1)}`;
        const found = compareRuns(records(text), records(changed, shift));
        expect(found.equal).toBe(at);
        expect(found.difference).toMatchObject({ kind: "differs", source: at, target: at + shift });
      }),
    );
  });

  it("finds none in a copy, whatever its offsets", () => {
    fc.assert(
      fc.property(letters, fc.nat(), (text, shift) => {
        expect(compareRuns(records(text), records(text, shift))).toEqual({ equal: text.length });
      }),
    );
  });

  it("names what differs", () => {
    const found = compareRuns([record(0, "a", "1", 5)], [record(0, "a", "2", 6)]);
    expect(found.difference?.what).toBe("timestamps, values differ");
  });
});

describe("finding the place of a run", () => {
  it("takes the first place where all of it matches", () => {
    expect(placeOfRun(records("ab"), records("aacab", 10))).toBe(13);
    expect(placeOfRun(records("ab"), records("ccc"))).toBeUndefined();
  });

  it("takes a match that reaches beyond what was read", () => {
    expect(placeOfRun(records("abc"), records("ccab", 10))).toBe(12);
  });
});

describe("comparing compacted logs", () => {
  const nothingLater = { source: [], target: [], expires: false };

  it("finds nothing between a log and any compaction of it", () => {
    const writes = fc.array(
      fc.tuple(fc.constantFrom("k1", "k2", "k3"), fc.option(fc.constantFrom("1", "2"))),
      {
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(writes, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), (drawn, dice) => {
        const log = drawn.map(([key, value], index) => record(index, key, value, index));
        const compacted = log.filter((one, index) => {
          const newest = log.findLast(({ key }) => key?.equals(one.key ?? Buffer.alloc(0)) === true) === one;
          return newest ? one.value !== null || dice[index] === true : dice[index] === true;
        });
        // A tombstone that is gone takes everything older of its key with it.
        const honest = compacted.filter(
          (one) =>
            log.findLast(({ key }) => key?.equals(one.key ?? Buffer.alloc(0)) === true)?.value !== null,
        );
        expect(compareLast(last(log), last(honest), nothingLater)).toEqual([]);
      }),
    );
  });

  it.each([
    { what: "a lost key", target: [], kind: "missing-on-target" },
    { what: "an old value", target: [record(0, "k", "0")], kind: "differs" },
    {
      what: "a key that the source never had",
      target: [record(0, "k", "1"), record(1, "other", "1")],
      kind: "only-on-target",
    },
  ])("finds $what", ({ target, kind }) => {
    const found = compareLast(last([record(3, "k", "1")]), last(target), nothingLater);
    expect(found.map((difference) => difference.kind)).toEqual([kind]);
  });

  it("allows what the mirror may have brought meanwhile, and what retention may have taken", () => {
    const source = last([record(3, "k", "1")]);
    const later = [record(4, "k", "2")];
    expect(
      compareLast(source, last([record(0, "k", "2")]), { source: later, target: [], expires: false }),
    ).toEqual([]);
    expect(compareLast(source, last([]), { source: [], target: [], expires: true })).toEqual([]);
  });

  it("allows what a later record has outdated, on either side", () => {
    const beyond = [record(9, "k", "3")];
    const held = last([record(3, "k", "1")]);
    expect(compareLast(held, last([]), { source: [], target: beyond, expires: false })).toEqual([]);
    expect(compareLast(last([]), held, { source: beyond, target: [], expires: false })).toEqual([]);
  });
});
