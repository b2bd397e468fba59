import { command, enqueue, from } from "./command.ts";
import { type Line, quote, usage } from "./grammar.ts";

const effects = {
  start:
    "Creates the missing topics on MSK, adds the ACLs and quotas that `/ferry access` shows, then copies records. Applications stay on the source. Undo: `/ferry replicate stop`, `/ferry access withdraw`.",
  pause: "Pauses the mirror after what it holds in hand. Lag grows until `/ferry replicate resume`.",
  resume:
    "Lets the mirror go on where it stopped, also one back to the source, and starts failed tasks again.",
  stop: "Stops the mirror and keeps its offsets: `/ferry replicate start` goes on from there. Records on MSK stay.",
  throttle:
    "Limits, by a client quota on MSK, what the mirrors of all waves copy together; applications are not touched. Undo: `/ferry replicate throttle off`.",
} as const;

const actions = ["start", "pause", "resume", "stop", "throttle"] as const;

export const replicate = command({
  name: "replicate",
  usage: "replicate start|pause|resume|stop|throttle <MB/s|off>",
  summary: "Creates the topics on MSK and mirrors them.",
  who: "members",
  parse: (line) => {
    const action = line.choice("an action of the mirror", actions);
    return action === "throttle" ? { action, bytesPerSecond: rate(line) } : { action };
  },
  run: ({ action, bytesPerSecond }, context) =>
    enqueue(
      context,
      {
        name: "replicate",
        ...from(context),
        action,
        ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
      },
      { subject: `replicate ${action}`, will: effects[action] },
    ),
});

/** "20", "20MB/s" or "0.5mb": megabytes of 1,000,000 a second, in bytes; "off" is `undefined`. */
function rate(line: Line): number | undefined {
  const word = line.word("a rate in MB/s, or `off`,");
  if (word.toLowerCase() === "off") return undefined;
  const [, amount] = /^(\d+(?:\.\d+)?)(?:mb(?:\/s)?)?$/i.exec(word) ?? [];
  const bytes = Math.round(Number(amount) * 1_000_000);
  if (amount !== undefined && bytes > 0) return bytes;
  throw usage(`${quote(word)} is not a rate in MB/s, such as \`20\` or \`0.5\`, and not \`off\`.`);
}
