import type { Form, FormField } from "#domain/form.ts";
import type { Migration } from "#domain/settings.ts";
import { longestAnswer, readAnswer, undecided } from "./answer-values.ts";
import { type QuestionId, questionsFor, type Standing } from "./questions.ts";

/** The form of all questions, filled with what stands. */
export function questionForm(migration: Migration, all: readonly Standing[]): Form {
  return {
    title: "What only you know",
    submit: "Keep",
    intro: `Migration ${migration.name}. What is filled in is the answer that stands, or the proposed one. Kept with your name; shown in the plan.`,
    channel: migration.settings.channel,
    fields: all.map(fieldOf),
  };
}

function fieldOf({ question, state, value, by }: Standing): FormField {
  const { id, asks, hint, options, proposed, depends, blocks } = question;
  const shown = value ?? (by === undefined ? proposed?.value : undefined);
  const held = blocks === undefined ? "" : ` Holds up \`${blocks}\` while it is open.`;
  const proposal = proposed === undefined || state === "answered" ? "" : ` Proposed: ${proposed.why}.`;
  return {
    id,
    label: asks,
    hint: `${hint} Decides ${depends.replaceAll("`", "")}.${held.replaceAll("`", "")}${proposal}`,
    options,
    initial: shown ?? (options === undefined ? undefined : undecided),
    stood: state === "answered" ? value : undefined,
    longest: longestAnswer,
  };
}

/** Each as it would be kept, or what is wrong with it, by question. */
export function checkAnswers(given: Readonly<Record<string, string>>, migration: Migration) {
  const questions = questionsFor(migration);
  const values: Array<{ readonly id: QuestionId; readonly value: string }> = [];
  const problems: Record<string, string> = {};
  for (const [id, text] of Object.entries(given)) {
    const question = questions.find((each) => each.id === id);
    if (question === undefined) {
      problems[id] = "There is no such question.";
      continue;
    }
    const read = readAnswer(question, text, migration.settings);
    if ("problem" in read) problems[id] = read.problem;
    else values.push({ id: question.id, value: read.value });
  }
  return { values, problems };
}
