import { command, enqueue, from } from "./command.ts";

const effects = {
  start:
    "Creates the missing topics on MSK, then copies records. Applications stay on the source. Undo: `/ferry replicate stop`.",
  pause: "Pauses the mirror after what it holds in hand. Lag grows until `/ferry replicate resume`.",
  resume:
    "Lets the mirror go on where it stopped, also one back to the source, and starts failed tasks again.",
  stop: "Stops the mirror and keeps its offsets: `/ferry replicate start` goes on from there. Records on MSK stay.",
} as const;

export const replicate = command({
  name: "replicate",
  usage: "replicate start|pause|resume|stop",
  summary: "Creates the topics on MSK and mirrors them.",
  who: "members",
  parse: (line) => line.choice("an action of the mirror", ["start", "pause", "resume", "stop"]),
  run: (action, context) =>
    enqueue(
      context,
      { name: "replicate", ...from(context), action },
      {
        subject: `replicate ${action}`,
        will: effects[action],
      },
    ),
});
