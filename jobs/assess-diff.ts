import { staleAssessment, staleParts } from "#domain/assess/assessment-age.ts";
import {
  assessmentDiff,
  type Change,
  diffReport,
  plural,
  toleranceText,
} from "#domain/assess/assessment-diff.ts";
import type { Assessment } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { Part } from "#domain/message.ts";
import { clockTime, took } from "#domain/wording.ts";
import { readAssessments, type Stored } from "./assess-memory.ts";
import { done, type Outcome, type Work } from "./work.ts";

const shownChanges = 15;

/** What changed from the assessment before to the newest one, both from memory: the cluster is not read. */
export async function assessDiff(_job: JobOf<"assess-diff">, work: Work): Promise<Outcome> {
  const { newest, before } = await readAssessments(work);
  if (newest.kind === "absent") {
    throw new FerryError("E_NO_ASSESSMENT", `${work.migration.name} was not assessed yet.`);
  }
  if (newest.kind !== "read" || before.kind !== "read") {
    await finish([{ kind: "text", text: alone(newest, before) }], ["assess"], work);
    return done;
  }
  const changes = assessmentDiff(before.assessment, newest.assessment);
  if (changes.length > 0) await attach(before.assessment, newest.assessment, changes, work);
  const old = staleAssessment(newest.assessment.taken.at, work.clock.now());
  const parts = [...changeParts(before.assessment, newest.assessment, changes), ...staleParts(old)];
  await finish(parts, changes.length > 0 ? ["plan", "assess"] : ["assess"], work);
  return done;
}

function alone(newest: Stored, before: Stored): string {
  if (newest.kind === "foreign") {
    return "The last assessment was kept by another release of the bot and cannot be compared. After two more runs of `/ferry assess` there is something to compare.";
  }
  if (before.kind === "foreign") {
    return "The assessment before the last was kept by another release of the bot and cannot be compared. After the next `/ferry assess` there is something to compare.";
  }
  return "There is only one assessment, so nothing to compare it with. After the next `/ferry assess` there is.";
}

async function finish(parts: readonly Part[], next: readonly string[], work: Work): Promise<void> {
  await work.card.finish({
    subject: `${work.migration.name} · assess diff`,
    tone: "done",
    note: `from memory · ${clockTime(work.clock.now())}`,
    parts,
    next,
  });
}

async function attach(
  before: Assessment,
  after: Assessment,
  changes: readonly Change[],
  work: Work,
): Promise<void> {
  const name = `assess-diff-${after.taken.at.slice(0, 10)}`;
  const { markdown, json } = diffReport(before, after, changes);
  await work.card.file({ name: `${name}.md`, title: "What changed", content: Buffer.from(markdown) });
  await work.card.file({ name: `${name}.json`, title: "What changed (JSON)", content: Buffer.from(json) });
}

function changeParts(before: Assessment, after: Assessment, changes: readonly Change[]): readonly Part[] {
  const span = took(Math.max(0, Date.parse(after.taken.at) - Date.parse(before.taken.at)));
  const when = `From ${minute(before.taken.at)} to ${minute(after.taken.at)} UTC, ${span}`;
  if (changes.length === 0) {
    return [
      { kind: "text", text: `${when}: nothing changed.` },
      { kind: "note", text: toleranceText },
    ];
  }
  const kinds = [...Map.groupBy(changes, ({ about }) => about)];
  const counts = kinds.map(([about, of]) => sumText(about, of)).join(" · ");
  return [{ kind: "text", text: `${when}\n${counts}` }, table(changes), rest(changes.length)];
}

/** "topics: 3 added, 1 removed, 2 changed" */
function sumText(about: Change["about"], changes: readonly Change[]): string {
  const added = changes.filter(({ what }) => what === "added").length;
  const removed = changes.filter(({ what }) => what === "removed").length;
  const changed = new Set(
    changes.filter(({ what }) => what !== "added" && what !== "removed").map(({ subject }) => subject),
  ).size;
  const parts = [
    ...(added > 0 ? [`${added} added`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(changed > 0 ? [`${changed} changed`] : []),
  ];
  return `${plural(about)}: ${parts.join(", ")}`;
}

function table(changes: readonly Change[]): Part {
  return {
    kind: "table",
    columns: [
      { title: "", align: "left" },
      { title: "which", align: "left" },
      { title: "what", align: "left" },
      { title: "before", align: "left" },
      { title: "after", align: "left" },
    ],
    rows: spread(changes).map(({ about, subject, what, before, after }) =>
      [about, subject, what, before ?? "", after ?? ""].map(clipped),
    ),
  };
}

/** Some of each kind, so that a thousand new topics do not hide one ACL that is gone. */
function spread(changes: readonly Change[]): readonly Change[] {
  const kinds = [...Map.groupBy(changes, ({ about }) => about).values()];
  const longest = Math.max(...kinds.map(({ length }) => length));
  const turns = Array.from({ length: Math.min(longest, shownChanges) }, (_, turn) =>
    kinds.flatMap((of) => of.slice(turn, turn + 1)),
  );
  const shown = new Set(turns.flat().slice(0, shownChanges));
  return changes.filter((change) => shown.has(change));
}

function rest(changes: number): Part {
  const more = changes > shownChanges ? `${changes - shownChanges} more changes in the thread. ` : "";
  return { kind: "note", text: `${more}${toleranceText}` };
}

/** "2026-11-22 14:03" */
function minute(at: string): string {
  return at.slice(0, 16).replace("T", " ");
}

function clipped(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
