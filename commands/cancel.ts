import { command, enqueue, from } from "./command.ts";
import { quote } from "./grammar.ts";

export const cancel = command({
  name: "cancel",
  usage: "cancel <request>",
  summary: "Withdraws a request, or stops a running step where that is safe.",
  who: "members",
  parse: (line) => line.word("the id of a request, such as `7K3Q`,"),
  run: (request, context) =>
    enqueue(
      context,
      { name: "cancel", ...from(context), request },
      {
        subject: "cancel",
        will: `Withdraws request ${quote(request)} if it still waits. If it runs already, it turns back where that is safe. Needs no approval.`,
      },
    ),
});
