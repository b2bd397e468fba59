import type { App } from "@slack/bolt";
import type { KnownBlock } from "@slack/types";
import { asFerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Clock, Log } from "#domain/ports.ts";
import type { Render } from "./sending.ts";

/** What was typed after the slash command, as typed. */
type Said = { readonly channel: string; readonly user: string; readonly text: string };

export type OnCommand = (
  said: Said,
) => Promise<{ readonly message: Message; readonly seenBy: "channel" | "person" }>;

type CommandsNeed = { readonly render: Render; readonly log: Log; readonly clock: Clock };

/** Slack gives up at 3 s; what is not answered by now is acknowledged and answered later. */
const ackMs = 2500;

/** Slack escapes these three in command text. */
function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function failed(error: unknown): Message {
  const { code, message, remedy } = asFerryError(error);
  const parts = [
    { kind: "text", text: `\`${code}\` ${message}` },
    { kind: "text", text: `Do: ${remedy}` },
  ] as const;
  return { subject: "ferry", tone: "failed", note: "not known whether it was queued", parts };
}

/** Answers every slash command of this app: in the acknowledgement, or by its response URL when that takes longer. */
export function answerCommands(app: App, { render, log, clock }: CommandsNeed, onCommand: OnCommand): void {
  async function answerTo(said: Said) {
    const answer = await onCommand(said).catch((error: unknown) => {
      log.error({ channel: said.channel, user: said.user, error }, "command failed");
      return { message: failed(error), seenBy: "person" as const };
    });
    const { text, blocks } = render(answer.message);
    const response_type = answer.seenBy === "channel" ? ("in_channel" as const) : ("ephemeral" as const);
    return { response_type, text, blocks: blocks.filter(isBlock) };
  }

  app.command(/^\//, async ({ command, ack, respond }) => {
    const { channel_id: channel, user_id: user } = command;
    const answer = answerTo({ channel, user, text: unescaped(command.text ?? "") });
    const inTime = await within(clock, ackMs, answer);
    if (inTime) return ack(inTime);
    log.warn({ channel, user, ackMs }, "command acknowledged before its answer was ready");
    await ack();
    await respond(await answer);
  });
}

/** Bolt wants its own type; the renderer is trusted to give blocks. */
function isBlock(block: object): block is KnownBlock {
  return "type" in block;
}

async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  const answered = new AbortController();
  const timeUp = clock.sleep(ms, answered.signal).catch(() => undefined);
  try {
    return await Promise.race([promise, timeUp.then(() => undefined)]);
  } finally {
    answered.abort();
  }
}
