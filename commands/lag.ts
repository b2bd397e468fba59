import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const lag = command({
  name: "lag",
  usage: "lag [topic|group]",
  summary: "Exact lag, trend, time to catch up, chart.",
  who: "anyone",
  parse: (line) => line.optionalWord(),
  run: (subject, context) =>
    enqueue(
      context,
      { name: "lag", ...from(context), ...(subject !== undefined && { subject }) },
      {
        subject: "lag",
        will: `Reads copied and end offsets of ${subject === undefined ? "every partition" : quote(subject)}. Changes nothing.`,
      },
    ),
});
