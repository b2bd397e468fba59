import { describe, expect, it } from "vitest";
import type { AckedRecord, Cluster, ConsumedRecord } from "#lab/apps/journal.ts";
import {
  type GroupFacts,
  type HeldRecord,
  type TopicFacts,
  tallyGroup,
  tallyIdleGroup,
  tallyTopic,
} from "#lab/count/tally.ts";

function acked(n: number, more: Partial<AckedRecord> = {}): AckedRecord {
  const id = `app:orders:${n}`;
  return { id, topic: "orders", partition: 0, offset: n, cluster: "source", ts: n, key: null, ...more };
}

function read(n: number, more: Partial<ConsumedRecord> = {}): ConsumedRecord {
  return { ...acked(n), offset: n, ...more };
}

function group(more: Partial<GroupFacts>): GroupFacts {
  return {
    name: "billing",
    topics: ["orders"],
    compacted: new Set(),
    acked: [0, 1, 2, 3].map((n) => acked(n)),
    consumed: [0, 1, 2, 3].map((n) => read(n)),
    start: {},
    ...more,
  };
}

function holds(digest: string, more: Partial<HeldRecord> = {}): HeldRecord {
  return { offset: 0, key: null, id: digest, digest, tombstone: false, ...more };
}

function log(digests: string): HeldRecord[] {
  return digests.split("").map((digest, offset) => holds(digest, { offset }));
}

function topic(source: string[] | null, target: string[] | null, ahead: Cluster = "target"): TopicFacts {
  return {
    name: "orders",
    compacted: false,
    source: source?.map(log) ?? null,
    target: target?.map(log) ?? null,
    ahead,
    writtenAhead: new Set(),
  };
}

function idle(now: (number | undefined)[], there = "abcdef") {
  return tallyIdleGroup({
    name: "nightly",
    topics: ["orders"],
    start: { orders: [3] },
    now: { orders: now },
    source: new Map([["orders", [log("abcdef")]]]),
    there: new Map([["orders", [log(there)]]]),
  });
}

function keyed(text: string): HeldRecord[] {
  return text.split(" ").flatMap((part, offset) => {
    const [key = "", digest = ""] = part.split("=");
    return digest === "" ? [] : [holds(part, { offset, key, tombstone: digest === "0" })];
  });
}

function customersEqual(source: string, target: string, writtenAhead: string[] = []): boolean {
  return tallyTopic({
    name: "customers",
    compacted: true,
    source: [keyed(source)],
    target: [keyed(target)],
    ahead: "target",
    writtenAhead: new Set(writtenAhead),
  }).equal;
}

describe("a group", () => {
  it("that read everything once lost and doubled nothing", () => {
    expect(tallyGroup(group({}))).toEqual({
      name: "billing",
      consumed: 4,
      lost: 0,
      duplicated: 0,
      pauseMs: null,
    });
  });

  it("that misses one line lost one record", () => {
    expect(tallyGroup(group({ consumed: [0, 1, 3].map((n) => read(n)) }))).toMatchObject({
      consumed: 3,
      lost: 1,
      duplicated: 0,
    });
  });

  it("that read a record on both clusters doubled it", () => {
    const consumed = [...[0, 1, 2, 3].map((n) => read(n)), read(3, { cluster: "target", offset: 9 })];
    expect(tallyGroup(group({ consumed }))).toMatchObject({ consumed: 5, lost: 0, duplicated: 1 });
  });

  it("is not asked for what lies before its start, nor for other topics", () => {
    const facts = group({
      acked: [...[0, 1, 2, 3].map((n) => acked(n)), acked(7, { topic: "clicks" })],
      consumed: [read(2), read(3)],
      start: { orders: [2] },
    });
    expect(tallyGroup(facts).lost).toBe(0);
    expect(tallyGroup({ ...facts, consumed: [read(3)] }).lost).toBe(1);
  });

  it("has to see everything that was written on the target, whatever its offset", () => {
    const facts = group({ acked: [acked(1, { cluster: "target" })], consumed: [], start: { orders: [50] } });
    expect(tallyGroup(facts).lost).toBe(1);
  });

  it("may miss a compacted record, but not the latest of its key", () => {
    const facts = group({
      compacted: new Set(["orders"]),
      acked: [acked(0, { key: "a" }), acked(1, { key: "a" }), acked(2, { key: "b" })],
      consumed: [read(1), read(2)],
    });
    expect(tallyGroup(facts).lost).toBe(0);
    expect(tallyGroup({ ...facts, consumed: [read(0), read(2)] }).lost).toBe(1);
  });

  it("paused from the last record on the source to the first on the target", () => {
    const consumed = [
      read(0, { ts: 1000 }),
      read(1, { ts: 1100 }),
      read(2, { ts: 4600, cluster: "target" }),
      read(3, { ts: 4700, cluster: "target" }),
    ];
    expect(tallyGroup(group({ consumed })).pauseMs).toBe(3500);
  });

  it("with foreign records counts one read twice by its place", () => {
    const foreign = read(9, { id: null });
    const consumed = [...[0, 1, 2, 3].map((n) => read(n)), foreign, foreign];
    expect(tallyGroup(group({ consumed }))).toMatchObject({ lost: 0, duplicated: 1 });
  });
});

