import { describe, expect, it } from "vitest";
import { clientsSeen } from "#domain/assess/clients-seen.ts";
import { type Acl, known, unknown } from "#domain/topology.ts";
import { assessedGroup } from "#support/assessed.ts";

const nothing = {
  groups: [],
  producers: known([]),
  withheld: [],
  transactions: known([]),
  acls: known([]),
  rights: known({ cluster: ["DESCRIBE"], topics: new Map() }),
  topics: ["orders", "orders-eu", "refunds"],
};

function acl(change: Partial<Acl>): Acl {
  return {
    resourceType: "TOPIC",
    resourceName: "orders",
    patternType: "LITERAL",
    principal: "User:app",
    host: "*",
    operation: "WRITE",
    permission: "ALLOW",
    ...change,
  };
}

function member(host: string, topic: string) {
  return { clientId: "app", host, instanceId: null, assignment: [{ topic, partitions: [0] }] };
}

function told(change: Partial<Parameters<typeof clientsSeen>[0]>): readonly string[] {
  return clientsSeen({ ...nothing, ...change }).unknown.map(({ what, why }) => `${what}: ${why}`);
}

describe("clients", () => {
  it("are members of groups with the topics assigned to them, each client once", () => {
    const members = [
      member("10.0.0.1", "refunds"),
      member("10.0.0.1", "orders"),
      member("10.0.0.2", "orders"),
    ];
    const { consumers } = clientsSeen({ ...nothing, groups: [assessedGroup("billing", [], { members })] });
    expect(consumers).toEqual([
      { group: "billing", clientId: "app", host: "10.0.0.1", topics: ["orders", "refunds"] },
      { group: "billing", clientId: "app", host: "10.0.0.2", topics: ["orders"] },
    ]);
  });

  it("are producers by id, named by their transactional id where there is one", () => {
    const row = { partition: 0, lastTimestamp: 1_700_000_000_000 };
    const { producers } = clientsSeen({
      ...nothing,
      producers: known([
        { ...row, topic: "orders", producerId: 7 },
        { ...row, topic: "refunds", producerId: 5 },
        { ...row, topic: "refunds", producerId: 7, lastTimestamp: 1_700_000_001_000 },
      ]),
      transactions: known([
        { transactionalId: "pay", producerId: 7, state: "Empty", since: null, timeoutMs: 1, topics: [] },
      ]),
    });
    expect(producers).toEqual([
      { producerId: 5, transactionalId: null, topics: ["refunds"], lastWrite: "2023-11-14T22:13:20.000Z" },
      {
        producerId: 7,
        transactionalId: "pay",
        topics: ["orders", "refunds"],
        lastWrite: "2023-11-14T22:13:21.000Z",
      },
    ]);
  });

  it("are principals whose ACLs allow it: literal, prefixed and all, less what is denied to every host", () => {
    const acls = [
      acl({}),
      acl({ principal: "User:eu", resourceName: "orders", patternType: "PREFIXED", operation: "ALL" }),
      acl({ principal: "User:every", resourceName: "*" }),
      acl({ principal: "User:every", resourceName: "refunds", permission: "DENY" }),
      acl({ principal: "User:every", resourceName: "orders", permission: "DENY", host: "10.0.0.9" }),
      acl({ principal: "User:group", resourceType: "GROUP", resourceName: "orders", operation: "READ" }),
    ];
    expect(clientsSeen({ ...nothing, acls: known(acls) }).allowed).toEqual([
      { principal: "User:eu", operation: "READ", topics: ["orders", "orders-eu"] },
      { principal: "User:app", operation: "WRITE", topics: ["orders"] },
      { principal: "User:eu", operation: "WRITE", topics: ["orders", "orders-eu"] },
      { principal: "User:every", operation: "WRITE", topics: ["orders", "orders-eu"] },
    ]);
  });
});

describe("what cannot be known of clients", () => {
  const always = told({});

  it("is always who produces, who reads without commits, and a member's principal", () => {
    expect(always).toHaveLength(3);
    expect(always[0]).toContain("client ids, hosts and principals of producers");
  });

  it.each([
    [{ producers: unknown("too old") }, "idempotent producers by topic: too old"],
    [{ transactions: unknown("too old") }, "transactional ids: too old"],
    [{ acls: unknown("no right") }, "who may read and write: no right"],
    [{ rights: known({ cluster: ["CREATE"], topics: new Map() }) }, "it has no DESCRIBE on the cluster"],
    [
      { groups: [assessedGroup("jobs", [], { type: known("share" as const) })] },
      "what share groups have read: jobs: share groups commit no offsets",
    ],
  ])("is said with the reason", (change, text) => {
    const more = told(change).filter((line) => !always.includes(line));
    expect(more).toHaveLength(1);
    expect(more[0]).toContain(text);
  });
});
