import { describe, expect, test } from "vitest";
import { boundariesOf, Fault, matrix, nameOf } from "./chaos/cases.ts";
import { createCaseQueue, createFixedQueue } from "./chaos/queue.ts";
import { reliabilityPage } from "./chaos/report.ts";
import { openResults, type Row } from "./chaos/results.ts";
import { contradictions, type Shot } from "./chaos/world.ts";

/** What `npm run chaos` plays, in which order, what it objects to, and what it writes. */

const entry = { title: "", intentAt: 0 };

describe("the cases", () => {
  test("have a begin and an end for each step, and an end alone for work that was found done", () => {
    const entries = [
      { ...entry, step: "stop", outcome: "done" as const },
      { ...entry, step: "fence", outcome: "found" as const },
      { ...entry, step: "start" },
    ];
    expect(boundariesOf({ entries })).toEqual(["stop:begin", "stop:end", "fence:end", "start:begin"]);
  });

  test("are every boundary with every fault", () => {
    const cases = matrix(new Map([["producers", ["stop:begin", "stop:end"]]]));
    expect(cases.map(nameOf)).toEqual(
      ["stop:begin", "stop:end"].flatMap((at) => Fault.options.map((fault) => `producers/${at}/${fault}`)),
    );
  });

  test("are given out once each, with the runs between them that lead there", () => {
    const cases = matrix(
      new Map([
        ["rollback-producers", ["stop:begin"]],
        ["consumers", ["stop:end"]],
      ]),
    );
    const queue = createCaseQueue(cases);
    const played: string[] = [];
    let phase = "before-cutover";
    const after = { consumers: "consumers-moved", producers: "producers-moved" };
    for (let next = queue.next(phase); next.kind !== "nothing"; next = queue.next(phase)) {
      const run = next.kind === "case" ? next.one.run : next.run;
      if (next.kind === "case") played.push(nameOf(next.one));
      phase = run === "consumers" || run === "producers" ? after[run] : "before-cutover";
    }
    expect(played.toSorted()).toEqual(cases.map(nameOf).toSorted());
  });

  test("of a sample come in their order", () => {
    const queue = createFixedQueue([
      { run: "producers", at: 1, fault: "redis" },
      { run: "consumers", at: 0, fault: "slack" },
    ]);
    expect(queue.next("before-cutover")).toEqual({ kind: "undisturbed", run: "consumers" });
    expect(queue.next("consumers-moved")).toMatchObject({ kind: "case", one: { run: "producers" } });
    expect(queue.next("producers-moved")).toEqual({ kind: "undisturbed", run: "rollback-producers" });
    expect(queue.next("before-cutover")).toMatchObject({ kind: "case", one: { run: "consumers" } });
    expect(queue.left()).toBe(0);
  });
});

const moved: Shot = {
  phase: "consumers-moved",
  consumer: "target",
  producer: "source",
  members: ["target"],
  connectors: { forward: "RUNNING 1/1", checkpoint: "STOPPED 0/0", reverse: "absent" },
  acls: [],
};

describe("a legal state", () => {
  test("is one where everything is where the phase says", () => {
    expect(contradictions(moved, "consumers-moved", undefined)).toEqual([]);
    expect(contradictions(moved, "consumers-moved", moved)).toEqual([]);
  });

  test.each<[string, Partial<Shot>, string]>([
    [
      "members on both clusters",
      { members: ["source", "target"] },
      'members is "source,target", not "target"',
    ],
    ["the bot's record elsewhere", { phase: "before-cutover" }, 'phase is "before-cutover"'],
    ["a consumer that stopped", { consumer: "stopped" }, 'consumer is "stopped", not "target"'],
    ["a forgotten ACL", { acls: ["-orders User:* * 4 2"] }, 'acls is "-orders'],
    [
      "both mirrors",
      { connectors: { ...moved.connectors, reverse: "RUNNING 1/1" } },
      'reverse is "RUNNING", not "absent"',
    ],
    [
      "a dead task",
      { connectors: { ...moved.connectors, forward: "RUNNING 0/1" } },
      'forward is "RUNNING 0/1", not "RUNNING"',
    ],
  ])("is not one with %s", (_, change, problem) => {
    const found = contradictions({ ...moved, ...change }, "consumers-moved", undefined);
    expect(found.join("; ")).toContain(problem);
  });
});

describe("docs/reliability.md", () => {
  const row: Row = {
    kind: "case",
    name: "consumers/stop:begin/worker",
    run: "consumers",
    at: "stop:begin",
    fault: "worker",
    ok: true,
    outcome: "went on",
    lost: 0,
    twice: 0,
    seconds: 7.5,
    tookSeconds: 12,
    why: [],
    said: "Done",
    refusals: [],
    when: "2026-11-23T04:00:00.000Z",
  };

  test("shows what was played, what failed and what was not played", () => {
    const results = openResults(undefined);
    results.add({
      kind: "baseline",
      run: "consumers",
      boundaries: ["stop:begin", "stop:end"],
      titles: {},
      after: moved,
      seconds: 5,
      lost: 0,
      twice: 0,
      at: row.when,
    });
    results.add(row);
    const why = ["3 records lost"];
    const failed = { ...row, name: "consumers/stop:end/redis", at: "stop:end", fault: "redis" as const };
    results.add({ ...failed, ok: false, lost: 3, outcome: "no legal end", why });
    const page = reliabilityPage(results);
    expect(page).toContain("| 2 | 1 | 1 | 10 | 1 | 0 | 3 | 0 |");
    expect(page).toContain("| begin of `stop` | went on, 0 lost, 0 twice, 7.5 s | not played |");
    expect(page).toContain("**FAIL** no legal end, 3 lost, 0 twice");
    expect(page).toContain("`consumers/stop:end/redis`: 3 records lost");
  });
});
