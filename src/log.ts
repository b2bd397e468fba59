import { pino } from "pino";
import { asFerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";

/** The one place where secrets are kept out of logs. */
const secrets = [
  "token",
  "*.token",
  "secret",
  "*.secret",
  "password",
  "*.password",
  "*.*.password",
  "authorization",
  "*.authorization",
  "access.sasl",
  "*.access.sasl",
];

const causesShown = 3;

/** JSON lines on standard output: a static message, values in fields. */
export function createLog(level: "debug" | "info" | "warn" | "error", write?: (line: string) => void): Log {
  const options = {
    level,
    redact: { paths: secrets, censor: "[redacted]" },
    base: null,
    // JSON would leave an Error's message and stack out.
    serializers: { err: described, error: described },
  };
  return write === undefined ? pino(options) : pino(options, { write });
}

/** An error with its code, what happened, what to do and where it came from; only these: SDK errors carry requests. */
function described(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { code, message, remedy } = asFerryError(value);
  const causes = causesOf(value);
  return { code, message, remedy, stack: value.stack, ...(causes.length > 0 && { causes }) };
}

function causesOf(error: Error): readonly string[] {
  const causes: string[] = [];
  let { cause } = error;
  while (cause instanceof Error && causes.length < causesShown) {
    causes.push(`${cause.name}: ${cause.message}`);
    cause = cause.cause;
  }
  return causes;
}
