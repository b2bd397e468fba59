import { command, enqueue, from, nothing } from "./command.ts";

export const plan = command({
  name: "plan",
  usage: "plan",
  summary: "MSK shape, price, configuration, waves; a dry run of all that follows.",
  who: "anyone",
  parse: nothing,
  run: (_, context) =>
    enqueue(
      context,
      { name: "plan", ...from(context) },
      {
        subject: "plan",
        will: "Sizes MSK from the last assessment and plans configuration, price and waves. Changes nothing.",
      },
    ),
});
