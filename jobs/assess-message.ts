import type { Assessment } from "#domain/assessment.ts";
import { type Obstacle, obstacleText, ownTopics, type Summary, summarize } from "#domain/findings/summary.ts";
import type { Check, Message, Part } from "#domain/message.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { assessmentReport } from "#domain/report/assessment-report.ts";
import type { Known } from "#domain/topology.ts";
import { clockTime, count, took } from "#domain/wording.ts";
import { readAssessments } from "./assess-memory.ts";
import type { Work } from "./work.ts";

/** Findings that the message itself shows; the report has all. */
const shownFindings = 5;

/** Uploads the report and the picture into the thread and ends the message. `began`: ms since the epoch. */
export async function reportAssessment(assessment: Assessment, work: Work, began: number): Promise<void> {
  const plan = await newestPlan(assessment, work);
  const name = `assess-${assessment.taken.at.slice(0, 10)}`;
  const { markdown, json } = assessmentReport(assessment, plan);
  await work.card.file({ name: `${name}.md`, title: "Assessment", content: Buffer.from(markdown) });
  await work.card.file({ name: `${name}.json`, title: "Assessment (JSON)", content: Buffer.from(json) });
  await picture(assessment, work);
  const { before } = await readAssessments(work);
  const summary = summarize(assessment, plan);
  const next = before.kind === "read" ? ["plan", "assess diff"] : ["plan"];
  await work.card.finish({
    subject: `${work.migration.name} · assess`,
    tone: "done",
    note: `done in ${took(work.clock.now() - began)} · ${clockTime(work.clock.now())}`,
    parts: parts(assessment, summary, `${name}.md`),
    next,
  });
}

/** Of the same source; one of another cluster says nothing about this one. */
async function newestPlan({ clusterId }: Assessment, { store, migration }: Work): Promise<Plan | undefined> {
  const stored = await store.read(planKey(migration.name));
  const plan = Plan.safeParse(stored?.value).data;
  return plan?.sourceClusterId === clusterId ? plan : undefined;
}

async function picture(assessment: Assessment, work: Work): Promise<void> {
  const title = `${work.migration.name} · partitions and traffic by topic`;
  const topics = ownTopics(assessment).map(({ name, partitions, bytesPerSecond, recordsPerSecond }) => ({
    name,
    partitions,
    bytesPerSecond: orNull(bytesPerSecond),
    recordsPerSecond: orNull(recordsPerSecond),
  }));
  const content = await work.charts.traffic(title, topics);
  await work.card.file({ name: "topics.png", title, content });
}

function orNull(value: Known<number>): number | null {
  return value.known ? value.value : null;
}

function parts(assessment: Assessment, summary: Summary, file: string): Message["parts"] {
  const { counts, first, whether, size, howLong } = summary;
  const shown = first.filter(({ severity }) => severity !== "info").slice(0, shownFindings);
  const checks: readonly Part[] =
    shown.length === 0 ? [] : [{ kind: "checks", title: "Fix first", items: shown.map(check) }];
  const clean = counts.clean === 0 ? "" : ` · ${counts.clean} checked and clean`;
  return [
    { kind: "text", text: `*${whether}*\n${size}; rates over ${took(assessment.taken.windowMs)}` },
    {
      kind: "text",
      text: `${count(counts.blockers, "blocker")} · ${count(counts.warnings, "warning")} · ${counts.unknown} unknown${clean}`,
    },
    ...checks,
    { kind: "note", text: howLong },
    { kind: "note", text: `Report: ${file}, with the picture in the thread. Stale after 7 days.` },
  ];
}

function check(obstacle: Obstacle): Check {
  const { severity, state, remedy } = obstacle;
  return {
    state: state === "unknown" ? "unknown" : severity === "blocker" ? "fail" : "warn",
    text: `${obstacleText(obstacle)} → ${remedy}`,
  };
}
