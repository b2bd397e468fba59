import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const verify = command({
  name: "verify",
  usage: "verify [wave]",
  summary: "Compares the records of both clusters.",
  who: "anyone",
  parse: (line) => line.optionalWord(),
  run: (wave, context) =>
    enqueue(
      context,
      { name: "verify", ...from(context), ...(wave !== undefined && { wave }) },
      {
        subject: "verify",
        will: `Reads the records of ${wave === undefined ? "every wave" : `wave ${quote(wave)}`} on both clusters and compares them. Changes nothing.`,
      },
    ),
});
