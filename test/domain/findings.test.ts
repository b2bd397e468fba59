import { describe, expect, it } from "vitest";
import { Assessment } from "#domain/assessment.ts";
import { findings, subjects } from "#domain/findings/findings.ts";
import { strayPositions } from "#domain/findings/positions.ts";
import { limitCases, versionCases } from "#support/finding-cases.ts";
import { accessCases, brokerCases } from "#support/finding-cases-cluster.ts";
import { groupCases } from "#support/finding-cases-groups.ts";
import { recordCases, retentionCases, transactionCases } from "#support/finding-cases-records.ts";
import { nameCases, settingCases } from "#support/finding-cases-topics.ts";
import { type Change, plainTopic, recordedAssessment, scene, topicNamed } from "#support/finding-scene.ts";

const checks = subjects.flatMap((subject) => subject.checks);
const taken = Date.parse(scene().subject.taken.at);
const ago = (ms: number) => new Date(taken - ms).toISOString();

/** Each is the smallest change of a recorded inventory; what a real broker provokes is in assess-findings.real.test.ts. */
const cases = [
  ...versionCases,
  ...limitCases,
  ...settingCases,
  ...recordCases(ago),
  ...retentionCases(ago),
  ...groupCases(ago),
  ...nameCases,
  ...transactionCases(ago),
  ...accessCases,
  ...brokerCases,
];

function look(change: Change) {
  const { subject, context } = scene(change);
  return findings(subject, context);
}

describe("a check", () => {
  it.each(cases)(
    "$code, $severity, about $subject, is provoked and silent ($evidence)",
    ({ code, severity, state, subject, evidence, provoked, silent }) => {
      expect(look(provoked)).toContainEqual({
        code,
        severity,
        state: state ?? "found",
        subject: subject ?? plainTopic,
        evidence: expect.stringMatching(evidence),
        remedy: expect.stringMatching(/\S.* \(https:\/\/\S+\)\.$/),
      });
      expect(look(silent).filter((finding) => finding.code === code)).toEqual([
        expect.objectContaining({ state: "not found", evidence: expect.stringMatching(/ looked at$/) }),
      ]);
    },
  );

  it("has a provoking and a silent case for every code there is", () => {
    const covered = new Set(cases.map(({ code }) => code));
    expect(checks.map(({ code }) => code).toSorted()).toEqual([...covered].toSorted());
    expect(checks).toHaveLength(new Set(checks.map(({ code }) => code)).size);
  });

  it("is made whatever the others find: each code has a row on every cluster", () => {
    for (const { provoked } of cases) {
      const rows = new Set(look(provoked).map(({ code }) => code));
      expect(rows.size).toBe(checks.length);
    }
  });

  it("finds nothing on a plain topic and a plain group, and cannot tell only what no cluster tells", () => {
    const dirty = look({ auth: "scram" }).filter(({ state }) => state !== "not found");
    expect(dirty.map(({ code }) => code)).toEqual(["CLIENT_SETTINGS"]);
  });

  it("is never a blocker where it cannot tell", () => {
    const blind = cases.flatMap(({ provoked }) => look(provoked)).filter(({ state }) => state === "unknown");
    expect(blind.length).toBeGreaterThan(20);
    expect(blind.filter(({ severity }) => severity === "blocker")).toEqual([]);
  });
});

describe("what a check could not tell", () => {
  const nothing = { known: false, why: "it was not told" } as const;
  /** Everything of a value that may be unknown, is. */
  function blinded(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(blinded);
    if (typeof value !== "object" || value === null) return value;
    if ("known" in value) return nothing;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, blinded(inner)]));
  }
  const blind = (change: Change) => {
    const { subject, context } = scene(change);
    const seen = Assessment.parse({ ...Object(blinded(subject)), findings: [] });
    const unread = { ...(context.settings && { settings: context.settings }), vanished: ["gone"] };
    return findings({ ...seen, topics: seen.topics.map((topic) => ({ ...topic, configs: {} })) }, unread);
  };
  const rows = [
    ...cases.flatMap(({ provoked }) => look(provoked)),
    ...[{ auth: "scram" }, { engine: "replicator" }, { topic: { compacted: true } }].flatMap(blind),
    ...blind({ shape: { instanceType: "kafka.unheard-of", brokers: 3 } }),
    ...["express", "serverless"].flatMap((kind) => blind({ shape: { kind } })),
    ...blind({ shape: { kafkaVersion: "4.0.x.kraft" }, group: { state: "Unknown", members: [] } }),
  ].filter(({ state }) => state === "unknown");

  it("comes with how to find out, not with what to do about what may not be there", () => {
    const codes = new Set(rows.map(({ code }) => code));
    expect(codes.size).toBeGreaterThan(45);
    for (const { code, find, remedy } of checks.filter((check) => codes.has(check.code))) {
      expect(find, code).toMatch(/^[A-Z].*[^.]$/);
      expect(find, code).not.toBe(remedy);
    }
    for (const { code, remedy } of rows.filter((row) => row.code !== "CLIENTS_UNKNOWN")) {
      expect(remedy).toContain(checks.find((check) => check.code === code)?.find);
    }
  });

  it("has no such words for a check that always can", () => {
    const spare = checks.filter(
      ({ code, find }) => find !== undefined && rows.every((row) => row.code !== code),
    );
    expect(spare.map(({ code }) => code)).toEqual([]);
  });
});

