import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decideCaughtUp } from "#domain/lag/caught-up.ts";
import { partitionLags, sumLags } from "#domain/lag/lag.ts";
import { sameRecord } from "#domain/offsets/log-view.ts";
import type { Flow, ReplicationEngine, World } from "#domain/ports.ts";
import { readCaughtUp } from "#jobs/mirror/mirror-readings.ts";
import { type ReplicatorUnderTest, startReplicatorUnderTest } from "#support/replicator-under-test.ts";
import { noWorld } from "#support/small-work.ts";

let under: ReplicatorUnderTest;
let engine: ReplicationEngine;

const flow: Flow = {
  name: "ferry-shop-one-forward",
  kind: "forward",
  topics: ["orders"],
  groups: [],
  tasks: 1,
};

beforeEach(async () => {
  under = await startReplicatorUnderTest();
  for (const side of [under.source, under.target]) side.addTopic("orders", { partitions: 2 });
  engine = under.engine();
  await engine.define(flow, "running");
});
afterEach(() => under.stop());

function withEngine(engine: ReplicationEngine): World {
  return {
    get source() {
      return noWorld.source;
    },
    get msk() {
      return noWorld.msk;
    },
    get network() {
      return noWorld.network;
    },
    get prober() {
      return noWorld.prober;
    },
    target: () => noWorld.target(),
    applications: (place) => noWorld.applications(place),
    client: (client) => noWorld.client(client),
    engine: async () => engine,
  };
}

const copied = async () => (await engine.copied(flow.name)).get("orders");

describe("copied offsets of a Replicator", () => {
  it("follow it, over markers and aborted transactions", async () => {
    expect(await copied()).toEqual([undefined, undefined]);
    under.source.appendMany("orders", 0, 5);
    under.source.append("orders", 0, { value: "aborted" }, "tx");
    under.source.endTransaction("tx", "abort");
    under.source.appendMany("orders", 0, 3);
    under.source.appendMany("orders", 1, 4);
    await under.copy(2);
    expect(await copied()).toEqual([1, 1]);
    await under.copy();
    expect(await copied()).toEqual([9, 3]);
  });

  it("do not go back when records are copied once more", async () => {
    under.source.appendMany("orders", 0, 10);
    await under.copy();
    expect(await copied()).toEqual([9, undefined]);
    under.repeat("orders", 0, 6);
    await under.copy(2);
    expect(await copied()).toEqual([9, undefined]);
    // A bot that has just started cannot know better, and does not claim more than it sees.
    expect((await under.engine().copied(flow.name)).get("orders")).toEqual([5, undefined]);
    await under.copy();
    under.source.appendMany("orders", 0, 2);
    await under.copy();
    expect(await copied()).toEqual([11, undefined]);
  });

  it("are found on a compacted topic", async () => {
    for (const side of [under.source, under.target]) side.setConfig("orders", "cleanup.policy", "compact");
    under.source.appendMany("orders", 0, 6);
    await under.copy();
    under.source.appendMany("orders", 0, 3);
    expect(await copied()).toEqual([5, undefined]);
  });

  it("show what retention took before it was copied", async () => {
    under.source.appendMany("orders", 0, 10);
    await under.copy(4);
    expect(await copied()).toEqual([3, undefined]);
    under.source.deleteBefore("orders", 0, 7);
    expect(await copied()).toEqual([3, undefined]);
  });

  it("are not known, and not guessed, where others write to the target", async () => {
    under.source.appendMany("orders", 0, 3);
    await under.copy();
    under.target.append("orders", 0, { value: "from elsewhere" });
    await expect(copied()).rejects.toMatchObject({
      code: "E_INCOMPLETE",
      message: expect.stringContaining("1 of 2 partitions cannot be proved. orders-0"),
    });
  });

  it("begin anew with a topic that was created anew", async () => {
    under.source.appendMany("orders", 0, 3);
    await under.copy();
    expect(await copied()).toEqual([2, undefined]);
    under.target.addTopic("orders", { partitions: 2 });
    expect(await copied()).toEqual([undefined, undefined]);
  });

  it("carry lag and the five proofs of caught up, although each copy bears a mark", async () => {
    under.source.appendMany("orders", 0, 5);
    under.source.appendMany("orders", 1, 5);
    await under.copy(3);
    const question = {
      flow: flow.name,
      topics: flow.topics,
      origin: under.source.cluster,
      destination: under.target.cluster,
    };
    const work = {
      clock: under.clock,
      signal: new AbortController().signal,
      store: under.store,
      world: withEngine(engine),
    };
    const before = await readCaughtUp(question, work);
    expect(sumLags(partitionLags(before.lag)).records).toBe(4);
    expect(decideCaughtUp(before).caughtUp).toBe(false);
    await under.copy();
    const [original] = await under.source.cluster.read({ topic: "orders", partition: 0 }, 4, { max: 1 });
    const [copy] = await under.target.cluster.read({ topic: "orders", partition: 0 }, 4, { max: 1 });
    expect(copy?.headers.map(([name]) => name)).toEqual(["__mskmr"]);
    expect(original !== undefined && copy !== undefined && sameRecord(original, copy)).toBe(true);
    expect(decideCaughtUp(await readCaughtUp(question, work))).toMatchObject({ caughtUp: true, why: "" });
  });
});
