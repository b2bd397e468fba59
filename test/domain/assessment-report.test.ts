import { describe, expect, it } from "vitest";
import { Assessment, type Finding } from "#domain/assessment.ts";
import { assessmentReport } from "#domain/report/assessment-report.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { smallPlan } from "#support/small-plan.ts";

function finding(change: Partial<Finding> = {}): Finding {
  return {
    code: "TOPIC_RENAMED",
    severity: "blocker",
    state: "found",
    subject: "a.heartbeats",
    evidence: "it would be renamed",
    remedy: "Rename it.",
    ...change,
  };
}

const paragraphs = (text: string) => text.split("\n\n").filter((each) => !each.startsWith("Taken "));
const row = (text: string, start: string) => text.split("\n").find((line) => line.startsWith(start)) ?? "";

describe("the report's first screen", () => {
  it.each([
    { findings: [finding()], says: "Not yet: 1 blocker to clear first." },
    {
      findings: ["a", "b"].map((subject) => finding({ state: "unknown", severity: "warning", subject })),
      says: "Not known: no blocker was found, but 1 check that may find one could not be made: TOPIC_RENAMED.",
    },
    {
      findings: [finding({ state: "unknown", severity: "warning", code: "MESSAGE_SIZE" })],
      says: "Yes: no blocker was found.",
    },
    { findings: [finding({ severity: "warning" })], says: "Yes: no blocker was found." },
    { findings: [finding({ state: "not found" })], says: "Yes: no blocker was found." },
  ])("says whether it can go: $says", ({ findings, says }) => {
    const { markdown, json } = assessmentReport(assessmentOf({ findings }));
    expect(row(markdown, "| **Can it go?**")).toContain(says);
    expect(JSON.parse(json)).toMatchObject({ summary: { whether: says } });
  });

  it("says what to fix first, blockers before warnings, a code once with its topics", () => {
    const findings = [
      finding({ severity: "warning", code: "A_WARNING", subject: "cluster", evidence: "small" }),
      ...["a", "b", "c"].map((subject) => finding({ subject })),
    ];
    const { markdown } = assessmentReport(assessmentOf({ findings }));
    expect(row(markdown, "1. ")).toBe("1. **blocker** a: it would be renamed (also b, c). → Rename it.");
    expect(row(markdown, "2. ")).toContain("**warning** cluster: small.");
  });

  it("says before any warning what could not be told and may be a blocker, and how to find out", () => {
    const findings = [
      finding({ severity: "warning", code: "A_WARNING", subject: "cluster", evidence: "small" }),
      finding({ severity: "warning", state: "unknown", evidence: "no names", remedy: "Ask." }),
    ];
    const { markdown } = assessmentReport(assessmentOf({ findings }));
    expect(row(markdown, "1. ")).toBe("1. **may be a blocker** a.heartbeats: no names. → Ask.");
    expect(row(markdown, "2. ")).toContain("**warning** cluster: small.");
  });

  it("gives each reason why something is not known with its own way to find out", () => {
    const findings = ["no right", "too old"].map((evidence) =>
      finding({ severity: "info", state: "unknown", code: "RIGHTS", subject: evidence, evidence }),
    );
    const { markdown } = assessmentReport(assessmentOf({ findings }));
    expect(markdown).toContain("| `RIGHTS` | no right | no right |");
    expect(markdown).toContain("| `RIGHTS` | too old | too old |");
  });

  it("says how much as soon as there is a plan, and how long as far as it is known", () => {
    const topics = [assessedTopic("a", { bytesOnDisk: known(2e9) })];
    const { markdown } = assessmentReport(assessmentOf({ topics }), smallPlan("orders", []));
    expect(row(markdown, "| **How much**")).toContain("$500 a month for 3 × kafka.m7g.large");
    expect(row(markdown, "| **How long**")).toContain("first copy of 2.0 GB: 100 s at 20 MB/s, 20 s at 100");
    expect(assessmentReport(assessmentOf({ topics })).markdown).toContain("Not sized yet");
    const untold = [assessedTopic("a", { bytesOnDisk: unknown("refused") })];
    expect(assessmentReport(assessmentOf({ topics: untold })).markdown).toContain("first copy: unknown");
  });
});

describe("both forms of the report", () => {
  it("are the same for an unchanged cluster, but for one paragraph and one key", () => {
    const assessment = assessmentOf({ topics: [assessedTopic("a")], groups: [assessedGroup("g", ["a"])] });
    const later = { ...assessment, taken: { at: "2026-11-25T09:00:00.000Z", windowMs: 31_234 } };
    const [one, other] = [assessmentReport(assessment), assessmentReport(later)];
    expect(paragraphs(one.markdown)).toEqual(paragraphs(other.markdown));
    expect(one.markdown).not.toBe(other.markdown);
    const { taken: _, ...before } = JSON.parse(one.json);
    const { taken: __, ...after } = JSON.parse(other.json);
    expect(before).toEqual(after);
    expect(Assessment.parse(JSON.parse(one.json))).toEqual(assessment);
  });

  it("keep names that break tables or look like markup", () => {
    const topics = [assessedTopic("__odd|name__")];
    const groups = [assessedGroup("<b>", ["__odd|name__"])];
    const { markdown } = assessmentReport(assessmentOf({ topics, groups }));
    expect(markdown).toContain("| `__odd\\|name__` | 3 |");
    expect(markdown).toContain("| `<b>` |");
  });
});

describe("the report of a huge cluster", () => {
  const topics = Array.from({ length: 2000 }, (_, at) =>
    assessedTopic(`topic-${at}`, { bytesOnDisk: known(at) }),
  );

  it("shows the largest topics, says how many more the JSON has, and has them there", () => {
    const findings = topics.map(({ name }) => finding({ subject: name }));
    const { markdown, json } = assessmentReport(assessmentOf({ topics, findings }));
    expect(markdown.split("\n").length).toBeLessThan(600);
    expect(markdown).toContain("## Topics: 2,000, 6,000 partitions");
    expect(markdown).toContain("1,900 more rows are in the JSON.");
    expect(markdown.indexOf("`topic-1999`")).toBeLessThan(markdown.indexOf("`topic-1998`"));
    expect(markdown).toContain("topic-0, topic-1, topic-2, topic-3, topic-4 and 1,995 more");
    expect(Assessment.parse(JSON.parse(json)).topics).toHaveLength(2000);
  });

  it("tells each reason for an unknown value once", () => {
    const untold = topics.map((topic) => ({
      ...topic,
      keys: unknown(`no record of ${topic.name} was read`),
    }));
    const { markdown } = assessmentReport(assessmentOf({ topics: untold }));
    expect(markdown).toContain("### Values that were not told: 2,000");
    expect(markdown.match(/^\| keys \|/gm)).toHaveLength(1);
  });
});
