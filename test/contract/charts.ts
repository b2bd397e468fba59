import { describe, expect, it } from "vitest";
import type { Charts, LagPoint } from "#domain/ports.ts";

const points: readonly LagPoint[] = [0, 1, 2, 3].map((minute) => ({
  at: Date.UTC(2026, 10, 22, 14, minute),
  behind: 900 - minute * 100,
  arriving: 10,
  copying: 20 + minute,
}));

/** What every chart drawer must do; run on the fake and on the one that draws. */
export function chartsContract(name: string, open: () => Charts): void {
  describe(`${name}: the charts' contract`, () => {
    const charts = open();
    const changed = (change: Partial<LagPoint>) =>
      points.map((point, index) => (index === 1 ? { ...point, ...change } : point));

    it("draws a PNG, the same one for the same points", async () => {
      const png = await charts.lag("orders", points);
      expect(png.subarray(0, 8).toString("latin1")).toBe("\u0089PNG\r\n\u001a\n");
      expect(png.equals(await charts.lag("orders", structuredClone(points)))).toBe(true);
    });

    it.each<Partial<LagPoint>>([{ behind: 0 }, { arriving: 0 }, { copying: 0 }])(
      "draws %j, and draws it otherwise than what is not known",
      async (zero) => {
        const [field] = Object.keys(zero);
        const unknown = Object.fromEntries([[field, null]]);
        const drawn = await charts.lag("orders", changed(zero));
        expect(drawn.equals(await charts.lag("orders", points))).toBe(false);
        expect(drawn.equals(await charts.lag("orders", changed(unknown)))).toBe(false);
      },
    );

    it("shows its title", async () => {
      const png = await charts.lag("orders", points);
      expect(png.equals(await charts.lag("billing", points))).toBe(false);
    });

    it.each([
      { what: "no point", drawn: [] },
      { what: "one point", drawn: points.slice(0, 1) },
      {
        what: "nothing that is known",
        drawn: points.map(({ at }) => ({ at, behind: null, arriving: null, copying: null })),
      },
    ])("draws $what", async ({ drawn }) => {
      const png = await charts.lag("orders", drawn);
      expect(png.subarray(1, 4).toString()).toBe("PNG");
      expect(png.equals(await charts.lag("orders", points))).toBe(false);
    });
  });
}
