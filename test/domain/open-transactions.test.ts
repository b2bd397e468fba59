import { describe, expect, it } from "vitest";
import { describeAllOpen, joinOpen, type OpenReading } from "#domain/lag/open-transactions.ts";
import { known, unknown } from "#domain/topology.ts";

const where = { topic: "payments", partition: 1 };
const old = unknown("DescribeProducers needs Kafka 2.8");

function reading(over: Partial<OpenReading> = {}): OpenReading {
  const producers = over.producers ?? known([]);
  return {
    topics: ["payments"],
    stable: new Map([["payments", [10, 20]]]),
    ends: new Map([["payments", [10, 25]]]),
    producers,
    transactions: known([]),
    producersAfter: producers,
    ...over,
  };
}

const leader = { ...where, producerId: 7, lastTimestamp: Date.UTC(2026, 10, 22, 14, 3, 12), openSince: 20 };
const ongoing = {
  transactionalId: "checkout-tx",
  producerId: 7,
  state: "Ongoing",
  startedAt: Date.UTC(2026, 10, 22, 14, 3, 0),
  timeoutMs: 60_000,
  partitions: [where, { topic: "orders", partition: 0 }],
};

describe("open transactions", () => {
  it("are joined from leader and coordinator", () => {
    const open = joinOpen(reading({ producers: known([leader]), transactions: known([ongoing]) }));
    expect(open).toHaveLength(1);
    expect(describeAllOpen(open)).toBe(
      "transactional id checkout-tx, producer id 7, open since 2026-11-22T14:03:00Z, on payments-1 from offset 20, Ongoing, ends by itself after 60 s",
    );
  });

  it("are hanging when the leader has one that no coordinator knows, with the command that ends it", () => {
    const open = joinOpen(reading({ producers: known([leader]) }));
    expect(open).toMatchObject([{ hanging: true, producerId: 7 }]);
    expect(describeAllOpen(open)).toContain("--topic payments --partition 1 --start-offset 20");
  });

  it("are not hanging when they ended while the coordinators were asked", () => {
    const { openSince: _, ...closed } = leader;
    const open = joinOpen(
      reading({
        stable: new Map([["payments", [10, 25]]]),
        producers: known([leader]),
        producersAfter: known([closed]),
      }),
    );
    expect(open).toEqual([]);
  });

  it("are not called hanging by a broker that has no coordinators to ask", () => {
    const open = joinOpen(reading({ producers: known([leader]), transactions: old }));
    expect(open).toMatchObject([{ hanging: false, producerId: 7, transactionalId: { known: false } }]);
  });

  it("are at least found by the last stable offset on an old broker", () => {
    const open = joinOpen(reading({ producers: old, transactions: old }));
    expect(open).toMatchObject([{ producerId: undefined, partitions: [{ ...where, from: 20 }] }]);
    expect(describeAllOpen(open)).toContain("needs Kafka 2.8");
  });

  it("count from the moment the coordinator knows them, before anything is written", () => {
    const flat = { stable: new Map([["payments", [10, 25]]]) };
    expect(joinOpen(reading({ ...flat, transactions: known([ongoing]) }))).toMatchObject([
      { state: "Ongoing", partitions: [{ ...where, from: undefined }] },
    ]);
    expect(joinOpen(reading({ ...flat, transactions: known([{ ...ongoing, state: "Empty" }]) }))).toEqual([]);
    const elsewhere = { ...ongoing, partitions: [{ topic: "orders", partition: 0 }] };
    expect(joinOpen(reading({ ...flat, transactions: known([elsewhere]) }))).toEqual([]);
  });
});
