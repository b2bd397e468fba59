import { App, HTTPReceiver, SocketModeReceiver } from "@slack/bolt";
import { type Logger, LogLevel } from "@slack/web-api";
import { z } from "zod";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Chat, Clock, Log, MessageRef } from "#domain/ports.ts";
import { type Calls, createCalls } from "./calls.ts";
import { createChat } from "./chat.ts";
import { answerCommands, type OnCommand } from "./commands.ts";
import { createEventReader, type ReactionSeen } from "./events.ts";
import { createPacer, type Pace } from "./pacing.ts";
import type { Identity, Render } from "./sending.ts";

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
};

export type SlackHandlers = {
  readonly onCommand: OnCommand;
  readonly onReaction: (seen: ReactionSeen) => Promise<void>;
  readonly onMessageDeleted: (ref: MessageRef) => Promise<void>;
  /** Events may have been missed until now: at the start and whenever the socket is open again. */
  readonly onReconnect: () => Promise<void>;
};

export type Slack = {
  readonly chat: Chat;
  /** Resolves when commands and events arrive; in HTTP mode with the port. Fails with `E_SLACK`, `E_SETTINGS`. */
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
    ...(need.apiUrl && { apiUrl: need.apiUrl }),
    ...(need.timeoutMs && { timeoutMs: need.timeoutMs }),
  });
  const identity = createIdentity(calls);
  const chat = createChat({ calls, pacer, render: need.render, identity, clock, log, signal });
  let transport: Transport | undefined;

  return {
    chat,
    async start(handlers) {
      transport = createTransport(need, handlers);
      const app = new App({
        token,
        receiver: transport.receiver,
        logger: loggerFor(log),
        deferInitialization: true,
        clientOptions: clientOptions(need),
      });
      listen(app, need, handlers, identity);
      try {
        await identity();
        await app.init();
        return { port: await transport.open() };
      } catch (cause) {
        await transport?.close();
        const { message } = asFerryError(cause);
        throw new FerryError("E_SLACK", `cannot connect to Slack: ${message}`, { cause });
      }
    },
    async stop() {
      await transport?.close();
      await Promise.race([pacer.idle(), clock.sleep(drainMs, signal).catch(() => undefined)]);
      ended.abort(new FerryError("E_SLACK", "stopped"));
    },
  };
}

/** Asked once and kept; a failure is asked again. */
function createIdentity(calls: Calls): () => Promise<Identity> {
  const answer = z.object({ user_id: z.string(), team_id: z.string() });
  let known: Promise<Identity> | undefined;
  return () => {
    known ??= calls.repeatable("auth.test", {}, answer).then(
      ({ user_id: user, team_id: team }) => ({ user, team }),
      (error: unknown) => {
        known = undefined;
        throw error;
      },
    );
    return known;
  };
}

/** No retry settings here: Socket Mode would share them, and without retries never come back (Bolt 5.1). */
function clientOptions(need: SlackNeed): { slackApiUrl?: string } {
  return need.apiUrl ? { slackApiUrl: need.apiUrl } : {};
}

type Transport = {
  readonly receiver: SocketModeReceiver | HTTPReceiver;
  open(): Promise<number | undefined>;
  close(): Promise<void>;
};

function createTransport(need: SlackNeed, handlers: SlackHandlers): Transport {
  const { appToken, signingSecret } = need;
  if (appToken) return socketTransport(need, appToken, handlers);
  if (signingSecret) return httpTransport(need, signingSecret, handlers);
  throw new FerryError(
    "E_SETTINGS",
    "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP) is needed",
  );
}

function socketTransport(need: SlackNeed, appToken: string, handlers: SlackHandlers): Transport {
  const receiver = new SocketModeReceiver({
    appToken,
    logger: loggerFor(need.log),
    installerOptions: { clientOptions: clientOptions(need) },
  });
  receiver.client.on("connected", () => {
    reconnected(need.log, handlers);
  });
  return {
    receiver,
    async open() {
      await receiver.start();
      return undefined;
    },
    close: () => receiver.client.disconnect(),
  };
}

function httpTransport(need: SlackNeed, signingSecret: string, handlers: SlackHandlers): Transport {
  const logger = loggerFor(need.log);
  const receiver = new HTTPReceiver({ signingSecret, logger, endpoints: ["/slack/events"] });
  let listening = false;
  return {
    receiver,
    async open() {
      const server = await receiver.start({ port: need.port ?? 3000, ...(need.host && { host: need.host }) });
      listening = true;
      reconnected(need.log, handlers);
      const address = server.address();
      return typeof address === "object" ? address?.port : undefined;
    },
    async close() {
      if (listening) await receiver.stop();
      listening = false;
    },
  };
}

function reconnected(log: Log, handlers: SlackHandlers): void {
  handlers
    .onReconnect()
    .catch((error: unknown) => log.error({ error }, "catching up after a connect failed"));
}

/** Bolt acknowledges events before a listener runs; one that fails here is found again by reading Slack back. */
function listen(app: App, need: SlackNeed, handlers: SlackHandlers, identity: () => Promise<Identity>): void {
  const read = createEventReader();
  answerCommands(app, need, handlers.onCommand);
  app.event(/^(?:reaction_added|reaction_removed|message)$/, async ({ body }) => {
    const seen = read(body);
    if (seen?.kind === "deleted") return handlers.onMessageDeleted(seen.ref);
    if (seen?.kind !== "reaction" || seen.reaction.user === (await identity()).user) return undefined;
    return handlers.onReaction(seen.reaction);
  });
  app.error(async (error) => need.log.error({ error }, "slack listener failed"));
}

function said(words: readonly unknown[]): object {
  return { said: words.map((word) => (word instanceof Error ? word.message : String(word))) };
}

/** Bolt's lines into ours; debug is left out: it holds tokens and whole payloads. */
function loggerFor(log: Log): Logger {
  return {
    debug() {},
    info: (...words) => log.debug(said(words), "bolt"),
    warn: (...words) => log.warn(said(words), "bolt"),
    error: (...words) => log.error(said(words), "bolt"),
    setLevel() {},
    setName() {},
    getLevel: () => LogLevel.INFO,
  };
}
