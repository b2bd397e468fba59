import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createDigest } from "#jobs/mirror/digest.ts";
import { lag } from "#jobs/mirror/lag.ts";
import { lagPoints, readMigrationLag, sampleLag } from "#jobs/mirror/migration-lag.ts";
import { caughtUp } from "#jobs/mirror/mirror-readings.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { replicationAlarms } from "#jobs/mirror/replication-alarms.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const from = { migration: "orders", by: "UANA" } as const;
const minute = 60_000;
let mirror: MirrorWork;

beforeEach(async () => {
  mirror = await createMirrorWork();
  mirror.source.appendMany("parcels", 0, 10);
  await replicate({ name: "replicate", ...from, action: "start" }, mirror.work);
});

async function watch(): Promise<void> {
  const reading = await sampleLag(mirror.work);
  await replicationAlarms(reading, await lagPoints(mirror.work), mirror.work);
}

const ask = (subject?: string) =>
  lag({ name: "lag", ...from, ...(subject !== undefined && { subject }) }, mirror.work);

describe("lag", () => {
  it("is what the source holds beyond the last copied record", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 7);
    mirror.source.appendMany("payments", 0, 2);
    await ask();
    expect(mirror.said()).toContain("Behind by 9 records");
    expect(mirror.said()).toContain("parcels-0: 7");
    expect(mirror.said()).toContain("payments-0: no record of it was copied yet");
    await ask("parcels");
    expect(mirror.said()).toContain("Behind by 7 records on 3 partitions.");
  });

  it("is the group's own for a group", async () => {
    mirror.source.appendMany("invoices", 0, 9);
    mirror.source.commitAs("billing-app", new Map([["invoices", [4, undefined]]]));
    await ask("billing-app");
    expect(mirror.said()).toContain("billing-app on the source has 5 records before it.");
  });

  it.each([
    { subject: "parcel", code: "E_UNKNOWN_TOPIC", nearest: "parcels" },
    { subject: "biling-app", code: "E_UNKNOWN_GROUP", nearest: "billing-app" },
  ])("names the nearest topic or group of $subject", async ({ subject, code, nearest }) => {
    await expect(ask(subject)).rejects.toMatchObject({
      code,
      message: `No topic or group of the plan is called ${subject}; did you mean ${nearest}?`,
    });
  });

  it("counts a marker at the end as nothing, also after it has expired", async () => {
    mirror.source.append("payments", 0, { value: "x" }, "tx");
    mirror.source.endTransaction("tx", "commit");
    await ask("payments");
    expect(mirror.said()).toContain("Behind by 0 records");
    mirror.source.deleteBefore("payments", 0, 2);
    await ask("payments");
    expect(mirror.said()).toContain("Behind by 0 records");
    expect(mirror.said()).not.toContain("expired");
  });

  it("counts an open transaction until it is decided, and then what it committed", async () => {
    mirror.engine.hold(true);
    mirror.source.append("parcels", 0, { value: "one" }, "tx");
    mirror.source.append("parcels", 0, { value: "two" }, "tx");
    await ask("parcels");
    expect(mirror.said()).toContain("Behind by 2 records");
    expect(await mirror.work.store.read("settled-tails:ferry-orders-shipping-forward")).toBeUndefined();
    mirror.source.endTransaction("tx", "commit");
    await ask("parcels");
    expect(mirror.said()).toContain("Behind by 2 records");
    mirror.engine.hold(false);
    await ask("parcels");
    expect(mirror.said()).toContain("Behind by 0 records");
  });

  it("does not believe a tail that was stored while a transaction was open", async () => {
    mirror.engine.hold(true);
    const until = mirror.source.append("parcels", 0, { value: "one" }, "tx") + 1;
    await mirror.work.store.write("quiet-tails:ferry-orders-shipping-forward", {
      parcels: [{ from: 0, until }],
    });
    await ask("parcels");
    expect(mirror.said()).toContain("Behind by 1 records");
  });

  it("is unknown, and says why, while the source does not answer", async () => {
    mirror.source.fail("offsets", new FerryError("E_SOURCE_UNREACHABLE", "nobody home"));
    await ask();
    expect(mirror.said()).toContain("Lag is not known.");
    expect(mirror.said()).toContain("E_SOURCE_UNREACHABLE nobody home");
    expect((await sampleLag(mirror.work)).point).toMatchObject({
      behind: null,
      arriving: null,
      copying: null,
    });
  });
});

