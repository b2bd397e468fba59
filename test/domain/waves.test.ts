import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MigrationSettings } from "#domain/settings.ts";
import { known, unknown } from "#domain/topology.ts";
import { planWaves, type WaveQuestion } from "#domain/waves.ts";
import { assessedGroup, assessedTopic } from "#support/assessed.ts";

type Producer = { readonly name: string; readonly topics: readonly string[] };

function settings(
  parts: {
    readonly producers?: readonly Producer[];
    readonly waves?: ReadonlyArray<{ name: string; topics: string[]; groups?: string[] }>;
    readonly topics?: readonly string[];
    readonly groups?: readonly string[];
  } = {},
): MigrationSettings {
  return MigrationSettings.parse({
    channel: "C1",
    source: { bootstrap: ["kafka:9092"] },
    target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b", "c"], securityGroups: ["g"] },
    replication: {
      connect: { url: "http://connect:8083" },
      ...(parts.topics && { topics: parts.topics }),
      ...(parts.groups && { groups: parts.groups }),
    },
    ...(parts.waves && { waves: parts.waves }),
    clients: (parts.producers ?? []).map(({ name, topics }) => ({
      name,
      role: "producer",
      topics,
      switch: { driver: "manual" },
    })),
  });
}

const names = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"];
const someTopics = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 });

const graph = fc.record({
  topics: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  rates: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 10, maxLength: 10 }),
  groups: fc.array(someTopics, { maxLength: 6 }),
  producers: fc.array(someTopics, { maxLength: 4 }),
});

function question({
  topics,
  rates,
  groups,
  producers,
}: typeof graph extends fc.Arbitrary<infer T> ? T : never): WaveQuestion {
  return {
    topics: topics.map((name) =>
      assessedTopic(name, {
        recordsPerSecond: known(rates[names.indexOf(name)] ?? 0),
        offsetsHeld: known(name.length),
      }),
    ),
    groups: groups.map((reads, index) => assessedGroup(`g${index}`, reads)),
    settings: settings({
      producers: producers.map((writes, index) => ({ name: `p${index}`, topics: writes })),
    }),
  };
}

describe("automatic waves", () => {
  it("carries every topic once and cuts no group or producer, in as many waves as possible", () => {
    fc.assert(
      fc.property(graph, (drawn) => {
        const asked = question(drawn);
        const { waves, excluded } = planWaves(asked);
        const placed = waves.flatMap(({ topics }) => topics);
        expect(placed.toSorted()).toEqual(drawn.topics.toSorted());
        expect(new Set(waves.map(({ name }) => name)).size).toBe(waves.length);
        const linked = [...drawn.groups, ...drawn.producers].map((link) =>
          link.filter((topic) => drawn.topics.includes(topic)),
        );
        for (const link of linked) {
          const touched = waves.filter(({ topics }) => link.some((topic) => topics.includes(topic)));
          expect(touched.length).toBeLessThanOrEqual(1);
        }
        const grouped = waves.flatMap(({ groups }) => groups).concat(excluded.map(({ name }) => name));
        expect(grouped.toSorted()).toEqual(asked.groups.map(({ id }) => id).toSorted());
        const rest = waves.find(({ name }) => name === "rest")?.topics ?? [];
        expect(rest.filter((topic) => linked.flat().includes(topic))).toEqual([]);
        const apart = waves.filter(({ name, topics }) => name !== "rest" && !isConnected(topics, linked));
        expect(apart).toEqual([]);
      }),
    );
  });

  it("does not depend on the order in which the cluster answered", () => {
    fc.assert(
      fc.property(graph, (drawn) => {
        const asked = question(drawn);
        const turned = { ...asked, topics: asked.topics.toReversed(), groups: asked.groups.toReversed() };
        expect(planWaves(turned).waves).toEqual(planWaves(asked).waves);
      }),
    );
  });

  it("can be declared in ferry.yaml just as they were planned", () => {
    fc.assert(
      fc.property(graph, (drawn) => {
        const asked = question(drawn);
        const { waves } = planWaves(asked);
        const declared = waves.map(({ name, topics, groups }) => ({ name, topics, groups }));
        const again = planWaves({ ...asked, settings: { ...asked.settings, waves: declared } });
        const shape = (from: typeof waves) =>
          from.map(({ name, topics, groups }) => ({ name, topics, groups }));
        expect(shape(again.waves).toSorted(byName)).toEqual(shape(waves).toSorted(byName));
      }),
    );
  });

  it("goes from least to most risk, unused topics last", () => {
    const topics = [
      assessedTopic("busy", { recordsPerSecond: known(9000) }),
      assessedTopic("quiet", { recordsPerSecond: known(0.2) }),
      assessedTopic("wide", { recordsPerSecond: known(0.1), partitions: 100 }),
      assessedTopic("unused"),
    ];
    const groups = ["busy", "quiet", "wide"].map((name) => assessedGroup(`${name}-app`, [name]));
    const { waves } = planWaves({ topics, groups, settings: settings() });
    expect(waves.map(({ name }) => name)).toEqual(["quiet", "wide", "busy", "rest"]);
    expect(waves[0]?.why).toBe("quiet-app reads quiet");
  });

  it("takes a topic whose rate is not known for the busiest", () => {
    const topics = [
      assessedTopic("dark", { recordsPerSecond: unknown("1 of 3 partitions have no leader") }),
      assessedTopic("busy", { recordsPerSecond: known(9000) }),
    ];
    const groups = topics.map(({ name }) => assessedGroup(`${name}-app`, [name]));
    const { waves } = planWaves({ topics, groups, settings: settings() });
    expect(waves.map(({ name }) => name)).toEqual(["busy", "dark"]);
  });

  it("keeps the names of the plan before", () => {
    const topics = [
      assessedTopic("a", { offsetsHeld: known(1) }),
      assessedTopic("b", { offsetsHeld: known(99) }),
    ];
    const groups = [assessedGroup("app", ["a", "b"])];
    const previous = [{ name: "a", topics: ["a", "b"], groups: ["app"], why: "" }];
    const { waves } = planWaves({ topics, groups, settings: settings(), previous });
    expect(waves.map(({ name }) => name)).toEqual(["a"]);
  });

  it("makes names that Connect and Redis take", () => {
    const topics = [assessedTopic("Orders.EU_v1"), assessedTopic("orders-eu-v1")];
    const groups = topics.map(({ name }, index) => assessedGroup(`g${index}`, [name]));
    const { waves } = planWaves({ topics, groups, settings: settings() });
    expect(waves.map(({ name }) => name)).toEqual(["orders-eu-v1", "orders-eu-v1-2"]);
  });
});

