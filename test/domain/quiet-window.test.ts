import { describe, expect, it } from "vitest";
import {
  addToProfile,
  emptyProfile,
  quietText,
  quietWindow,
  type RateProfile,
} from "#domain/lag/quiet-window.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** A Monday, 0:00 UTC. */
const monday = Date.parse("2026-11-23T00:00:00Z");

/** Records of each minute from `from` on, for so many days. */
function watched(days: number, perSecond: (at: number) => number, from = monday): RateProfile {
  let profile = emptyProfile;
  for (let at = from; at < from + days * day; at += 15 * minute) {
    const records = perSecond(at) * 15 * 60;
    profile = addToProfile(profile, { from: at, until: at + 15 * minute, records }, "UTC");
  }
  return profile;
}

const hourOf = (at: number) => new Date(at).getUTCHours();
const sunday = (at: number) => new Date(at).getUTCDay() === 0;

describe("the quietest hour", () => {
  it("is not known with less than a day", () => {
    const profile = watched(0.5, () => 10);
    const window = quietWindow(profile, monday + day / 2, "UTC");
    expect(window).toEqual({ state: "unknown", why: "12 hours of the day seen so far, 24 are needed" });
    expect(quietText(window, "UTC")).toContain("not known yet");
  });

  it("is the hour of the day with the fewest records, and its next occurrence", () => {
    const profile = watched(2, (at) => (hourOf(at) === 3 ? 12 : 340));
    const window = quietWindow(profile, monday + 2 * day + 5 * hour, "UTC");
    expect(window).toMatchObject({ state: "known", days: 2, by: "hour of day", perSecond: 12 });
    expect(window).toMatchObject({ from: monday + 3 * day + 3 * hour, until: monday + 3 * day + 4 * hour });
    expect(quietText(window, "UTC")).toBe(
      "03:00 to 04:00 UTC, next on Thu: 12 records/s (326 on average; by hour of day, 2 days seen)",
    );
  });

  it("tells the days of the week apart once all of them were seen", () => {
    const profile = watched(9, (at) => (sunday(at) && hourOf(at) === 14 ? 1 : 200));
    const window = quietWindow(profile, monday + 9 * day, "UTC");
    expect(window).toMatchObject({ by: "hour of week", perSecond: 1 });
    expect(new Date(window.state === "known" ? window.from : 0).getUTCDay()).toBe(0);
  });

  it("follows the clocks on the wall", () => {
    const profile = watched(2, (at) => (hourOf(at) === 3 ? 12 : 340));
    const shifted = addToProfile(
      emptyProfile,
      { from: monday, until: monday + hour, records: 1 },
      "Europe/Berlin",
    );
    expect(shifted.seconds[1]).toBe(3600);
    expect(quietWindow(profile, monday, "Europe/Berlin")).toMatchObject({ state: "known" });
  });

  it("learns nothing from a gap in the watch, and lets new weeks outweigh old ones", () => {
    expect(addToProfile(emptyProfile, { from: monday, until: monday + 3 * hour, records: 9 }, "UTC")).toBe(
      emptyProfile,
    );
    let profile = watched(60, () => 100);
    profile = watched(60, () => 10, monday + 60 * day);
    expect(profile.days.length).toBeLessThanOrEqual(28);
    expect(quietWindow(profile, monday + 120 * day, "UTC")).toMatchObject({ perSecond: 10 });
  });
});