describe("samples", () => {
  it("list the source's topics once, however many waves there are", async () => {
    const { source } = mirror.work.world;
    let lists = 0;
    const listTopics = () => {
      lists += 1;
      return source.listTopics();
    };
    const counted = withWorld(mirror.work, { source: { ...source, listTopics } });
    expect((await sampleLag(counted)).waves).toHaveLength(2);
    expect(lists).toBe(1);
  });

  it("give rates against the sample before, and stay for 24 h", async () => {
    await sampleLag(mirror.work);
    await mirror.small.clock.advance(minute);
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 1, 600);
    await sampleLag(mirror.work);
    expect((await lagPoints(mirror.work)).at(-1)).toMatchObject({ behind: 600, arriving: 10, copying: 0 });
    expect((await readMigrationLag(mirror.work)).copyRates.size).toBe(0);
    await mirror.small.clock.advance(25 * 60 * minute);
    expect(await lagPoints(mirror.work)).toEqual([]);
  });
});

describe("the rate that a mirror was last seen to copy at", () => {
  it("is that of the last whole window, until nothing was copied in one", async () => {
    const flow = "ferry-orders-shipping-forward";
    const rate = async () => (await readMigrationLag(mirror.work)).copyRates.get(flow);
    await sampleLag(mirror.work);
    mirror.source.appendMany("parcels", 1, 600);
    await mirror.small.clock.advance(minute);
    await sampleLag(mirror.work);
    mirror.engine.hold(true);
    await mirror.small.clock.advance(1000);
    expect(await rate()).toBe(10);
    await sampleLag(mirror.work);
    await mirror.small.clock.advance(minute);
    expect(await rate()).toBeUndefined();
  });
});

describe("the digest", () => {
  it("is one line when nothing is to say", async () => {
    await digest();
    expect(mirror.small.card.shown.at(-1)?.parts).toEqual([
      { kind: "text", text: "Caught up: lag 0 of 6 partitions." },
    ]);
  });

  it("compares with an hour ago where that was read, and not when both are nothing", async () => {
    await sampleLag(mirror.work);
    await mirror.small.clock.advance(61 * minute);
    await digest();
    expect(mirror.said()).not.toContain("hour ago");
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 1, 1_200);
    await digest();
    expect(mirror.said()).toContain("Was 0 an hour ago.");
    await mirror.small.clock.advance(120 * minute);
    await digest();
    expect(mirror.said()).not.toContain("hour ago");
  });

  it("shows waves, what waits, and the chart of 24 h", async () => {
    await sampleLag(mirror.work);
    await mirror.small.clock.advance(minute);
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 1, 1_200);
    await digest(["wave billing for one more ✅ (request 7K3Q)"]);
    expect(mirror.said()).toContain("Behind by 1,200 records");
    expect(mirror.said()).toContain("It is not catching up");
    expect(mirror.said()).toContain("Waiting: wave billing for one more");
    expect(mirror.small.card.shown.at(-1)?.parts.map(({ kind }) => kind)).toContain("image");
    expect(mirror.charts.at(-1)).toHaveLength(2);
  });

  it("says what a way back costs, also when nothing else is to say", async () => {
    await mirror.work.store.write("wave:orders:shipping", {
      phase: "consumers-moved",
      changedAt: "2026-11-22T14:00:00Z",
    });
    await digest();
    const [sentence, back] = mirror.small.card.shown.at(-1)?.parts ?? [];
    expect(sentence).toMatchObject({ kind: "text" });
    expect(back).toEqual({
      kind: "facts",
      rows: [
        {
          label: "Way back shipping",
          value: "🟠 back now: 0 lost, 0 read twice, time unknown (no run of this wave was measured)",
        },
      ],
    });
  });
});

