import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogView } from "#domain/log-view.ts";
import type { KafkaRecord } from "#domain/topology.ts";
import { translate } from "#domain/translation.ts";

/** A log written as text: each letter a record, its place its offset, `.` an offset without a data record. */
function log(
  text: string,
  options: { start?: number; at?: (letter: string, index: number) => number } = {},
): LogView {
  const start = options.start ?? 0;
  const records = Array.from(text).flatMap((letter, index): KafkaRecord[] => {
    if (letter === ".") return [];
    const timestamp = options.at?.(letter, index) ?? letter.charCodeAt(0);
    return [record(start + index, letter, timestamp)];
  });
  return view(records, start, start + text.length);
}

const always7 = () => 7;

function record(offset: number, letter: string, timestamp: number): KafkaRecord {
  return { offset, timestamp, key: Buffer.from(letter), value: Buffer.from(`value ${letter}`), headers: [] };
}

function view(records: readonly KafkaRecord[], start: number, end: number, compacted = false): LogView {
  return {
    start,
    end,
    compacted,
    read: async (from, { max, until = Number.POSITIVE_INFINITY }) => {
      const first = lowerBound(records, from);
      return records.slice(first, first + max).filter(({ offset }) => offset < until);
    },
    offsetAt: async (timestamp) => records.find((candidate) => candidate.timestamp >= timestamp)?.offset,
    endNow: async () => end,
  };
}

function lowerBound(records: readonly KafkaRecord[], offset: number): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle]?.offset ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

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

describe("logs that are hard to tell apart", () => {
  const numbered = (count: number, at: (index: number) => number, shift = 0) =>
    Array.from({ length: count }, (_, index) => record(index + shift, `r${index}`, at(index)));
  const period = (count: number) =>
    Array.from({ length: count }, (_, index) => record(index, index % 2 === 0 ? "a" : "b", 7));

  it.each([0, 1, 17, 50, 79, 80])("content that repeats in one millisecond: offset %i", async (committed) => {
    const logs = [view(period(80), 0, 80), view(period(80), 0, 80)] as const;
    expect(await translate(committed, ...logs)).toMatchObject({ kind: "exact", offset: committed });
  });

  it.each([{ behind: 0 }, { behind: 1 }, { behind: 1000 }, { behind: 100_000 }])(
    "timestamps out of order, $behind records behind",
    async ({ behind }) => {
      // The first record claims to be the newest: every search by time begins there.
      const at = (index: number) => (index === 0 ? 1_000_000_000 : 1000 + (index % 97));
      const count = 100_010;
      const origin = view(numbered(count, at), 0, count);
      const destination = view(numbered(count, at, 5), 5, count + 5);
      const result = await translate(count - behind, origin, destination);
      expect(
        result.kind === "refused" || (result.kind === "exact" && result.offset === count - behind + 5),
      ).toBe(true);
      const aligned = view(numbered(count, at), 0, count);
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
    expect(await translate(50, origin, destination, [50, 60])).toMatchObject({ kind: "exact", offset: 57 });
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
