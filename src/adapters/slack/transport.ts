import { createServer, type Server } from "node:http";
import { HTTPReceiver, SocketModeReceiver } from "@slack/bolt";
import { type Logger, LogLevel } from "@slack/web-api";
import { asFerryError, catalogue, FerryError } from "#domain/errors.ts";
import { keepTrying } from "#domain/keep-trying.ts";
import type { Clock, Log } from "#domain/ports.ts";
import type { CommandDesk } from "./commands.ts";
import { answerHttpCommands } from "./http-commands.ts";
import { createGate, endpoint } from "./http-gate.ts";
import type { Refusals } from "./refusals.ts";
import { connectFailure } from "./refused.ts";

type TransportNeed = {
  readonly appToken?: string | undefined;
  readonly signingSecret?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  readonly log: Log;
  readonly clock: Clock;
  readonly timeoutMs?: number | undefined;
  readonly refusals: Refusals;
  readonly desk: CommandDesk;
};

/** The way in which commands and events arrive. */
export type Transport = {
  readonly receiver: SocketModeReceiver | HTTPReceiver;
  /** Resolves when it is open; in HTTP mode with the port. */
  open(): Promise<number | undefined>;
  close(): Promise<void>;
};

const callDeadlineMs = 10_000;

/** One try per call: who waits for Slack tries again itself, at a pace that is known here. */
export function clientOptions(need: Pick<TransportNeed, "apiUrl" | "timeoutMs">) {
  return {
    retryConfig: { retries: 0 },
    timeout: need.timeoutMs ?? callDeadlineMs,
    ...(need.apiUrl && { slackApiUrl: need.apiUrl }),
  };
}

/** Socket Mode with an app token, signed HTTP without. `onOpen` is called each time that events begin to arrive. */
export function createTransport(need: TransportNeed, onOpen: () => void): Transport {
  const { appToken, signingSecret } = need;
  if (appToken) return socketTransport(need, appToken, onOpen);
  if (signingSecret) return httpTransport(need, signingSecret, onOpen);
  throw new FerryError(
    "E_SETTINGS",
    "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP) is needed",
  );
}

/**
 * Reconnects by itself. Bolt's own reconnect ends in an unhandled rejection, and for ever, when Slack refuses the token
 * once or does not answer (Socket Mode 3.1), and waits ever longer.
 */
function socketTransport(need: TransportNeed, appToken: string, onOpen: () => void): Transport {
  const { log, clock } = need;
  const closing = new AbortController();
  const receiver = new SocketModeReceiver({
    appToken,
    autoReconnectEnabled: false,
    logger: loggerFor(log, "debug"),
    installerOptions: { clientOptions: clientOptions(need) },
  });
  const { client } = receiver;
  let connected = false;

  async function connect(): Promise<void> {
    await client.start().catch((cause: unknown) => {
      const why = cause ?? new FerryError("E_SLACK", "the socket was closed before Slack greeted");
      throw connectFailure("SLACK_APP_TOKEN", why);
    });
  }

  async function comeBack(): Promise<void> {
    const trying = {
      clock,
      signal: closing.signal,
      isFinal: () => false,
      onTrouble({ code, message, remedy }: FerryError) {
        log.warn({ code, error: message, remedy }, "slack's socket is closed; it is tried again");
      },
      onBack: (failures: number) => log.info({ failures }, "slack's socket is back"),
    };
    await keepTrying(trying, connect).catch(() => undefined);
  }

  client.on("connected", () => {
    if (closing.signal.aborted) return void client.disconnect();
    connected = true;
    onOpen();
  });
  client.on("disconnected", () => {
    // Also said of a first connect that failed: whoever asked for that one hears of it.
    if (connected && !closing.signal.aborted) void comeBack();
    connected = false;
  });

  return {
    receiver,
    async open() {
      await connect();
      return undefined;
    },
    async close() {
      closing.abort(new FerryError("E_SLACK", "stopped"));
      const closed = client.disconnect();
      // Without an open socket there is no event that would end this.
      if (connected) await closed;
    },
  };
}

function httpTransport(need: TransportNeed, signingSecret: string, onOpen: () => void): Transport {
  const { port = 3000, host, log, clock, refusals, timeoutMs = callDeadlineMs } = need;
  const receiver = new HTTPReceiver({
    signingSecret,
    // The gate has verified it, body and all.
    signatureVerification: false,
    logger: loggerFor(log, "debug"),
    endpoints: [endpoint],
  });
  const gate = createGate({
    signingSecret,
    clock,
    refusals,
    command: answerHttpCommands(need.desk, { log, timeoutMs }),
    next(request, response) {
      try {
        receiver.requestListener(request, response);
      } catch {
        // What Bolt throws here is that nobody serves this path.
        response.writeHead(404).end();
      }
    },
  });
  const server = createServer(gate);
  return {
    receiver,
    async open() {
      await listening(server, port, host);
      onOpen();
      const address = server.address();
      return typeof address === "object" ? address?.port : undefined;
    },
    async close() {
      if (!server.listening) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeIdleConnections();
      await promise;
    },
  };
}

function listening(server: Server, port: number, host: string | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause) => {
    reject(new FerryError("E_SETTINGS", `PORT: saw ${port}; ${portTrouble(cause)}.`, { cause }));
  });
  server.listen({ port, ...(host && { host }) }, resolve);
  return promise;
}

function portTrouble(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") return "another process listens there, and a free one is needed";
  if (code === "EACCES") return "this user may not listen there; ports from 1024 on are allowed";
  return asFerryError(cause).message;
}

/** Bolt's lines into ours, its troubles at `level`; its debug is left out: it holds tokens and whole payloads. */
export function loggerFor(log: Log, level: "debug" | "warn"): Logger {
  const { remedy } = catalogue.E_SLACK;
  return {
    debug() {},
    info: (...words) => log.debug({ said: said(words) }, "bolt"),
    warn: (...words) => log[level]({ code: "E_SLACK", error: said(words), remedy }, "bolt"),
    error: (...words) => log[level]({ code: "E_SLACK", error: said(words), remedy }, "bolt"),
    setLevel() {},
    setName() {},
    getLevel: () => LogLevel.INFO,
  };
}

function said(words: readonly unknown[]): string {
  return words.map((word) => (word instanceof Error ? word.message : String(word))).join(" ");
}
