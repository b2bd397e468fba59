import { expect, it } from "vitest";
import { mirrorFact } from "#jobs/switch/gate-facts.ts";
import { createMirrorWork } from "#support/mirror-work.ts";

const wave = { name: "billing", topics: ["invoices"], groups: [], why: "test" };

it("no cutover begins on a Replicator, which could not keep the source in step afterwards", async () => {
  const { work, engine } = await createMirrorWork();
  const flow = { name: "ferry-orders-billing-forward", topics: wave.topics, groups: [], tasks: 1 };
  await engine.define({ ...flow, kind: "forward" }, "running");
  expect(await mirrorFact(wave, work)).toMatchObject({ name: "mirror", state: "pass" });
  const { settings } = work.migration;
  const replication = { ...settings.replication, engine: "replicator" as const };
  const changed = { ...work, migration: { ...work.migration, settings: { ...settings, replication } } };
  expect(await mirrorFact(wave, changed)).toMatchObject({
    state: "fail",
    text: expect.stringMatching(/lag 0 .*replication\.engine to connect/),
  });
});
