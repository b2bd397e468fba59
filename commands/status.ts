import { command, enqueue, from, nothing } from "./command.ts";

export const status = command({
  name: "status",
  usage: "status",
  summary: "Where each wave stands and what a way back costs. Shorter: plain `/ferry`.",
  who: "anyone",
  parse: nothing,
  run: (_, context) =>
    enqueue(
      context,
      { name: "status", ...from(context) },
      {
        subject: "status",
        will: "Reads where each wave stands. Changes nothing.",
      },
    ),
});
