import { describe, expect, it } from "vitest";
import type { Assessment } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import { known, unknown } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import {
  assessed,
  job,
  openAssess,
  type SampleSource,
  sampleSource,
  topicOf,
  windowMs,
} from "#support/assess-work.ts";

function groupOf({ groups }: Assessment, id: string) {
  const found = groups.find((group) => group.id === id);
  if (found === undefined) throw new Error(`no group ${id}`);
  return found;
}

/** Takes the first reading, does this, and lets the window pass. */
async function during(parts: SampleSource, meanwhile: () => void): Promise<void> {
  await assess(job, openAssess(parts).work);
  meanwhile();
  await parts.clock.advance(windowMs);
}

describe("a topic", () => {
  it("is told by its newest records: size, keys, headers, times, writers", async () => {
    const parts = sampleSource();
    const start = parts.clock.now();
    parts.kafka.addTopic("mixed");
    parts.kafka.append("mixed", 0, { key: "k", value: "abc", timestamp: start - 5000 });
    parts.kafka.append(
      "mixed",
      0,
      { value: "0123456789", headers: [["h", "1"]], timestamp: start - 1000 },
      { producerId: 7 },
    );
    const { found } = await assessed(parts);
    expect(topicOf(found, "mixed")).toMatchObject({
      topicId: known(expect.any(String)),
      timestampType: known("CreateTime"),
      oldestTimestamp: known(new Date(start - 5000).toISOString()),
      newestTimestamp: known(new Date(start - 1000).toISOString()),
      sampledRecords: 2,
      averageRecordBytes: known(8),
      largestRecordBytes: known(12),
      compression: known(["none"]),
      keys: known("some"),
      headers: known("some"),
      writers: { idempotent: known(true), transactional: known(false), plain: known(true) },
      openTransactions: known([]),
    });
    expect(topicOf(found, "orders").keys).toEqual(known("all"));
  });

  it("has no sample where it is empty, and says so everywhere", async () => {
    const parts = sampleSource();
    parts.kafka.addTopic("empty");
    const topic = topicOf((await assessed(parts)).found, "empty");
    const why = unknown("the topic holds no record");
    expect(topic).toMatchObject({ sampledRecords: 0, keys: why, compression: why, oldestTimestamp: why });
    expect(topic).toMatchObject({
      bytesPerSecond: known(0),
      writers: { plain: why, idempotent: known(false) },
    });
  });

  it("has the rates of what is written to it and of what its groups commit", async () => {
    const parts = sampleSource();
    parts.kafka.commitAs("nightly", new Map([["orders", [10, undefined]]]));
    await during(parts, () => {
      parts.write(60, "orders", 0);
      parts.kafka.commitAs("billing", new Map([["orders", [70, undefined]]]));
      parts.kafka.commitAs("nightly", new Map([["orders", [40, undefined]]]));
    });
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders")).toMatchObject({
      recordsPerSecond: known(2),
      bytesPerSecond: known(8),
      recordsOutPerSecond: known(2),
      bytesOutPerSecond: known(8),
    });
    expect(groupOf(found, "billing").recordsPerSecond).toEqual(known(1));
    expect(topicOf(found, "refunds").recordsOutPerSecond).toEqual(known(0));
  });

  it("has no outgoing rate where a group went back, or committed for the first time", async () => {
    const parts = sampleSource();
    await during(parts, () => {
      parts.kafka.commitAs("billing", new Map([["orders", [3, undefined]]]));
      parts.kafka.commitAs("new", new Map([["refunds", [20]]]));
    });
    const { found } = await assessed(parts);
    expect(topicOf(found, "orders").recordsOutPerSecond).toEqual(
      unknown("billing went back in orders-0 while measuring"),
    );
    expect(topicOf(found, "refunds").recordsOutPerSecond).toEqual(
      unknown("new committed refunds-0 for the first time while measuring"),
    );
    expect(groupOf(found, "new").activity).toEqual(known("active"));
  });

  it("shows transactional writers and what they have open", async () => {
    const parts = sampleSource();
    const since = new Date(parts.clock.now()).toISOString();
    parts.kafka.append("refunds", 0, { value: "1" }, "pay");
    const { found } = await assessed(parts);
    const open = { partition: 0, transactionalId: "pay", firstOffset: 20, since };
    expect(topicOf(found, "refunds")).toMatchObject({
      writers: { transactional: known(true), idempotent: known(true) },
      openTransactions: known([expect.objectContaining(open)]),
    });
    expect(topicOf(found, "orders").writers.transactional).toEqual(known(false));
    expect(found.transactions).toMatchObject({
      value: [{ transactionalId: "pay", state: "Ongoing", topics: ["refunds"], since }],
    });
    expect(found.clients.producers).toMatchObject([{ transactionalId: "pay", topics: ["refunds"] }]);
  });

  it("with an offline partition has no writers that are known: its leaders were not asked", async () => {
    const parts = sampleSource();
    parts.kafka.setLeader({ topic: "orders", partition: 1 }, -1);
    const why = unknown("1 of 2 partitions of orders have no leader");
    expect(topicOf((await assessed(parts)).found, "orders")).toMatchObject({
      writers: { idempotent: why, transactional: why, plain: why },
      openTransactions: why,
      keys: why,
      oldestTimestamp: why,
    });
  });

  it("is recognised by its name, or by its keys where it is compacted", async () => {
    const parts = sampleSource();
    parts.kafka.addTopic("billing-totals-changelog");
    parts.kafka.addTopic("worker-state");
    parts.kafka.setConfig("worker-state", "cleanup.policy", "compact");
    parts.kafka.append("worker-state", 0, { key: "connector-sink", value: "{}" });
    const { found } = await assessed(parts);
    expect(topicOf(found, "billing-totals-changelog").role).toMatchObject({
      kind: "streams-changelog",
      owner: "billing",
    });
    expect(topicOf(found, "worker-state").role?.kind).toBe("connect-configs");
    expect(topicOf(found, "orders").role).toBeNull();
  });
});

