import { describe, expect, it } from "vitest";
import { assessmentDiff, diffReport } from "#domain/assess/assessment-diff.ts";
import type { AssessedTopic, Assessment, Finding } from "#domain/assessment.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";

const finding: Finding = {
  code: "TOPIC_RENAMED",
  severity: "blocker",
  state: "found",
  subject: "a.heartbeats",
  evidence: "the name ends in heartbeats",
  remedy: "Rename it.",
};
const acl = {
  resourceType: "TOPIC",
  resourceName: "invoices",
  patternType: "LITERAL",
  principal: "User:billing",
  host: "*",
  operation: "READ",
  permission: "ALLOW",
};

function base(change: Partial<Assessment> = {}): Assessment {
  return assessmentOf({
    topics: [assessedTopic("invoices"), assessedTopic("payments")],
    groups: [assessedGroup("billing-app", ["invoices"])],
    ...change,
  });
}

function written(rate: AssessedTopic["recordsPerSecond"]): Partial<Assessment> {
  return { topics: [assessedTopic("invoices", { recordsPerSecond: rate }), assessedTopic("payments")] };
}

/** "topic invoices partitions 3 → 6" */
function lines(after: Partial<Assessment>, before: Partial<Assessment> = {}): readonly string[] {
  return assessmentDiff(base(before), base(after)).map(
    (change) =>
      `${change.about} ${change.subject} ${change.what} ${change.before ?? "–"} → ${change.after ?? "–"}`,
  );
}

describe("the difference of two assessments", () => {
  it("is nothing for an unchanged cluster, whenever and however long it was measured", () => {
    expect(lines({ taken: { at: "2026-11-23T08:00:00.000Z", windowMs: 31_000 } })).toEqual([]);
  });

  it("names topics that came and went, and what of the others changed", () => {
    const invoices = assessedTopic("invoices", {
      partitions: 6,
      configs: { "retention.ms": { value: "3600000", origin: "topic" } },
    });
    expect(lines({ topics: [invoices, assessedTopic("audit")] })).toEqual([
      "topic audit added – → 3 partitions, RF 1",
      "topic invoices partitions 3 → 6",
      "topic invoices retention.ms 604800000 → 3600000",
      "topic payments removed 3 partitions, RF 1 → –",
    ]);
  });

  it("tells a topic that was made anew under its name", () => {
    const anew = assessedTopic("invoices", { topicId: known("another") });
    expect(lines({ topics: [anew, assessedTopic("payments")] })).toEqual([
      "topic invoices topic id id of invoices → another",
    ]);
  });

  it.each([
    { what: "a little more", before: 100, after: 180, told: 0 },
    { what: "twice as much, exactly", before: 100, after: 200, told: 0 },
    { what: "more than twice as much", before: 100, after: 201, told: 1 },
    { what: "less than half", before: 100, after: 49, told: 1 },
    { what: "the noise of an idle topic", before: 0, after: 1, told: 0 },
    { what: "a topic that is written to again", before: 0, after: 5, told: 1 },
  ])("has a tolerance for rates: $what", ({ before, after, told }) => {
    expect(lines(written(known(after)), written(known(before)))).toHaveLength(told);
  });

  it("tells what became known or unknown, and not another reason for the same", () => {
    expect(lines(written(unknown("offline")), written(known(3)))).toEqual([
      "topic invoices written 3.0 records/s → unknown",
    ]);
    expect(lines(written(known(0)), written(unknown("offline")))).toEqual([
      "topic invoices written unknown → 0 records/s",
    ]);
    expect(lines(written(unknown("new")), written(unknown("offline")))).toEqual([]);
  });

  it("names groups and what they do otherwise", () => {
    const moved = assessedGroup("billing-app", ["invoices", "payments"], { state: "Empty", members: [] });
    expect(lines({ groups: [moved, assessedGroup("audit", ["payments"])] })).toEqual([
      "group audit added – → Stable, 1 member, 1 topic",
      "group billing-app state Stable → Empty",
      "group billing-app members 1 → 0",
      "group billing-app clients app at 10.0.0.1 → none",
      "group billing-app topics invoices → invoices, payments",
    ]);
  });

  it("names single ACLs, and says when nobody tells them any more", () => {
    const text = "ALLOW User:billing READ on TOPIC invoices (LITERAL) from *";
    expect(lines({ acls: known([acl]) })).toEqual([`ACL ${text} added – → ${text}`]);
    expect(lines({ acls: unknown("no authorizer") }, { acls: known([acl]) })).toEqual([
      "ACL all ACLs known 1 → unknown (no authorizer)",
    ]);
  });

  it("names findings that are new or gone, and none that was only checked", () => {
    const clean: Finding = { ...finding, state: "not found", subject: "cluster" };
    expect(lines({ findings: [finding, clean] })).toEqual([
      "finding TOPIC_RENAMED a.heartbeats added – → blocker: the name ends in heartbeats",
    ]);
    expect(lines({ findings: [clean] }, { findings: [finding] })).toEqual([
      "finding TOPIC_RENAMED a.heartbeats removed blocker: the name ends in heartbeats → –",
    ]);
    expect(lines({ findings: [{ ...finding, state: "unknown" }] }, { findings: [finding] })).toEqual([
      "finding TOPIC_RENAMED a.heartbeats severity blocker → unknown",
    ]);
  });

  it("names brokers, their settings, quotas, users and transactional ids", () => {
    const after = lines({
      version: known("4.0"),
      brokers: [{ id: 2, host: "kafka-2", rack: "b" }],
      brokerSettings: known([
        { name: "num.io.threads", origin: "broker-static", value: "16", default: known("8"), others: [] },
      ]),
      quotas: known([{ entity: [{ type: "user", name: null }], limits: { producer_byte_rate: 1000 } }]),
      scramUsers: known([{ name: "billing", mechanisms: ["SCRAM-SHA-512"] }]),
      transactions: known([
        { transactionalId: "tx", producerId: 1, state: "Empty", since: null, timeoutMs: 1, topics: [] },
      ]),
    });
    expect(after.map((line) => line.split(" → ")[0])).toEqual([
      "cluster cluster version 3.9",
      "broker 1 removed kafka-1",
      "broker 2 added –",
      "broker setting num.io.threads added –",
      "quota user (default) added –",
      "SCRAM user billing added –",
      "transactional id tx added –",
    ]);
  });
});

describe("the report of a difference", () => {
  it("has all changes in both forms", () => {
    const [before, after] = [base(), base({ topics: [assessedTopic("a|b"), assessedTopic("payments")] })];
    const changes = assessmentDiff(before, after);
    const { markdown, json } = diffReport(before, after, changes);
    expect(markdown).toContain("## topics: 2");
    expect(markdown).toContain("| a\\|b | added |  | 3 partitions, RF 1 |");
    expect(JSON.parse(json)).toMatchObject({ migration: "orders", changes });
  });

  it("says that nothing changed", () => {
    expect(diffReport(base(), base(), []).markdown).toContain("Nothing changed.");
  });
});
