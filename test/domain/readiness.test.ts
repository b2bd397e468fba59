import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PartitionLag } from "#domain/lag/lag.ts";
import {
  type GroupBack,
  misplacedOffsets,
  type ReverseReading,
  readinessLine,
  readinessOf,
  type WayBackReading,
} from "#domain/switch/readiness.ts";
import { known, unknown } from "#domain/topology.ts";

const inStep: PartitionLag = { topic: "orders", partition: 0, state: "in-step", records: 0, lost: 0 };
const behind: PartitionLag = { ...inStep, partition: 1, state: "behind", records: 300 };
const billing: GroupBack = { group: "billing", kind: "exact", offsets: 4, readTwice: 0 };

const running: ReverseReading = {
  state: "running",
  idle: 0,
  tasks: 2,
  lags: [inStep],
  misplaced: [],
  copying: 100,
  written: known(1200),
};

const good: WayBackReading = {
  phase: "producers-moved",
  groups: known([billing]),
  onSource: known([]),
  reverse: known(running),
  standby: { state: "clean", text: "" },
  steps: known(9000),
  patienceMs: 20_000,
  maxLag: 10_000,
};

function reverse(change: Partial<ReverseReading>): Partial<WayBackReading> {
  return { reverse: known({ ...running, ...change }) };
}

function line(change: Partial<WayBackReading>): string {
  return readinessLine(readinessOf({ ...good, ...change }));
}

describe("a way back", () => {
  it("is ready when all of it is known, and says what it costs", () => {
    expect(line({})).toBe(
      "🟢 back now: 0 lost, 0 read twice, about 9 s; 1,200 written on MSK since, 0 of them not on the source yet",
    );
    expect(line({ phase: "consumers-moved", reverse: undefined, standby: undefined })).toBe(
      "🟢 back now: 0 lost, 0 read twice, about 9 s",
    );
  });

  it("adds up what groups read twice, and what the lag takes to drain", () => {
    const ledger: GroupBack = { group: "ledger", kind: "exact", offsets: 4, readTwice: 3 };
    const text = line({ groups: known([billing, ledger]), ...reverse({ lags: [inStep, behind] }) });
    expect(text).toContain("🟢 back now: 0 lost, 3 read twice, about 12 s");
    expect(text).toContain("300 of them not on the source yet");
  });

  it.each<{ why: string; change: Partial<WayBackReading>; says: string }>([
    { why: "stopped", change: reverse({ state: "stopped" }), says: "the reverse mirror is stopped" },
    { why: "failed", change: reverse({ state: "failed", idle: 1 }), says: "the reverse mirror is failed" },
    { why: "with an idle task", change: reverse({ idle: 1 }), says: "1 of 2 tasks" },
    {
      why: "behind beyond the patience",
      change: reverse({ lags: [{ ...behind, records: 4000 }] }),
      says: "lags by 4,000, which drains in 40 s; 20 s are allowed",
    },
    {
      why: "behind and standing still",
      change: reverse({ lags: [{ ...behind, records: 10_001 }], copying: 0 }),
      says: "lags by 10,001 and is not seen to copy",
    },
    {
      why: "at offsets that are not right",
      change: reverse({ misplaced: ["orders-1 has none"] }),
      says: "the offsets of the reverse mirror: orders-1 has none",
    },
    {
      why: "too late for records that expired",
      change: reverse({ lags: [{ ...inStep, state: "truncated", lost: 7, why: "offsets 3 to 9 expired" }] }),
      says: "orders-0: offsets 3 to 9 expired",
    },
    {
      why: "refused by the translation",
      change: { groups: known([{ group: "billing", kind: "refused", why: "no match" }]) },
      says: "billing cannot be translated back: no match",
    },
    {
      why: "on both clusters",
      change: { onSource: known(["billing (Stable, 1 members)"]) },
      says: "on the source already: billing",
    },
    {
      why: "disturbed by a rogue producer",
      change: { standby: { state: "rogue", text: "orders-0: 12 records" } },
      says: "rogue records on the source: orders-0: 12 records",
    },
  ])("is red when it is $why", ({ change, says }) => {
    const text = line(change);
    expect(text).toContain("🔴 not ready: ");
    expect(text).toContain(says);
    expect(text).not.toContain("0 lost");
  });

  it.each<{ why: string; change: Partial<WayBackReading>; says: string }>([
    { why: "the mirror", change: { reverse: unknown("E_CONNECT away") }, says: "loss unknown" },
    { why: "the offsets", change: { groups: unknown("E_INCOMPLETE") }, says: "read twice unknown" },
    {
      why: "one group's place",
      change: { groups: known([billing, { group: "late", kind: "waiting", why: "orders-0 at 9" }]) },
      says: "late reads ahead of the mirror: orders-0 at 9",
    },
    { why: "the time", change: { steps: unknown("no run was measured") }, says: "time unknown" },
    { why: "who is on the source", change: { onSource: unknown("E_X") }, says: "groups on the source" },
    { why: "the standby", change: { standby: { state: "unknown", text: "E_Y" } }, says: "E_Y" },
    { why: "the standby at all", change: { standby: undefined }, says: "the standby was not read" },
    {
      why: "the copy rate",
      change: reverse({ lags: [behind], copying: null }),
      says: "was not seen to copy lately",
    },
    {
      why: "an end",
      change: reverse({ lags: [{ ...inStep, state: "incomplete", records: null, why: "no end" }] }),
      says: "loss unknown",
    },
  ])("is neither ready nor red when it does not know $why", ({ change, says }) => {
    expect(line(change)).toMatch(/^🟠 back now: /);
    expect(line(change)).toContain(says);
  });
});

