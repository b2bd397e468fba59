import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Acl } from "#domain/topology.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { readFence, writeFence } from "#jobs/switch/fence-document.ts";
import { liftExpiredFences, liftFencesOfOthers } from "#jobs/switch/fence-sweep.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import type { Work } from "#jobs/work.ts";
import { attempt, expectNothingLost, fused, started, withWorld } from "#support/cutover-bench.ts";
import { expectGuards, guards, guardsOf } from "#support/fence-bench.ts";
import { openRun, type SampleMigration, sampleLeaseMs } from "#support/sample-migration.ts";

/** Requests that the bot has given up and the cluster carries out all the same: nothing of a fence may stay behind. */

const withAcls = guards.filter(({ guard }) => guard.authorizer !== undefined);

/** Every request for ACLs runs into its timeout; the cluster has it all the same. */
function withSlowAcls(work: Work, meanwhile: () => Promise<void> = async () => {}) {
  const { source } = work.world;
  const pending: Acl[] = [];
  const addAcls: typeof source.addAcls = async (acls) => {
    if (acls.length === 0) return await source.addAcls(acls);
    // Whatever else is dead, this has been sent.
    pending.push(...acls);
    await meanwhile();
    throw new FerryError("E_KAFKA", "CreateAcls was not answered within 10 s");
  };
  return { work: withWorld(work, { source: { ...source, addAcls } }), pending };
}

async function ready(guard: (typeof withAcls)[number]["guard"]) {
  const sample = await started([cutoverConsumers], guard);
  const calm = await sample.openWork();
  const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, calm);
  return { sample, calm, proposal, untouched: await guardsOf(sample) };
}

/** Time goes by; the sample's producer rests, as it cannot bear to be refused. */
async function waitOut(sample: SampleMigration, ms: number): Promise<void> {
  const place = sample.places.get("checkout") ?? "stopped";
  sample.places.set("checkout", "stopped");
  await sample.clock.sleep(ms);
  sample.places.set("checkout", place);
}

/** A minute of watches. */
async function watched(sample: SampleMigration, work: Work): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await waitOut(sample, 20_000);
    await liftExpiredFences(work);
  }
}

describe.each(withAcls)("$what, on a cluster that is late", ({ what, guard }) => {
  it("is gone in the end, wherever its run was killed and whenever the ACLs came", async () => {
    const whens = ["before the sweep", "behind the sweep", "behind the run"] as const;
    let late = 0;
    const property = fc.asyncProperty(
      fc.integer({ min: 80, max: 260 }),
      fc.constantFrom(...whens),
      fc.integer({ min: 0, max: 30 }),
      async (left, when, swept) => {
        const { sample, calm, proposal, untouched } = await ready(guard);
        const slow = withSlowAcls(await sample.openWork(fused({ left })));
        const comes = async (now: (typeof whens)[number]) => {
          if (now === when) await sample.source.cluster.addAcls(slow.pending);
        };
        const first = await attempt(cutoverProducers, sample, slow.work, "R1", proposal).catch(
          () => undefined,
        );
        late += slow.pending.length;
        await comes("before the sweep");
        // Its lease runs out sooner than an hour: no cluster is that late.
        if (first === undefined) await sample.store.acquire("migration:orders", "R1", 1);
        await waitOut(sample, 40_000);
        await liftExpiredFences(await sample.openWork(fused({ left: swept })));
        await waitOut(sample, 40_000);
        await liftExpiredFences(calm);
        await comes("behind the sweep");
        const second = first ?? (await attempt(cutoverProducers, sample, calm, "R1", proposal));
        await comes("behind the run");
        await watched(sample, calm);
        const stands = second.kind === "done" && guards.find((each) => each.what === what)?.stands === true;
        await expectGuards(sample, untouched, { what, guard, stands });
        await expectNothingLost(sample);
      },
    );
    await expect(fc.assert(property, { numRuns: 25 })).resolves.toBeUndefined();
    expect(late).toBeGreaterThan(0);
  });

  it("is taken back by the run itself when it came behind the sweep", async () => {
    const { sample, calm, proposal, untouched } = await ready(guard);
    const slow = withSlowAcls(await sample.openWork(), async () => {
      await waitOut(sample, sampleLeaseMs);
      await liftExpiredFences(calm);
      await sample.source.cluster.addAcls(slow.pending);
    });
    await attempt(cutoverProducers, sample, slow.work, "R1", proposal).catch(() => undefined);
    expect(slow.pending.length).toBeGreaterThan(0);
    await expectGuards(sample, untouched, { what, guard, stands: false });
  });
});

describe("what an older run left", () => {
  it("is taken away by the next run as it begins, while nobody else can", async () => {
    const { sample, calm, untouched } = await ready(withAcls[1]?.guard ?? {});
    const dead = await openRun(sample.store, "R1");
    const deny: Acl = {
      resourceType: "TOPIC",
      resourceName: "orders",
      patternType: "LITERAL",
      principal: "User:checkout",
      host: "*",
      operation: "READ",
      permission: "DENY",
    };
    const fence = { run: "R1", wave: "billing", side: "source", generation: 1, noReturn: "start-producers" };
    const rest = { allow: [], deny: [deny], configs: [], stopsMirror: false, released: false };
    await writeFence({ ...fence, side: "source", state: "set", ...rest }, calm, dead.lease);
    await sample.source.cluster.addAcls([deny]);
    await waitOut(sample, sampleLeaseMs);
    const next = await openRun(sample.store, "R2");
    await liftExpiredFences(calm);
    expect(await guardsOf(sample)).not.toEqual(untouched);
    await liftFencesOfOthers(calm, next);
    expect(await guardsOf(sample)).toEqual(untouched);
    expect(await readFence(calm, "billing", "source")).toMatchObject({ run: "R1", state: "lifted" });
  });

  it("is left alone long after it was lifted: what is there then is somebody else's", async () => {
    const { sample, calm, proposal } = await ready(withAcls[1]?.guard ?? {});
    const slow = withSlowAcls(await sample.openWork());
    const result = await attempt(cutoverProducers, sample, slow.work, "R1", proposal);
    expect(result.kind).toBe("undone");
    await waitOut(sample, sampleLeaseMs);
    await sample.source.cluster.addAcls(slow.pending);
    const set = await guardsOf(sample);
    await liftExpiredFences(calm);
    expect(await guardsOf(sample)).toEqual(set);
  });
});
