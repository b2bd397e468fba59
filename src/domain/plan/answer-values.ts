import type { MigrationSettings } from "#domain/settings.ts";
import { took, wallTime } from "#domain/wording.ts";
import type { Question } from "./questions.ts";

/** What may be answered to the questions of a plan: read once, kept as it is read. */

/** Says that a question is not decided; takes a proposal back that counted. */
export const undecided = "open";

/** Characters. */
export const longestAnswer = 300;

/** What somebody wrote, as it is kept, or what is wrong with it. */
export function readAnswer(
  { id, options }: Question,
  text: string,
  settings: MigrationSettings,
): { readonly value: string } | { readonly problem: string } {
  const value = text.trim().replaceAll(/\s+/g, " ");
  if (value === "") return { problem: "Nothing was written." };
  if (value.length > longestAnswer)
    return { problem: `${value.length} characters; at most ${longestAnswer} are kept.` };
  const word = value.toLowerCase();
  if (word === undecided) return { value: undecided };
  if (options !== undefined) {
    const known = options.find((option) => option.value === word);
    const allowed = options.map((option) => option.value).join(", ");
    return known === undefined ? { problem: `Allowed are ${allowed}.` } : { value: known.value };
  }
  if (id === "read-twice") return readTolerance(word, settings);
  if (id === "old-cluster") return readStay(word, settings);
  if (id === "growth") {
    const percent = word.replace(/ ?%$/, "");
    return /^\d{1,4}$/.test(percent)
      ? { value: String(Number(percent)) }
      : { problem: "Write a whole number of percent, such as 30." };
  }
  if (id !== "window") return { value };
  return readWindow(word) === undefined
    ? { problem: "Write any, or days and hours such as sat,sun 22:00-02:00." }
    : { value: word };
}

function readTolerance(word: string, { cutover }: MigrationSettings): ReturnType<typeof readAnswer> {
  const most = cutover.maxReadAgain;
  if (!/^\d{1,12}$/.test(word)) return { problem: "Write a whole number of records, 0 or more." };
  if (Number(word) > most)
    return { problem: `At most ${most}: cutover.maxReadAgain of ferry.yaml is the limit.` };
  return { value: String(Number(word)) };
}

function readStay(word: string, { cleanup }: MigrationSettings): ReturnType<typeof readAnswer> {
  const ms = stayMs(word);
  if (ms === undefined) return { problem: "Write days or hours, such as 14d or 48h." };
  if (ms < cleanup.watch) return { problem: `At least ${took(cleanup.watch)}: cleanup.watch of ferry.yaml.` };
  return { value: word };
}

/** "14d", "48h" to milliseconds. */
export function stayMs(word: string): number | undefined {
  const [, amount, unit] = /^(\d{1,4})(d|h)$/.exec(word) ?? [];
  if (amount === undefined) return undefined;
  return Number(amount) * (unit === "d" ? 86_400_000 : 3_600_000);
}

const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

type CutoverWindow = { readonly days: readonly number[]; readonly from: number; readonly until: number };

/** Days 0 (Monday) to 6 on which it begins; minutes of the day. `undefined`: not a window. */
function readWindow(word: string): CutoverWindow | "any" | undefined {
  if (word === "any") return "any";
  const [, dayText, ...clock] =
    /^(?:([a-z,-]+) )?([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(word) ?? [];
  const [fromHour, fromMinute, untilHour, untilMinute] = clock.map(Number);
  if (fromHour === undefined || fromMinute === undefined) return undefined;
  if (untilHour === undefined || untilMinute === undefined) return undefined;
  const days = dayText === undefined ? weekdays.map((_, day) => day) : readDays(dayText);
  if (days === undefined) return undefined;
  return { days, from: fromHour * 60 + fromMinute, until: untilHour * 60 + untilMinute };
}

/** "sat,sun", "mon-fri", "fri-mon". */
function readDays(text: string): readonly number[] | undefined {
  const days: number[] = [];
  for (const part of text.split(",")) {
    const [first = "", last = first, ...rest] = part.split("-");
    const [from, until] = [weekdays.indexOf(first), weekdays.indexOf(last)];
    if (from < 0 || until < 0 || rest.length > 0) return undefined;
    const length = ((until - from + 7) % 7) + 1;
    for (let step = 0; step < length; step += 1) days.push((from + step) % 7);
  }
  return days;
}

/** Whether this moment (ms since the epoch) is inside; `undefined` where the text is no window. */
export function isInside(text: string, at: number, zone: string): boolean | undefined {
  const window = readWindow(text);
  if (window === undefined || window === "any") return window === "any" ? true : undefined;
  const wall = wallTime(at, zone);
  const minute = Math.floor((wall % 86_400_000) / 60_000);
  // 1970-01-01 was a Thursday.
  const day = (Math.floor(wall / 86_400_000) + 3) % 7;
  const { days, from, until } = window;
  if (from < until) return days.includes(day) && minute >= from && minute < until;
  // Over midnight: the hours after it belong to the day before.
  return (days.includes(day) && minute >= from) || (days.includes((day + 6) % 7) && minute < until);
}
