import {
  LogLevel,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
  type WebClientOptions,
} from "@slack/web-api";
import { z } from "zod";
import { catalogue, FerryError } from "#domain/errors.ts";
import type { Clock, Log } from "#domain/ports.ts";
import type { Method } from "./scopes.ts";

export type CallsNeed = {
  readonly token: string;
  /** Ends in "/"; Slack's own when absent. */
  readonly apiUrl?: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  /** Told of every try that failed, those that are repeated included. */
  readonly onFailure?: ((method: string, kind: Failure["kind"]) => void) | undefined;
};

/** How one call ended. `ambiguous`: it may have been carried out although no answer came. */
type Failure = {
  readonly kind: "limited" | "ambiguous" | "refused";
  readonly error: string;
  readonly afterMs: number;
  readonly cause: unknown;
};

export type Calls = {
  /**
   * Repeats after a lost answer: only for calls that do the same when made twice. Fails with `E_SLACK`; with "once" at
   * the first lost answer, for those who try again themselves.
   */
  repeatable<T>(
    method: Method,
    args: Record<string, unknown>,
    answer: z.ZodType<T>,
    patience?: "once",
  ): Promise<T>;
  /** After a lost answer asks `found` whether it was carried out before it tries again. */
  once<T>(
    method: Method,
    args: Record<string, unknown>,
    answer: z.ZodType<T>,
    found: () => Promise<T | undefined>,
  ): Promise<T>;
  /** Sends a file's bytes to the address that Slack gave for it. */
  send(url: string, content: Buffer): Promise<void>;
};

/** Of one call: 429s are waited for as Slack asks, lost answers are few before somebody should know. */
const patience = { limitedMs: 120_000, ambiguous: 4, firstMs: 500 } as const;

/** Slack's own failures, after which the call may have been carried out. */
const transient = new Set(["internal_error", "fatal_error", "request_timeout", "service_unavailable"]);

/** The refusal's name in Slack's words, when this error is one: "message_not_found". */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof FerryError)) return undefined;
  return error.cause instanceof WebAPIPlatformError ? error.cause.data.error : undefined;
}

function failureOf(cause: unknown): Failure {
  if (cause instanceof FerryError) return { kind: "refused", error: cause.message, afterMs: 0, cause };
  if (cause instanceof WebAPIRateLimitedError)
    return { kind: "limited", error: "ratelimited", afterMs: cause.retryAfter * 1000, cause };
  if (cause instanceof WebAPIRequestError)
    return { kind: "ambiguous", error: cause.message, afterMs: 0, cause };
  if (cause instanceof WebAPIHTTPError) {
    const kind = cause.statusCode >= 500 ? "ambiguous" : "refused";
    return { kind, error: `HTTP ${cause.statusCode}`, afterMs: 0, cause };
  }
  if (!(cause instanceof WebAPIPlatformError))
    return { kind: "ambiguous", error: String(cause), afterMs: 0, cause };
  const { error, response_metadata: metadata } = cause.data;
  if (error === "ratelimited") return { kind: "limited", error, afterMs: 1000, cause };
  const detail = metadata?.messages?.join("; ");
  const said = detail === undefined ? error : `${error}: ${detail}`;
  return { kind: transient.has(error) ? "ambiguous" : "refused", error: said, afterMs: 0, cause };
}

function fieldsOf(method: string, { kind, error }: Failure): object {
  return { method, kind, code: "E_SLACK", error, remedy: catalogue.E_SLACK.remedy };
}

/** Why it is not tried again. */
function endOf(
  { kind, error }: Failure,
  { lost, losses, waited }: { readonly lost: number; readonly losses: number; readonly waited: number },
): string | undefined {
  return kind === "refused" || lost >= losses || waited > patience.limitedMs ? error : undefined;
}

/**
 * Calls with retries of our own. The SDK's would post twice when an answer is lost, and would hold its whole queue on
 * one 429.
 */
export function createCalls(need: CallsNeed): Calls {
  const options: WebClientOptions = {
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: need.timeoutMs ?? 10_000,
    logger: quiet,
  };
  const client = new WebClient(need.token, need.apiUrl ? { ...options, slackApiUrl: need.apiUrl } : options);

  async function attempt<T>(
    what: string,
    run: () => Promise<T>,
    losses: number,
    found?: () => Promise<T | undefined>,
  ): Promise<T> {
    const begin = need.clock.now();
    let lost = 0;
    for (;;) {
      try {
        return await run();
      } catch (cause) {
        const failure = failureOf(cause);
        need.onFailure?.(what, failure.kind);
        if (failure.kind === "ambiguous") lost += 1;
        const waited = need.clock.now() - begin + failure.afterMs;
        const stop = need.signal.aborted ? "stopped" : undefined;
        const end = stop ?? endOf(failure, { lost, losses, waited });
        if (end !== undefined) throw new FerryError("E_SLACK", `${what}: ${end}`, { cause });
        need.log.warn(fieldsOf(what, failure), "slack call will be repeated");
        await need.clock.sleep(failure.afterMs || patience.firstMs * 2 ** (lost - 1), need.signal);
        if (failure.kind !== "ambiguous") continue;
        const already = await found?.();
        if (already !== undefined) return already;
      }
    }
  }

  async function call<T>(method: Method, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T> {
    const raw = await client.apiCall(method, args);
    const parsed = answer.safeParse(raw);
    if (parsed.success) return parsed.data;
    throw new FerryError("E_SLACK", `${method}: unexpected answer: ${z.prettifyError(parsed.error)}`);
  }

  return {
    repeatable: (method, args, answer, once) =>
      attempt(method, () => call(method, args, answer), once ? 1 : patience.ambiguous),
    once: (method, args, answer, found) =>
      attempt(method, () => call(method, args, answer), patience.ambiguous, found),
    send: (url, content) =>
      attempt(
        "file upload",
        async () => {
          const signal = AbortSignal.any([need.signal, AbortSignal.timeout(60_000)]);
          const response = await fetch(url, { method: "POST", body: new Uint8Array(content), signal });
          if (!response.ok) throw new WebAPIHTTPError(response.status, response.statusText, {});
        },
        patience.ambiguous,
      ),
  };
}

const quiet: NonNullable<WebClientOptions["logger"]> = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  setName() {},
  getLevel: () => LogLevel.ERROR,
};
