import { describe, expect, it } from "vitest";
import { type CaughtUpReading, decideCaughtUp } from "#domain/lag/caught-up.ts";
import type { KafkaRecord } from "#domain/topology.ts";

function row(value: string, timestamp = 5): KafkaRecord {
  return { offset: 9, timestamp, key: null, value: Buffer.from(value), headers: [] };
}

const table = <T>(value: T) => new Map([["t", [value]]]);

const proved: CaughtUpReading = {
  lag: {
    at: 20_000,
    partitions: new Map([["t", 1]]),
    copied: table(9),
    starts: table(0),
    ends: table(10),
  },
  endsBefore: table(10),
  apartMs: 10_000,
  flatForMs: 10_000,
  stable: table(10),
  flow: {
    name: "ferry-x",
    state: "running",
    kind: "forward",
    topics: ["t"],
    tasks: [{ id: 0, state: "RUNNING", worker: "w" }],
  },
  last: table({ origin: row("a"), destination: row("a") }),
};

describe("caught up", () => {
  it("is proved by five things together", () => {
    const verdict = decideCaughtUp(proved);
    expect(verdict).toMatchObject({ caughtUp: true, why: "" });
    expect(verdict.proofs.map(({ state }) => state)).toEqual(["pass", "pass", "pass", "pass", "pass"]);
  });

  const failed = { ...proved.flow, state: "failed" } as const;
  it.each<[string, Partial<CaughtUpReading>, string, string]>([
    ["ends that moved", { endsBefore: table(8) }, "flat-ends", "fail"],
    ["ends read too soon", { apartMs: 10 }, "flat-ends", "unknown"],
    ["an end that was not read before", { endsBefore: new Map() }, "flat-ends", "fail"],
    ["an open transaction", { stable: table(9) }, "no-open-transaction", "fail"],
    ["a stable offset that did not come", { stable: new Map() }, "no-open-transaction", "unknown"],
    ["a record behind", { lag: { ...proved.lag, copied: table(8) } }, "copied", "fail"],
    ["a topic created anew", { lag: { ...proved.lag, copied: table(30) } }, "copied", "unknown"],
    ["expired records", { lag: { ...proved.lag, copied: table(3), starts: table(6) } }, "copied", "fail"],
    ["a failed task", { flow: failed }, "running", "fail"],
    [
      "a different last record",
      { last: table({ origin: row("a"), destination: row("b") }) },
      "same-last-record",
      "fail",
    ],
    [
      "another time",
      { last: table({ origin: row("a"), destination: row("a", 6) }) },
      "same-last-record",
      "fail",
    ],
    [
      "no last record there",
      { last: table({ origin: row("a"), destination: null }) },
      "same-last-record",
      "fail",
    ],
    ["last records not read", { last: new Map() }, "same-last-record", "unknown"],
  ])("is not proved with %s", (_name, change, proof, state) => {
    const verdict = decideCaughtUp({ ...proved, ...change });
    expect(verdict.caughtUp).toBe(false);
    expect(verdict.proofs.find(({ name }) => name === proof)?.state).toBe(state);
    expect(verdict.why).not.toBe("");
  });
});
