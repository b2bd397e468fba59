import { describe, expect, it } from "vitest";
import { createCharts } from "#adapters/chart.ts";
import { createFakeCharts } from "#support/fake-charts.ts";
import { chartsContract } from "../contract/charts.ts";

chartsContract("drawn", () => createCharts("Europe/Paris"));
chartsContract("in memory", createFakeCharts);

describe("the lag chart", () => {
  const points = [0, 1, 2].map((minute) => ({
    at: minute * 60_000,
    behind: 9 - minute,
    arriving: 1,
    copying: 2,
  }));

  it("is of a phone's width", async () => {
    const png = await createCharts("Europe/Paris").lag("orders", points);
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1800, 1120]);
  });

  it("of a day at one point in 15 s shows a gap of an hour, and the newest value", async () => {
    const day = Array.from({ length: 5760 }, (_, index) => ({
      at: index * 15_000,
      behind: 5760 - index,
      arriving: 1,
      copying: 2,
    }));
    const gap = day.map((point, index) =>
      index > 2000 && index < 2240 ? { ...point, behind: null } : point,
    );
    const late = [...day.slice(0, -1), { at: 5760 * 15_000, behind: 9_000, arriving: 1, copying: 2 }];
    const [whole, broken, risen] = await Promise.all(
      [day, gap, late].map((each) => createCharts("UTC").lag("orders", each)),
    );
    expect(whole?.equals(broken ?? Buffer.of())).toBe(false);
    expect(whole?.equals(risen ?? Buffer.of())).toBe(false);
  });

  it("names times in its time zone", async () => {
    const [there, here] = ["Asia/Kolkata", "UTC"].map((zone) => createCharts(zone).lag("orders", points));
    expect((await there)?.equals((await here) ?? Buffer.of())).toBe(false);
  });
});
