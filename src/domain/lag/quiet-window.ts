import { count, rate, timeOfDay, wallTime } from "#domain/wording.ts";

/** When the fewest records arrive: the time to cut over. From what arrived in each hour so far. Pure. */

const hour = 3_600_000;
const day = 24 * hour;
const hoursOfWeek = 168;
/** What came before counts for less: four weeks of the same hour. */
const kept = 4;
/** An hour of the day is known when it was seen for this share of it. */
const enough = 0.5;
/** With a whole week seen, hours of the week are told apart. */
const daysForWeek = 7;

/** Records that arrived, and seconds that were seen, for each hour of the week on the clocks on the wall; 0: Monday 0:00. */
export type RateProfile = {
  readonly records: readonly number[];
  readonly seconds: readonly number[];
  /** Days on which anything was seen: days since the epoch, on the wall. At most the last 28. */
  readonly days: readonly number[];
};

export const emptyProfile: RateProfile = {
  records: Array.from({ length: hoursOfWeek }, () => 0),
  seconds: Array.from({ length: hoursOfWeek }, () => 0),
  days: [],
};

/** Adds what arrived between two readings, which must lie close together: at most an hour apart (else nothing is added). */
export function addToProfile(
  profile: RateProfile,
  seen: { readonly from: number; readonly until: number; readonly records: number },
  zone: string,
): RateProfile {
  const ms = seen.until - seen.from;
  if (ms <= 0 || ms > hour || seen.records < 0) return profile;
  const wall = wallTime((seen.from + seen.until) / 2, zone);
  const cell = hourOfWeek(wall);
  const old = profile.seconds[cell] ?? 0;
  // Four whole hours of this cell fade so that the newest counts most.
  const fade = old + ms / 1000 > (kept * hour) / 1000 ? 1 - ms / (kept * hour) : 1;
  const today = Math.floor(wall / day);
  return {
    records: profile.records.with(cell, (profile.records[cell] ?? 0) * fade + seen.records),
    seconds: profile.seconds.with(cell, old * fade + ms / 1000),
    days: profile.days.at(-1) === today ? profile.days : [...profile.days, today].slice(-28),
  };
}

/** 1970-01-01 was a Thursday. */
function hourOfWeek(wall: number): number {
  return Math.floor((wall + 3 * day) / hour) % hoursOfWeek;
}

export type QuietWindow =
  | { readonly state: "unknown"; readonly why: string }
  | {
      readonly state: "known";
      /** Its next occurrence, ms since the epoch; one hour. */
      readonly from: number;
      readonly until: number;
      /** Records per second in it, and over everything that was seen. */
      readonly perSecond: number;
      readonly average: number;
      readonly days: number;
      readonly by: "hour of day" | "hour of week";
    };

/** The hour with the fewest records, and when it comes next. Less than a whole day's hours is not enough. */
export function quietWindow(profile: RateProfile, now: number, zone: string): QuietWindow {
  const byWeek = profile.days.length > daysForWeek && profile.seconds.every(isSeen);
  const size = byWeek ? hoursOfWeek : 24;
  const records = folded(profile.records, size);
  const seconds = folded(profile.seconds, size);
  const seen = seconds.filter(isSeen).length;
  if (seen < size)
    return { state: "unknown", why: `${count(seen, "hour")} of the day seen so far, 24 are needed` };
  const rates = records.map((sum, index) => sum / (seconds[index] ?? 1));
  const quietest = rates.indexOf(Math.min(...rates));
  const from = nextAt(quietest, size, now, zone);
  const total = records.reduce((sum, value) => sum + value, 0);
  return {
    state: "known",
    from,
    until: from + hour,
    perSecond: rates[quietest] ?? 0,
    average: total / seconds.reduce((sum, value) => sum + value, 0),
    days: profile.days.length,
    by: byWeek ? "hour of week" : "hour of day",
  };
}

function isSeen(seconds: number): boolean {
  return seconds >= (enough * hour) / 1000;
}

function folded(cells: readonly number[], size: number): readonly number[] {
  return Array.from({ length: size }, (_, index) =>
    cells.reduce((sum, value, cell) => (cell % size === index ? sum + value : sum), 0),
  );
}

/** The next full hour on the wall that has this place in the day or the week. */
function nextAt(place: number, size: number, now: number, zone: string): number {
  for (let ahead = 1; ahead <= size + 1; ahead += 1) {
    const at = Math.floor(now / hour) * hour + ahead * hour;
    if (hourOfWeek(wallTime(at, zone)) % size === place) return at;
  }
  return Math.floor(now / hour) * hour + hour;
}

/** "03:00 to 04:00 UTC, next on Tue: 12 records/s (340 on average; by hour of day, 3 days seen)". */
export function quietText(window: QuietWindow, zone: string): string {
  if (window.state === "unknown") return `not known yet (${window.why})`;
  const { from, until, perSecond, average, days, by } = window;
  const weekday = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short" }).format(from);
  const when = `${timeOfDay(from, zone)} to ${timeOfDay(until, zone)} ${zone}, next on ${weekday}`;
  return `${when}: ${rate(perSecond)} records/s (${rate(average)} on average; by ${by}, ${count(days, "day")} seen)`;
}
