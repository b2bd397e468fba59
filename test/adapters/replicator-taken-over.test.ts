import { afterEach, beforeEach, expect, it } from "vitest";
import type { Flow, World } from "#domain/ports.ts";
import { takeOver } from "#jobs/mirror/change-engine.ts";
import { createFakeEngine } from "#support/fake-engine.ts";
import { type ReplicatorUnderTest, startReplicatorUnderTest } from "#support/replicator-under-test.ts";
import { createSmallWork, noWorld } from "#support/small-work.ts";

let under: ReplicatorUnderTest;

beforeEach(async () => {
  under = await startReplicatorUnderTest();
  for (const side of [under.source, under.target]) side.addTopic("orders", { partitions: 2 });
});
afterEach(() => under.stop());

const wave = { name: "one", topics: ["orders"], groups: [], why: "test" };
const flow: Flow = {
  name: "ferry-orders-one-forward",
  kind: "forward",
  topics: wave.topics,
  groups: [],
  tasks: 1,
};

async function values(side: "source" | "target", partition: number): Promise<readonly string[]> {
  const records = await under[side].cluster.read({ topic: "orders", partition }, 0, { max: 1000 });
  return records.map(({ value }) => String(value));
}

it("hands its copy over to Connect at the exact offsets: nothing lost, nothing twice, no Replicator left", async () => {
  const replicator = under.engine({ migration: "orders" });
  const connect = createFakeEngine(under.source, under.target);
  const world: World = {
    source: under.source.cluster,
    get msk() {
      return noWorld.msk;
    },
    get network() {
      return noWorld.network;
    },
    get prober() {
      return noWorld.prober;
    },
    target: async () => under.target.cluster,
    applications: (place) => noWorld.applications(place),
    client: (client) => noWorld.client(client),
    engine: async () => connect,
  };
  await replicator.define(flow, "running");
  under.source.appendMany("orders", 0, 7);
  under.source.appendMany("orders", 1, 3);
  await under.copy(5);
  const work = { ...createSmallWork(), world };
  await takeOver(wave, [{ name: "replicator", engine: replicator }], connect, work);
  expect(await replicator.status(flow.name)).toMatchObject({ state: "absent" });
  under.source.appendMany("orders", 1, 4);
  await connect.start(flow.name);
  await connect.copied(flow.name);
  for (const partition of [0, 1]) {
    expect(await values("target", partition)).toEqual(await values("source", partition));
  }
});
