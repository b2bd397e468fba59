import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { type Readiness, readinessLine } from "#domain/switch/readiness.ts";
import { known } from "#domain/topology.ts";
import { readMigrationLag, sampleLag } from "#jobs/mirror/migration-lag.ts";
import { watchStandby } from "#jobs/mirror/standby-watch.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { readinessLines, readReadiness } from "#jobs/switch/readiness.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { started, withWorld } from "#support/cutover-bench.ts";
import { recordedRun } from "#support/recorded-run.ts";
import type { SampleMigration } from "#support/sample-migration.ts";

const reverse = "ferry-orders-billing-reverse";

async function moved(...actions: readonly ["consumers"] | readonly ["consumers", "producers"]) {
  const sample = await started();
  await recordedRun(cutoverConsumers, sample, "C2NS");
  if (actions.length > 1) await recordedRun(cutoverProducers, sample, "PR2D");
  return sample;
}

/** As the watch does it: once before, once some time later. */
async function watched(sample: SampleMigration): Promise<void> {
  const work = await sample.openWork();
  await sampleLag(work);
  for (let round = 0; round < 4; round += 1) await sample.clock.sleep(500);
  await watchStandby(work);
}

async function read(sample: SampleMigration): Promise<Readiness> {
  const work = await sample.openWork();
  const [wave] = sample.plan.waves;
  if (wave === undefined) throw new Error("the sample has no wave");
  const readiness = await readReadiness(wave, (await readMigrationLag(work)).copyRates, work);
  if (readiness === undefined) throw new Error("the wave has not moved");
  return readiness;
}

describe("the readiness of a way back", () => {
  it("is nothing before a cutover and after a rollback", async () => {
    const sample = await started();
    const [wave] = sample.plan.waves;
    if (wave === undefined) throw new Error("the sample has no wave");
    const work = await sample.openWork();
    expect(await readReadiness(wave, new Map(), work)).toBeUndefined();
    await recordedRun(cutoverConsumers, sample, "C2NS");
    expect(await readReadiness(wave, new Map(), work)).toBeDefined();
    await recordedRun(rollback, sample, "R2KK");
    expect(await readReadiness(wave, new Map(), work)).toBeUndefined();
  });

  it("is green once consumers have moved, with the time that their steps took", async () => {
    const readiness = await read(await moved("consumers"));
    expect(readiness).toMatchObject({ state: "ready", lost: known(0), readTwice: known(0) });
    expect(readiness.ms.known && readiness.ms.value).toBeGreaterThan(0);
    expect(readinessLine(readiness)).toMatch(/^🟢 back now: 0 lost, 0 read twice, (about|under)/);
  });

  it("is green after producers have moved, and counts what is on the target only", async () => {
    const sample = await moved("consumers", "producers");
    await watched(sample);
    const readiness = await read(sample);
    expect(readinessLine(readiness)).toContain("🟢 back now: 0 lost, 0 read twice, about");
    expect(readiness.written.known && readiness.written.value).toBeGreaterThan(0);
  });

  it("knows no time when no run was recorded", async () => {
    const sample = await started([cutoverConsumers]);
    const readiness = await read(sample);
    expect(readiness.state).toBe("unknown");
    expect(readinessLine(readiness)).toContain("0 lost, 0 read twice, time unknown");
  });

  it.each<{ what: string; break: (sample: SampleMigration) => Promise<void> | void; says: string }>([
    {
      what: "the reverse mirror is stopped",
      break: (sample) => sample.engine.stop(reverse),
      says: "🔴 not ready: the reverse mirror is stopped",
    },
    {
      what: "it is paused",
      break: (sample) => sample.engine.pause(reverse),
      says: "🔴 not ready: the reverse mirror is paused",
    },
    {
      what: "a task of it has failed",
      break: (sample) => sample.engine.failTask(reverse, "BoomException"),
      says: "🔴 not ready: the reverse mirror is failed",
    },
    {
      what: "it is gone",
      break: (sample) => sample.engine.remove(reverse),
      says: "🔴 not ready: the reverse mirror is absent",
    },
    {
      what: "it lost its offsets",
      break: async (sample) => {
        await sample.engine.stop(reverse);
        await sample.engine.seed(reverse, new Map([["orders", [undefined, undefined]]]));
        sample.engine.hold(true);
        await sample.engine.start(reverse);
      },
      says: "🔴 not ready: the offsets of the reverse mirror: orders-0 has none",
    },
    {
      what: "Connect does not answer",
      break: (sample) => sample.engine.fail(new FerryError("E_CONNECT", "nobody home")),
      says: "🟠 back now: loss unknown, 0 read twice, time unknown",
    },
    {
      what: "a group is live on the source too",
      break: (sample) => void sample.source.addMember("billing", { clientId: "stray" }),
      says: "🔴 not ready: on the source already: billing",
    },
    {
      what: "the source does not tell its offsets",
      break: (sample) => sample.source.fail("offsets", new FerryError("E_INCOMPLETE", "no leader")),
      says: "read twice unknown",
    },
    {
      what: "a group has no offset on the target any more",
      break: (sample) => sample.target.deleteGroup("ledger"),
      says: "🟠 back now: 0 lost, read twice unknown",
    },
    {
      what: "somebody else wrote to the source",
      break: async (sample) => {
        sample.source.appendMany("payments", 1, 3);
        await watchStandby(await sample.openWork());
      },
      says: "🔴 not ready: rogue records on the source: 3 records",
    },
  ])("is not green when $what", async ({ break: breakIt, says }) => {
    const sample = await moved("consumers", "producers");
    await watched(sample);
    await breakIt(sample);
    const line = readinessLine(await read(sample));
    expect(line).toContain(says);
    expect(line).not.toContain("🟢");
  });

  it("is not known when the target is away", async () => {
    const sample = await moved("consumers");
    const away = new FerryError("E_TARGET_ABSENT", "There is no MSK cluster t in r.");
    const work = withWorld(await sample.openWork(), { target: () => Promise.reject(away) });
    const lines = await readinessLines(sample.plan.waves, new Map(), {
      ...work,
      clock: { ...work.clock, sleep: () => new Promise(() => {}) },
    });
    expect(lines.get("billing")).toContain("🟠 back now: loss unknown, read twice unknown");
    expect(lines.get("billing")).toContain("E_TARGET_ABSENT");
  });

  it("does not keep anybody waiting", async () => {
    const sample = await moved("consumers");
    const work = withWorld(await sample.openWork(), { target: () => new Promise(() => {}) });
    const lines = await readinessLines(sample.plan.waves, new Map(), work);
    expect([...lines]).toEqual([["billing", "🟠 way back not known: not read in 3 s"]]);
  });
});
