import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInside, readAnswer, stayMs } from "#domain/plan/answer-values.ts";
import { checkAnswers } from "#domain/plan/question-form.ts";
import {
  type Answers,
  growthFactor,
  inTheWay,
  type QuestionId,
  questionIds,
  questionsFor,
  readTwiceLimit,
  standings,
  stayOf,
} from "#domain/plan/questions.ts";
import { MigrationSettings } from "#domain/settings.ts";

function migration(change: { source?: object; target?: object; cutover?: object; clients?: object[] } = {}) {
  const target = {
    cluster: "t",
    region: "eu-west-1",
    auth: "iam",
    subnets: ["a", "b"],
    securityGroups: ["g"],
  };
  return {
    name: "orders",
    settings: MigrationSettings.parse({
      channel: "C1",
      source: { bootstrap: ["kafka:9092"], ...change.source },
      target: { ...target, ...change.target },
      replication: { connect: { url: "http://connect:8083" } },
      ...(change.cutover && { cutover: change.cutover }),
      ...(change.clients && { clients: change.clients }),
    }),
  };
}

const key = "arn:aws:kms:eu-west-1:123456789012:key/k";
const tls = { security: { protocol: "SSL" } };

/** Minutes of the day as "HH:MM". */
function hours(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

function answered(values: Partial<Record<QuestionId, string>>): Answers {
  return Object.fromEntries(
    Object.entries(values).map(([id, value]) => [
      id,
      { value, by: "UANA", at: "2026-11-22T14:00:00.000Z", job: "1", before: null },
    ]),
  );
}

function stateOf(id: QuestionId, answers: Answers = {}, of = migration()) {
  const found = standings(of, answers).find(({ question }) => question.id === id);
  return { state: found?.state, value: found?.value, conflict: found?.conflict };
}

describe("the questions of a plan", () => {
  it("each propose an answer that they would take, or none, and say what depends on it", () => {
    const { settings } = migration();
    const questions = questionsFor(migration());
    expect(questions.map(({ id }) => id)).toEqual(questionIds);
    for (const question of questions) {
      expect(question.depends).not.toBe("");
      if (question.proposed === undefined) continue;
      const { value } = question.proposed;
      expect(readAnswer(question, value, settings)).toEqual({ value });
    }
  });

  it.each<[QuestionId, string, string]>([
    ["window", "ANY", "any"],
    ["window", " sat,sun  22:00-02:00 ", "sat,sun 22:00-02:00"],
    ["window", "mon-fri 06:00-07:30", "mon-fri 06:00-07:30"],
    ["owners", "billing: @ana", "billing: @ana"],
    ["read-twice", "007", "7"],
    ["old-cluster", "14d", "14d"],
    ["network-path", "VPN", "vpn"],
    ["compliance", "open", "open"],
    ["growth", "30 %", "30"],
  ])("takes %s: %s", (id, text, value) => {
    const of = migration({ cutover: { maxReadAgain: 10 } });
    expect(checkAnswers({ [id]: text }, of)).toEqual({ values: [{ id, value }], problems: {} });
  });

  it.each<[string, string, string]>([
    ["window", "at night", "sat,sun 22:00-02:00"],
    ["window", "sat 25:00-26:00", "days and hours"],
    ["window", "someday 22:00-23:00", "days and hours"],
    ["read-twice", "11", "At most 10: cutover.maxReadAgain"],
    ["read-twice", "-1", "whole number"],
    ["old-cluster", "a week", "14d"],
    ["old-cluster", "1h", "cleanup.watch"],
    ["network-path", "train", "peering, transit-gateway, vpn, none, open"],
    ["growth", "more", "percent"],
    ["owners", "x".repeat(301), "at most 300"],
    ["owners", "  ", "Nothing"],
    ["budget", "5", "no such question"],
  ])("refuses %s: %s", (id, text, problem) => {
    const of = migration({ cutover: { maxReadAgain: 10 } });
    const { values, problems } = checkAnswers({ [id]: text }, of);
    expect(values).toEqual([]);
    expect(problems[id]).toContain(problem);
  });

  it("count a proposal only where that is safe or written down", () => {
    expect(stateOf("compliance")).toMatchObject({ state: "taken", value: "aws-key" });
    expect(stateOf("compliance", {}, migration({ source: tls }))).toMatchObject({ state: "open" });
    const own = migration({ source: tls, target: { kmsKey: key } });
    expect(stateOf("compliance", {}, own)).toMatchObject({ state: "taken", value: "own-key" });
    expect(stateOf("network-path")).toMatchObject({ state: "taken", value: "none" });
    expect(stateOf("owners")).toMatchObject({ state: "open" });
    expect(stateOf("window")).toMatchObject({ state: "open" });
    const manual = { driver: "manual", owner: "U1" };
    const clients = [{ name: "billing", role: "consumer", group: "g", switch: manual }];
    expect(stateOf("owners", {}, migration({ clients }))).toMatchObject({
      state: "taken",
      value: "billing: U1",
    });
  });

  it("stand open first, the most severe at the top", () => {
    const of = migration({ source: tls });
    const severities = standings(of, answered({ "network-path": "open", window: "any" }))
      .filter(({ state }) => state === "open")
      .map(({ question }) => question.severity);
    expect(severities).toEqual(["blocker", "blocker", "warning"]);
  });
});

describe("an answer that a step needs", () => {
  it("holds it up while it is open, also when somebody took the proposal back", () => {
    const of = migration({ source: tls });
    expect(inTheWay(standings(of, {}), "provision")).toEqual([expect.stringContaining("compliance is open")]);
    expect(inTheWay(standings(of, {}), "network")).toEqual([]);
    expect(inTheWay(standings(of, answered({ compliance: "aws-key" })), "provision")).toEqual([]);
    const undecided = standings(of, answered({ "network-path": "open" }));
    expect(inTheWay(undecided, "network")).toEqual([expect.stringContaining("network-path is open")]);
  });

  it("holds it up where it and ferry.yaml contradict each other, or it forbids the step", () => {
    const of = migration();
    const held = (values: Partial<Record<QuestionId, string>>, step: "network" | "provision", at = of) =>
      inTheWay(standings(at, answered(values)), step).join();
    expect(held({ "network-path": "vpn" }, "network")).toContain("the answer is vpn, source.network.kind");
    expect(held({ compliance: "not-cleared" }, "provision")).toContain("not cleared for eu-west-1");
    expect(held({ compliance: "own-key" }, "provision")).toContain("target.kmsKey of ferry.yaml is not set");
    const own = migration({ target: { kmsKey: key } });
    expect(held({ compliance: "aws-key" }, "provision", own)).toContain(key);
    expect(held({ compliance: "own-key" }, "provision", own)).toBe("");
  });
});

describe("what answers decide", () => {
  it("is a tolerance that only tightens ferry.yaml's", () => {
    const of = migration({ cutover: { maxReadAgain: 10 } });
    expect(readTwiceLimit(of, {})).toBe(10);
    expect(readTwiceLimit(of, answered({ "read-twice": "3" }))).toBe(3);
    expect(readTwiceLimit(of, answered({ "read-twice": "50" }))).toBe(10);
    expect(readTwiceLimit(of, answered({ "read-twice": "open" }))).toBe(10);
  });

  it("is growth, and how long both clusters run", () => {
    expect([growthFactor({}), growthFactor(answered({ growth: "30" }))]).toEqual([1, 1.3]);
    expect(stayOf(migration(), {})).toBe(14 * 86_400_000);
    expect(stayOf(migration(), answered({ "old-cluster": "72h" }))).toBe(3 * 86_400_000);
    expect(stayOf(migration(), answered({ "old-cluster": "open" }))).toBeUndefined();
    expect(stayMs("soon")).toBeUndefined();
  });

  // 2026-11-21 is a Saturday.
  it.each([
    ["any", "2026-11-23T12:00:00Z", true],
    ["22:00-02:00", "2026-11-23T23:00:00Z", true],
    ["22:00-02:00", "2026-11-23T02:00:00Z", false],
    ["sat 22:00-02:00", "2026-11-21T21:59:00Z", false],
    ["sat 22:00-02:00", "2026-11-21T22:00:00Z", true],
    ["sat 22:00-02:00", "2026-11-22T01:59:00Z", true],
    ["sat 22:00-02:00", "2026-11-21T01:00:00Z", false],
    ["mon-fri 06:00-07:00", "2026-11-23T06:30:00Z", true],
    ["mon-fri 06:00-07:00", "2026-11-22T06:30:00Z", false],
    ["fri-mon 06:00-07:00", "2026-11-22T06:30:00Z", true],
    ["nonsense", "2026-11-22T06:30:00Z", undefined],
  ])("is a window: %s at %s", (text, at, inside) => {
    expect(isInside(text, Date.parse(at), "UTC")).toBe(inside);
  });

  it("is a window on the clocks on the wall", () => {
    const at = Date.parse("2026-11-21T21:30:00Z");
    expect([isInside("sat 22:00-23:00", at, "UTC"), isInside("sat 22:00-23:00", at, "Europe/Paris")]).toEqual(
      [false, true],
    );
  });

  it("covers as many minutes of a day as it is long, over midnight too", () => {
    const clock = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(clock, clock, (from, until) => {
        const day = Date.parse("2026-11-22T00:00:00Z");
        let inside = 0;
        for (let minute = 0; minute < 1440; minute += 1) {
          if (isInside(`${hours(from)}-${hours(until)}`, day + minute * 60_000, "UTC") === true) inside += 1;
        }
        expect(inside).toBe(from < until ? until - from : 1440 - (from - until));
      }),
      { numRuns: 8 },
    );
  });
});

it("stand in docs/planning.md, with how severe they are and what they hold up", () => {
  const page = readFileSync(new URL("../../docs/planning.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([a-z-]+)` +\|[^|]*\| (\w+) +\| (`?\w+`?) +\|/gm)];
  expect(rows.map(([, id, severity, blocks]) => [id, severity, blocks?.replaceAll("`", "")])).toEqual(
    questionsFor(migration()).map(({ id, severity, blocks }) => [id, severity, blocks ?? "nothing"]),
  );
});
