import { cronFault, nearestTimezone, timezoneNamed } from "#domain/cron.ts";
import { quote, usage } from "./grammar.ts";

/** Five words to one cron expression. Fails with `E_USAGE` naming the field that is wrong and its range. */
export function readCron(words: readonly string[]): string {
  const fault = cronFault(words);
  if (fault === undefined) return words.join(" ");
  const { field, word } = fault;
  throw word === undefined
    ? usage(`The schedule ends before its ${field.name}: five fields are needed, such as \`0 * * * *\`.`)
    : usage(`${quote(word)} is not a ${field.name}: ${field.low} to ${field.high}, or \`*\`.`);
}

/** A time zone of the IANA database. Fails with `E_USAGE` and the nearest one. */
export function readTimezone(word: string): string {
  const found = timezoneNamed(word);
  if (found !== undefined) return found;
  throw usage(`${quote(word)} is not a time zone. Nearest: ${quote(nearestTimezone(word))}.`);
}
