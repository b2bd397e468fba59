import { describe, expect, it } from "vitest";
import { applicationOf, roleOf } from "#domain/assess/topic-roles.ts";

const plain = { internal: false, compacted: true, partitions: 1, keys: [] };

describe("what a topic is for", () => {
  it.each([
    ["__consumer_offsets", "kafka"],
    ["__transaction_state", "kafka"],
    ["connect-configs", "connect-configs"],
    ["docker-connect-offsets", "connect-offsets"],
    ["my.connect.status", "connect-status"],
    ["_schemas", "schema-registry"],
    ["mm2-offset-syncs.target.internal", "mirrormaker"],
    ["source.checkpoints.internal", "mirrormaker"],
    ["heartbeats", "mirrormaker"],
  ])("is told by the name %s", (name, kind) => {
    expect(roleOf({ ...plain, name }, [])).toEqual({ kind, owner: null, evidence: "its name" });
  });

  it.each([
    ["storage-1", ["connector-sink", "task-sink-0", "commit-sink"], "connect-configs"],
    ["storage-2", ['["sink",{"table":"a"}]'], "connect-offsets"],
    ["storage-3", ["status-connector-sink", "status-task-sink-0"], "connect-status"],
    ["registry", ['{"keytype":"SCHEMA","subject":"a-value"', '{"keytype":"NOOP"'], "schema-registry"],
  ])("is told by the keys of %s", (name, keys, kind) => {
    expect(roleOf({ ...plain, name, keys }, [])).toMatchObject({ kind, evidence: `its keys: ${keys[0]}` });
  });

  it("is not told by keys that only some records have, or in a topic that is not compacted", () => {
    expect(roleOf({ ...plain, name: "a", keys: ["task-1", "order-1"] }, [])).toBeUndefined();
    expect(roleOf({ ...plain, name: "a", compacted: false, keys: ["task-1"] }, [])).toBeUndefined();
    expect(roleOf({ ...plain, name: "database.schemas" }, [])).toBeUndefined();
    expect(roleOf({ ...plain, name: "orders" }, [])).toBeUndefined();
  });

  it("belongs to the Streams application with the longest id that its name begins with", () => {
    const name = "billing-eu-totals-changelog";
    expect(roleOf({ ...plain, name }, ["billing", "billing-eu", "bill"])).toEqual({
      kind: "streams-changelog",
      owner: "billing-eu",
      evidence: "its name begins with that of the group billing-eu",
    });
    expect(roleOf({ ...plain, name: "billing-KSTREAM-2-repartition" }, [])).toMatchObject({
      kind: "streams-repartition",
      owner: null,
    });
    const join = "billing-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000004-topic";
    expect(roleOf({ ...plain, name: join }, ["billing"])).toMatchObject({
      kind: "streams-repartition",
      owner: "billing",
    });
  });
});

function member(clientId: string) {
  return { memberId: "m", instanceId: null, clientId, host: "10.0.0.1", subscription: [], assignment: [] };
}

describe("what a group is", () => {
  const group = { id: "g", protocolType: "consumer", type: "classic", members: [] };

  it.each([
    [{ ...group, protocolType: "connect" }, "connect"],
    [{ ...group, protocolType: "connect", id: "source-mm2" }, "mirrormaker"],
    [{ ...group, protocolType: "sr" }, "schema-registry"],
    [{ ...group, protocol: "stream" }, "streams"],
    [{ ...group, type: "streams" }, "streams"],
    [{ ...group, members: [member("billing-1f-StreamThread-1-consumer")] }, "streams"],
    [{ ...group, members: [member("connector-consumer-sink-0")] }, "connect"],
  ])("is told by what the broker tells of it", (seen, kind) => {
    expect(applicationOf(seen)?.kind).toBe(kind);
  });

  it("is nothing more where nothing tells", () => {
    expect(applicationOf({ ...group, protocol: "range", members: [member("app")] })).toBeNull();
  });
});