describe("a group", () => {
  it("has members with what is assigned to them, and a type", async () => {
    const parts = sampleSource();
    const assignment = [1, 0].map((partition) => ({ topic: "orders", partition }));
    parts.kafka.addMember("audit", { type: "consumer", clientId: "c", instanceId: "c-1", assignment });
    const group = groupOf((await assessed(parts)).found, "audit");
    expect(group.type).toEqual(known("consumer"));
    expect(group.members).toEqual([
      {
        clientId: "c",
        host: "10.0.0.1",
        instanceId: "c-1",
        assignment: [{ topic: "orders", partitions: [0, 1] }],
      },
    ]);
    expect(group).toMatchObject({ activity: known("active"), usesAssign: known(false) });
    expect(group.lag).toEqual(unknown("it has no committed offset"));
  });

  it("has lag in time: the timestamp of what it would read next", async () => {
    const parts = sampleSource();
    const at = parts.clock.now() - 90_000;
    parts.kafka.addTopic("slow", { partitions: 2 });
    for (const [partition, ms] of [at + 7000, at].entries()) {
      parts.kafka.append("slow", partition, { value: "read", timestamp: at - 1000 });
      parts.kafka.append("slow", partition, { value: "unread", timestamp: ms });
    }
    parts.kafka.commitAs("late", new Map([["slow", [1, 1]]]));
    parts.kafka.commitAs("done", new Map([["slow", [2, 2]]]));
    const committedAt = new Date(parts.clock.now()).toISOString();
    const { found } = await assessed(parts);
    expect(groupOf(found, "late")).toMatchObject({
      lag: known(2),
      oldestUnread: known({ at: new Date(at).toISOString(), looked: 2, lagging: 2 }),
      lastCommit: known(committedAt),
      activity: known("idle"),
    });
    expect(groupOf(found, "done").oldestUnread).toEqual(known({ at: null, looked: 0, lagging: 0 }));
  });

  it("uses assign() when it commits without ever having a member", async () => {
    const parts = sampleSource();
    parts.kafka.commitAs("direct", new Map([["orders", [5, undefined]]]));
    parts.kafka.commitAs("tool", new Map([["orders", [5, undefined]]]));
    await during(parts, () => parts.kafka.commitAs("direct", new Map([["orders", [35, undefined]]])));
    const { found } = await assessed(parts);
    expect(groupOf(found, "direct")).toMatchObject({ usesAssign: known(true), activity: known("active") });
    expect(groupOf(found, "tool").usesAssign).toMatchObject({ known: false });
    expect(groupOf(found, "billing").usesAssign).toEqual(known(false));
  });

  it("is a share group, whose progress no offset tells", async () => {
    const parts = sampleSource();
    const members = [
      {
        memberId: "m",
        instanceId: null,
        clientId: "w",
        host: "10.0.0.3",
        subscription: ["orders"],
        assignment: [],
      },
    ];
    parts.kafka.setVersion(known("4.2"));
    parts.kafka.told.shareGroups.set("jobs", { id: "jobs", state: "Stable", protocolType: "share", members });
    const { found } = await assessed(parts);
    expect(groupOf(found, "jobs")).toMatchObject({
      type: known("share"),
      state: "Stable",
      members: [{ clientId: "w" }],
      lag: { known: false, why: expect.stringContaining("KIP-932") },
      usesAssign: known(false),
    });
    expect(found.clients.unknown.map(({ what }) => what)).toContain("what share groups have read");
    parts.kafka.setVersion(known("4.0"));
    expect(groupOf((await assessed(parts)).found, "jobs")).toMatchObject({ state: "Unknown", members: [] });
  });
});

