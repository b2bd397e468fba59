import { closestName } from "./closest.ts";

/** Schedules: cron expressions and time zones, checked before anything is scheduled. */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

type Field = {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly names: readonly string[];
};

/** The five fields of crontab(5); weekday 7 is Sunday too. */
const fiveFields: readonly Field[] = [
  { name: "minute", low: 0, high: 59, names: [] },
  { name: "hour", low: 0, high: 23, names: [] },
  { name: "day of the month", low: 1, high: 31, names: [] },
  { name: "month", low: 1, high: 12, names: months },
  { name: "weekday", low: 0, high: 7, names: weekdays },
];
const sixFields: readonly Field[] = [{ name: "second", low: 0, high: 59, names: [] }, ...fiveFields];

/** The first field that is wrong; without `word` the expression ends before it. */
type CronFault = { readonly field: Omit<Field, "names">; readonly word: string | undefined };

/** Five words, or six with the second first. What cron programs add to crontab(5) (`L`, `#`, `@daily`) is a fault. */
export function cronFault(words: readonly string[]): CronFault | undefined {
  const fields = words.length === sixFields.length ? sixFields : fiveFields;
  for (const [index, field] of fields.entries()) {
    const word = words[index];
    if (word === undefined || !word.split(",").every((item) => isItem(field, item))) return { field, word };
  }
  return undefined;
}

/** What is wrong with an expression as it is written in a file, with what is allowed; `undefined` when it is right. */
export function cronProblem(expression: string): string | undefined {
  const words = expression.trim().split(/\s+/);
  const allowed = 'expected five cron fields such as "0 * * * *", or six with the second first';
  if (words.length > sixFields.length) return `${allowed}; there are ${words.length}`;
  const fault = cronFault(words);
  if (fault === undefined) return undefined;
  const { field, word } = fault;
  return word === undefined
    ? `${allowed}; the ${field.name} is missing`
    : `${allowed}; "${word}" is no ${field.name}, which is ${field.low} to ${field.high} or *`;
}

/** A time zone of the IANA database as it is spelled there, or an older name of one; `undefined` when there is none. */
export function timezoneNamed(word: string): string | undefined {
  const found = timezones().find((zone) => zone.toLowerCase() === word.toLowerCase());
  if (found !== undefined) return found;
  return /^[A-Za-z]/.test(word) && isKnownToIntl(word) ? word : undefined;
}

export function nearestTimezone(word: string): string {
  return closestName(word, timezones()) ?? "UTC";
}

function timezones(): readonly string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")];
}

function isKnownToIntl(timeZone: string): boolean {
  try {
    void new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    return false;
  }
}

function isItem(field: Field, item: string): boolean {
  const [range = "", step, ...more] = item.split("/");
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d?$/.test(step))) return false;
  return isRange(field, range);
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

function numberIn(field: Field, word: string): number | undefined {
  const named = field.names.indexOf(word.toLowerCase());
  if (named >= 0) return field.low + named;
  if (!/^\d{1,2}$/.test(word)) return undefined;
  const value = Number(word);
  return value >= field.low && value <= field.high ? value : undefined;
}
