import { command, enqueue, from } from "./command.ts";

export const audit = command({
  name: "audit",
  usage: "audit [export]",
  summary: "Who did what when; `export` attaches the whole hash chain.",
  who: "members",
  parse: (line) => line.optionalChoice("something that audit does", ["export"]) === "export",
  run: (exported, context) =>
    enqueue(
      context,
      { name: "audit", ...from(context), export: exported },
      {
        subject: exported ? "audit export" : "audit",
        will: exported
          ? "Checks the audit chain and attaches all of it in the thread. Changes nothing."
          : "Lists who did what when, newest first. Changes nothing.",
      },
    ),
});
