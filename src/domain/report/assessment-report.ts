import { assessmentStaleMs } from "#domain/assess/assessment-age.ts";
import type { Assessment } from "#domain/assessment.ts";
import { canonical } from "#domain/canonical.ts";
import {
  mayBlock,
  type Obstacle,
  obstacles,
  obstacleText,
  type Summary,
  summarize,
} from "#domain/findings/summary.ts";
import { cappedTable, markdownTable, mono, some } from "#domain/markdown.ts";
import type { Plan } from "#domain/plan.ts";
import { count, took } from "#domain/wording.ts";
import { accessSections } from "./assessment-report-access.ts";
import { connectSection } from "./assessment-report-connect.ts";
import { inventorySections } from "./assessment-report-inventory.ts";

/**
 * The report for people (Markdown) and for machines (JSON): the same content. For an unchanged cluster both are the same
 * to the byte but for `taken`: in the Markdown its own paragraph, in the JSON its own key. `plan`: the newest, if any.
 */
export function assessmentReport(
  assessment: Assessment,
  plan?: Plan,
): { readonly markdown: string; readonly json: string } {
  const summary = summarize(assessment, plan);
  const { size: _, ...stable } = summary;
  return {
    markdown: markdown(assessment, summary),
    json: `${canonical({ ...assessment, summary: stable })}\n`,
  };
}

function markdown(assessment: Assessment, summary: Summary): string {
  return [
    `# Assessment of ${assessment.migration}`,
    "",
    ...takenBlock(assessment),
    "",
    ...firstScreen(summary),
    "",
    ...findingSections(assessment),
    ...inventorySections(assessment),
    ...connectSection(assessment),
    ...accessSections(assessment),
  ].join("\n");
}

/** All that differs between two reports of one unchanged cluster. */
function takenBlock({ taken }: Assessment): readonly string[] {
  const stale = new Date(Date.parse(taken.at) + assessmentStaleMs).toISOString();
  return [
    `Taken ${taken.at}, rates over ${took(taken.windowMs)}. Stale after ${stale}: then \`/ferry assess\` again.`,
  ];
}

/** As many of each as a screen holds. */
const fixesShown = 7;

function firstScreen(summary: Summary): readonly string[] {
  const { counts, first } = summary;
  const clear = first.filter((each) => mayBlock(each) || each.state === "found");
  const fixes = clear.filter(({ severity }) => severity !== "info");
  const more = fixes.length - fixesShown;
  return [
    ...markdownTable(
      ["", ""],
      [
        ["**Can it go?**", summary.whether],
        ["**What**", summary.size],
        ["**How**", summary.how],
        ["**How long**", summary.howLong],
        ["**How much**", summary.howMuch],
        [
          "**Found**",
          `${count(counts.blockers, "blocker")}, ${count(counts.warnings, "warning")}, ${counts.unknown} unknown, ${counts.clean} checked and clean`,
        ],
      ],
    ),
    "",
    "## Fix first",
    "",
    ...(fixes.length === 0 ? ["Nothing."] : fixes.slice(0, fixesShown).map(fixLine)),
    ...(more > 0 ? ["", `And ${more} more below.`] : []),
  ];
}

function fixLine(obstacle: Obstacle, index: number): string {
  const weight = mayBlock(obstacle) ? "may be a blocker" : obstacle.severity;
  return `${index + 1}. **${weight}** ${obstacleText(obstacle)}. → ${obstacle.remedy}`;
}

/** Subjects of one finding that a row names. */
const subjectsShown = 5;

function findingSections({ findings }: Assessment): readonly string[] {
  const all = obstacles(findings);
  const found = (severity: string) =>
    all.filter((each) => each.severity === severity && each.state === "found");
  const clean = findings.filter(({ state }) => state === "not found");
  return [
    ...findingSection("Blockers", found("blocker")),
    ...findingSection("Warnings", found("warning")),
    ...findingSection("For information", found("info")),
    ...findingSection(
      "Not known",
      all.filter(({ state }) => state === "unknown"),
      "how to find out",
    ),
    `## Checked and clean: ${clean.length}`,
    "",
    ...cappedTable(["looked at", "checks"], cleanRows(clean), tableRows),
    "",
  ];
}

/** What was looked at, and all that it was looked at for: a check that had nothing to look at is seen as such. */
function cleanRows(clean: Assessment["findings"]): ReadonlyArray<readonly string[]> {
  const looked = Map.groupBy(clean, ({ evidence }) => evidence.replace(/ looked at$/, ""));
  return [...looked].map(([what, of]) => [what, of.map(({ code }) => mono(code)).join(" ")]);
}

const tableRows = 200;

function findingSection(title: string, rows: readonly Obstacle[], remedy = "do"): readonly string[] {
  const amount = rows.reduce((sum, { subjects }) => sum + subjects.length, 0);
  return [
    `## ${title}: ${amount}`,
    "",
    ...cappedTable(
      ["code", "about", "seen", remedy],
      rows.map(({ code, subjects, evidence, remedy: text }) => [
        mono(code),
        some(subjects, subjectsShown),
        subjects.length > 1 ? `${subjects[0]}: ${evidence}` : evidence,
        text,
      ]),
      tableRows,
    ),
    "",
  ];
}