describe("the cluster", () => {
  it("has settings against Apache's, users, quotas, ACLs and a mode", async () => {
    const parts = sampleSource();
    const { told } = parts.kafka;
    parts.kafka.setBrokerConfigs([{ name: "num.io.threads", value: "16", origin: "broker-static" }]);
    told.brokerDifferences.set(2, { "num.io.threads": "4" });
    told.scramUsers = known([{ name: "alice", mechanisms: ["SCRAM-SHA-512"] }]);
    const quota = { entity: [{ type: "user", name: null }], limits: { consumer_byte_rate: 1e6 } };
    told.quotas = known([quota]);
    const { found } = await assessed(parts);
    expect(found.mode).toEqual(known("kraft"));
    expect(found.brokerSettings).toMatchObject({
      value: [{ name: "num.io.threads", value: "16", others: [{ broker: 2, value: "4" }] }],
    });
    expect(found.scramUsers).toEqual(known([{ name: "alice", mechanisms: ["SCRAM-SHA-512"] }]));
    expect(found.quotas).toEqual(known([quota]));
    expect(found.topicDefaults).toMatchObject({ "compression.type": "producer" });
  });

  it("of 2.0 leaves unknown what it has no request for, with the release that brought it", async () => {
    const parts = sampleSource();
    parts.kafka.setVersion(known("2.0"));
    parts.kafka.told.features = unknown("too old");
    const { found } = await assessed(parts);
    for (const [value, release] of [
      [found.features, "2.7"],
      [found.scramUsers, "2.7"],
      [found.quotas, "2.6"],
      [found.transactions, "3.0"],
      [topicOf(found, "orders").writers.idempotent, "2.8"],
      [topicOf(found, "orders").openTransactions, "2.8"],
    ] as const) {
      expect(value).toMatchObject({ known: false, why: expect.stringContaining(`Kafka ${release}`) });
    }
    expect(topicOf(found, "orders").writers.plain).toEqual(known(true));
    expect(found.findings).toContainEqual(
      expect.objectContaining({
        code: "SOURCE_VERSION",
        severity: "warning",
        evidence: expect.stringContaining("of which release the workers are is not known"),
      }),
    );
  });

  it("leaves unknown what the bot has no right to, and names the right", async () => {
    const parts = sampleSource();
    parts.kafka.told.configsRefused = "CLUSTER_AUTHORIZATION_FAILED (31): the bot needs DESCRIBE_CONFIGS";
    parts.kafka.told.features = known([]);
    const refused = new FerryError("E_KAFKA_AUTH", "TOPIC_AUTHORIZATION_FAILED (29).");
    const { found } = await assessed(parts, { producers: () => Promise.reject(refused) });
    expect(found.mode).toMatchObject({ known: false, why: expect.stringContaining("DESCRIBE_CONFIGS") });
    expect(found.brokerSettings).toMatchObject({ known: false });
    expect(topicOf(found, "orders").writers.idempotent).toEqual(
      unknown("TOPIC_AUTHORIZATION_FAILED (29). The bot needs READ on its topics."),
    );
  });

  it("is not assessed without the topics' settings, which a plan would get wrong", async () => {
    const refused = new FerryError("E_KAFKA_AUTH", "TOPIC_AUTHORIZATION_FAILED (29).");
    const assessing = assessed(sampleSource(), { topicConfigs: () => Promise.reject(refused) });
    await expect(assessing).rejects.toMatchObject({
      code: "E_KAFKA_AUTH",
      message: "TOPIC_AUTHORIZATION_FAILED (29). An assessment needs DESCRIBE_CONFIGS on every topic.",
    });
  });
});
