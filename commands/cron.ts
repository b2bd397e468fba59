import { closest } from "fastest-levenshtein";
import { quote, usage } from "./grammar.ts";

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** The five fields of crontab(5); weekday 7 is Sunday too. */
const fields = [
  { name: "minute", low: 0, high: 59, names: [] },
  { name: "hour", low: 0, high: 23, names: [] },
  { name: "day of the month", low: 1, high: 31, names: [] },
  { name: "month", low: 1, high: 12, names: months },
  { name: "weekday", low: 0, high: 7, names: weekdays },
];

type Field = (typeof fields)[number];

function numberIn(field: Field, word: string): number | undefined {
  const named = field.names.indexOf(word.toLowerCase());
  if (named >= 0) return field.low + named;
  if (!/^\d{1,2}$/.test(word)) return undefined;
  const value = Number(word);
  return value >= field.low && value <= field.high ? value : undefined;
}

function isRange(field: Field, range: string): boolean {
  if (range === "*") return true;
  const bounds = range.split("-").map((word) => numberIn(field, word));
  const [first, last = first] = bounds;
  return (
    bounds.length <= 2 &&
    !bounds.includes(undefined) &&
    first !== undefined &&
    last !== undefined &&
    first <= last
  );
}

function isItem(field: Field, item: string): boolean {
  const [range = "", step, ...more] = item.split("/");
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d?$/.test(step))) return false;
  return isRange(field, range);
}

/** Five words to one cron expression. Fails with `E_USAGE` naming the field that is wrong and its range. */
export function readCron(words: readonly string[]): string {
  for (const [index, field] of fields.entries()) {
    const word = words[index];
    if (word === undefined)
      throw usage(
        `The schedule ends before its ${field.name}: five fields are needed, such as \`0 * * * *\`.`,
      );
    if (!word.split(",").every((item) => isItem(field, item)))
      throw usage(`${quote(word)} is not a ${field.name}: ${field.low} to ${field.high}, or \`*\`.`);
  }
  return words.join(" ");
}

/** A time zone of the IANA database. Fails with `E_USAGE` and the nearest one. */
export function readTimezone(word: string): string {
  const known = ["UTC", ...Intl.supportedValuesOf("timeZone")];
  const found = known.find((zone) => zone.toLowerCase() === word.toLowerCase());
  if (found !== undefined) return found;
  throw usage(`${quote(word)} is not a time zone. Nearest: ${quote(closest(word, known))}.`);
}
