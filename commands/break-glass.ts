import { mention } from "#domain/message.ts";
import { command, enqueue, from } from "./command.ts";
import { quote, usage } from "./grammar.ts";

export const breakGlass = command({
  name: "break-glass",
  usage: "break-glass <request> <reason>",
  summary: "Counts as one approval in an emergency, for people named in ferry.yaml.",
  who: "members",
  parse(line) {
    const request = line.word("the id of a request, such as `7K3Q`,");
    const reason = line.rest().join(" ");
    if (reason === "") throw usage("The line ends where a reason is needed.");
    return { request, reason };
  },
  run({ request, reason }, context) {
    const named = context.migration.settings.approvals.breakGlass?.users;
    if (named === undefined) {
      throw usage("There is no break-glass here: `approvals.breakGlass` is not set in ferry.yaml.");
    }
    if (!named.includes(context.user)) {
      throw usage(`Break-glass is for ${named.map((user) => mention(user)).join(", ")}.`);
    }
    return enqueue(
      context,
      { name: "break-glass", ...from(context), request, reason },
      {
        subject: "break-glass",
        will: `Counts as one approval of request ${quote(request)} and tells everybody here why. One other person must still react with ✅, and the gate must hold.`,
      },
    );
  },
});
