import { WebAPIPlatformError } from "@slack/web-api";
import { asFerryError, FerryError } from "#domain/errors.ts";

/** What Slack says of a token that will not work until somebody changes it or the app. Source: docs.slack.dev/reference/methods/auth.test. */
const refusals = new Set([
  "invalid_auth",
  "not_authed",
  "account_inactive",
  "missing_scope",
  "token_revoked",
]);

/** Slack's own word in an error or its causes: "message_not_found". */
function wordOf(error: unknown): string | undefined {
  if (error instanceof WebAPIPlatformError) return error.data.error;
  return error instanceof Error ? wordOf(error.cause) : undefined;
}

/**
 * Why Slack cannot be connected to: `E_SETTINGS` when it refuses the token that this environment variable holds,
 * `E_SLACK`, which may pass, for anything else.
 */
export function connectFailure(variable: "SLACK_BOT_TOKEN" | "SLACK_APP_TOKEN", cause: unknown): FerryError {
  if (cause instanceof FerryError && cause.code === "E_SETTINGS") return cause;
  const word = wordOf(cause);
  if (word === undefined || !refusals.has(word)) {
    const { message } = asFerryError(cause);
    return new FerryError("E_SLACK", `cannot connect to Slack: ${message}`, { cause });
  }
  const wanted =
    word === "missing_scope"
      ? "it needs the scopes of manifest.json; install the app again with them"
      : "it must be a token of the app as it is installed now";
  return new FerryError("E_SETTINGS", `${variable}: Slack refuses the token (${word}); ${wanted}.`, {
    cause,
  });
}