describe("a group without members", () => {
  it("that stands at the same record lost and doubled nothing", () => {
    expect(idle([3])).toMatchObject({ consumed: 0, lost: 0, duplicated: 0, pauseMs: null });
  });

  it("that stands too far ahead lost records, too far back would read twice", () => {
    expect(idle([5])).toMatchObject({ lost: 2, duplicated: 0 });
    expect(idle([1])).toMatchObject({ lost: 0, duplicated: 2 });
    expect(idle([undefined])).toMatchObject({ lost: 0, duplicated: 3 });
  });

  it("does not count what was written later on the target", () => {
    expect(idle([3], "abcdefgh")).toMatchObject({ lost: 0, duplicated: 0 });
  });
});

describe("a topic", () => {
  it("is equal when the source is an exact prefix of the target", () => {
    expect(tallyTopic(topic(["abc", "x"], ["abcd", "x"]))).toEqual({
      name: "orders",
      partitions: 2,
      source: 4,
      target: 5,
      equal: true,
    });
  });

  it.each([
    ["a record removed in the middle", "abc", "ac"],
    ["a record removed at the end", "abc", "ab"],
    ["a record changed", "abc", "aXc"],
    ["two records exchanged", "abc", "acb"],
    ["everything copied again", "abc", "abcabc"],
    ["a record copied again behind newer ones", "abc", "abcdb"],
  ])("is not equal with %s", (_, source, target) => {
    expect(tallyTopic(topic([source], [target])).equal).toBe(false);
  });

  it("is not equal when absent, or when the partitions differ", () => {
    expect(tallyTopic(topic(["abc"], null))).toMatchObject({ target: 0, equal: false });
    expect(tallyTopic(topic(["abc"], ["abc", ""])).equal).toBe(false);
  });

  it("may be ahead on the source after a rollback", () => {
    expect(tallyTopic(topic(["abcd"], ["abc"], "source")).equal).toBe(true);
    expect(tallyTopic(topic(["abcd"], ["abc"], "target")).equal).toBe(false);
  });
});

describe("a compacted topic", () => {
  it("is compared by the last value of each key", () => {
    expect(customersEqual("k=1 j=1 k=2", "j=1 k=2")).toBe(true);
    expect(customersEqual("k=1 j=1 k=2", "k=1 j=1")).toBe(false);
    expect(customersEqual("k=1 j=1", "k=1")).toBe(false);
    expect(customersEqual("k=1 k=2", "k=1 k=2 k=1")).toBe(false);
  });

  it("may have lost an old tombstone, and a value that was replaced on the target", () => {
    expect(customersEqual("k=1 k=0", "j=5")).toBe(true);
    expect(customersEqual("k=1", "k=7", ["k=7"])).toBe(true);
    expect(customersEqual("k=1", "k=7")).toBe(false);
    expect(customersEqual("k=1", "k=1 k=7", ["k=7"])).toBe(true);
  });
});
