import { describe, expect, it } from "vitest";
import type { GateFact } from "#domain/approval/approval.ts";
import { planKey } from "#domain/plan.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import type { Work } from "#jobs/work.ts";
import { carryOut, started } from "#support/cutover-bench.ts";
import type { SampleMigration } from "#support/sample-migration.ts";
import { whenWaited, whenWaiting } from "#support/when-waiting.ts";

const asked = { wave: "billing", by: "UANA" };

async function factsOf(work: Work): Promise<ReadonlyMap<string, GateFact>> {
  const { facts } = await cutoverConsumers.propose(asked, work);
  return new Map(facts.map((each) => [each.name, each]));
}

describe("what is found before anybody approves", () => {
  it("passes where nothing is wrong, with each offset predicted beside MirrorMaker's own sync", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose(asked, work);
    expect(proposal.facts.filter(({ state }) => state !== "pass")).toEqual([]);
    expect(proposal.table?.rows.map(([group, partition]) => `${group} ${partition}`).toSorted()).toEqual(
      ["billing", "ledger"].flatMap((group) =>
        ["orders-0", "orders-1", "payments-0", "payments-1"].map((cell) => `${group} ${cell}`),
      ),
    );
    const readAgain = proposal.effects.find(({ label }) => label === "Read again")?.value;
    expect(readAgain).toMatch(/^0 records, proved by content \(MirrorMaker's own sync: \d+\)$/);
  });

  it("counts what MirrorMaker's own sync would make a group read again", async () => {
    const sample = await started();
    // Behind the end MirrorMaker knows no better place than the last sync before it.
    const end = (await sample.source.cluster.offsets(["orders"], "end")).get("orders")?.[0] ?? 0;
    sample.source.appendMany("orders", 0, 10);
    sample.source.commitAs("nightly", new Map([["orders", [end + 5]]]));
    await sample.clock.sleep(100);
    const proposal = await cutoverConsumers.propose(asked, await sample.openWork());
    const row = proposal.table?.rows.find(([group]) => group === "nightly");
    expect(row?.slice(0, 2)).toEqual(["nightly", "orders-0"]);
    expect(row?.slice(4)).toEqual(["0", "0", "5", "0"]);
  });

  it("lists what is exact beside a partition that the mirror has not copied yet, and does not guess there", async () => {
    const sample = await started();
    const ends = (await sample.source.cluster.offsets(["orders"], "end")).get("orders");
    sample.source.commitAs("nightly", new Map([["orders", [1, (ends?.[1] ?? 0) + 1000]]]));
    await sample.engine.stop("ferry-orders-billing-forward");
    sample.source.appendMany("orders", 1, 1000);
    sample.places.set("checkout", "stopped");
    const proposal = await cutoverConsumers.propose(asked, await sample.openWork());
    const rows = proposal.table?.rows.filter(([group]) => group === "nightly");
    expect(rows?.find(([, where]) => where === "orders-0")?.slice(2, 6)).toEqual(["1", "1", "0", "0"]);
    expect(rows?.find(([, where]) => where === "orders-1")?.slice(3)).toEqual(["?", "?", "?", "?", "?"]);
    const readAgain = proposal.effects.find(({ label }) => label === "Read again")?.value;
    expect(readAgain).toMatch(/^0 records, unknown on \d+ partitions?, proved by content; \d+ groups? ahead/);
    const held = proposal.facts.find(({ name }) => name === "read-again");
    expect(held?.text).toMatch(/not known yet on \d+ partition/);
  });

  it("does not say 0 where MirrorMaker has no checkpoint", async () => {
    const sample = await started();
    await sample.engine.remove("ferry-orders-billing-checkpoint");
    const proposal = await cutoverConsumers.propose(asked, await sample.openWork());
    const readAgain = proposal.effects.find(({ label }) => label === "Read again")?.value;
    expect(readAgain).toContain("own sync: unknown)");
    expect(proposal.table?.rows.every((row) => row[6] === "?" && row[7] === "?")).toBe(true);
  });

  it.each(["source", "target"] as const)("fails on commits to an empty group on the %s", async (side) => {
    const sample = await started();
    let offset = 0;
    const commit = () => {
      offset += 1;
      sample[side].commitAs("nightly", new Map([["orders", [undefined, offset]]]));
    };
    commit();
    const facts = await factsOf(whenWaiting(await sample.openWork(), commit));
    expect(facts.get("rogue-commits")).toMatchObject({
      state: "fail",
      text: expect.stringMatching(/nightly: orders-1 \d+ → \d+/),
    });
  });

  it("finds a consumer outside its group that commits every 5 s, as Kafka's clients do by default", async () => {
    const sample = await started();
    let reads = 0;
    sample.source.commitAs("nightly", new Map([["orders", [0]]]));
    const committedAt = sample.clock.now();
    const commit = () => {
      reads = Math.floor((sample.clock.now() - committedAt + 100) / 5000);
      sample.source.commitAs("nightly", new Map([["orders", [reads]]]));
    };
    const work = await sample.openWork();
    const found = (await factsOf(whenWaited(work, commit))).get("rogue-commits");
    expect(found).toMatchObject({ state: "fail", text: expect.stringContaining("nightly: orders-0 0 → 1") });
  });

  it("waits for nobody where every group has members, or has no offset on the wave's topics", async () => {
    const sample = await started();
    sample.source.addTopic("old");
    sample.source.commitAs("nightly", new Map([["old", [1]]]));
    const before = sample.clock.now();
    await factsOf(await sample.openWork());
    expect(sample.clock.now() - before).toBeLessThan(3000);
  });

  it("fails when an application is said to run on the source and its group has no member", async () => {
    const sample = await started();
    sample.source.removeMember("billing");
    const found = (await factsOf(await sample.openWork())).get("clients");
    expect(found).toMatchObject({
      state: "fail",
      text: expect.stringContaining("billing-app in group billing"),
    });
  });

  it.each([
    {
      asking: "billing",
      name: "known-groups",
      text: "not in this wave, but read its topics: courier (wave shipping)",
    },
    { asking: "shipping", name: "other-waves", text: "courier: orders (wave billing)" },
  ])(
    "fails for wave $asking when a group of wave shipping reads a topic of wave billing",
    async (expected) => {
      const sample = await started();
      sample.source.addTopic("parcels");
      sample.target.addTopic("parcels");
      const shipping = { name: "shipping", topics: ["parcels"], groups: ["courier"], why: "" };
      await sample.store.write(planKey("orders"), {
        ...sample.plan,
        waves: [...sample.plan.waves, shipping],
      });
      sample.source.addMember("courier", { subscription: ["parcels", "orders"] });
      const work = await sample.openWork();
      const { facts } = await cutoverConsumers.propose({ wave: expected.asking, by: "UANA" }, work);
      expect(facts.find(({ name }) => name === expected.name)).toMatchObject({
        state: "fail",
        text: expect.stringContaining(expected.text),
      });
    },
  );

  it("warns of static members, with their ids and what it does to the pause", async () => {
    const sample = await started();
    sample.source.addMember("billing", { clientId: "app", instanceId: "pod-7" });
    const found = (await factsOf(await sample.openWork())).get("static-members");
    expect(found).toMatchObject({ state: "warn", pinned: "told" });
    expect(found?.text).toContain("billing: pod-7");
    expect(found?.text).toContain("session.timeout.ms");
    expect(found?.text).toContain("cutover.patience (20 s), the stop fails");
  });

  it.each([
    {
      what: "committed",
      read: (sample: SampleMigration) => sample.source.commitAs("ledger", new Map([["parcels", [1]]])),
    },
    {
      what: "subscribed to",
      read: (sample: SampleMigration) =>
        void sample.source.addMember("ledger", { subscription: ["parcels"] }),
    },
    {
      what: "assigned",
      read: (sample: SampleMigration) =>
        void sample.source.addMember("ledger", { assignment: [{ topic: "parcels", partition: 0 }] }),
    },
  ])("fails when a group has $what a topic of another wave", async ({ read }) => {
    const sample = await started();
    sample.source.addTopic("parcels");
    const waves = [...sample.plan.waves, { name: "shipping", topics: ["parcels"], groups: [], why: "" }];
    await sample.store.write(planKey("orders"), { ...sample.plan, waves });
    read(sample);
    expect((await factsOf(await sample.openWork())).get("other-waves")).toMatchObject({
      state: "fail",
      text: expect.stringContaining("ledger: parcels (wave shipping)"),
    });
  });

  it("fails when a group reads a topic that no wave carries", async () => {
    const sample = await started();
    sample.source.addTopic("local");
    sample.source.addMember("ledger", { subscription: ["local"] });
    expect((await factsOf(await sample.openWork())).get("no-wave")).toMatchObject({ state: "fail" });
  });

  it("fails when a group is active on both clusters, and names who", async () => {
    const sample = await started();
    sample.target.addMember("billing", { clientId: "early", host: "/10.9.9.9" });
    expect((await factsOf(await sample.openWork())).get("split-brain")).toMatchObject({
      state: "fail",
      text: expect.stringContaining("MSK: early /10.9.9.9"),
    });
  });

  it("fails on a group whose state the broker does not tell", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["orders", [1]]]));
    sample.source.setState("nightly", "Unknown");
    expect((await factsOf(await sample.openWork())).get("group-states")).toMatchObject({
      state: "fail",
      text: expect.stringContaining("nightly"),
    });
  });

  it("warns of partitions never committed, and commits nothing for them", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["payments", [1]]]));
    const work = await sample.openWork();
    const found = (await factsOf(work)).get("never-committed");
    expect(found).toMatchObject({ state: "warn", text: expect.stringContaining("nightly: payments-1") });
    expect((await carryOut(cutoverConsumers, sample, work, "R1")).kind).toBe("done");
    const committed = (await sample.target.cluster.committed(["nightly"])).get("nightly");
    expect(committed?.get("payments")).toEqual([1]);
  });

  it("fails on an offset on the target that the source does not have", async () => {
    const sample = await started();
    sample.target.commitAs("nightly", new Map([["payments", [undefined, 7]]]));
    expect((await factsOf(await sample.openWork())).get("stray-offsets")).toMatchObject({
      state: "fail",
      text: expect.stringContaining("nightly: payments-1 at 7"),
    });
  });

  it("fails when a group that nobody planned reads the wave's topics without having committed", async () => {
    const sample = await started();
    sample.source.addMember("stranger", { subscription: ["orders"] });
    expect((await factsOf(await sample.openWork())).get("known-groups")).toMatchObject({ state: "fail" });
  });
});
