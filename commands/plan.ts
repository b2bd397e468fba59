import { command, enqueue, from } from "./command.ts";
import type { Line } from "./grammar.ts";

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
} as const;

export const plan = command({
  name: "plan",
  usage: "plan [iam|export terraform]",
  summary: "MSK shape, price, configuration, waves; a dry run of all that follows.",
  who: "anyone",
  parse: partOf,
  run: (part, context) =>
    enqueue(
      context,
      { name: "plan", ...from(context), ...(part === undefined ? {} : { part }) },
      said[part ?? "plan"],
    ),
});

function partOf(line: Line): "iam" | "terraform" | undefined {
  const part = line.optionalChoice("a part of the plan", ["iam", "export"]);
  return part === "export" ? line.choice("a form to export", ["terraform"]) : part;
}
