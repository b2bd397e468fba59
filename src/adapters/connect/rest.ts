import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Clock, Log } from "#domain/ports.ts";

/** Connect's REST API: one call, its retries, its errors. Secrets are struck out of everything that leaves here. */

export type RestOptions = {
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** Texts that must never appear in an error. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch?: typeof fetch;
};

type Method = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

export type Rest = {
  /** `undefined` is 404. Other refusals are `E_CONNECT`, no answer is `E_CONNECT_UNREACHABLE`. */
  call<T>(method: Method, path: string, answer: z.ZodType<T>, body?: unknown): Promise<T | undefined>;
};

const callTimeoutMs = 20_000;
/** A rebalance of a large Connect cluster takes this long at most; longer is a finding. */
const busyForMs = 60_000;
const busyPauseMs = 300;

const Refusal = z.object({ error_code: z.number(), message: z.string() });

/** Answer of calls whose body nobody needs. */
export const Nothing = z.unknown();

export function createRest(options: RestOptions): Rest {
  const base = options.url.replace(/\/+$/, "");
  const send = options.fetch ?? fetch;
  const headers = { "content-type": "application/json", accept: "application/json", ...basic(options.auth) };

  async function once(
    method: Method,
    path: string,
    body: unknown,
  ): Promise<{ status: number; text: string }> {
    try {
      const response = await send(`${base}${path}`, {
        method,
        headers,
        signal: AbortSignal.timeout(callTimeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      // The URL may hold credentials, the cause may hold the URL.
      const why = cause instanceof Error ? reason(cause) : String(cause);
      throw new FerryError(
        "E_CONNECT_UNREACHABLE",
        `Connect did not answer: ${strike(why, options.secrets)}.`,
      );
    }
  }

  async function call<T>(
    method: Method,
    path: string,
    answer: z.ZodType<T>,
    body?: unknown,
  ): Promise<T | undefined> {
    const deadline = options.clock.now() + busyForMs;
    for (;;) {
      const { status, text } = await once(method, path, body);
      if (status < 300) return parse(answer, text, method, path);
      if (status === 404 && isAbsent(text)) return undefined;
      const message = strike(refusal(text), options.secrets);
      if (!isBusy(status, message) || options.clock.now() > deadline) {
        throw new FerryError("E_CONNECT", `Connect answered ${method} ${path} with ${status}: ${message}`);
      }
      options.log.debug({ method, path, status }, "connect is busy, trying again");
      await options.clock.sleep(busyPauseMs);
    }
  }

  return { call };
}

/**
 * Connect itself says that it has no such connector. A worker that is starting (3.9) answers 404 to every path before
 * its resources exist, in its web server's words: that says nothing about connectors.
 */
function isAbsent(text: string): boolean {
  const parsed = Refusal.safeParse(json(text));
  if (!parsed.success) return false;
  const { message } = parsed.data;
  return /connector|task/i.test(message) && /not found|no status|unknown|does not exist/i.test(message);
}

/** 409: a rebalance is under way. 404, 503: starting (3.9, 4.x). 500 with these words: the herder did not get round to it. */
function isBusy(status: number, message: string): boolean {
  if (status === 409) return !/already exists/i.test(message);
  return status === 404 || status === 503 || (status === 500 && /timed out|rebalance|leader/i.test(message));
}

function parse<T>(answer: z.ZodType<T>, text: string, method: Method, path: string): T {
  const parsed = answer.safeParse(text === "" ? undefined : json(text));
  if (parsed.success) return parsed.data;
  throw new FerryError("E_CONNECT", `Connect answered ${method} ${path} in an unknown form.`, {
    cause: parsed.error,
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refusal(text: string): string {
  const parsed = Refusal.safeParse(json(text));
  return (parsed.success ? parsed.data.message : text).slice(0, 2000);
}

function reason(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}

/** Strikes out every secret, also in the escaped form it has inside a JAAS configuration. */
function strike(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== "")
    .reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

function basic(auth: RestOptions["auth"]): Record<string, string> {
  if (auth === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}` };
}