describe("the meter", () => {
  const states = ["absent", "stopped", "paused", "running", "failed", "starting"] as const;
  const lag = fc.record({
    topic: fc.constant("orders"),
    partition: fc.nat(3),
    state: fc.constantFrom("in-step", "behind", "truncated", "ahead", "incomplete", "never-copied"),
    records: fc.option(fc.nat(20_000)),
    lost: fc.nat(3),
  });
  const mirror = fc.record({
    state: fc.constantFrom(...states),
    idle: fc.nat(2),
    tasks: fc.nat(2),
    lags: fc.array(lag, { maxLength: 3 }),
    misplaced: fc.array(fc.constant("orders-0 has none"), { maxLength: 1 }),
    copying: fc.option(fc.nat(1000)),
    written: fc.constant(known(1)),
  });
  const group = fc.oneof(
    fc.record({
      group: fc.constant("a"),
      kind: fc.constant("exact" as const),
      offsets: fc.nat(9),
      readTwice: fc.nat(2),
    }),
    fc.record({
      group: fc.constant("b"),
      kind: fc.constantFrom("waiting", "refused", "unknown"),
      why: fc.constant("why"),
    }),
  );
  const reading: fc.Arbitrary<WayBackReading> = fc.record({
    phase: fc.constant("producers-moved" as const),
    groups: fc.oneof(fc.array(group, { maxLength: 3 }).map(known), fc.constant(unknown("E_A"))),
    onSource: fc.constantFrom(known<readonly string[]>([]), unknown("E_B")),
    reverse: fc.oneof(mirror.map(known), fc.constant(unknown("E_C")), fc.constant(undefined)),
    standby: fc.constantFrom(
      { state: "clean", text: "" } as const,
      { state: "rogue", text: "r" } as const,
      { state: "unknown", text: "u" } as const,
      undefined,
    ),
    steps: fc.constantFrom(known(1000), unknown("E_D")),
    patienceMs: fc.constant(20_000),
    maxLag: fc.constant(10_000),
  });

  it("is never green and never says 0 lost while the reverse mirror does not run or is not known", () => {
    const property = fc.property(reading, (one) => {
      const decided = readinessOf(one);
      const text = readinessLine(decided);
      const mirrored = one.reverse?.known === true ? one.reverse.value : undefined;
      const runs = mirrored !== undefined && mirrored.state === "running" && mirrored.idle === 0;
      if (runs && mirrored.lags.every(({ records }) => records !== null) && mirrored.lags.length > 0) return;
      expect(decided.state).not.toBe("ready");
      expect(text).not.toMatch(/🟢|\b0 lost/);
    });
    fc.assert(property, { numRuns: 2000 });
    expect.hasAssertions();
  });

  it("is green only when nothing is unknown, and says 0 read twice only when every group is exact", () => {
    const property = fc.property(reading, (one) => {
      const decided = readinessOf(one);
      const exact = one.groups.known && one.groups.value.every(({ kind }) => kind === "exact");
      expect(exact || !/\d read twice/.test(readinessLine(decided))).toBe(true);
      if (decided.state !== "ready") return;
      expect(exact && one.onSource.known && one.steps.known && one.standby?.state === "clean").toBe(true);
      expect([decided.lost.known, decided.readTwice.known, decided.ms.known]).toEqual([true, true, true]);
      expect(decided.lost).toEqual(known(0));
    });
    fc.assert(property, { numRuns: 2000 });
    expect.hasAssertions();
  });
});

describe("offsets of the reverse mirror", () => {
  it("are never before the boundary, and known wherever there was something", () => {
    const boundary = { orders: [5, 0, 7], payments: [3] };
    const copied = new Map([["orders", [4, undefined, 3]]]);
    expect(misplacedOffsets(boundary, copied)).toEqual([
      "orders-2 stands at 3, before the boundary 7",
      "payments-0 has none",
    ]);
    expect(misplacedOffsets({ orders: [5] }, new Map([["orders", [9]]]))).toEqual([]);
  });
});
