import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { translate } from "#domain/offsets/translation.ts";
import { always7, log, record, view } from "#support/log-views.ts";

describe("translating a committed offset", () => {
  it.each([
    { what: "equal logs", committed: 3, origin: "abcdef", destination: "abcdef", offset: 3 },
    {
      what: "a destination that starts elsewhere",
      committed: 3,
      origin: "..abcdef",
      destination: "abcdef",
      offset: 1,
    },
    {
      what: "transaction markers between records",
      committed: 4,
      origin: "ab..cd",
      destination: "abcd",
      offset: 2,
    },
    {
      what: "control records on the destination",
      committed: 2,
      origin: "abcd",
      destination: "ab.c.d",
      offset: 3,
    },
    { what: "the end of a copied log", committed: 4, origin: "abcd", destination: "abcd", offset: 4 },
    {
      what: "the end, with a marker behind it",
      committed: 5,
      origin: "abcd.",
      destination: "abcd",
      offset: 4,
    },
    { what: "the start", committed: 0, origin: "abcd", destination: "abcd", offset: 0 },
    {
      what: "a next record that is not copied yet",
      committed: 3,
      origin: "abcde",
      destination: "abc",
      offset: 3,
    },
    { what: "an empty pair", committed: 0, origin: "", destination: "", offset: 0 },
    {
      what: "a stretch copied twice, inside it",
      committed: 1,
      origin: "abcde",
      destination: "abcbcde",
      offset: 3,
    },
    {
      what: "a stretch copied twice, after it",
      committed: 3,
      origin: "abcde",
      destination: "abcbcde",
      offset: 5,
    },
    {
      what: "a stretch copied twice, at the end",
      committed: 3,
      origin: "abc",
      destination: "abcbc",
      offset: 5,
    },
  ])("finds the exact place with $what", async ({ committed, origin, destination, offset }) => {
    expect(await translate(committed, log(origin), log(destination))).toMatchObject({
      kind: "exact",
      offset,
    });
  });

  it("does not confuse equal records in one millisecond", async () => {
    expect(await translate(4, log("axxxxb", { at: always7 }), log("axxx", { at: always7 }))).toMatchObject({
      offset: 4,
    });
    expect(await translate(3, log("axxxxb", { at: always7 }), log("axxxxb", { at: always7 }))).toMatchObject({
      offset: 3,
    });
  });

  it("waits for a mirror that has not copied the records before the offset", async () => {
    expect((await translate(4, log("abcdef"), log("abc"))).kind).toBe("not-copied-yet");
  });

  it("refuses an offset beyond the end, and one that has expired", async () => {
    expect(await translate(9, log("abc"), log("abc"))).toMatchObject({
      kind: "refused",
      why: expect.stringContaining("9"),
    });
    expect(await translate(1, log("cdef", { start: 2 }), log("abcdef"))).toMatchObject({ kind: "refused" });
  });

  it("refuses to use the end of an empty pair while records arrive", async () => {
    const moving = { ...log(""), endNow: async () => 1 };
    expect((await translate(0, moving, log(""))).kind).toBe("not-copied-yet");
  });

  it("steps over records that compaction removed on the destination only", async () => {
    const origin = view(
      [record(0, "a", 1), record(1, "b", 2), record(2, "b", 3), record(3, "c", 4)],
      0,
      4,
      true,
    );
    const destination = view([record(0, "a", 1), record(2, "b", 3), record(3, "c", 4)], 0, 4, true);
    expect(await translate(1, origin, destination)).toMatchObject({ kind: "exact", offset: 2 });
  });
});

/** A source log with gaps, and a mirror of a prefix of it that drops gaps, adds control records and repeats stretches. */
const mirrored = fc
  .record({
    letters: fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1, maxLength: 60 }),
    ticks: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 60, maxLength: 60 }),
    gaps: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
    copied: fc.integer({ min: 0, max: 60 }),
    controls: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
  })
  .map(({ letters, ticks, gaps, copied, controls }) => {
    let time = 0;
    let offset = 0;
    const origin = letters.map((letter, index) => {
      time += ticks[index] ?? 0;
      offset += gaps[index] === true ? 2 : 1;
      return record(offset - 1, letter, time);
    });
    const prefix = origin.slice(0, copied);
    let place = 0;
    const destination = prefix.map((original, index) => {
      place += controls[index] === true ? 2 : 1;
      return { ...original, offset: place - 1 };
    });
    return { origin, originEnd: offset, destination, destinationEnd: place };
  });

describe("for any log and any mirrored prefix of it", () => {
  it("an exact answer splits the destination where the committed offset splits the origin", () => {
    const property = fc.asyncProperty(mirrored, fc.nat(), async (logs, seed) => {
      const committed = seed % (logs.originEnd + 1);
      const result = await translate(
        committed,
        view(logs.origin, 0, logs.originEnd),
        view(logs.destination, 0, logs.destinationEnd),
      );
      const readBefore = logs.origin.filter(({ offset }) => offset < committed).length;
      const split = logs.destination.filter(
        ({ offset }) => result.kind === "exact" && offset < result.offset,
      ).length;
      const mustWait = logs.destination.length < readBefore || logs.destination.length === 0;
      expect(result.kind === "exact" || mustWait).toBe(true);
      expect(split).toBe(result.kind === "exact" ? readBefore : 0);
    });
    return expect(fc.assert(property, { numRuns: 2000 })).resolves.toBeUndefined();
  });
});
