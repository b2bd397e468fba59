import { describe, expect, it } from "vitest";
import type { Charts, LagPoint, TopicTraffic } from "#domain/ports.ts";

const points: readonly LagPoint[] = [0, 1, 2, 3].map((minute) => ({
  at: Date.UTC(2026, 10, 22, 14, minute),
  behind: 900 - minute * 100,
  arriving: 10,
  copying: 20 + minute,
}));

const sample: TopicTraffic = {
  name: "invoices",
  partitions: 6,
  bytesPerSecond: 1_200_000,
  recordsPerSecond: 800,
};
const topics: readonly TopicTraffic[] = [
  sample,
  { name: "audit", partitions: 3, bytesPerSecond: 4_000, recordsPerSecond: 2 },
];

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

    it("draws bytes where they are known, and an unknown time otherwise than none", async () => {
      const bytes = { arriving: 4_000_000, copying: 5_000_000 };
      const known = points.map((point) => ({ ...point, bytes }));
      const drawn = await charts.lag("orders", known);
      expect(drawn.equals(await charts.lag("orders", points))).toBe(false);
      for (const other of [0, null, 1_000_000]) {
        const one = { arriving: other, copying: 5_000_000 };
        const changed = known.map((point, index) => (index === 1 ? { ...point, bytes: one } : point));
        expect(drawn.equals(await charts.lag("orders", changed))).toBe(false);
      }
      const none = points.map((point) => ({ ...point, bytes: { arriving: null, copying: null } }));
      expect((await charts.lag("orders", none)).subarray(1, 4).toString()).toBe("PNG");
    });

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

    it("draws partitions and traffic by topic, the same for the same topics", async () => {
      const png = await charts.traffic("orders", topics);
      expect(png.subarray(0, 8).toString("latin1")).toBe("\u0089PNG\r\n\u001a\n");
      expect(png.equals(await charts.traffic("orders", structuredClone(topics)))).toBe(true);
      expect(png.equals(await charts.traffic("billing", topics))).toBe(false);
    });

    it.each<Partial<TopicTraffic>>([
      { partitions: 7 },
      { bytesPerSecond: 0 },
      { bytesPerSecond: null },
      { bytesPerSecond: null, recordsPerSecond: null },
      { name: "<&>" },
    ])("draws a topic with %j otherwise", async (change) => {
      const [first, ...others] = topics;
      const png = await charts.traffic("orders", topics);
      const drawn = await charts.traffic(
        "orders",
        first === undefined ? [] : [{ ...first, ...change }, ...others],
      );
      expect(drawn.equals(png)).toBe(false);
    });

    it("draws what it has no room for as a sum, and no topic at all", async () => {
      const many = Array.from(
        { length: 2000 },
        (_, at): TopicTraffic => ({ ...sample, name: `topic-${at}` }),
      );
      const png = await charts.traffic("orders", many);
      const last = [...many.slice(0, -1), { ...sample, name: "topic-1999", partitions: 1 }];
      expect(png.equals(await charts.traffic("orders", last))).toBe(false);
      expect((await charts.traffic("orders", [])).subarray(1, 4).toString()).toBe("PNG");
    });
  });
}
