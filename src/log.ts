import { type Logger, pino } from "pino";
import { asFerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";
import { fieldsWithoutSecrets, withoutSecrets } from "#domain/redaction.ts";

const causesShown = 3;

/** JSON lines on standard output: a static message, values in fields. */
export function createLog(level: "debug" | "info" | "warn" | "error", write?: (line: string) => void): Log {
  const options = {
    level,
    formatters: { log: fieldsWithoutSecrets },
    base: null,
    // JSON would leave an Error's message and stack out.
    serializers: { err: described, error: described },
  };
  return withSafeChildren(write === undefined ? pino(options) : pino(options, { write }));
}

/** A child's own fields do not pass the formatter of its lines. */
function withSafeChildren(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (fields) => withSafeChildren(logger.child(fieldsWithoutSecrets(fields))),
  };
}

/** An error with its code, what happened, what to do and where it came from; only these: SDK errors carry requests. */
function described(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { code, message, remedy } = asFerryError(value);
  const causes = causesOf(value);
  return withoutSecrets({ code, message, remedy, stack: value.stack, ...(causes.length > 0 && { causes }) });
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
