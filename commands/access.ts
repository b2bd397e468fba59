import { command, enqueue, from } from "./command.ts";

const actions = ["diff", "copy", "withdraw"] as const;

const will = {
  show: "Shows what the target lacks of the source's ACLs, quotas and users; hands out IAM policies where MSK asks for them. Changes nothing.",
  diff: "Compares who may what on the source and on MSK, by Kafka's rules. Changes nothing.",
  copy: "Shows the ACLs and quotas that would be added on MSK and asks for approval. Nothing is changed before.",
  withdraw:
    "Shows the ACLs and quotas that the bot added on MSK and asks for approval to remove exactly these. Nothing is changed before.",
} as const;

export const access = command({
  name: "access",
  usage: "access [diff|copy|withdraw] [--dry-run]",
  summary: "Who may what on MSK: what is missing, what differs; adds it, after approval.",
  who: "members",
  parse: (line) => ({
    dryRun: line.flag("--dry-run"),
    action: line.optionalChoice("what to do with access", actions) ?? ("show" as const),
  }),
  run: ({ action, dryRun }, context) =>
    enqueue(
      context,
      { name: "access", ...from(context), action, ...(dryRun && { dryRun }) },
      {
        subject: `access${action === "show" ? "" : ` ${action}`}${dryRun ? ", dry run" : ""}`,
        will: dryRun ? will.show : will[action],
      },
    ),
});
