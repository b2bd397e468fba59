import { command, enqueue, from } from "./command.ts";

const will = {
  plan: "Sizes MSK from the last assessment and plans configuration, price and waves. Changes nothing.",
  iam: "Uploads the IAM policy that the bot needs for this plan, whole and per step. Changes nothing.",
} as const;

export const plan = command({
  name: "plan",
  usage: "plan [iam]",
  summary: "MSK shape, price, configuration, waves; a dry run of all that follows.",
  who: "anyone",
  parse: (line) => line.optionalChoice("a part of the plan", ["iam"]),
  run: (part, context) =>
    enqueue(
      context,
      { name: "plan", ...from(context), ...(part === undefined ? {} : { part }) },
      { subject: part === undefined ? "plan" : `plan ${part}`, will: will[part ?? "plan"] },
    ),
});
