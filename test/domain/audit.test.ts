import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chain, verifyChain } from "#domain/audit/audit.ts";
import { canonical, hashOf } from "#domain/canonical.ts";
import type { ChainedEntry } from "#domain/ports.ts";

function chainOf(length: number): readonly ChainedEntry[] {
  let entries: readonly ChainedEntry[] = [];
  for (let n = 0; n < length; n += 1) {
    const entry = { at: "2026-11-22T14:10:00.000Z", actor: "U1", migration: "orders", what: `step.${n}` };
    entries = [...entries, chain({ ...entry, detail: { n } }, entries.at(-1))];
  }
  return entries;
}

describe("the audit chain", () => {
  it("is whole as it was written, also through JSON", () => {
    expect(verifyChain([])).toMatchObject({ intact: true, entries: 0 });
    const copy: readonly ChainedEntry[] = structuredClone(chainOf(5));
    expect(verifyChain(copy)).toMatchObject({ intact: true, entries: 5 });
  });

  it("names the first entry that was changed, removed or moved", () => {
    const entries = chainOf(5);
    const changed = entries.map((entry) => (entry.sequence === 3 ? { ...entry, actor: "U2" } : entry));
    expect(verifyChain(changed)).toMatchObject({ intact: false, sequence: 3 });
    expect(verifyChain(entries.filter((entry) => entry.sequence !== 2))).toMatchObject({ sequence: 2 });
    expect(verifyChain(entries.toReversed())).toMatchObject({ intact: false, sequence: 1 });
  });

  it("shows an entry that was changed and hashed again: the next one does not follow", () => {
    const entries = chainOf(4);
    const forged = entries.map((entry) => {
      if (entry.sequence !== 2) return entry;
      const { hash: _hash, ...body } = { ...entry, actor: "U2" };
      return { ...body, hash: hashOf(body) };
    });
    expect(verifyChain(forged)).toMatchObject({ intact: false, sequence: 3 });
  });
});

describe("canonical JSON", () => {
  it("is the same text whatever the order of keys, and the same value as JSON", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonical(reversed)).toBe(canonical(value));
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("leaves out undefined and refuses what JSON cannot hold", () => {
    expect(canonical({ b: undefined, a: [undefined, 1] })).toBe('{"a":[null,1]}');
    expect(() => canonical({ a: Number.NaN })).toThrow(TypeError);
  });
});
