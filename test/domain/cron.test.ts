import { describe, expect, it } from "vitest";
import { cronProblem, nearestTimezone, timezoneNamed } from "#domain/cron.ts";

describe("a cron expression", () => {
  it.each(["0 * * * *", "*/15 8-18 * * mon-fri", "0,30 5/2 1-15 JAN,jul 7", "30 0 9 * * 1", " 5  0 * * * "])(
    "is right: %s",
    (expression) => {
      expect(cronProblem(expression)).toBeUndefined();
    },
  );

  it.each([
    ["", "is no minute"],
    ["0 * * *", "the weekday is missing"],
    ["0 0 9 * * 1 2", "there are 7"],
    ["60 * * * *", '"60" is no minute, which is 0 to 59 or *'],
    ["60 0 9 * * 1", '"60" is no second'],
    ["0 24 * * *", '"24" is no hour'],
    ["0 0 0 * *", '"0" is no day of the month'],
    ["0 0 * 13 *", '"13" is no month'],
    ["0 0 * * 8", '"8" is no weekday'],
    ["0 0 * * fri-mon", '"fri-mon" is no weekday'],
    ["*/0 * * * *", '"*/0" is no minute'],
    ["1,,2 * * * *", '"1,,2" is no minute'],
    ["0 0 L * *", '"L" is no day of the month'],
    ["@hourly", '"@hourly" is no minute'],
  ])("is wrong: %s", (expression, words) => {
    expect(cronProblem(expression)).toContain(words);
  });
});

describe("a time zone", () => {
  it.each([
    ["europe/paris", "Europe/Paris"],
    ["utc", "UTC"],
    ["US/Eastern", "US/Eastern"],
    ["Etc/UTC", "Etc/UTC"],
  ])("is known: %s", (word, zone) => {
    expect(timezoneNamed(word)).toBe(zone);
  });

  it.each(["Europe/Pariss", "+01:00", "", "local"])("is not known: %s", (word) => {
    expect(timezoneNamed(word)).toBeUndefined();
  });

  it("has a nearest one", () => {
    expect(nearestTimezone("Europe/Pariss")).toBe("Europe/Paris");
  });
});
