import { describe, expect, it } from "vitest";
import { advanceFloors } from "#domain/mirror/standby-floors.ts";

const table = (...row: Array<number | undefined>) => new Map([["t", row]]);

describe("floors of a standby", () => {
  it("rise only when everything up to the mark was looked at", () => {
    const fresh = { floors: { t: [100] }, marks: {} };
    const first = advanceFloors(fresh, { t: [50] }, table(60), table(140));
    expect(first).toEqual({ floors: { t: [100] }, marks: { t: [[60, 140]] } });
    const behind = advanceFloors(first, { t: [59] }, table(80), table(170));
    expect(behind).toEqual(first);
    const passed = advanceFloors(first, { t: [60] }, table(80), table(170));
    expect(passed).toEqual({ floors: { t: [141] }, marks: { t: [[80, 170]] } });
  });

  it("stay where the mirror has copied nothing, or did not tell", () => {
    const fresh = { floors: { t: [100] }, marks: {} };
    expect(advanceFloors(fresh, { t: [60] }, table(60), new Map())).toEqual({
      floors: { t: [100] },
      marks: { t: [null] },
    });
    const marked = { floors: { t: [100] }, marks: { t: [[60, 140] as const] } };
    expect(advanceFloors(marked, { t: [60] }, table(60), table(undefined))).toEqual({
      floors: { t: [141] },
      marks: { t: [null] },
    });
  });

  it("never fall", () => {
    const marked = { floors: { t: [500] }, marks: { t: [[60, 140] as const] } };
    expect(advanceFloors(marked, { t: [60] }, table(60), table(140)).floors).toEqual({ t: [500] });
  });
});
