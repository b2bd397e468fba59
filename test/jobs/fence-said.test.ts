import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Acl } from "#domain/topology.ts";
import type { JournalDocument } from "#jobs/run/journal.ts";
import { keepStanding } from "#jobs/switch/fence.ts";
import { readFence, writeFence } from "#jobs/switch/fence-document.ts";
import { liftExpiredFences } from "#jobs/switch/fence-sweep.ts";
import { loadPlan, waveNamed } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { started } from "#support/cutover-bench.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { openRun, sampleLeaseMs } from "#support/sample-migration.ts";

/** What is said of a fence is what the clusters and the journal show. */

const deny: Acl = {
  resourceType: "TOPIC",
  resourceName: "elsewhere",
  patternType: "LITERAL",
  principal: "User:nobody-here",
  host: "*",
  operation: "WRITE",
  permission: "DENY",
};

/** A fence that run R1 has set and left. */
async function fenced(state: JournalDocument["state"] = "forward") {
  const sample = await started([], { authorizer: { everyone: true } });
  const calm = await sample.openWork();
  const run = await openRun(sample.store, "R1");
  await writeFence(
    {
      run: "R1",
      wave: "billing",
      side: "source",
      generation: 1,
      noReturn: "start-producers",
      state: "set",
      allow: [],
      deny: [deny],
      configs: [],
      stopsMirror: false,
      released: false,
    },
    calm,
    run.lease,
  );
  await sample.source.cluster.addAcls([deny]);
  const journal: JournalDocument = { state, passed: false, entries: [] };
  await sample.store.write("journal:R1", journal);
  const fake = createFakeChat();
  const work: Work = { ...calm, chat: fake.chat };
  const acls = async () => {
    const now = await sample.source.cluster.acls();
    return now.known ? now.value : [];
  };
  return { sample, work, fake, run, acls };
}

describe("a fence that is lifted", () => {
  it("is said at a later watch where Slack did not take it, once", async () => {
    const { sample, work, fake, acls } = await fenced();
    await sample.clock.sleep(sampleLeaseMs);
    const away = { ...fake.chat, post: () => Promise.reject(new FerryError("E_SLACK", "away")) };
    await liftExpiredFences({ ...work, chat: away });
    expect(await acls()).toEqual([]);
    expect(fake.posts).toEqual([]);
    await liftExpiredFences(work);
    await liftExpiredFences(work);
    expect(fake.posts.map(({ key }) => key)).toEqual(["fence-lifted:R1:source:1"]);
    expect(await work.store.keys("fence-to-say:")).toEqual([]);
  });

  it.each([
    { state: "forward", says: "sets the fence again" },
    { state: "undoing", says: "sets no fence" },
    { state: "stuck", says: "the source is open for writes again" },
    { state: "undone", says: "The run is over" },
  ] as const)("is told with what becomes of its run: $state", async ({ state, says }) => {
    const { sample, work, fake } = await fenced(state);
    await sample.clock.sleep(sampleLeaseMs);
    await liftExpiredFences(work);
    const said = JSON.stringify(fake.posts);
    expect(said).toContain(says);
    expect(said.includes("sets the fence again")).toBe(state === "forward");
    expect(said.includes("/ferry cancel")).toBe(state === "stuck");
  });
});

describe("a fence that is to stand", () => {
  it.each(["set", "standing"] as const)("is set again where the cluster has lost it: %s", async (state) => {
    const { work, run, acls, sample } = await fenced();
    const fence = await readFence(work, "billing", "source");
    if (fence === undefined) throw new Error("no fence was written");
    await writeFence({ ...fence, state }, work, run.lease);
    const site = { wave: waveNamed(await loadPlan(work), "billing"), side: "source" } as const;
    await sample.source.cluster.removeAcls([deny]);
    await keepStanding({ ...site, noReturn: "start-producers" }, work, run);
    expect(await acls()).toEqual([deny]);
    expect(await readFence(work, "billing", "source")).toMatchObject({ state: "standing", generation: 2 });
    await keepStanding({ ...site, noReturn: "start-producers" }, work, run);
    expect(await readFence(work, "billing", "source")).toMatchObject({ generation: 2 });
  });
});