describe("the recorded inventory of a real source", () => {
  it("has still what was found on it then, but for what is read beside it", () => {
    const { findings: then, ...subject } = recordedAssessment();
    const beside =
      /^(?:TARGET_|GROUP_OFFSET_|GROUP_PARTITION_|GROUP_READS_|CONTROLLER_|DISK_FULL|ACLS_ON_IAM|IAM_)/;
    const now = findings(subject).map(({ code, subject: about, state }) => `${code} ${about} ${state}`);
    const kept = then.filter(({ code }) => !beside.test(code));
    expect(kept.length).toBeGreaterThan(25);
    for (const { code, subject: about, state } of kept) expect(now).toContain(`${code} ${about} ${state}`);
  });
});

describe("the list of findings", () => {
  it("has blockers first, of each severity what is found before what is unknown, and clean checks last", () => {
    const rank = ["blocker found", "warning found", "warning unknown", "info found", "info unknown"];
    const rows = look({
      topic: { offline: 1, name: "app.heartbeats", headers: { known: true, value: "all" } },
      subject: { acls: { known: false, why: "refused" } },
      context: { target: { known: false, why: "away" } },
    });
    const order = rows.map(({ severity, state }) =>
      state === "not found" ? rank.length : rank.indexOf(`${severity} ${state}`),
    );
    expect(new Set(order)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it("is the same whatever the order of topics and groups", () => {
    const topics = ["b", "a", "c"].map((name) => topicNamed(name, { replicationFactor: 5 }));
    const there = look({ subject: { topics } });
    expect(look({ subject: { topics: topics.toReversed() } })).toEqual(there);
    expect(there.filter(({ code }) => code === "REPLICAS_MANY").map(({ subject }) => subject)).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  it("folds what is found on many topics into one row with their names, and blockers never", () => {
    const topics = Array.from({ length: 30 }, (_, index) =>
      topicNamed(`t${String(index).padStart(2, "0")}.heartbeats`, { replicationFactor: 5 }),
    );
    const rows = look({ subject: { topics } });
    expect(rows.filter(({ code }) => code === "TOPIC_RENAMED")).toHaveLength(30);
    const many = rows.filter(({ code }) => code === "REPLICAS_MANY");
    expect(many).toHaveLength(21);
    expect(many.find(({ subject }) => subject === "10 more")?.evidence).toContain("t29.heartbeats");
  });

  it("tells what is unknown of several topics once, with their names", () => {
    const topics = ["a", "b"].map((name) => topicNamed(name, { headers: { known: false, why: "not read" } }));
    expect(look({ subject: { topics } })).toContainEqual(
      expect.objectContaining({ code: "HEADERS_USED", subject: "2 topics", evidence: "not read (a, b)" }),
    );
  });

  it("says nothing of Kafka's own topics but that they are unhealthy", () => {
    const own = {
      internal: true,
      replicationFactor: 5,
      offline: 1,
      headers: { known: true, value: "all" },
    } as const;
    const dirty = look({ topic: own, auth: "scram" }).filter(({ state }) => state === "found");
    expect(dirty.map(({ code }) => code)).toEqual(["PARTITIONS_OFFLINE", "GROUP_READS_UNMIRRORED"]);
  });
});

describe("positions of groups", () => {
  const starts = new Map([["a", [10, 0, 5, 0]]]);
  const ends = new Map([["a", [20, 0, 5, 7]]]);

  it("are below the start, past the end, or absent where there is something to read", () => {
    const committed = new Map([["g", new Map([["a", [9, undefined, 6, undefined]]])]]);
    expect(strayPositions(committed, starts, ends).map(({ partition, kind }) => [partition, kind])).toEqual([
      [0, "expired"],
      [2, "beyond"],
      [3, "none"],
    ]);
  });

  it("are in order at the first record, at the end, and where an end is not known", () => {
    const committed = new Map([
      ["g", new Map([["a", [10, 0, 5, 7]]])],
      ["h", new Map([["unread", [3]]])],
    ]);
    expect(strayPositions(committed, starts, ends)).toEqual([]);
  });
});
