import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { planWaves, type WaveQuestion } from "#domain/plan/waves.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic } from "#support/assessed.ts";
import { waveSettings } from "#support/wave-settings.ts";

const names = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"];
const someTopics = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 });

const graph = fc.record({
  topics: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  rates: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 10, maxLength: 10 }),
  groups: fc.array(someTopics, { maxLength: 6 }),
  producers: fc.array(someTopics, { maxLength: 4 }),
  transactions: fc.array(someTopics, { maxLength: 3 }),
  streams: fc.array(fc.nat({ max: 5 }), { maxLength: 3 }),
});

function question({
  topics,
  rates,
  groups,
  producers,
  transactions,
  streams,
}: typeof graph extends fc.Arbitrary<infer T> ? T : never): WaveQuestion {
  return {
    topics: [...topics, ...stores(streams)].map((name) =>
      assessedTopic(name, {
        recordsPerSecond: known(rates[names.indexOf(name)] ?? 0),
        offsetsHeld: known(name.length),
      }),
    ),
    writers: known(
      transactions.map((writes, index) => ({
        transactionalId: index === 0 ? undefined : `tx-${index}`,
        topics: writes,
        offsetPartitions: [],
      })),
    ),
    groups: groups.map((reads, index) => assessedGroup(`g${index}`, reads)),
    settings: waveSettings({
      producers: producers.map((writes, index) => ({ name: `p${index}`, topics: writes })),
    }),
  };
}

/** Two topics of the state of the Streams application g<number>. */
function stores(applications: readonly number[]): readonly string[] {
  return [...new Set(applications)].flatMap((number) => [
    `g${number}-store-changelog`,
    `g${number}-KSTREAM-MAP-0000000007-repartition`,
  ]);
}

/** `undefined` where ferry.yaml is refused. */
function unlessRefused<T>(plan: () => T): T | undefined {
  try {
    return plan();
  } catch (thrown) {
    if (thrown instanceof FerryError && thrown.code === "E_SETTINGS") return undefined;
    throw thrown;
  }
}

describe("automatic waves", () => {
  it("carries every topic once and cuts no group or producer, in as many waves as possible", () => {
    fc.assert(
      fc.property(graph, (drawn) => {
        const asked = question(drawn);
        const { waves, excluded } = planWaves(asked);
        const placed = waves.flatMap(({ topics }) => topics);
        expect(placed.toSorted()).toEqual([...drawn.topics, ...stores(drawn.streams)].toSorted());
        expect(new Set(waves.map(({ name }) => name)).size).toBe(waves.length);
        const readers = drawn.groups.map((reads, index) => {
          const known = reads.some((topic) => drawn.topics.includes(topic));
          return known ? [...reads, ...stores(drawn.streams.filter((number) => number === index))] : [];
        });
        const states = drawn.streams.map((number) => stores([number]));
        const linked = [
          ...readers,
          ...states,
          ...drawn.producers,
          ...drawn.transactions.filter(isJoin(drawn.topics)),
        ].map((link) => link.filter((topic) => !names.includes(topic) || drawn.topics.includes(topic)));
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

  it("are held to the same rules where ferry.yaml draws them: refused, or nothing is cut", () => {
    const places = fc.array(fc.option(fc.nat({ max: 2 })), { minLength: 10, maxLength: 10 });
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(graph, places, (drawn, drawnPlaces) => {
        const asked = question(drawn);
        const waves = [0, 1, 2].flatMap((place) => {
          const topics = drawn.topics.filter((name) => drawnPlaces[names.indexOf(name)] === place);
          return topics.length === 0 ? [] : [{ name: `w${place}`, topics, groups: [] }];
        });
        const planned = unlessRefused(
          () => planWaves({ ...asked, settings: { ...asked.settings, waves } }).waves,
        );
        outcomes.add(planned === undefined ? "refused" : "planned");
        if (planned === undefined) return;
        for (const { name, topics } of waves) {
          expect(planned.find((wave) => wave.name === name)?.topics).toEqual(expect.arrayContaining(topics));
        }
        const own = (link: readonly string[]) => link.filter((topic) => drawn.topics.includes(topic));
        for (const link of [...drawn.groups, ...drawn.producers].map(own)) {
          const touched = planned.filter(({ topics }) => link.some((topic) => topics.includes(topic)));
          expect(touched.length).toBeLessThanOrEqual(1);
        }
      }),
    );
    expect(outcomes).toEqual(new Set(["refused", "planned"]));
  });

  it("goes from least to most risk, unused topics last", () => {
    const topics = [
      assessedTopic("busy", { recordsPerSecond: known(9000) }),
      assessedTopic("quiet", { recordsPerSecond: known(0.2) }),
      assessedTopic("wide", { recordsPerSecond: known(0.1), partitions: 100 }),
      assessedTopic("unused"),
    ];
    const groups = ["busy", "quiet", "wide"].map((name) => assessedGroup(`${name}-app`, [name]));
    const { waves } = planWaves({ topics, groups, settings: waveSettings() });
    expect(waves.map(({ name }) => name)).toEqual(["quiet", "wide", "busy", "rest"]);
    expect(waves[0]?.why).toBe("quiet-app reads quiet");
  });

  it("takes a topic whose rate is not known for the busiest", () => {
    const topics = [
      assessedTopic("dark", { recordsPerSecond: unknown("1 of 3 partitions have no leader") }),
      assessedTopic("busy", { recordsPerSecond: known(9000) }),
    ];
    const groups = topics.map(({ name }) => assessedGroup(`${name}-app`, [name]));
    const { waves } = planWaves({ topics, groups, settings: waveSettings() });
    expect(waves.map(({ name }) => name)).toEqual(["busy", "dark"]);
  });

  it("keeps the names of the plan before", () => {
    const topics = [
      assessedTopic("a", { offsetsHeld: known(1) }),
      assessedTopic("b", { offsetsHeld: known(99) }),
    ];
    const groups = [assessedGroup("app", ["a", "b"])];
    const previous = [{ name: "a", topics: ["a", "b"], groups: ["app"], why: "" }];
    const { waves } = planWaves({ topics, groups, settings: waveSettings(), previous });
    expect(waves.map(({ name }) => name)).toEqual(["a"]);
  });

  it("makes names that Connect and Redis take", () => {
    const topics = [assessedTopic("Orders.EU_v1"), assessedTopic("orders-eu-v1")];
    const groups = topics.map(({ name }, index) => assessedGroup(`g${index}`, [name]));
    const { waves } = planWaves({ topics, groups, settings: waveSettings() });
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
    const asked = { topics, groups, settings: waveSettings({ topics: ["orders", "state.*", ".*heart.*"] }) };
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
    const { waves } = planWaves({ topics, groups: [], settings: waveSettings({ topics: ["orders"] }) });
    expect(waves.flatMap(({ topics }) => topics)).toEqual(["orders"]);
  });
});

function isJoin(topics: readonly string[]): (link: readonly string[]) => boolean {
  return (link) => link.filter((topic) => topics.includes(topic)).length > 1;
}

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
