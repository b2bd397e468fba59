import { describe, expect, it } from "vitest";
import type { GateFact } from "#domain/approval.ts";
import { planKey } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { attempt, carryOut, expectNothingLost, started, withWorld } from "#support/cutover-bench.ts";
import { openRun, type SampleMigration } from "#support/sample-migration.ts";

const asked = { wave: "billing", by: "UANA" };

async function factsOf(work: Work): Promise<ReadonlyMap<string, GateFact>> {
  const { facts } = await cutoverConsumers.propose(asked, work);
  return new Map(facts.map((each) => [each.name, each]));
}

/** Something happens in the world whenever the bot waits. */
function whenWaiting(work: Work, act: () => void | Promise<void>): Work {
  const sleep: Work["clock"]["sleep"] = async (ms, signal) => {
    await act();
    await work.clock.sleep(ms, signal);
  };
  return { ...work, clock: { ...work.clock, sleep } };
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

  it("warns of static members, with their ids and what it does to the pause", async () => {
    const sample = await started();
    sample.source.addMember("billing", { clientId: "app", instanceId: "pod-7" });
    const found = (await factsOf(await sample.openWork())).get("static-members");
    expect(found).toMatchObject({ state: "warn", pinned: "told" });
    expect(found?.text).toContain("billing: pod-7");
    expect(found?.text).toContain("session.timeout.ms");
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

/** Meddles once, as soon as the consumers run on the target. */
async function meddle(sample: SampleMigration, act: () => void) {
  let meddled = false;
  const work = whenWaiting(await sample.openWork(), () => {
    if (meddled || sample.places.get("billing-app") !== "target") return;
    meddled = true;
    act();
  });
  return await carryOut(cutoverConsumers, sample, work, "R1");
}

describe("while the consumers move", () => {
  it("stops the group sync before the commit, and starts it again when it goes back", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const states: string[] = [];
    const target = await work.world.target();
    const watching: KafkaCluster = {
      ...target,
      commit: async (offsets) => {
        states.push((await sample.engine.status("ferry-orders-billing-checkpoint")).state);
        sample.target.addMember("ledger", { clientId: "early" });
        await target.commit(offsets);
      },
    };
    const result = await carryOut(
      cutoverConsumers,
      sample,
      withWorld(work, { target: async () => watching }),
      "R1",
    );
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_GROUP_ALIVE" } });
    expect(states).toEqual(["stopped"]);
    expect((await sample.engine.status("ferry-orders-billing-checkpoint")).state).toBe("running");
  });

  it("refuses a group whose state is not told", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose(asked, work);
    sample.target.commitAs("nightly", new Map());
    sample.target.setState("nightly", "Unknown");
    const result = await attempt(cutoverConsumers, sample, work, "R1", proposal);
    expect(result).toMatchObject({
      kind: "undone",
      error: { code: "E_GROUP_ALIVE", message: expect.stringMatching(/state is Unknown: nightly \(/) },
    });
    await expectNothingLost(sample);
  });

  it("does not start where somebody changed an offset after the commit", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const target = await work.world.target();
    let reads = 0;
    const meddled: KafkaCluster = {
      ...target,
      commit: async (offsets) => {
        await target.commit(offsets);
        reads = 1;
      },
      committed: async (groups) => {
        const now = await target.committed(groups);
        reads += reads > 0 ? 1 : 0;
        // Read back in good order; right behind it a stranger sets one back.
        if (reads === 2) sample.target.commitAs("billing", new Map([["orders", [0]]]));
        return now;
      },
    };
    const result = await carryOut(
      cutoverConsumers,
      sample,
      withWorld(work, { target: async () => meddled }),
      "R1",
    );
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    expect(result.kind === "undone" ? result.error.message : "").toMatch(/billing orders-0: \d+ read again/);
    await expectNothingLost(sample);
  });

  it("goes back when a stranger sets a group back, and names it", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["orders", [3]]]));
    const result = await meddle(sample, () => sample.target.commitAs("nightly", new Map([["orders", [1]]])));
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_OFFSETS_MOVED" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain(
      "nightly orders-0 is 1, was committed at 3",
    );
    expect((await sample.source.cluster.committed(["nightly"])).get("nightly")?.get("orders")).toEqual([3]);
    await expectNothingLost(sample);
  });

  it("goes back when a group comes to life on the source, and leaves that one alone", async () => {
    const sample = await started();
    const result = await meddle(sample, () => void sample.source.addMember("billing", { clientId: "late" }));
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_SPLIT_BRAIN" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("late");
    expect(sample.places.get("ledger-app")).toBe("source");
    expect((await readWaveState(await sample.openWork(), "billing")).phase).toBe("before-cutover");
  });

  it("goes back when offsets move on the source without a member", async () => {
    const sample = await started();
    sample.source.commitAs("nightly", new Map([["orders", [1]]]));
    const result = await meddle(sample, () => sample.source.commitAs("nightly", new Map([["orders", [3]]])));
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_SPLIT_BRAIN" } });
    expect(result.kind === "undone" ? result.error.message : "").toContain("nightly: orders-0 1 → 3");
    await expectNothingLost(sample);
  });

  it("tells what was observed and how long each group paused, in the summary, the audit and the run", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const audited: string[] = [];
    const told = {
      ...work,
      audit: async (entry: { readonly what: string }) => void audited.push(entry.what),
    };
    const proposal = await cutoverConsumers.propose(asked, told);
    expect((await attempt(cutoverConsumers, sample, told, "R1", proposal)).kind).toBe("done");
    const run = await openRun(sample.store, "R1");
    const parts = await cutoverConsumers.summary(proposal, told, run);
    const facts = JSON.stringify(parts);
    expect(facts).toContain("observed 0 records; predicted 0 records");
    const table = parts.find(({ kind }) => kind === "table");
    expect(table?.kind === "table" ? table.rows.map(([group]) => String(group)) : []).toEqual(
      expect.arrayContaining(["billing", "ledger"]),
    );
    expect(await run.recall("pauses")).toEqual([
      expect.objectContaining({ group: "billing", until: "record", pauseMs: expect.any(Number) }),
      expect.objectContaining({ group: "ledger", until: "record", pauseMs: expect.any(Number) }),
    ]);
    await run.leave(0);
    expect(audited).toEqual(
      expect.arrayContaining(["offsets.committed", "offsets.proved", "consumers.moved"]),
    );
    await expectNothingLost(sample);
  });
});
