import { describe, expect, it } from "vitest";
import { createCharts } from "#adapters/chart.ts";

describe("the lag chart", () => {
  const points = [0, 1, 2].map((minute) => ({
    at: minute * 60_000,
    behind: 9 - minute,
    arriving: 1,
    copying: 2,
  }));

  it("is a PNG of a phone's width, and shows its title and its lines", async () => {
    const charts = createCharts("Europe/Paris");
    const png = await charts.lag("orders", points);
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1800, 1120]);
    expect(png.equals(await charts.lag("orders", points))).toBe(true);
    expect(png.equals(await charts.lag("billing", points))).toBe(false);
    expect(png.equals(await charts.lag("orders", points.slice(1)))).toBe(false);
  });

  it("draws a gap where lag is not known, not a zero", async () => {
    const charts = createCharts("UTC");
    const [first, , last] = points;
    const hole = points.map((point, index) => (index === 1 ? { ...point, behind: null } : point));
    const zero = points.map((point, index) => (index === 1 ? { ...point, behind: 0 } : point));
    const holed = await charts.lag("orders", hole);
    expect(first?.behind).not.toBe(last?.behind);
    expect(holed.equals(await charts.lag("orders", zero))).toBe(false);
  });
});
