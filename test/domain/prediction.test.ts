import { describe, expect, it } from "vitest";
import {
  again,
  misplacement,
  nothing,
  ofOwn,
  overLimit,
  ownOffset,
  type Prediction,
  predictionTable,
  skipped,
  totalOf,
} from "#domain/offsets/prediction.ts";
import { pauseRange, pausesOf, pauseTable } from "#domain/switch/pause.ts";
import { known, unknown } from "#domain/topology.ts";

function cell(change: Partial<Prediction>): Prediction {
  const ours = { again: nothing, skipped: nothing };
  return {
    group: "billing",
    topic: "orders",
    partition: 0,
    committed: 100,
    offset: known(90),
    ours: known(ours),
    own: known(ours),
    ...change,
  };
}

const exactly = (records: number) => ({ records, exact: true });
const atMost = (records: number) => ({ records, exact: false });

describe("predicting what is read again or skipped", () => {
  it("tells reading again from skipping", () => {
    expect(misplacement(10, 4, exactly(6))).toEqual({ again: exactly(6), skipped: nothing });
    expect(misplacement(10, 12, exactly(2))).toEqual({ again: nothing, skipped: exactly(2) });
    expect(misplacement(10, 10, nothing)).toEqual({ again: nothing, skipped: nothing });
  });

  it("adds up what is known, says what is not exact, and never counts unknown as 0", () => {
    expect(totalOf([])).toBe("0");
    expect(totalOf([known(exactly(11_000)), known(exactly(204))])).toBe("11,204");
    expect(totalOf([known(exactly(1)), known(atMost(5000))])).toBe("at most 5,001");
    expect(totalOf([known(exactly(7)), unknown("no checkpoint")])).toBe("7, unknown on 1 partition");
    expect(totalOf([unknown("no checkpoint")])).toBe("unknown");
    const late = [known(exactly(0)), unknown("not copied yet")];
    expect(totalOf(late, " records")).toBe("0 records, unknown on 1 partition");
    expect(totalOf([], " records")).toBe("0 records");
  });

  it("knows no offset of MirrorMaker's where there is no checkpoint", () => {
    const own = known(new Map([["billing", new Map([["orders", [undefined, 5]]])]]));
    expect(ownOffset(own, "billing", { topic: "orders", partition: 1 })).toEqual(known(5));
    expect(ownOffset(own, "billing", { topic: "orders", partition: 0 }).known).toBe(false);
    expect(ownOffset(own, "ledger", { topic: "orders", partition: 1 }).known).toBe(false);
    expect(ownOffset(unknown("absent"), "billing", { topic: "orders", partition: 1 })).toEqual(
      unknown("absent"),
    );
  });

  it("names groups above the limit by their sum over all partitions", () => {
    const six = known({ again: exactly(6), skipped: nothing });
    const cells = [
      cell({ ours: six }),
      cell({ partition: 1, ours: six }),
      cell({ group: "ledger", ours: six }),
    ];
    expect(overLimit(cells, 0)).toEqual(["billing: 12", "ledger: 6"]);
    expect(overLimit(cells, 6)).toEqual(["billing: 12"]);
    expect(overLimit(cells, 12)).toEqual([]);
  });

  it("lists every group and partition, the worst first", () => {
    const cells = [
      cell({ partition: 10 }),
      cell({ partition: 9, own: unknown("no checkpoint") }),
      cell({ partition: 2, own: known({ again: atMost(5000), skipped: nothing }) }),
      cell({ partition: 3, own: known({ again: nothing, skipped: exactly(3) }) }),
    ];
    expect(predictionTable(cells).rows.map((row) => [row[1], row[6], row[7]])).toEqual([
      ["orders-2", "≤ 5,000", "0"],
      ["orders-3", "0", "3"],
      ["orders-9", "?", "?"],
      ["orders-10", "0", "0"],
    ]);
    expect(totalOf(ofOwn(cells, again))).toBe("at most 5,000, unknown on 1 partition");
    expect(totalOf(ofOwn(cells, skipped))).toBe("3, unknown on 1 partition");
  });
});

describe("the pause of a group", () => {
  const signs = {
    stoppingAt: 1000,
    stoppedAt: 1800,
    restedAt: 2000,
    provedAt: 2300,
    groups: {
      billing: { lastRead: 1500, firstMember: 3000, firstRead: 3400 },
      idle: { firstMember: 2900 },
      lost: { lastRead: 1400 },
    },
  };

  it("is from the last sign on the source to the first on the target, with its parts", () => {
    expect(pausesOf(signs, ["billing"])).toEqual([
      {
        group: "billing",
        pauseMs: 1900,
        until: "record",
        stopMs: 300,
        restMs: 200,
        translateMs: 300,
        startMs: 700,
        firstRecordMs: 400,
      },
    ]);
  });

  it("ends with the first member where nothing was to be read, and is unknown where nothing was seen", () => {
    const [idle, lost, stranger] = pausesOf(signs, ["idle", "lost", "stranger"]);
    expect(idle).toMatchObject({ pauseMs: 1900, until: "member", firstRecordMs: null });
    expect(lost).toMatchObject({ pauseMs: null, until: "nothing" });
    expect(stranger).toMatchObject({ pauseMs: null });
    expect(pauseRange(pausesOf(signs, ["billing", "lost"]))).toBe("1.9 s; not measured for 1");
    expect(pauseRange(pausesOf({ groups: {} }, ["billing"]))).toBe("not measured");
    expect(pauseTable(pausesOf(signs, ["lost", "idle"])).rows).toEqual([
      ["idle", "1.9 s", "0.8 s", "0.2 s", "0.3 s", "0.6 s", "nothing to read"],
      ["lost", "?", "0.4 s", "0.2 s", "0.3 s", "?", "?"],
    ]);
  });
});
