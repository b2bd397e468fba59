import { describe, expect, it } from "vitest";
import { offsetPartitionOf } from "#domain/assess/observed-writers.ts";
import { planWaves, type WaveQuestion } from "#domain/plan/waves.ts";
import { known } from "#domain/topology.ts";
import { assessedGroup, assessedTopic } from "#support/assessed.ts";
import { waveSettings } from "#support/wave-settings.ts";

function planned(change: Partial<WaveQuestion>) {
  return planWaves({ topics: [], groups: [], settings: waveSettings(), writers: known([]), ...change }).waves;
}

function parts(change: Partial<WaveQuestion>) {
  return planned(change).map(({ topics, groups }) => ({ topics, groups }));
}

describe("the hard cases", () => {
  it("moves a chain of groups over many topics as one, and its neighbour alone", () => {
    const chain = Array.from({ length: 200 }, (_, index) => `t${String(index).padStart(3, "0")}`);
    const readers = chain
      .slice(1)
      .map((topic, index) =>
        assessedGroup(`g${String(index).padStart(3, "0")}`, [chain[index] ?? "", topic]),
      );
    const alone = assessedGroup("alone", ["z"]);
    expect(
      parts({ topics: [...chain, "z"].map((name) => assessedTopic(name)), groups: [...readers, alone] }),
    ).toEqual([
      { topics: ["z"], groups: ["alone"] },
      { topics: chain, groups: readers.map(({ id }) => id) },
    ]);
  });

  it("moves two groups together whose topics one transaction bridges, and says so", () => {
    const topics = ["orders", "payments", "parcels"].map((name) => assessedTopic(name));
    const groups = topics.map(({ name }) => assessedGroup(`${name}-app`, [name]));
    const transactionalId = "checkout-7";
    const writers = known([{ transactionalId, topics: ["orders", "payments"], offsetPartitions: [] }]);
    const waves = planned({ topics, groups, writers });
    expect(waves.map(({ name, groups }) => [name, groups])).toEqual([
      ["parcels", ["parcels-app"]],
      ["orders", ["orders-app", "payments-app"]],
    ]);
    expect(waves[1]?.why).toContain("transactions of checkout write orders, payments");
    expect(waves[1]?.risk?.why).toContain("transactions on 2 topics (4)");
  });

  it("knows the group for which a transaction commits by its partition of __consumer_offsets", () => {
    const topics = ["in", "out", "other", "__consumer_offsets"].map((name) =>
      assessedTopic(name, name.startsWith("__") ? { internal: true, partitions: 50 } : {}),
    );
    const groups = [assessedGroup("enricher", ["in"]), assessedGroup("reader", ["other"])];
    const offsetPartitions = [offsetPartitionOf("enricher", 50)];
    const writers = known([{ transactionalId: "enricher-tx", topics: ["out"], offsetPartitions }]);
    expect(parts({ topics, groups, writers })).toEqual([
      { topics: ["other"], groups: ["reader"] },
      { topics: ["in", "out"], groups: ["enricher"] },
    ]);
  });

  it("moves a Streams application with all of its state", () => {
    const state = [
      "totals-KSTREAM-AGGREGATE-STATE-STORE-0000000003-changelog",
      "totals-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000009-topic",
      "totals-by-customer-repartition",
    ];
    const topics = ["clicks", "views", ...state, "totals-archive"].map((name) => assessedTopic(name));
    const groups = [assessedGroup("totals", ["clicks"]), assessedGroup("viewer", ["views"])];
    expect(parts({ topics, groups })).toEqual([
      { topics: ["views"], groups: ["viewer"] },
      { topics: ["clicks", ...state], groups: ["totals"] },
      { topics: ["totals-archive"], groups: [] },
    ]);
  });

  it("moves the readers of one compacted topic together, after those that share nothing", () => {
    const topics = [
      assessedTopic("customers", { compacted: true }),
      ...["a", "b", "c"].map((name) => assessedTopic(name)),
    ];
    const groups = [
      assessedGroup("a-app", ["a", "customers"]),
      assessedGroup("b-app", ["b", "customers"]),
      assessedGroup("c-app", ["c"]),
    ];
    const waves = planned({ topics, groups });
    expect(waves.map(({ topics }) => topics)).toEqual([["c"], ["a", "b", "customers"]]);
    expect(waves[1]?.risk).toEqual({
      score: 4,
      why: "silent, 2 owners, 2 of them unknown (2), no transactions seen, 1 compacted topic (2)",
    });
  });

  it("has one wave where one group reads everything", () => {
    const topics = Array.from({ length: 300 }, (_, index) => assessedTopic(`t${index}`));
    const groups = [
      ...topics.map(({ name }) => assessedGroup(`${name}-app`, [name])),
      assessedGroup(
        "archive",
        topics.map(({ name }) => name),
      ),
    ];
    const waves = planned({ topics, groups });
    expect(waves).toHaveLength(1);
    expect(waves[0]?.groups).toHaveLength(301);
  });
});

describe("risk", () => {
  it("counts the people who must be there, and names what it cannot know", () => {
    const topics = [assessedTopic("orders", { recordsPerSecond: known(3) })];
    const groups = [assessedGroup("shop", ["orders"]), assessedGroup("legacy", ["orders"])];
    const asked = waveSettings({ producers: [{ name: "checkout", topics: ["orders"] }] });
    const [wave] = planWaves({ topics, groups, settings: asked }).waves;
    expect(wave?.risk).toEqual({
      score: 6,
      why: "up to 4 records/s (2), 3 owners, 2 of them unknown (4), transactions unknown, nothing compacted",
    });
  });
});