describe("what does not move", () => {
  it("is named with its reason", () => {
    const topics = [
      assessedTopic("orders"),
      assessedTopic("__consumer_offsets", { internal: true }),
      assessedTopic("connect-offsets"),
      assessedTopic("mm2-offset-syncs.backup.internal"),
      assessedTopic("device-heartbeats"),
      assessedTopic("private-notes"),
      assessedTopic("state-internal"),
    ];
    const groups = [
      assessedGroup("orders-app", ["orders"]),
      assessedGroup("workers", [], { protocolType: "connect" }),
      assessedGroup("idle", []),
      assessedGroup("notes-app", ["private-notes"]),
    ];
    const asked = { topics, groups, settings: settings({ topics: ["orders", "state.*", ".*heart.*"] }) };
    const { waves, excluded } = planWaves(asked);
    expect(waves.flatMap(({ topics }) => topics)).toEqual(["orders"]);
    expect(Object.fromEntries(excluded.map(({ name, why }) => [name, why]))).toMatchObject({
      __consumer_offsets: expect.stringContaining("internal topic of Kafka"),
      "connect-offsets": expect.stringContaining("Kafka Connect"),
      "mm2-offset-syncs.backup.internal": expect.stringContaining("MirrorMaker 2"),
      "device-heartbeats": expect.stringContaining("heartbeats"),
      "private-notes": "no pattern of replication.topics matches",
      "state-internal": expect.stringContaining("up to 3.9"),
      workers: expect.stringContaining("Connect workers"),
      idle: expect.stringContaining("no committed offset"),
      "notes-app": "none of its topics moves",
    });
  });

  it("matches whole names, as Connect does", () => {
    const topics = [assessedTopic("orders"), assessedTopic("orders-archive")];
    const { waves } = planWaves({ topics, groups: [], settings: settings({ topics: ["orders"] }) });
    expect(waves.flatMap(({ topics }) => topics)).toEqual(["orders"]);
  });
});

describe("waves of ferry.yaml", () => {
  const topics = [assessedTopic("invoices"), assessedTopic("payments"), assessedTopic("parcels")];
  const groups = [assessedGroup("billing-app", ["invoices", "payments"])];

  it("are taken as written, with the groups that read them; what they leave is planned", () => {
    const asked = settings({ waves: [{ name: "billing", topics: ["invoices", "payments"] }] });
    const { waves } = planWaves({ topics, groups, settings: asked });
    expect(waves.map(({ name, topics, groups }) => ({ name, topics, groups }))).toEqual([
      { name: "billing", topics: ["invoices", "payments"], groups: ["billing-app"] },
      { name: "rest", topics: ["parcels"], groups: [] },
    ]);
  });

  it.each([
    {
      what: "a group cut in two",
      waves: [
        { name: "one", topics: ["invoices"] },
        { name: "two", topics: ["payments"] },
      ],
      says: "group billing-app reads invoices (wave one), payments (wave two)",
    },
    {
      what: "a group whose other topic is in no wave",
      waves: [{ name: "one", topics: ["invoices"] }],
      says: "payments (in no wave of ferry.yaml)",
    },
    {
      what: "a group listed where it does not read",
      waves: [
        { name: "one", topics: ["invoices", "payments"] },
        { name: "two", topics: ["parcels"], groups: ["billing-app"] },
      ],
      says: "is listed in wave two",
    },
    {
      what: "a topic in two waves",
      waves: [
        { name: "one", topics: ["invoices", "payments"] },
        { name: "two", topics: ["payments"] },
      ],
      says: "topic payments is in one and in two",
    },
    {
      what: "a topic that does not exist",
      waves: [{ name: "one", topics: ["invoice", "payments"] }],
      says: "did you mean invoices?",
    },
  ])("are refused with $what", ({ waves, says }) => {
    expect(() => planWaves({ topics, groups, settings: settings({ waves }) })).toThrow(
      expect.objectContaining({ code: "E_SETTINGS", message: expect.stringContaining(says) }),
    );
  });

  it("are refused when they cut a producer in two, naming it", () => {
    const asked = settings({
      producers: [{ name: "checkout", topics: ["payments", "parcels"] }],
      waves: [
        { name: "one", topics: ["invoices", "payments"] },
        { name: "two", topics: ["parcels"] },
      ],
    });
    expect(() => planWaves({ topics, groups, settings: asked })).toThrow(
      "producer checkout writes payments (wave one), parcels (wave two)",
    );
  });
});

function isConnected(topics: readonly string[], links: ReadonlyArray<readonly string[]>): boolean {
  const [first] = topics;
  const reached = new Set(first === undefined ? [] : [first]);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const link of links)
      if (link.some((topic) => reached.has(topic))) for (const topic of link) reached.add(topic);
  }
  return topics.every((topic) => reached.has(topic));
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
