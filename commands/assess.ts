import { command, enqueue, from, nothing } from "./command.ts";
import { spell } from "./spell.ts";

export const assess = command({
  name: "assess",
  usage: "assess",
  summary: "Inventory and findings of the source; a report in the thread.",
  who: "anyone",
  parse: nothing,
  run: (_, context) =>
    enqueue(
      context,
      { name: "assess", ...from(context) },
      {
        subject: "assess",
        will: `Reads every topic, partition and group of the source and measures traffic for ${spell(context.migration.settings.assess.window)}. Changes nothing.`,
      },
    ),
});
