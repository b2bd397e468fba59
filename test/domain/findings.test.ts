import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Assessment } from "#domain/assessment.ts";
import { assessmentReport } from "#domain/assessment-report.ts";
import { findings } from "#domain/findings.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";

function withTopic(change: Parameters<typeof assessedTopic>[1], name = "orders"): Assessment {
  return assessmentOf({ topics: [assessedTopic(name, change)] });
}

function withConfig(key: string, value: string | null, origin = "topic"): Assessment {
  return withTopic({ configs: { [key]: { value, origin } } });
}

const quiet = assessmentOf({
  topics: [assessedTopic("orders"), assessedTopic("__consumer_offsets", { internal: true })],
  groups: [assessedGroup("billing", ["orders"])],
});

/** For each code: what provokes it, and what looks like it and must not. */
const cases: ReadonlyArray<{
  readonly code: string;
  readonly severity: string;
  readonly state?: "unknown";
  readonly subject: string;
  readonly provoked: Assessment;
  readonly silent: Assessment;
}> = [
  {
    code: "SOURCE_VERSION",
    severity: "blocker",
    subject: "cluster",
    provoked: assessmentOf({ version: known("2.0") }),
    silent: assessmentOf({ version: known("2.1") }),
  },
  {
    code: "SOURCE_VERSION",
    severity: "warning",
    state: "unknown",
    subject: "cluster",
    provoked: assessmentOf({ version: unknown("no broker answered ApiVersions") }),
    silent: assessmentOf({ version: known("4.1") }),
  },
  {
    code: "TOPIC_RENAMED",
    severity: "blocker",
    subject: "app.heartbeats",
    provoked: withTopic({}, "app.heartbeats"),
    silent: withTopic({}, "heartbeats-of-app"),
  },
  {
    code: "TOPIC_NOT_MIRRORED",
    severity: "warning",
    subject: "stock-internal",
    provoked: withTopic({}, "stock-internal"),
    silent: withTopic({}, "internal-stock"),
  },
  {
    code: "TOPIC_NOT_MIRRORED",
    severity: "warning",
    subject: ".hidden",
    provoked: withTopic({}, ".hidden"),
    silent: withTopic({}, "not.hidden"),
  },
  {
    code: "RETENTION_SHORT",
    severity: "warning",
    subject: "orders",
    provoked: withConfig("retention.ms", "3600000"),
    silent: withConfig("retention.ms", "18000000"),
  },
  {
    code: "RETENTION_SHORT",
    severity: "warning",
    subject: "orders",
    provoked: withConfig("retention.ms", "1"),
    silent: withConfig("retention.ms", "-1"),
  },
  {
    code: "PARTITIONS_OFFLINE",
    severity: "blocker",
    subject: "orders",
    provoked: withTopic({ offline: 1, underReplicated: 1 }),
    silent: withTopic({ underReplicated: 1 }),
  },
  {
    code: "PARTITIONS_OFFLINE",
    severity: "blocker",
    subject: "__consumer_offsets",
    provoked: withTopic({ offline: 2, internal: true }, "__consumer_offsets"),
    silent: withTopic({ internal: true }, "__consumer_offsets"),
  },
  {
    code: "UNDER_REPLICATED",
    severity: "warning",
    subject: "orders",
    provoked: withTopic({ underReplicated: 2 }),
    silent: withTopic({ underReplicated: 2, offline: 1 }),
  },
  {
    code: "MESSAGE_SIZE",
    severity: "warning",
    subject: "orders",
    provoked: withConfig("max.message.bytes", "8388609"),
    silent: withConfig("max.message.bytes", "8388608"),
  },
  {
    code: "LOG_APPEND_TIME",
    severity: "info",
    subject: "orders",
    provoked: withConfig("message.timestamp.type", "LogAppendTime"),
    silent: withConfig("message.timestamp.type", "CreateTime"),
  },
  {
    code: "GROUP_WITHOUT_OFFSETS",
    severity: "warning",
    subject: "fresh",
    provoked: assessmentOf({ groups: [assessedGroup("fresh", [])] }),
    silent: assessmentOf({ groups: [assessedGroup("fresh", ["orders"])] }),
  },
  {
    code: "GROUP_WITHOUT_OFFSETS",
    severity: "info",
    subject: "idle",
    provoked: assessmentOf({ groups: [assessedGroup("idle", [], { members: [] })] }),
    silent: assessmentOf({ groups: [assessedGroup("connect", [], { protocolType: "connect" })] }),
  },
  {
    code: "DISK_UNKNOWN",
    severity: "warning",
    state: "unknown",
    subject: "1 topic",
    provoked: withTopic({ bytesOnDisk: unknown("broker 1 refused DescribeLogDirs") }),
    silent: withTopic({ bytesOnDisk: unknown("1 of 3 partitions have no leader"), offline: 1 }),
  },
  {
    code: "ACLS_UNKNOWN",
    severity: "info",
    state: "unknown",
    subject: "cluster",
    provoked: assessmentOf({ acls: unknown("SECURITY_DISABLED") }),
    silent: assessmentOf({ acls: known([]) }),
  },
  {
    code: "BROKER_SETTINGS",
    severity: "info",
    subject: "1 topic",
    provoked: withConfig("retention.ms", "172800000", "broker-static"),
    silent: withConfig("retention.ms", "604800000", "broker-static"),
  },
  {
    code: "BROKER_SETTINGS",
    severity: "info",
    subject: "1 topic",
    provoked: withConfig("retention.ms", "86400000", "broker-static"),
    silent: withConfig("retention.ms", "86400000", "topic"),
  },
];

