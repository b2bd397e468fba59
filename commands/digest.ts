import { type Context, command, enqueue, from } from "./command.ts";
import { readCron, readTimezone } from "./cron.ts";
import type { Line } from "./grammar.ts";
import { quote, usage } from "./grammar.ts";

type Asked =
  | { readonly when: "now" }
  | { readonly when: "off" }
  | { readonly when: "on"; readonly cron: string; readonly timezone: string | undefined };

function parse(line: Line): Asked {
  const when = line.choice("a digest setting", ["now", "on", "off"]);
  if (when === "now" || when === "off") return { when };
  const words = line.rest();
  const cron = readCron(words.slice(0, 5));
  const [zone, stray] = words.slice(5);
  const timezone = zone === undefined ? undefined : readTimezone(zone);
  if (stray !== undefined) throw usage(`${quote(stray)} is one word too many.`);
  return { when, cron, timezone };
}

function run(asked: Asked, context: Context) {
  if (asked.when === "now")
    return enqueue(
      context,
      { name: "digest", ...from(context) },
      {
        subject: "digest",
        will: "Posts the lag of every wave here once. The schedule stays as it is.",
      },
    );
  if (asked.when === "off")
    return enqueue(
      context,
      { name: "schedule-digest", ...from(context) },
      {
        subject: "digest off",
        will: "Ends the scheduled lag digest. Alarms go on.",
      },
    );
  const { cron } = asked;
  const timezone = asked.timezone ?? context.migration.settings.digest?.timezone ?? "UTC";
  return enqueue(
    context,
    { name: "schedule-digest", ...from(context), cron, timezone },
    {
      subject: "digest on",
      will: `Posts the lag of every wave here at \`${cron}\` (${timezone}), in place of the earlier schedule. Undo: \`/ferry digest off\`.`,
    },
  );
}

export const digest = command({
  name: "digest",
  usage: "digest now|off|on <cron> [timezone]",
  summary: "Lag digest: once, or on a schedule of five cron fields.",
  who: "members",
  parse,
  run,
});
