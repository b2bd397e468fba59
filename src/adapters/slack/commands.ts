import type { App, BlockAction, ButtonAction, RespondFn } from "@slack/bolt";
import type { KnownBlock } from "@slack/types";
import { z } from "zod";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Form } from "#domain/form.ts";
import type { Message } from "#domain/message.ts";
import type { Clock, Log } from "#domain/ports.ts";
import { withinLimits } from "./block-limits.ts";
import type { OpenForm } from "./forms.ts";
import type { Intake } from "./intake.ts";
import type { Render } from "./sending.ts";

/** What was typed after the slash command, or what a button types, as typed. */
type Said = {
  readonly channel: string;
  readonly user: string;
  readonly text: string;
  /** Slack's id of this one command or click. */
  readonly trigger: string;
};

/** With a form, the message is said only where the form could not be opened. */
export type OnCommand = (said: Said) => Promise<{
  readonly message: Message;
  readonly seenBy: "channel" | "person";
  readonly form?: Form | undefined;
}>;

type CommandsNeed = {
  readonly render: Render;
  readonly log: Log;
  readonly clock: Clock;
  readonly intake: Intake;
  readonly openForm: OpenForm;
};

/** Slack gives up at 3 s; what is not answered by now is acknowledged and answered later. */
export const ackMs = 2500;

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

const elsewhere = "MSK Ferry takes commands from people of its own workspace only. Nothing was queued.";

const unknownButton: Message = {
  subject: "ferry",
  tone: "failed",
  note: "nothing was queued",
  parts: [
    {
      kind: "text",
      text: "This button is not known any more: its message is of another version of the bot.",
    },
  ],
  next: ["status", "help"],
};

type Answer = Awaited<ReturnType<OnCommand>>;

/** One slash command, as Slack sends it. */
export const Slash = z.object({
  command: z.string().startsWith("/"),
  text: z.string().default(""),
  channel_id: z.string(),
  user_id: z.string(),
  team_id: z.string().optional(),
  trigger_id: z.string(),
  response_url: z.string(),
});
export type Slash = z.infer<typeof Slash>;

type Sayable = ReturnType<typeof drawn> | { readonly response_type: "ephemeral"; readonly text: string };
type Say<T> = (said: T) => unknown;

/** Answers commands, however they arrive: in the acknowledgement, or later when that takes longer. */
export type CommandDesk = {
  typed(command: Slash, ack: Say<Sayable | undefined>, respond: Say<Sayable>): Promise<void>;
  /** A button types a command; it goes the way of one that was typed. */
  pressed(body: BlockAction<ButtonAction>, action: ButtonAction, respond: RespondFn): Promise<void>;
};

export function createCommandDesk(need: CommandsNeed, onCommand: OnCommand): CommandDesk {
  const { log, clock, intake } = need;

  function answerTo(said: Said): Promise<Answer> {
    return onCommand(said).catch((error: unknown) => {
      log.error({ channel: said.channel, user: said.user, error }, "command failed");
      return { message: failed(error), seenBy: "person" as const };
    });
  }

  return {
    async typed(
      { channel_id: channel, user_id: user, text, team_id: team, trigger_id: trigger },
      ack,
      respond,
    ) {
      if (!intake.isOurs(team)) return void (await ack({ response_type: "ephemeral", text: elsewhere }));
      if (!intake.isNew(trigger)) return void (await ack(undefined));
      const answer = answerTo({ channel, user, text: unescaped(text), trigger })
        .then((each) => withoutForm(each, trigger, need))
        .then((left) => ({ said: left && drawn(need, left) }));
      const quick = await within(clock, ackMs, answer);
      if (quick) return void (await ack(quick.said));
      log.warn({ channel, user, ackMs }, "command acknowledged before its answer was ready");
      await ack(undefined);
      const { said } = await answer;
      if (said !== undefined) await respond(said);
    },
    async pressed(body, action, respond) {
      if (!intake.isOurs(body.team?.id))
        return void (await respond({ text: elsewhere, replace_original: false }));
      if (!intake.isNew(body.trigger_id)) return;
      const answer = await withoutForm(await pressed(body, action, answerTo), body.trigger_id, need);
      if (answer !== undefined) await respondTo(answer, need, respond);
    },
  };
}

/** What is left to say: nothing, where a form was opened in its place. */
async function withoutForm(
  answer: Answer,
  trigger: string,
  { openForm, log }: CommandsNeed,
): Promise<Answer | undefined> {
  if (answer.form === undefined) return answer;
  try {
    await openForm(answer.form, trigger);
    return undefined;
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    log.warn({ code, error: message }, "a form could not be opened");
    return answer;
  }
}

/** Lets Bolt bring every button, and the slash commands that come over a socket. */
export function answerCommands(app: App, desk: CommandDesk): void {
  app.command(/^\//, async ({ command, ack, respond }) => {
    await desk.typed(
      command,
      (said) => ack(said),
      (said) => respond(said),
    );
  });
  app.action<BlockAction<ButtonAction>>({ type: "block_actions" }, async ({ body, action, ack, respond }) => {
    await ack();
    await desk.pressed(body, action, respond);
  });
}

/** What a button answers; its text is what the bot itself wrote into it, and Slack hands back. */
async function pressed(
  body: BlockAction<ButtonAction>,
  action: ButtonAction,
  answerTo: (said: Said) => Promise<Answer>,
): Promise<Answer> {
  const channel = body.channel?.id;
  const known = action.action_id.startsWith("ferry-command-") && action.value;
  if (!known || channel === undefined) return { message: unknownButton, seenBy: "person" };
  return answerTo({ channel, user: body.user.id, text: known, trigger: body.trigger_id });
}

/** Never in place of the message whose button it was: that one has a life of its own. */
async function respondTo(answer: Answer, need: CommandsNeed, respond: RespondFn): Promise<void> {
  await respond({ ...drawn(need, answer), replace_original: false });
}

function drawn({ render }: CommandsNeed, { message, seenBy }: Answer) {
  const { text, blocks } = withinLimits(render(message));
  const response_type = seenBy === "channel" ? ("in_channel" as const) : ("ephemeral" as const);
  return { response_type, text, blocks: blocks.filter(isBlock) };
}

/** Bolt wants its own type; the renderer is trusted to give blocks. */
function isBlock(block: object): block is KnownBlock {
  return "type" in block;
}

/** Made once: an error of its own for each command would cost more than the rest of this. */
const inTime = new FerryError("E_SLACK", "answered in time");

/** `undefined` when it takes longer. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  const answered = new AbortController();
  const timeUp = clock.sleep(ms, answered.signal).catch(() => undefined);
  try {
    return await Promise.race([promise, timeUp.then(() => undefined)]);
  } finally {
    answered.abort(inTime);
  }
}
