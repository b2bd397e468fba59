import { FerryError } from "#domain/errors.ts";
import type { Form } from "#domain/form.ts";
import type { JobOf } from "#domain/job.ts";
import { type Check, type Message, mention, type Part } from "#domain/message.ts";
import { isInside } from "#domain/plan/answer-values.ts";
import { checkAnswers, questionForm } from "#domain/plan/question-form.ts";
import {
  Answers,
  answersKey,
  type BlockedStep,
  inTheWay,
  type QuestionId,
  questionsFor,
  readTwiceLimit,
  type Standing,
  standings,
} from "#domain/plan/questions.ts";
import type { AuditEntry, Clock, Store } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { clockTime, count, zoneOf } from "#domain/wording.ts";
import { done, type Outcome, type Work } from "./work.ts";

/** What only people know: kept, audited, and read wherever it decides something. */

type Memory = { readonly store: Pick<Store, "read">; readonly migration: Migration };

/** What was answered so far. */
export async function readAnswers({ store, migration }: Memory): Promise<Answers> {
  return Answers.parse((await store.read(answersKey(migration.name)))?.value ?? {});
}

/** The form of all questions, as they stand now. */
export async function answerForm(memory: Memory): Promise<Form> {
  return questionForm(memory.migration, standings(memory.migration, await readAnswers(memory)));
}

/** Without `given` shows how every question stands; with it keeps the answers first. */
export async function answers(job: JobOf<"answers">, work: Work): Promise<Outcome> {
  const kept = job.given === undefined ? [] : await keep(job.given, work);
  const all = standings(work.migration, await readAnswers(work));
  await work.card.finish(message(all, kept, work));
  return done;
}

type Kept = { readonly id: QuestionId; readonly before: string | null; readonly after: string };

/** Fails with `E_USAGE` before anything is kept when one of them is no answer. */
async function keep(given: Readonly<Record<string, string>>, work: Work): Promise<readonly Kept[]> {
  const wanted = readAll(given, work.migration);
  const at = new Date(work.clock.now()).toISOString();
  for (;;) {
    const stored = await work.store.read(answersKey(work.migration.name));
    const known = Answers.parse(stored?.value ?? {});
    const fresh = wanted.filter(({ id, value }) => known[id]?.value !== value);
    const next = Object.fromEntries(
      fresh.map(({ id, value }) => [
        id,
        { value, by: work.by, at, job: work.jobId, before: known[id]?.value ?? null },
      ]),
    );
    const whole = Answers.parse({ ...known, ...next });
    const revision = stored?.revision ?? 0;
    const isKept =
      fresh.length === 0 ||
      (await work.store.write(answersKey(work.migration.name), whole, { revision })) !== undefined;
    // Somebody else answered in between: read again, so that theirs stay.
    if (isKept) return await auditKept(whole, work);
  }
}

function readAll(
  given: Readonly<Record<string, string>>,
  migration: Migration,
): ReadonlyArray<{ readonly id: QuestionId; readonly value: string }> {
  const { values, problems } = checkAnswers(given, migration);
  const [problem] = Object.entries(problems);
  if (problem !== undefined) throw new FerryError("E_USAGE", `${problem[0]}: ${problem[1]}`);
  return values;
}

/** What this job wrote, also in an attempt that was killed before it could audit it. */
async function auditKept(all: Answers, work: Work): Promise<readonly Kept[]> {
  const kept: Kept[] = [];
  for (const { id } of questionsFor(work.migration)) {
    const answer = all[id];
    if (answer === undefined || answer.job !== work.jobId) continue;
    const { value: after, before, at } = answer;
    const entry: Pick<AuditEntry, "what"> & Partial<AuditEntry> = {
      what: "plan.answered",
      key: `answer:${work.jobId}:${id}`,
      at,
      subject: id,
      before: before ?? "not answered",
      after,
      reason: "asked",
    };
    await work.audit(entry);
    kept.push({ id, before, after });
  }
  return kept;
}

