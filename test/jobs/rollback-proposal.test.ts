import { describe, expect, it } from "vitest";
import type { Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { requestKey } from "#jobs/approval/request-store.ts";
import { watchStandby } from "#jobs/mirror/standby-watch.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { runIdOf } from "#jobs/run/run.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { expectNothingLost, started } from "#support/cutover-bench.ts";
import { recordedRun, requestOf } from "#support/recorded-run.ts";
import { openRun, type SampleMigration } from "#support/sample-migration.ts";

async function propose(sample: SampleMigration) {
  return await rollback.propose({ wave: "billing", by: "UANA" }, await sample.openWork());
}

async function effectsOf(sample: SampleMigration): Promise<Record<string, string>> {
  const { effects } = await propose(sample);
  return Object.fromEntries(effects.map(({ label, value }) => [label, value]));
}

async function factOf(sample: SampleMigration, name: string) {
  return (await propose(sample)).facts.find((fact) => fact.name === name);
}

async function producersMoved(): Promise<SampleMigration> {
  const sample = await started();
  await recordedRun(cutoverConsumers, sample, "C2NS");
  await recordedRun(cutoverProducers, sample, "PR2D");
  await watchStandby(await sample.openWork());
  return sample;
}

/** Leaves a request in this state, and its run stopped right before the named step. */
async function inTheMiddle(sample: SampleMigration, action: Approvable, step: string): Promise<void> {
  const work = await sample.openWork();
  const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
  const request = await leave(sample, action, "executing", "M2DK");
  const run = await openRun(sample.store, runIdOf(request));
  const stopped = new FerryError("E_STORE", "the process was stopped");
  const steps = (await action.steps(proposal, work, run)).map((each) =>
    each.name === step ? { ...each, act: () => Promise.reject(stopped) } : each,
  );
  await expect(runSteps({ steps, run, work, subject: "x", patienceMs: 0 })).rejects.toBe(stopped);
  await run.leave(0);
}

async function leave(
  sample: SampleMigration,
  action: Approvable,
  state: Request["state"],
  id: string,
): Promise<Request> {
  const work = await sample.openWork();
  const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
  const request = { ...requestOf(proposal, id, work.clock.now()), state };
  await sample.store.write(requestKey("orders", id), request);
  return request;
}

describe("the plan of a rollback", () => {
  it("says before any cutover that there is nothing to roll back, and what to do instead", async () => {
    const sample = await started();
    await expect(propose(sample)).rejects.toMatchObject({
      code: "E_PHASE",
      message: "Wave billing has not been switched: there is nothing to roll back.",
    });
    await leave(sample, cutoverConsumers, "open", "C2NS");
    await expect(propose(sample)).rejects.toThrow("`/ferry cancel C2NS` withdraws it.");
  });

  it("is shown between consumers and producers, a line per group", async () => {
    const sample = await started();
    await recordedRun(cutoverConsumers, sample, "C2NS");
    const effects = await effectsOf(sample);
    expect(effects["Lost"]).toMatch(/^0 records: the producers write to the source/);
    expect(effects["Read twice"]).toMatch(/^0 records: 8 offsets of 3 groups translated back by content at /);
    expect((await propose(sample)).table?.rows).toEqual([
      ["billing", "0", "4", "exact"],
      ["ledger", "0", "4", "exact"],
      ["nightly", "0", "0", "exact"],
    ]);
    expect(effects["Takes"]).toMatch(/^(about|under) .* s, as the steps of this wave took/);
    expect(effects["Afterwards"]).toContain("nothing is copied twice");
    expect((await propose(sample)).facts.every(({ state }) => state === "pass")).toBe(true);
  });

  it("counts after producers moved what comes back, and says what happens to the fence", async () => {
    const sample = await producersMoved();
    for (let round = 0; round < 5; round += 1) await sample.clock.sleep(500);
    const effects = await effectsOf(sample);
    expect(effects["Lost"]).toMatch(/^0 records: nothing starts on the source before the reverse mirror has/);
    expect(effects["Fence on MSK"]).toContain("proved by two equal reads of every end offset");
    expect(effects["Fence on the source"]).toBe("none stands; nothing has to be lifted");
    expect(effects["Brought back"]).toMatch(/^\d+ records since .*, counted by reading; \d+ of them not on/);
    expect(effects["Afterwards"]).toContain("nothing is copied twice");
    const { facts } = await propose(sample);
    expect(facts.map(({ name, state }) => `${name} ${state}`)).toEqual(
      expect.arrayContaining([
        "mirror pass",
        "translation pass",
        "source-groups pass",
        "clients pass",
        "producers pass",
        "standby pass",
        "known-groups pass",
      ]),
    );
  });

  it("calls offsets what it has not counted", async () => {
    const sample = await producersMoved();
    sample.target.appendMany("orders", 0, 2500);
    expect((await effectsOf(sample))["Brought back"]).toMatch(
      /^2,5\d\d offsets since .* as many records at most/,
    );
  });

  it("is that of the wave that moved, when none is named", async () => {
    const sample = await started();
    await recordedRun(cutoverConsumers, sample, "C2NS");
    const proposal = await rollback.propose({ by: "UANA" }, await sample.openWork());
    expect(proposal.wave).toBe("billing");
  });

  it("knows the time of an earlier rollback, and goes over again without copying twice", async () => {
    const sample = await producersMoved();
    await recordedRun(rollback, sample, "R2KK");
    await recordedRun(cutoverConsumers, sample, "C3NS");
    await recordedRun(cutoverProducers, sample, "PR3D");
    expect((await effectsOf(sample))["Takes"]).toMatch(/^about /);
    await expectNothingLost(sample);
  });
});

describe("in the middle of a switch", () => {
  it.each([
    { what: "consumers", before: [], action: cutoverConsumers, step: "start-consumers" },
    { what: "producers", before: [cutoverConsumers], action: cutoverProducers, step: "run-reverse" },
  ])("of $what, the run itself is the way back", async ({ before, action, step }) => {
    const sample = await started(before);
    await inTheMiddle(sample, action, step);
    await expect(propose(sample)).rejects.toMatchObject({
      code: "E_PHASE",
      message: expect.stringMatching(
        /^Request M2DK \(.*\) is under way, at ".*"; `\/ferry cancel M2DK` turns it back without loss: it will .*start/,
      ),
    });
  });

  it("behind the point of no return, the rollback comes after it", async () => {
    const sample = await started([cutoverConsumers]);
    await inTheMiddle(sample, cutoverProducers, "see-writes");
    await expect(propose(sample)).rejects.toThrow("behind its point of no return and ends by itself");
  });

  it("a rollback that is under way is named", async () => {
    const sample = await started([cutoverConsumers]);
    await inTheMiddle(sample, rollback, "commit-offsets");
    await expect(propose(sample)).rejects.toThrow("Request M2DK (roll back CONSUMERS of wave billing)");
  });
});

describe("the gate of a rollback", () => {
  it.each<{ what: string; change: (sample: SampleMigration) => Promise<void> | void; fact: object }>([
    {
      what: "the reverse mirror is stopped",
      change: (sample) => sample.engine.stop("ferry-orders-billing-reverse"),
      fact: { name: "mirror", state: "fail", text: "the reverse mirror is stopped" },
    },
    {
      what: "a group is live on both sides",
      change: (sample) => void sample.source.addMember("ledger", { clientId: "stray" }),
      fact: { name: "source-groups", state: "fail", text: expect.stringContaining("ledger") },
    },
    {
      what: "a live group has no application",
      change: (sample) => void sample.target.addMember("nightly", { clientId: "cron" }),
      fact: { name: "clients", state: "fail", text: expect.stringContaining("nightly") },
    },
    {
      what: "a stranger reads on the target",
      change: (sample) => sample.target.commitAs("stranger", new Map([["orders", [1]]])),
      fact: { name: "known-groups", state: "warn", text: expect.stringContaining("stranger") },
    },
    {
      what: "a group lost its offsets on the target",
      change: (sample) => sample.target.deleteGroup("ledger"),
      fact: { name: "translation", state: "warn", text: expect.stringContaining("ledger") },
    },
    {
      what: "somebody else wrote to the source",
      change: async (sample) => {
        sample.source.appendMany("payments", 1, 3);
        await watchStandby(await sample.openWork());
      },
      fact: { name: "standby", state: "warn", text: expect.stringContaining("3 records on the source only") },
    },
  ])("says so when $what", async ({ change, fact }) => {
    const sample = await producersMoved();
    await change(sample);
    expect(await factOf(sample, String(Reflect.get(fact, "name")))).toMatchObject(fact);
  });

  it("is not moved by a watch that had not looked at the standby yet", async () => {
    const sample = await started();
    await recordedRun(cutoverConsumers, sample, "C2NS");
    await recordedRun(cutoverProducers, sample, "PR2D");
    const before = await factOf(sample, "standby");
    await watchStandby(await sample.openWork());
    const after = await factOf(sample, "standby");
    expect([before?.state, after?.state]).toEqual(["pass", "pass"]);
    expect(after?.pinned).toBe(before?.pinned);
  });

  it("is not read, rather than failed, while the world does not answer", async () => {
    const sample = await producersMoved();
    sample.source.fail("describeGroups", new FerryError("E_SOURCE_UNREACHABLE", "nobody home"));
    await expect(propose(sample)).rejects.toMatchObject({ code: "E_SOURCE_UNREACHABLE", retryable: true });
  });
});
