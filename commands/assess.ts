import { command, enqueue, from } from "./command.ts";
import { spell } from "./spell.ts";

export const assess = command({
  name: "assess",
  usage: "assess [diff]",
  summary: "Inventory and findings, a report in the thread; or what changed since.",
  who: "anyone",
  parse: (line) => line.optionalChoice("a part of the assessment", ["diff"]),
  run: (part, context) =>
    part === "diff"
      ? enqueue(
          context,
          { name: "assess-diff", ...from(context) },
          {
            subject: "assess diff",
            will: "Compares the last two assessments. Reads nothing of the source, changes nothing.",
          },
        )
      : enqueue(
          context,
          { name: "assess", ...from(context) },
          {
            subject: "assess",
            will: `Reads every topic, partition and group of the source and measures traffic for ${spell(context.migration.settings.assess.window)}. Changes nothing.`,
          },
        ),
});