function message(all: readonly Standing[], kept: readonly Kept[], work: Work): Message {
  const now = work.clock.now();
  const open = all.filter(({ state, conflict }) => state === "open" || conflict !== undefined);
  const text =
    open.length === 0
      ? `${count(all.length, "question")}, none open.`
      : `${open.length} of ${count(all.length, "question")} open.`;
  return {
    subject: `${work.migration.name} · plan answers`,
    tone: "done",
    note: clockTime(now),
    parts: [
      ...(kept.length === 0 ? [] : [keptPart(kept, work.by)]),
      { kind: "text", text },
      { kind: "checks", items: all.map(check) },
      {
        kind: "note",
        text: "`/ferry plan answer QUESTION VALUE` answers one without a form; `open` as the value says that it is not decided.",
      },
    ],
    actions: [answerButton],
    next: kept.length === 0 ? ["plan"] : ["plan", "plan answers"],
  };
}

/** Opens the form. */
export const answerButton = { label: "Answer", command: "plan answer" } as const;

function keptPart(kept: readonly Kept[], by: string): Part {
  return {
    kind: "facts",
    rows: kept.map(({ id, before, after }) => ({
      label: id,
      value: `${before ?? "not answered"} → ${after}, by ${mention(by)}`,
    })),
  };
}

const marks = { blocker: "fail", warning: "warn", info: "unknown" } as const;

/** One line for each question: how it stands, what is proposed, what hangs on it. */
function check({ question, state, value, by, at, conflict }: Standing): Check {
  const { id, asks, severity, proposed, depends, blocks } = question;
  const held = blocks === undefined ? "" : `; holds up \`${blocks}\``;
  if (conflict !== undefined) return { state: "fail", text: `${id}: ${conflict}${held}` };
  if (state === "open") {
    const said = by === undefined ? "" : `, as ${mention(by)} said`;
    const why = proposed === undefined ? "" : ` Proposed: ${proposed.value} (${proposed.why}).`;
    return {
      state: marks[severity],
      text: `${id}, ${severity}, open${said}${held}: ${asks}${why} Decides ${depends}.`,
    };
  }
  const who =
    by === undefined
      ? `proposed and taken: ${proposed?.why ?? ""}`
      : `${mention(by)} on ${(at ?? "").slice(0, 10)}`;
  return { state: "pass", text: `${id}: ${value ?? ""} (${who})` };
}

/** `E_ANSWER_NEEDED` while an answer that this step needs is open, or forbids it. */
export async function requireAnswers(step: BlockedStep, work: Memory): Promise<void> {
  const reasons = inTheWay(standings(work.migration, await readAnswers(work)), step);
  if (reasons.length > 0) throw new FerryError("E_ANSWER_NEEDED", `${step} waits: ${reasons.join("; ")}.`);
}

/** Records that a cutover may make one group read again. */
export async function readAgainLimit(work: Memory): Promise<number> {
  return readTwiceLimit(work.migration, await readAnswers(work));
}

/** For a request for a cutover: who owns the applications, and whether this moment is inside the window. */
export async function answerEffects(
  work: Memory & { readonly clock: Pick<Clock, "now"> },
): Promise<ReadonlyArray<{ readonly label: string; readonly value: string }>> {
  const all = standings(work.migration, await readAnswers(work));
  const zone = zoneOf(work.migration.settings);
  return [
    { label: "Owners", value: said(all, "owners") ?? "nobody has said: `/ferry plan answer`" },
    { label: "Window", value: windowText(said(all, "window"), work.clock.now(), zone) },
  ];
}

function said(all: readonly Standing[], id: QuestionId): string | undefined {
  return all.find(({ question }) => question.id === id)?.value;
}

function windowText(value: string | undefined, now: number, zone: string): string {
  if (value === undefined) return "nobody has said: `/ferry plan answer`";
  if (value === "any") return "any time";
  return `${value} ${zone}; now is ${isInside(value, now, zone) === true ? "inside" : "OUTSIDE"}`;
}