const codes = (assessment: Assessment) => findings(assessment).map(({ code }) => code);

describe("findings", () => {
  it.each(cases)(
    "$code, $severity, about $subject",
    ({ code, severity, state, subject, provoked, silent }) => {
      expect(findings(provoked)).toContainEqual({
        code,
        severity,
        state: state ?? "found",
        subject,
        evidence: expect.stringMatching(/\S/),
        remedy: expect.stringMatching(/\.$/),
      });
      expect(codes(silent)).not.toContain(code);
    },
  );

  it("has a case for every code there is", () => {
    const provoked = new Set(cases.flatMap((each) => codes(each.provoked)));
    expect([...provoked].toSorted()).toEqual([...new Set(cases.map(({ code }) => code))].toSorted());
  });

  it("is silent on a cluster without trouble", () => {
    expect(findings(quiet)).toEqual([]);
  });

  it("says nothing of internal topics but that they are unhealthy", () => {
    const topics = cases
      .flatMap(({ provoked }) => provoked.topics)
      .map((topic) => ({ ...topic, internal: true }));
    const found = new Set(codes(assessmentOf({ topics })));
    expect([...found].toSorted()).toEqual(["PARTITIONS_OFFLINE", "UNDER_REPLICATED"]);
  });

  it("names one topic of many, each with its own value", () => {
    const topics = ["a", "b"].map((name, index) =>
      assessedTopic(name, {
        configs: { "retention.ms": { value: `${(index + 1) * 3_600_000}`, origin: "topic" } },
      }),
    );
    expect(findings(assessmentOf({ topics })).map(({ subject, evidence }) => [subject, evidence])).toEqual([
      ["a", expect.stringContaining("retention 1.0 h")],
      ["b", expect.stringContaining("retention 2.0 h")],
    ]);
  });

  it("says that groups are missing where their offsets are offline", () => {
    const [own, theirs] = ["orders", "__consumer_offsets"].map((name) =>
      findings(withTopic({ offline: 1 }, name)),
    );
    expect(theirs?.[0]?.evidence).toContain("groups whose offsets are there are missing");
    expect(own?.[0]?.evidence).not.toContain("groups");
  });

  it("comes in the same order whatever the order of topics and groups, blockers first", () => {
    const all = assessmentOf({
      topics: cases.flatMap(({ provoked }, index) =>
        provoked.topics.map((topic) => ({ ...topic, name: `${index}${topic.name}` })),
      ),
      groups: cases.flatMap(({ provoked }) => provoked.groups),
    });
    const expected = findings(all);
    const ranks = expected.map(({ severity }) => ["blocker", "warning", "info"].indexOf(severity));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(all.topics, { minLength: all.topics.length }),
        fc.shuffledSubarray(all.groups, { minLength: all.groups.length }),
        (topics, groups) => {
          const order = findings({ ...all, topics, groups }).map(({ code, subject }) => [code, subject]);
          expect(order).toEqual(expected.map(({ code, subject }) => [code, subject]));
        },
      ),
    );
  });
});

function heading(topics: Assessment["topics"]): string | undefined {
  return assessmentReport(assessmentOf({ topics })).markdown.match(/^## Topics.*$/mu)?.[0];
}

describe("the report", () => {
  it("never shows a number in the place of what is not known", () => {
    const why = "1 of 3 partitions have no leader";
    const dark = assessedTopic("dark", {
      offline: 1,
      offsetsHeld: unknown(why),
      recordsPerSecond: unknown(why),
      averageRecordBytes: unknown(why),
      bytesOnDisk: unknown(why),
    });
    const cell = `unknown (${why})`;
    expect(assessmentReport(assessmentOf({ topics: [dark] })).markdown).toContain(
      `| dark | 3 | 1 | delete | ${cell} | ${cell} | ${cell} | ${cell} |`,
    );
    expect(heading([dark])).toBe("## Topics: 1, 3 partitions, bytes on disk unknown");
    expect(heading([dark, assessedTopic("a")])).toContain("at least 100000 bytes on disk (1 unknown)");
    expect(heading([assessedTopic("a")])).toContain(", 100000 bytes on disk");
  });
});
