import { describe, expect, it } from "vitest";
import { attributeFirstWrites, type FirstRecord } from "#domain/switch/first-writes.ts";

const checkout = { name: "checkout", topics: ["orders", "payments"] };
const refunds = { name: "refunds", topics: ["payments"] };

function record(topic: string, producerId: number, offset = 5): FirstRecord {
  return { topic, partition: 0, producerId, offset, timestamp: 1000 + offset };
}

function namesOf(result: ReturnType<typeof attributeFirstWrites>) {
  return {
    seen: result.seen.map(({ application, certain }) => `${application}${certain ? "" : "?"}`),
    silent: result.silent,
    notes: result.notes.length,
  };
}

describe("attributing first records", () => {
  it("is certain where a topic has one application", () => {
    const result = attributeFirstWrites([checkout, refunds], [record("orders", -1)]);
    expect(namesOf(result)).toEqual({ seen: ["checkout"], silent: ["refunds"], notes: 0 });
  });

  it("tells an id that writes to more topics than the other application names", () => {
    const records = [record("orders", 7), record("payments", 7, 3)];
    const result = attributeFirstWrites([checkout, refunds], records);
    expect(namesOf(result)).toEqual({ seen: ["checkout"], silent: ["refunds"], notes: 0 });
    expect(result.seen[0]?.record).toMatchObject({ topic: "payments", offset: 3 });
  });

  it("wants an id for each application on a shared topic, and says that it cannot tell which", () => {
    const both = [refunds, { ...refunds, name: "billing" }];
    expect(namesOf(attributeFirstWrites(both, [record("payments", 7)]))).toEqual({
      seen: ["refunds?"],
      silent: ["billing"],
      notes: 1,
    });
    const two = [record("payments", 7), record("payments", 8)];
    expect(namesOf(attributeFirstWrites(both, two))).toEqual({
      seen: ["refunds?", "billing?"],
      silent: [],
      notes: 1,
    });
  });

  it("makes room: the id that two may hold goes to the one that has no other", () => {
    const three = [checkout, refunds, { name: "audit", topics: ["orders", "payments", "audit"] }];
    const records = [record("payments", 7), record("orders", 8), record("orders", 9)];
    expect(attributeFirstWrites(three, records).silent).toEqual([]);
  });

  it("cannot tell producers without ids apart, and says so", () => {
    const both = [refunds, { ...refunds, name: "billing" }];
    const result = attributeFirstWrites(both, [record("payments", -1)]);
    expect(namesOf(result)).toEqual({ seen: ["refunds?", "billing?"], silent: [], notes: 1 });
    expect(result.notes[0]).toContain("records without one");
  });

  it("names an id that no application accounts for", () => {
    const result = attributeFirstWrites([refunds], [record("payments", 7), record("orders", 7)]);
    expect(result.silent).toEqual(["refunds"]);
    expect(result.notes[0]).toContain("producer id 7 writes to");
  });

  it("sees nothing in nothing", () => {
    expect(namesOf(attributeFirstWrites([checkout], []))).toEqual({
      seen: [],
      silent: ["checkout"],
      notes: 0,
    });
  });
});
