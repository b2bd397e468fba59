import { expect, it } from "vitest";
import type { ReplicationEngine } from "#domain/ports.ts";
import { lag } from "#jobs/mirror/lag.ts";
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

it("shows AWS's own numbers beside the lag that was read from the clusters", async () => {
  const mirror = await createMirrorWork();
  const { work } = mirror;
  const note = "AWS's own numbers: MessageLag 12 records, ReplicationLatency 400 ms";
  const plain: ReplicationEngine = mirror.engine;
  const noted = { ...plain, status: async (name: string) => ({ ...(await plain.status(name)), note }) };
  const { source } = work.world;
  const world = {
    source,
    get msk() {
      return work.world.msk;
    },
    get network() {
      return work.world.network;
    },
    get prober() {
      return work.world.prober;
    },
    target: () => work.world.target(),
    applications: () => work.world.applications("target"),
    client: () => {
      throw new Error("this test has no clients");
    },
    engine: async () => noted,
  };
  await lag({ name: "lag", migration: "orders", by: "UANA" }, { ...work, world });
  expect(mirror.said()).toContain(`Wave billing: ${note}`);
});
