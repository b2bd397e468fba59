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

  it("names times in its time zone", async () => {
    const [there, here] = ["Asia/Kolkata", "UTC"].map((zone) => createCharts(zone).lag("orders", points));
    expect((await there)?.equals((await here) ?? Buffer.of())).toBe(false);
  });
});
