import { describe, expect, it } from "vitest";
import { planWaves, type WaveQuestion } from "#domain/plan/waves.ts";
import { known } from "#domain/topology.ts";
import { assessedGroup, assessedTopic } from "#support/assessed.ts";
import { waveSettings } from "#support/wave-settings.ts";

describe("waves of ferry.yaml", () => {
  const topics = [assessedTopic("invoices"), assessedTopic("payments"), assessedTopic("parcels")];
  const groups = [assessedGroup("billing-app", ["invoices", "payments"])];

  it("are taken as written, with the groups that read them; what they leave is planned", () => {
    const asked = waveSettings({ waves: [{ name: "billing", topics: ["invoices", "payments"] }] });
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
    expect(() => planWaves({ topics, groups, settings: waveSettings({ waves }) })).toThrow(
      expect.objectContaining({ code: "E_SETTINGS", message: expect.stringContaining(says) }),
    );
  });

  it("are the only ones that replication.tasks may name, with those that are planned", () => {
    const asked = waveSettings({ waves: [{ name: "billing", topics: ["invoices", "payments"] }] });
    const withTasks = (tasks: Record<string, number>) => ({
      ...asked,
      replication: { ...asked.replication, tasks },
    });
    const plan = (tasks: Record<string, number>) =>
      planWaves({ topics, groups, settings: withTasks(tasks) }).waves.map(({ name }) => name);
    expect(plan({ billing: 4, rest: 2 })).toEqual(["billing", "rest"]);
    expect(() => plan({ biling: 4 })).toThrow(
      expect.objectContaining({
        code: "E_SETTINGS",
        message: expect.stringMatching(/replication\.tasks: there is no wave biling; did you mean billing\?/),
      }),
    );
  });

  describe("and what they cut apart", () => {
    const cut = [
      { name: "one", topics: ["invoices"], groups: ["billing-app"] },
      { name: "two", topics: ["payments"] },
    ];
    const [one, two] = cut;
    const why = "reads payments no more; its old offsets are left over";
    const ask = (apart: Array<{ name: string; why: string }>, change: Partial<WaveQuestion> = {}) =>
      planWaves({
        topics,
        groups,
        settings: waveSettings({
          waves: [
            { name: "one", topics: ["invoices"], ...one, apart },
            { name: "two", topics: ["payments"], ...two },
          ],
        }),
        ...change,
      });

    it("may be a group that is listed in one of them, with the reason; the plan repeats it", () => {
      const { waves } = ask([{ name: "billing-app", why }]);
      const apart = [{ kind: "group", name: "billing-app", why }];
      expect(waves.find(({ name }) => name === "one")).toMatchObject({ groups: ["billing-app"], apart });
      expect(waves.find(({ name }) => name === "two")).toMatchObject({ groups: [], apart });
    });

    it("may not be what ties nothing, nor what the bot switches as one", () => {
      expect(() => ask([{ name: "biling-app", why }])).toThrow("did you mean billing-app?");
      const producers = [{ name: "checkout", topics: ["payments", "parcels"] }];
      const waves = [
        { name: "one", topics: ["invoices", "payments"], apart: [{ name: "checkout", why }] },
        { name: "two", topics: ["parcels"] },
      ];
      expect(() => planWaves({ topics, groups, settings: waveSettings({ producers, waves }) })).toThrow(
        "write it as two clients",
      );
      const nowhere = [{ name: "one", topics: ["invoices"], apart: [{ name: "billing-app", why }] }];
      expect(() => planWaves({ topics, groups, settings: waveSettings({ waves: nowhere }) })).toThrow(
        "list it in the groups of the one wave",
      );
    });

    it("may not be a transaction without a reason", () => {
      const writers = known([
        { transactionalId: "till", topics: ["parcels", "payments"], offsetPartitions: [] },
      ]);
      const waves = [
        { name: "one", topics: ["invoices", "payments"] },
        { name: "two", topics: ["parcels"] },
      ];
      const asked = { topics, groups, settings: waveSettings({ waves }), writers };
      expect(() => planWaves(asked)).toThrow(
        "transactional producer till writes in one transaction parcels (wave two), payments (wave one)",
      );
      const fixed = [{ name: "two", topics: ["parcels"], groups: [], why: "" }];
      const late = planWaves({ ...asked, settings: waveSettings(), fixed });
      expect(late.waves.map(({ name, apart }) => [name, apart?.[0]?.why])).toEqual([
        ["two", "wave two had begun to move before this was seen"],
        ["invoices", "wave two had begun to move before this was seen"],
      ]);
    });
  });

  it("are refused when they cut a producer in two, naming it", () => {
    const asked = waveSettings({
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
