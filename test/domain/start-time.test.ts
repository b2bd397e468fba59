import { describe, expect, it } from "vitest";
import { isStartTime, startTime } from "#domain/start-time.ts";

const now = Date.UTC(2026, 10, 22, 14, 10);

describe("a time to start at", () => {
  it.each([
    ["22:30", "Europe/Paris", "2026-11-22T21:30:00.000Z"],
    ["15:05", "Europe/Paris", "2026-11-23T14:05:00.000Z"],
    ["15:10", "Europe/Paris", "2026-11-23T14:10:00.000Z"],
    ["2026-11-24T22:30", "America/New_York", "2026-11-25T03:30:00.000Z"],
    ["2026-11-24T22:30Z", "Europe/Paris", "2026-11-24T22:30:00.000Z"],
    ["2026-11-24T22:30+02:00", "UTC", "2026-11-24T20:30:00.000Z"],
    // Clocks go back: the first of the two.
    ["2026-10-25T02:30", "Europe/Paris", "2026-10-25T00:30:00.000Z"],
  ])("%s in %s", (text, zone, expected) => {
    expect(isStartTime(text)).toBe(true);
    expect(new Date(startTime(text, now, zone) ?? 0).toISOString()).toBe(expected);
  });

  it.each(["2026-02-30T10:00", "2027-03-28T02:30"])(
    "%s is in no calendar, or skipped by the clocks",
    (text) => {
      expect(startTime(text, now, "Europe/Paris")).toBeUndefined();
    },
  );

  it.each(["24:00", "7pm", "tomorrow", "2026-11-24", "22:30:15"])("%s is no time", (text) => {
    expect(isStartTime(text)).toBe(false);
    expect(startTime(text, now, "UTC")).toBeUndefined();
  });
});
