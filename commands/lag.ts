import { type Context, command, enqueue, from } from "./command.ts";
import type { Line } from "./grammar.ts";
import { quote } from "./grammar.ts";

type Asked =
  | { readonly what: "lag"; readonly subject: string | undefined }
  | { readonly what: "evidence"; readonly wave: string | undefined }
  | { readonly what: "acknowledge"; readonly topic: string };

function parse(line: Line): Asked {
  const word = line.optionalWord();
  if (word === "evidence") return { what: "evidence", wave: line.optionalWord() };
  if (word === "acknowledge") return { what: "acknowledge", topic: line.word("a topic") };
  return { what: "lag", subject: word };
}

function run(asked: Asked, context: Context) {
  const job = { name: "lag", ...from(context) } as const;
  if (asked.what === "evidence") {
    const { wave } = asked;
    const of = wave === undefined ? "every wave" : `wave ${quote(wave)}`;
    return enqueue(
      context,
      { ...job, action: "evidence", ...(wave !== undefined && { subject: wave }) },
      {
        subject: "lag evidence",
        will: `Proves or refutes that ${of} has caught up: offsets and last records of both sides, as a file. Changes nothing.`,
      },
    );
  }
  if (asked.what === "acknowledge") {
    return enqueue(
      context,
      { ...job, action: "acknowledge", subject: asked.topic },
      {
        subject: "lag acknowledge",
        will: `Marks what ${quote(asked.topic)} has lost as seen to, in your name. It stays in the audit.`,
      },
    );
  }
  const { subject } = asked;
  return enqueue(
    context,
    { ...job, ...(subject !== undefined && { subject }) },
    {
      subject: "lag",
      will: `Reads copied and end offsets of ${subject === undefined ? "every partition" : quote(subject)}. Changes nothing.`,
    },
  );
}

export const lag = command({
  name: "lag",
  usage: "lag [topic|group] | evidence [wave] | acknowledge <topic>",
  summary: "Lag, trend, time to catch up, chart; or proof. `acknowledge`: members.",
  who: "anyone",
  // It changes what the bot says, in the name of whoever types it.
  forMembers: ({ what }) => what === "acknowledge",
  parse,
  run,
});
