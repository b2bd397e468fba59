import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const audit = command({
  name: "audit",
  usage: "audit [wave|export]",
  summary: "The story of a wave: who did what when; `export` attaches signed evidence.",
  who: "members",
  parse: (line) => {
    const word = line.optionalWord();
    if (word?.toLowerCase() === "export") return { export: true };
    return { export: false, ...(word !== undefined && { wave: word }) };
  },
  run: (asked, context) =>
    enqueue(
      context,
      { name: "audit", ...from(context), ...asked },
      {
        subject: asked.export ? "audit export" : "audit",
        will: asked.export
          ? "Checks the audit chain and attaches all evidence as one file in the thread. Changes nothing."
          : `Tells who did what when${asked.wave === undefined ? "" : ` in wave ${quote(asked.wave)}`}, oldest first. Changes nothing.`,
      },
    ),
});
