import { catalogue } from "#domain/errors.ts";
import type { Check, Message } from "#domain/message.ts";
import { took } from "#domain/wording.ts";
import type { Step } from "./approvable.ts";
import type { Entry, JournalDocument } from "./journal.ts";

/** A run as people see it: what is done with its time, what is under way. */
export function progressMessage(
  subject: string,
  steps: readonly Step[],
  journal: JournalDocument,
  now: string,
): Message {
  const ended = journal.entries.filter((entry) => entry.outcome !== undefined);
  const items = ended.map((entry) => asCheck(entry));
  const back = journal.state === "undoing";
  const left = journal.entries.filter((entry) => entry.outcome !== "undone" && entry.outcome !== "found");
  return {
    subject,
    tone: "working",
    ...(back ? { note: "going back" } : {}),
    parts: [
      ...(back ? [{ kind: "text" as const, text: failureLine(journal) }] : []),
      ...(items.length > 0 ? [{ kind: "checks" as const, items }] : []),
      {
        kind: "progress",
        step: now,
        done: back ? journal.entries.length - left.length : ended.length,
        of: back ? journal.entries.length : steps.length,
      },
    ],
  };
}

/** The steps of a run that has ended, each with its duration. */
export function stepsMessagePart(journal: JournalDocument): {
  readonly kind: "checks";
  readonly items: readonly Check[];
} {
  return { kind: "checks", items: journal.entries.map((entry) => asCheck(entry)) };
}

/** A way back that failed half-way: who reads it must act. */
export function stuckMessage(subject: string, steps: readonly Step[], journal: JournalDocument): Message {
  const open = journal.entries.filter((entry) => entry.outcome !== "undone" && entry.outcome !== "found");
  const rows = open.toReversed().map((entry) => ({
    label: steps.find((step) => step.name === entry.step)?.title ?? entry.title,
    value: entry.undo ?? "nothing to take back",
  }));
  return {
    subject: `${subject} · going back FAILED`,
    tone: "alarm",
    parts: [
      { kind: "text", text: failureLine(journal) },
      {
        kind: "text",
        text: `*Do:* ${catalogue.E_UNDO_FAILED.remedy} Still to be taken back, in this order:`,
      },
      { kind: "facts", rows },
    ],
  };
}

function failureLine(journal: JournalDocument): string {
  const { failure } = journal;
  return failure === undefined ? "The reason was not recorded." : `\`${failure.code}\` ${failure.message}`;
}

function asCheck(entry: Entry): Check {
  switch (entry.outcome) {
    case "done":
      return { state: "pass", text: `${entry.title}: ${duration(entry)}` };
    case "found":
      return { state: "pass", text: `${entry.title}: was already so` };
    case "undone":
      return { state: "warn", text: `${entry.title}: taken back` };
    case undefined:
      return { state: "unknown", text: `${entry.title}: begun` };
  }
}

function duration(entry: Entry): string {
  if (entry.endedAt === undefined) return "time not known";
  return took(entry.endedAt - entry.intentAt);
}