describe("alarms", () => {
  it("post once, change in place, and clear themselves", async () => {
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: one");
    await watch();
    await watch();
    const posts = mirror.small.fake.posts;
    expect(posts).toHaveLength(1);
    expect(posts[0]?.message).toMatchObject({ tone: "alarm" });
    expect(posts[0]?.history).toHaveLength(1);
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: two");
    await watch();
    expect(JSON.stringify(posts[0]?.message)).toContain("BoomException: two");
    await mirror.engine.restartFailed("ferry-orders-shipping-forward");
    await watch();
    expect(posts).toHaveLength(1);
    expect(posts[0]?.message).toMatchObject({ tone: "done" });
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: again");
    await mirror.small.clock.advance(minute);
    await watch();
    expect(posts).toHaveLength(2);
  });

  it("are posted once, also when the process died before it knew where", async () => {
    const { fake } = mirror.small;
    fake.faults.inject({ call: "post", kind: "lost" });
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: one");
    await watch().catch(() => undefined);
    await watch();
    expect(fake.posts).toHaveLength(1);
  });

  it("do not clear on a reading that could not be taken", async () => {
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: one");
    await watch();
    mirror.engine.fail(new FerryError("E_CONNECT_UNREACHABLE", "Connect did not answer."));
    await watch();
    const tones = () => mirror.small.fake.posts.map(({ message }) => message.tone);
    expect(tones()).toEqual(["alarm", "alarm"]);
    mirror.engine.heal();
    await watch();
    expect(tones()).toEqual(["alarm", "done"]);
  });

  it("warn of records that expired before they were copied", async () => {
    mirror.engine.hold(true);
    mirror.source.appendMany("parcels", 0, 10);
    mirror.source.deleteBefore("parcels", 0, 15);
    await watch();
    expect(JSON.stringify(mirror.small.fake.posts[0]?.message)).toContain("offsets 10 to 14 expired");
  });

  it("warn of lag that rises for ten readings", async () => {
    mirror.engine.hold(true);
    for (let reading = 0; reading < 10; reading += 1) {
      mirror.source.appendMany("parcels", 0, 500);
      await watch();
      expect(mirror.small.fake.posts).toHaveLength(reading < 9 ? 0 : 1);
      await mirror.small.clock.advance(minute);
    }
    mirror.engine.hold(false);
    await watch();
    expect(mirror.small.fake.posts.map(({ message }) => message.tone)).toEqual(["done"]);
  });
});

describe("caught up", () => {
  it("holds when everything was copied, and not with an open transaction or a foreign record", async () => {
    expect(await caughtUp(question(), mirror.work)).toMatchObject({ caughtUp: true });
    mirror.source.append("parcels", 1, { value: "x" }, "tx");
    expect((await caughtUp(question(), mirror.work)).why).toContain("a transaction is open on parcels-1");
    mirror.source.endTransaction("tx", "abort");
    expect(await caughtUp(question(), mirror.work)).toMatchObject({ caughtUp: true });
    mirror.target.append("parcels", 0, { value: "somebody else" });
    expect((await caughtUp(question(), mirror.work)).why).toContain("last records of parcels-0 differ");
  });
});

function digest(waiting: readonly string[] = []) {
  return createDigest(async () => waiting)({ name: "digest", ...from }, mirror.work);
}

function question() {
  return {
    flow: "ferry-orders-shipping-forward",
    topics: ["parcels"],
    origin: mirror.source.cluster,
    destination: mirror.target.cluster,
  };
}
