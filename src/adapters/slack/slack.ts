import { App } from "@slack/bolt";
import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { keepTrying } from "#domain/keep-trying.ts";
import type { Chat, Clock, Log, MessageRef } from "#domain/ports.ts";
import { type Calls, createCalls } from "./calls.ts";
import { createChat } from "./chat.ts";
import { answerCommands, createCommandDesk, type OnCommand } from "./commands.ts";
import { createEventReader, type ReactionSeen } from "./events.ts";
import { answerForms, createFormOpener, type OnForm } from "./forms.ts";
import { createIntake, type Intake } from "./intake.ts";
import { createPacer, type Pace } from "./pacing.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import { connectFailure } from "./refused.ts";
import type { Identity, Render } from "./sending.ts";
import { clientOptions, createTransport, loggerFor, type Transport } from "./transport.ts";

export type SlackNeed = {
  readonly botToken: string;
  /** Present: Socket Mode. */
  readonly appToken?: string | undefined;
  /** HTTP mode: checks signature and age of each request. */
  readonly signingSecret?: string | undefined;
  /** Ends in "/"; Slack's own when absent. */
  readonly apiUrl?: string | undefined;
  /** HTTP mode; 3000 when absent, 0 takes a free one. */
  readonly port?: number | undefined;
  /** HTTP mode; every address when absent. */
  readonly host?: string | undefined;
  readonly render: Render;
  readonly log: Log;
  readonly clock: Clock;
  readonly pace?: Pace | undefined;
  /** Of one call to Slack, in milliseconds; 10 s when absent. */
  readonly timeoutMs?: number | undefined;
  /** Told of every call that failed: its method, and whether Slack limited, refused or did not answer it. */
  readonly onCallFailure?: ((method: string, kind: string) => void) | undefined;
};

export type SlackHandlers = {
  readonly onCommand: OnCommand;
  /** Somebody sends a form that was opened by a command. */
  readonly onForm?: OnForm;
  readonly onReaction: (seen: ReactionSeen) => Promise<void>;
  readonly onMessageDeleted: (ref: MessageRef) => Promise<void>;
  /** Somebody looks at the bot's Home tab. */
  readonly onHomeOpened: (user: string) => Promise<void>;
  /** Events may have been missed until now: at the start and whenever the socket is open again. */
  readonly onReconnect: () => Promise<void>;
};

export type Slack = {
  readonly chat: Chat;
  /** What came in and was refused since the start, by reason. */
  refused(): ReturnType<Refusals["counts"]>;
  /**
   * Resolves when commands and events arrive; in HTTP mode with the port. A Slack that does not answer is tried again,
   * 1 s to 30 s apart; fails with `E_SETTINGS` when Slack refuses a token or the port is taken.
   */
  start(handlers: SlackHandlers): Promise<{ readonly port: number | undefined }>;
  /** Lets what waits be sent (2 s at most) and closes. */
  stop(): Promise<void>;
};

const drainMs = 2000;

/** Slack by Bolt: Socket Mode with an app token, signed HTTP on `/slack/events` without. */
export function createSlack(need: SlackNeed): Slack {
  const { log, clock, botToken: token } = need;
  const ended = new AbortController();
  const { signal } = ended;
  const pacer = createPacer(clock, signal, need.pace);
  const calls = createCalls({
    token,
    clock,
    log,
    signal,
    onFailure: need.onCallFailure,
    ...(need.apiUrl && { apiUrl: need.apiUrl }),
    ...(need.timeoutMs && { timeoutMs: need.timeoutMs }),
  });
  const identity = createIdentity(calls);
  const chat = createChat({ calls, pacer, render: need.render, identity, clock, log, signal });
  const refusals = createRefusals(log);
  let transport: Transport | undefined;

  return {
    chat,
    refused: () => refusals.counts(),
    async start(handlers) {
      const trying = {
        clock,
        signal,
        onTrouble({ code, message, remedy }: FerryError) {
          log.warn({ code, error: message, remedy }, "slack is not reachable; it is tried again");
        },
        onBack: (failures: number) => log.info({ failures }, "slack is back"),
      };
      return await keepTrying(trying, async () => {
        let team: string | undefined;
        const intake = createIntake(() => team, refusals);
        const openForm = createFormOpener(calls);
        const desk = createCommandDesk({ ...need, intake, openForm }, handlers.onCommand);
        transport = createTransport({ ...need, refusals, desk }, () => reconnected(log, handlers));
        const app = createApp(need, transport, identity);
        answerCommands(app, desk);
        listen(app, need, handlers, { identity, intake });
        try {
          ({ team } = await identity("once").catch((cause: unknown) => {
            throw connectFailure("SLACK_BOT_TOKEN", cause);
          }));
          const port = await transport.open();
          signal.throwIfAborted();
          return { port };
        } catch (error) {
          await transport.close();
          throw error;
        }
      });
    },
    async stop() {
      await transport?.close();
      await Promise.race([pacer.idle(), clock.sleep(drainMs, signal).catch(() => undefined)]);
      ended.abort(new FerryError("E_SLACK", "stopped"));
    },
  };
}

type Ask = (patience?: "once") => Promise<Identity>;

/** Asked once and kept; a failure is asked again. */
function createIdentity(calls: Calls): Ask {
  const answer = z.object({ user_id: z.string(), team_id: z.string() });
  let known: Promise<Identity> | undefined;
  return (patience) => {
    known ??= calls.repeatable("auth.test", {}, answer, patience).then(
      ({ user_id: user, team_id: team }) => ({ user, team }),
      (error: unknown) => {
        known = undefined;
        throw error;
      },
    );
    return known;
  };
}

/** Bolt asks for the token with each event; its own way keeps a failed `auth.test` for ever (Bolt 5.1). */
function createApp(need: SlackNeed, { receiver }: Transport, identity: Ask): App {
  return new App({
    receiver,
    // Nothing is kept per conversation; Bolt would look there before each acknowledgement.
    convoStore: false,
    logger: loggerFor(need.log, "warn"),
    clientOptions: clientOptions(need),
    authorize: async () => ({ botToken: need.botToken, botUserId: (await identity()).user }),
  });
}

function reconnected(log: Log, handlers: SlackHandlers): void {
  handlers
    .onReconnect()
    .catch((error: unknown) => log.error({ error }, "catching up after a connect failed"));
}

/** Bolt acknowledges events before a listener runs; one that fails here is found again by reading Slack back. */
function listen(
  app: App,
  need: SlackNeed,
  handlers: SlackHandlers,
  { identity, intake }: { readonly identity: Ask; readonly intake: Intake },
): void {
  if (handlers.onForm !== undefined) answerForms(app, { ...need, intake }, handlers.onForm);
  const read = createEventReader(intake);
  app.event(/^(?:reaction_added|reaction_removed|message|app_home_opened)$/, async ({ body }) => {
    const seen = read(body);
    if (seen?.kind === "home") return handlers.onHomeOpened(seen.user);
    if (seen?.kind === "deleted") return handlers.onMessageDeleted(seen.ref);
    if (seen?.kind !== "reaction" || seen.reaction.user === (await identity()).user) return undefined;
    return handlers.onReaction(seen.reaction);
  });
  app.error(async (error) => need.log.error({ error }, "slack listener failed"));
}
