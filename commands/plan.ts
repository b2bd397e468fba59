import type { FormProblems } from "#domain/form.ts";
import { checkAnswers } from "#domain/plan/question-form.ts";
import { questionIds, questionsFor } from "#domain/plan/questions.ts";
import type { Migration } from "#domain/settings.ts";
import { type Answer, type Context, command, enqueue, from } from "./command.ts";
import { type Line, quote, usage } from "./grammar.ts";

const said = {
  plan: {
    subject: "plan",
    will: "Sizes MSK from the last assessment and plans configuration, price and waves. Changes nothing.",
  },
  iam: {
    subject: "plan iam",
    will: "Uploads the IAM policy that the bot needs for this plan, whole and per step. Changes nothing.",
  },
  terraform: {
    subject: "plan export terraform",
    will: "Uploads the plan's configuration, cluster and network as Terraform. Changes nothing.",
  },
  answers: {
    subject: "plan answers",
    will: "Shows what only people know, how each question stands and what hangs on it. Changes nothing.",
  },
} as const;

type Asked =
  | { readonly kind: "plan" | "iam" | "terraform" | "answers" | "form" }
  | { readonly kind: "answer"; readonly question: string; readonly value: string };

export const plan = command({
  name: "plan",
  usage: "plan [iam|export terraform|answers|answer [question value]]",
  summary: "MSK shape, price, configuration, waves; a dry run of all that follows; what only you know.",
  who: "anyone",
  parse: asked,
  forMembers: ({ kind }) => kind === "answer" || kind === "form",
  run: carryOut,
});

function asked(line: Line): Asked {
  const part = line.optionalChoice("a part of the plan", ["iam", "export", "answers", "answer"]);
  if (part === undefined) return { kind: "plan" };
  if (part === "export") return { kind: line.choice("a form to export", ["terraform"]) };
  if (part !== "answer") return { kind: part };
  const question = line.optionalChoice("a question of the plan", questionIds);
  if (question === undefined) return { kind: "form" };
  const value = line.rest().join(" ");
  if (value === "") throw usage(`The line ends where the answer to ${quote(question)} is needed.`);
  return { kind: "answer", question, value };
}

async function carryOut(what: Asked, context: Context): Promise<Answer> {
  switch (what.kind) {
    case "plan":
      return await enqueue(context, { name: "plan", ...from(context) }, said.plan);
    case "iam":
    case "terraform":
      return await enqueue(context, { name: "plan", ...from(context), part: what.kind }, said[what.kind]);
    case "answers":
      return await enqueue(context, { name: "answers", ...from(context) }, said.answers);
    case "form":
      return await openForm(context);
    case "answer":
      return await answerOne(what, context);
  }
}

/** The message is for where no modal can be opened. */
async function openForm(context: Context): Promise<Answer> {
  const form = await context.form?.();
  const lines = questionsFor(context.migration).map(
    ({ id, hint, options }) =>
      `\`/ferry plan answer ${id} …\` ${options === undefined ? hint : options.map(({ value }) => value).join(", ")}`,
  );
  return {
    seenBy: "person",
    form,
    message: {
      subject: `${context.migration.name} · plan answer`,
      tone: "info",
      note: "no form could be opened",
      parts: [
        { kind: "text", text: "Each question can be answered by a command:" },
        { kind: "text", text: lines.join("\n") },
      ],
      next: ["plan answers"],
    },
  };
}

async function answerOne(
  { question, value }: { readonly question: string; readonly value: string },
  context: Context,
): Promise<Answer> {
  const problems = problemsOf({ [question]: value }, context.migration);
  const problem = problems[question];
  if (problem !== undefined) throw usage(`${quote(value)} is no answer to ${quote(question)}. ${problem}`);
  return await enqueue(
    context,
    { name: "answers", ...from(context), given: { [question]: value } },
    { subject: "plan answer", will: `Keeps ${quote(value)} as the answer to ${question}, with your name.` },
  );
}

/** Answers of a form: all are queued as one job, or none is and each mistake is named. Fails with `E_QUEUE`. */
export async function takeAnswers(
  values: Readonly<Record<string, string>>,
  context: Context,
): Promise<FormProblems> {
  const problems = problemsOf(values, context.migration);
  if (Object.keys(problems).length > 0 || Object.keys(values).length === 0) return problems;
  await enqueue(
    context,
    { name: "answers", ...from(context), given: { ...values } },
    { subject: "plan answer", will: "Keeps the answers." },
  );
  return {};
}

function problemsOf(values: Readonly<Record<string, string>>, migration: Migration): FormProblems {
  return checkAnswers(values, migration).problems;
}
