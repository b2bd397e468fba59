import { type AssessedTopic, type Assessment, sumKnown } from "#domain/assessment.ts";
import { assessmentReport } from "#domain/assessment-report.ts";
import type { Message } from "#domain/message.ts";
import { clockTime, count, took } from "#domain/wording.ts";
import type { Work } from "./work.ts";

/** Uploads the report into the thread and ends the message. `began`: ms since the epoch. */
export async function reportAssessment(assessment: Assessment, work: Work, began: number): Promise<void> {
  const day = assessment.taken.at.slice(0, 10);
  const { markdown, json } = assessmentReport(assessment);
  await work.card.file({ name: `assess-${day}.md`, title: "Assessment", content: Buffer.from(markdown) });
  await work.card.file({
    name: `assess-${day}.json`,
    title: "Assessment (JSON)",
    content: Buffer.from(json),
  });
  await work.card.finish(summary(assessment, work, began));
}

function summary(assessment: Assessment, work: Work, began: number): Message {
  const own = assessment.topics.filter(({ internal }) => !internal);
  const partitions = own.reduce((sum, topic) => sum + topic.partitions, 0);
  const disk = sumKnown(own.map(({ bytesOnDisk }) => bytesOnDisk));
  const bySeverity = (severity: string) =>
    assessment.findings.filter((finding) => finding.severity === severity && finding.state === "found");
  const unknowns = assessment.findings.filter(({ state }) => state === "unknown").length;
  const shown = assessment.findings
    .filter(({ severity, state }) => severity !== "info" && state !== "not found")
    .slice(0, 5);
  const size = disk.unknown === 0 ? `${(disk.sum / 1e6).toFixed(1)} MB on disk` : "disk size not fully known";
  return {
    subject: `${work.migration.name} · assess`,
    tone: "done",
    note: `done in ${took(work.clock.now() - began)} · ${clockTime(work.clock.now())}`,
    parts: [
      {
        kind: "text",
        text: `${count(own.length, "topic")}, ${count(partitions, "partition")}, ${count(assessment.groups.length, "group")} · ${throughput(own)} over ${took(assessment.taken.windowMs)} · ${size}`,
      },
      {
        kind: "text",
        text: `${count(bySeverity("blocker").length, "blocker")} · ${count(bySeverity("warning").length, "warning")} · ${unknowns} unknown`,
      },
      {
        kind: "checks",
        items: shown.map(({ severity, subject, evidence, remedy, state }) => ({
          state: state === "unknown" ? "unknown" : severity === "blocker" ? "fail" : "warn",
          text: `${subject}: ${evidence} → ${remedy}`,
        })),
      },
    ],
    next: ["plan"],
  };
}

function throughput(topics: readonly AssessedTopic[]): string {
  const { sum, unknown } = sumKnown(topics.map(({ recordsPerSecond }) => recordsPerSecond));
  if (unknown === 0) return `${sum.toFixed(1)} records/s`;
  return unknown === topics.length ? "records/s unknown" : `at least ${sum.toFixed(1)} records/s`;
}
