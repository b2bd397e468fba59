import { pino } from "pino";
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

/** JSON lines on standard output: a static message, values in fields. */
export function createLog(level: "debug" | "info" | "warn" | "error", write?: (line: string) => void): Log {
  const options = { level, redact: { paths: secrets, censor: "[redacted]" }, base: null };
  return write === undefined ? pino(options) : pino(options, { write });
}
