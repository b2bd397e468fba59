import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copiedTo } from "#domain/offsets/replicator-progress.ts";
import type { KafkaRecord } from "#domain/topology.ts";
import { log, record, view } from "#support/log-views.ts";

/** The copy as a Replicator makes it: marked, at offsets of its own. */
function copyOf(records: readonly KafkaRecord[]): readonly KafkaRecord[] {
  return records.map((one, offset) => ({
    ...one,
    offset,
    headers: [...one.headers, ["__mskmr", Buffer.from("mark")] as const],
  }));
}

function copyView(records: readonly KafkaRecord[], start = 0) {
  return view(
    copyOf(records).filter(({ offset }) => offset >= start),
    start,
    records.length,
  );
}

/** Records at rising offsets, with gaps as transactions leave them; few values, so that content repeats. */
const source = (alphabet: string) =>
  fc
    .array(
      fc.record({
        letter: fc.constantFrom(...alphabet.split("")),
        gap: fc.integer({ min: 0, max: 2 }),
        later: fc.integer({ min: 0, max: 2 }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((drafts) => {
      let [offset, time] = [-1, 0];
      return drafts.map(({ letter, gap, later }) => {
        offset += 1 + gap;
        time += later;
        return record(offset, letter, time);
      });
    });

/** Each its own content: which of two equal ones a repetition or an expiry reached, no content can tell. */
function distinct(records: ReturnType<typeof source>): ReturnType<typeof source> {
  return records.map((all) => all.map((one) => ({ ...one, value: Buffer.from(`value ${one.offset}`) })));
}

describe("how far a copy has come, by content", () => {
  it("is exact while nothing was repeated, also where content repeats", async () => {
    await fc.assert(
      fc.asyncProperty(source("ab"), fc.nat(), async (records, share) => {
        const copied = records.slice(0, share % (records.length + 1));
        const end = (records.at(-1)?.offset ?? 0) + 1;
        const last = copied.at(-1);
        expect(await copiedTo(view(records, 0, end), copyView(copied))).toEqual(
          last === undefined ? { kind: "nothing" } : { kind: "copied", offset: last.offset },
        );
      }),
    );
  });

  it("never lies beyond what was copied, whatever was repeated", async () => {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    await fc.assert(
      fc.asyncProperty(
        distinct(source(letters)),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 10 }))),
        async (records, runs) => {
          const copied: KafkaRecord[] = [];
          let [next, most] = [0, -1];
          for (const [length, back] of runs) {
            copied.push(...records.slice(next, next + length));
            next = Math.min(records.length, next + length);
            most = Math.max(most, records[next - 1]?.offset ?? -1);
            next = Math.max(0, next - back);
          }
          const end = (records.at(-1)?.offset ?? 0) + 1;
          const found = await copiedTo(view(records, 0, end), copyView(copied));
          expect(found.kind).toBe(copied.length === 0 ? "nothing" : "copied");
          const offset = found.kind === "copied" ? found.offset : undefined;
          expect(offset).toBe(copied.at(-1)?.offset);
          expect(offset ?? -1).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it("is found after either side's retention, or is not known", async () => {
    await fc.assert(
      fc.asyncProperty(
        distinct(source("ab")),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        async (records, share, lost, dropped) => {
          const copied = records.slice(0, share % (records.length + 1));
          const end = (records.at(-1)?.offset ?? 0) + 1;
          const start = lost % (end + 1);
          const held = records.filter(({ offset }) => offset >= start);
          const copyStart = dropped % (copied.length + 1);
          const found = await copiedTo(view(held, start, end), copyView(copied, copyStart));
          if (found.kind !== "copied") return;
          expect(found.offset).toBe(copied.at(-1)?.offset);
        },
      ),
    );
  });

  it("is that of the newest record that compaction left, and nothing uncopied lies before it", async () => {
    await fc.assert(
      fc.asyncProperty(distinct(source("abcd")), fc.nat(), fc.nat(), async (unique, share, clean) => {
        const copied = unique.slice(0, share % (unique.length + 1));
        const cleaned = unique.slice(0, clean % (unique.length + 1));
        const left = unique.filter(
          (one) =>
            !cleaned.includes(one) ||
            !cleaned.some(
              (other) => other.offset > one.offset && other.key?.equals(one.key ?? Buffer.alloc(0)),
            ),
        );
        const end = (unique.at(-1)?.offset ?? 0) + 1;
        const found = await copiedTo(view(left, 0, end, true), copyView(copied));
        if (found.kind !== "copied") return;
        const behind = left.filter(({ offset }) => offset > found.offset);
        expect(behind).toEqual(left.filter((one) => !copied.includes(one)));
      }),
    );
  });
});

describe("what content does not tell", () => {
  it("is whether a record of others came from the source", async () => {
    const found = await copiedTo(log("abc"), copyView([record(0, "a", 97), record(1, "z", 122)]));
    expect(found).toMatchObject({ kind: "unknown", why: expect.stringContaining("offset 1 of the copy") });
  });

  it("is how far it came once all of the copy has expired", async () => {
    const copy = view([], 7, 7);
    expect(await copiedTo(log("abcdefgh"), copy)).toMatchObject({ kind: "unknown" });
    expect(await copiedTo(log("abc"), view([], 0, 0))).toEqual({ kind: "nothing" });
  });

  it("is which of two equal places a repetition began at", async () => {
    const source = [
      record(0, "x", 1),
      record(1, "c", 1),
      record(2, "y", 1),
      record(3, "c", 1),
      record(4, "d", 1),
    ];
    const copied = [...source.slice(0, 4), record(1, "c", 1)];
    const found = await copiedTo(view(source, 0, 5), copyView(copied));
    expect(found).toMatchObject({ kind: "unknown", why: expect.stringContaining("more than one record") });
  });
});
