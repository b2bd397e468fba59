import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { translate } from "#domain/offsets/translation.ts";
import type { KafkaRecord } from "#domain/topology.ts";
import { record, view } from "#support/log-views.ts";

function numbered(count: number, at: (index: number) => number, shift = 0): readonly KafkaRecord[] {
  return Array.from({ length: count }, (_, index) => record(index + shift, `r${index}`, at(index)));
}

function period(count: number): readonly KafkaRecord[] {
  return Array.from({ length: count }, (_, index) => record(index, index % 2 === 0 ? "a" : "b", 7));
}

/** The first record claims to be the newest: every search by time begins there. */
function disordered(index: number): number {
  return index === 0 ? 1_000_000_000 : 1000 + (index % 97);
}

describe("logs that are hard to tell apart", () => {
  it.each([0, 1, 17, 50, 79, 80])("content that repeats in one millisecond: offset %i", async (committed) => {
    const logs = [view(period(80), 0, 80), view(period(80), 0, 80)] as const;
    expect(await translate(committed, ...logs)).toMatchObject({ kind: "exact", offset: committed });
  });

  it.each([{ behind: 0 }, { behind: 1 }, { behind: 1000 }, { behind: 100_000 }])(
    "timestamps out of order, $behind records behind",
    async ({ behind }) => {
      const count = 100_010;
      const origin = view(numbered(count, disordered), 0, count);
      const destination = view(numbered(count, disordered, 5), 5, count + 5);
      const result = await translate(count - behind, origin, destination);
      expect(
        result.kind === "refused" || (result.kind === "exact" && result.offset === count - behind + 5),
      ).toBe(true);
      const aligned = view(numbered(count, disordered), 0, count);
      expect(await translate(count - behind, origin, aligned)).toMatchObject({ offset: count - behind });
    },
  );

  it("a stretch that was produced twice with its old timestamps stands where it stands", async () => {
    const once = Array.from({ length: 60 }, (_, index) => record(index, `r${index}`, 100 + index));
    const twice = [...once, ...once.map((one) => ({ ...one, offset: one.offset + 60 }))];
    const result = await translate(80, view(twice, 0, 120), view(twice, 0, 120));
    expect(result).toMatchObject({ kind: "exact", offset: 80 });
  });

  it("refuses a repeated stretch where the copy has lost its beginning", async () => {
    const once = Array.from({ length: 60 }, (_, index) => record(index, `r${index}`, 100 + index));
    const twice = [...once, ...once.map((one) => ({ ...one, offset: one.offset + 60 }))];
    const result = await translate(80, view(twice, 0, 120), view(twice.slice(25), 25, 120));
    expect(result).toMatchObject({ kind: "refused", why: expect.stringContaining("also stand at 20") });
  });

  it("uses an expected place only when the records around it are the same and do not repeat", async () => {
    const origin = view(
      numbered(100, (index) => index),
      0,
      100,
    );
    const destination = view(
      numbered(100, (index) => index, 7),
      7,
      107,
    );
    expect(await translate(50, origin, destination, [57])).toMatchObject({ kind: "exact", offset: 57 });
    expect(await translate(50, origin, destination, [0, 5000])).toMatchObject({ kind: "exact", offset: 57 });
    expect(await translate(100, origin, destination, [107])).toEqual({
      kind: "exact",
      offset: 107,
      by: "previous",
      again: 0,
    });
    const doubled = view([...numbered(100, (index) => index, 7), record(107, "r99", 99)], 7, 108);
    expect(await translate(100, origin, doubled, [107])).toMatchObject({ kind: "exact", offset: 108 });
    expect(await translate(40, view(period(80), 0, 80), view(period(80), 0, 80), [38])).toMatchObject({
      kind: "exact",
      offset: 40,
    });
  });

  it.each([
    { what: "tombstones", change: (one: KafkaRecord) => ({ ...one, value: null }) },
    { what: "records without a key", change: (one: KafkaRecord) => ({ ...one, key: null }) },
    {
      what: "records that differ in a header only",
      change: (one: KafkaRecord): KafkaRecord => ({
        ...one,
        key: null,
        value: null,
        timestamp: 7,
        headers: [["id", Buffer.from(String(one.offset))]],
      }),
    },
  ])("tells apart $what", async ({ change }) => {
    const origin = numbered(50, (index) => index).map(change);
    const destination = origin.map((one) => ({ ...one, offset: one.offset + 3 }));
    const result = await translate(30, view(origin, 0, 50), view(destination, 3, 53));
    expect(result).toMatchObject({ kind: "exact", offset: 33 });
  });

  it("an offset in a gap, with everything before it expired", async () => {
    const origin = [record(10, "a", 10), record(20, "b", 20)];
    const result = await translate(
      15,
      view(origin, 12, 21),
      view([record(0, "a", 10), record(1, "b", 20)], 0, 2),
    );
    expect(result).toMatchObject({ kind: "exact", offset: 1 });
  });
});

/** The same log with stretches copied twice, as a mirror without exactly-once leaves them after a crash. */
const crashed = fc
  .record({
    letters: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 40 }),
    ticks: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 40, maxLength: 40 }),
    crashes: fc.array(fc.record({ at: fc.nat({ max: 40 }), back: fc.integer({ min: 1, max: 8 }) }), {
      maxLength: 2,
    }),
  })
  .map(({ letters, ticks, crashes }) => {
    let time = 0;
    const origin = letters.map((letter, index) => {
      time += ticks[index] ?? 0;
      return record(index, letter, time);
    });
    const sources: number[] = [];
    for (let next = 0; next < origin.length; next += 1) {
      sources.push(next);
      const crash = crashes.find(({ at }) => at === sources.length);
      if (crash !== undefined) next = Math.max(-1, next - crash.back);
    }
    const destination = sources.flatMap((from, offset) => {
      const original = origin[from];
      return original === undefined ? [] : [{ ...original, offset }];
    });
    return { origin, sources, destination };
  });

describe("for any log that was partly copied twice", () => {
  it("an exact answer never skips a record", () => {
    const property = fc.asyncProperty(crashed, fc.nat(), async ({ origin, sources, destination }, seed) => {
      const committed = seed % (origin.length + 1);
      const result = await translate(
        committed,
        view(origin, 0, origin.length),
        view(destination, 0, destination.length),
      );
      const readOn = new Set(
        sources.filter((_, offset) => result.kind === "exact" && offset >= result.offset),
      );
      const missing = origin.filter(({ offset }) => offset >= committed && !readOn.has(offset));
      expect(result.kind === "exact" ? missing : []).toEqual([]);
    });
    return expect(fc.assert(property, { numRuns: 2000 })).resolves.toBeUndefined();
  });
});
