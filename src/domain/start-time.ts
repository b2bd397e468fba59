import { wallTime } from "./wording.ts";

/** When something is to start, as people write it: "22:30", "2026-11-24T22:30" or with an offset, "2026-11-24T21:30Z". */

const clock = /^([01]?\d|2[0-3]):([0-5]\d)$/;
const moment = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::00)?(Z|[+-]\d\d:\d\d)?$/;

const dayMs = 86_400_000;

/** False for what `startTime` could never read. */
export function isStartTime(text: string): boolean {
  return clock.test(text) || moment.test(text);
}

/**
 * Milliseconds since the epoch. A time of day is the next one after `now`; without an offset it is in `timeZone`.
 * `undefined`: not a time, not in the calendar, or skipped by that zone's change of clocks.
 */
export function startTime(text: string, now: number, timeZone: string): number | undefined {
  const [, hour, minute] = clock.exec(text) ?? [];
  if (hour !== undefined && minute !== undefined) {
    return nextTimeOfDay(Number(hour), Number(minute), now, timeZone);
  }
  const parts = moment.exec(text);
  const wall = parts === null ? undefined : wallOf(parts.slice(1, 6).map(Number));
  if (parts === null || wall === undefined) return undefined;
  return parts[6] === undefined ? fromWall(wall, timeZone) : Date.parse(text);
}

/** As if it were UTC; none for the 30th of February. */
function wallOf([year = 0, month = 0, day = 0, hours = 0, minutes = 0]: readonly number[]):
  | number
  | undefined {
  const wall = new Date(Date.UTC(year, month - 1, day, hours, minutes));
  return wall.getUTCDate() === day && wall.getUTCMonth() === month - 1 ? wall.getTime() : undefined;
}

function nextTimeOfDay(hour: number, minute: number, now: number, timeZone: string): number | undefined {
  const today = Math.floor(wallTime(now, timeZone) / dayMs) * dayMs;
  for (const day of [0, 1, 2]) {
    const at = fromWall(today + day * dayMs + (hour * 60 + minute) * 60_000, timeZone);
    if (at !== undefined && at > now) return at;
  }
  return undefined;
}

/** The first moment at which the clocks there show this; none when they skip it. */
function fromWall(wall: number, timeZone: string): number | undefined {
  const guesses = [wall - dayMs, wall + dayMs].map((near) => wall - (wallTime(near, timeZone) - near));
  return guesses.sort((a, b) => a - b).find((guess) => wallTime(guess, timeZone) === wall);
}
