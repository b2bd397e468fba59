import { describe, expect, it } from "vitest";
import { Client } from "#domain/settings.ts";
import {
  createSearch,
  describeWriters,
  growthsBetween,
  mayWrite,
  mirrorProducerIds,
  producersOfTopic,
  type WriterNames,
} from "#domain/switch/rogue.ts";
import { type Acl, type KafkaRecord, known, type Transaction, unknown } from "#domain/topology.ts";

const unasked = { everyoneIfNoAcl: unknown("not asked"), superUsers: unknown("not asked") };

function acl(principal: string, over: Partial<Acl> = {}): Acl {
  return {
    resourceType: "TOPIC",
    resourceName: "payments",
    patternType: "LITERAL",
    principal,
    host: "*",
    operation: "WRITE",
    permission: "ALLOW",
    ...over,
  };
}

function transaction(transactionalId: string, producerId: number): Transaction {
  return { transactionalId, producerId, state: "Empty", timeoutMs: 1, partitions: [] };
}

function record(offset: number, over: Partial<KafkaRecord> = {}): KafkaRecord {
  return { offset, timestamp: 1000, key: Buffer.from("k"), value: Buffer.from("v"), headers: [], ...over };
}

describe("principals that may write", () => {
  it.each([
    ["nobody is asked", unknown("no authorizer: SECURITY_DISABLED"), "anybody (no authorizer)"],
    ["the bot may not ask", unknown("E_KAFKA_AUTH refused"), "unknown: E_KAFKA_AUTH refused"],
    ["two are allowed", known([acl("User:a"), acl("User:b", { operation: "ALL" })]), "User:a, User:b, and"],
    ["a prefix counts", known([acl("User:a", { resourceName: "pay", patternType: "PREFIXED" })]), "User:a"],
    ["readers do not", known([acl("User:a", { operation: "READ" })]), "super users only"],
    [
      "another topic does not",
      known([acl("User:a", { resourceName: "orders" })]),
      "anybody, if allow.everyone",
    ],
    ["DENY goes first", known([acl("User:a"), acl("User:a", { permission: "DENY" })]), "super users only"],
    [
      "DENY of everybody is a fence",
      known([acl("User:a"), acl("User:*", { permission: "DENY" })]),
      "super users only",
    ],
    [
      "all but one",
      known([acl("User:*"), acl("User:b", { permission: "DENY" })]),
      "User:* except User:b, and super users",
    ],
  ])("%s", (_, acls, text) => {
    expect(mayWrite("payments", acls, unasked)).toContain(text);
  });

  it("names super users and the default where the broker tells them", () => {
    const facts = { everyoneIfNoAcl: known(true), superUsers: known(["User:x", "User:y"]) };
    expect(mayWrite("payments", known([]), facts)).toBe("anybody (the topic has no ACL)");
    expect(mayWrite("payments", known([acl("User:a")]), facts)).toContain("(User:x, User:y)");
    expect(mayWrite("payments", known([]), { ...facts, everyoneIfNoAcl: known(false) })).toBe(
      "super users only (the topic has no ACL) (User:x, User:y)",
    );
  });
});

describe("growth", () => {
  it("is every end that moved, and what has none is listed apart", () => {
    const before = new Map([["t", [5, 7, undefined]]]);
    const now = new Map([["t", [5, 9, 3]]]);
    expect(growthsBetween(before, now, 2000)).toEqual({
      grown: [{ topic: "t", partition: 1, from: 7, until: 9, ms: 2000 }],
      unread: [{ topic: "t", partition: 2 }],
    });
  });

  const names: WriterNames = {
    growth: { topic: "t", partition: 1, from: 10, until: 30, ms: 10_000 },
    writers: known([
      { producerId: 7, transactional: true, records: 15, firstOffset: 10, lastOffset: 29, lastTimestamp: 0 },
    ]),
    sampled: false,
    transactional: known(new Map([[7, "checkout-tx"]])),
    principals: "anybody",
    applications: ["checkout"],
  };

  it.each([
    [{}, "t-1 (15 records, 1.5 records/s): producer id 7, transactional id checkout-tx; may write: anybody"],
    [{ transactional: known(new Map()) }, "transactional id unknown: no coordinator knows it"],
    [{ transactional: unknown("before Kafka 3.0") }, "transactional id unknown: before Kafka 3.0"],
    [
      { writers: unknown("E_KAFKA_AUTH no") },
      "t-1 (20 offsets, 2.0 offsets/s): producer unknown: E_KAFKA_AUTH no",
    ],
    [{ writers: known([]) }, "no data records, only transaction markers"],
    [{ sampled: true }, "t-1 (20 offsets"],
    [{ growth: { ...names.growth, until: 4 } }, "its end went back from 10 to 4"],
    [{ growth: { ...names.growth, ms: undefined } }, "t-1 (15 records):"],
    [{ applications: [] }, "in ferry.yaml: none"],
  ])("is described with what is known %#", (change, text) => {
    expect(describeWriters({ ...names, ...change })).toContain(text);
  });

  it("is claimed by the producers that name the topic", () => {
    const exec = { driver: "exec", command: ["x"] };
    const clients = [
      { name: "checkout", role: "producer", topics: ["t", "u"], switch: exec },
      { name: "other", role: "producer", topics: ["u"], switch: exec },
      { name: "reader", role: "consumer", group: "t", switch: exec },
    ].map((client) => Client.parse(client));
    expect(producersOfTopic("t", clients)).toEqual(["checkout"]);
  });
});

describe("the mirror's own ids", () => {
  it("are those of its tasks and nobody else's", () => {
    const all = [
      transaction("connect-cluster-ferry-orders-billing-reverse-0", 1),
      transaction("connect-cluster-ferry-orders-billing-reverse-12", 2),
      transaction("connect-cluster-ferry-orders-billing-forward-0", 3),
      transaction("connect-cluster-ferry-orders-billing-reverse-x", 4),
      transaction("connect-cluster-ferry-orders-billing-reverse", 5),
      transaction("checkout", 6),
      transaction("c-ferry-orders-billing-reverse-1", -1),
    ];
    expect(mirrorProducerIds(all, "ferry-orders-billing-reverse")).toEqual([1, 2]);
  });
});

describe("looking for originals", () => {
  it("finds every copy of one original, wherever it stands", () => {
    const search = createSearch([record(1), record(2), record(3, { value: null })], { stamped: false });
    search.look([record(70)]);
    expect(search.isDone()).toBe(false);
    expect(search.missing().map(({ offset }) => offset)).toEqual([3]);
    search.look([record(71, { value: null })]);
    expect(search.isDone()).toBe(true);
  });

  it.each([
    ["time", { timestamp: 1001 }],
    ["key", { key: null }],
    ["value", { value: Buffer.from("w") }],
    ["headers", { headers: [["h", null]] }],
  ] as const)("takes another %s for another record", (_, change) => {
    const search = createSearch([record(1)], { stamped: false });
    search.look([record(1, change)]);
    expect(search.missing()).toHaveLength(1);
  });

  it("leaves the time out where the log stamps its own", () => {
    const search = createSearch([record(1)], { stamped: true });
    search.look([record(9, { timestamp: 5 })]);
    expect(search.isDone()).toBe(true);
  });

  it("knows the keys of what it saw", () => {
    const search = createSearch([record(1)], { stamped: false });
    expect(search.isSuperseded(record(1))).toBe(false);
    search.look([record(9, { value: Buffer.from("newer") })]);
    expect(search.isSuperseded(record(1))).toBe(true);
    expect(search.isSuperseded(record(1, { key: null }))).toBe(false);
  });
});
