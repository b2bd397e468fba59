import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { planKey } from "#domain/plan.ts";
import type { LagPoint, World } from "#domain/ports.ts";
import { alarmsOf, type Seen } from "#jobs/mirror/alarms-of.ts";
import { lagPoints, type MigrationLag, readMigrationLag, sampleLag } from "#jobs/mirror/migration-lag.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { replicationAlarms } from "#jobs/mirror/replication-alarms.ts";
import { diskReading } from "#jobs/mirror/target-disk.ts";
import type { Work } from "#jobs/work.ts";
import { createFakeMsk } from "#support/fake-msk.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const from = { migration: "orders", by: "UANA" } as const;
const minute = 60_000;
const gib = 1024 ** 3;
let mirror: MirrorWork;

beforeEach(async () => {
  mirror = await createMirrorWork();
  mirror.source.appendMany("parcels", 0, 10);
  await replicate({ name: "replicate", ...from, action: "start" }, mirror.work);
});

async function watch(work: Work = mirror.work): Promise<void> {
  await replicationAlarms(await sampleLag(work), await lagPoints(work), work);
}

/** Each message of the channel as it is now. */
const shown = () => mirror.small.fake.posts.map(({ message }) => `${message.tone}: ${message.subject}`);

function rising(from: number, by: number, count = 11): readonly number[] {
  return Array.from({ length: count }, (_, index) => from + index * by);
}

/** A target whose topics hold so many bytes on each of its brokers, and MSK with volumes of 100 GiB. */
function workWith(bytes: () => number | undefined, kind: "standard" | "express" = "standard"): Work {
  const { msk } = createFakeMsk(mirror.small.clock);
  const world: World = Object.create(mirror.work.world, {
    msk: {
      value: {
        ...msk,
        findCluster: async () => ({ kind, volumeGiB: 100, name: "t", brokers: 1 }),
      },
    },
    target: {
      value: async () => ({
        ...mirror.target.cluster,
        listTopics: async () =>
          (await mirror.target.cluster.listTopics()).filter(({ name }) => name === "parcels"),
        logSizes: async () => ({
          known: true,
          value: new Map([["parcels", [0, 0, 0].map(() => bytes())]]),
        }),
      }),
    },
  });
  return { ...mirror.work, world };
}

describe("lag that rises", () => {
  const rules = { lagRising: 10 * minute, targetDisk: 85 };
  let lag: MigrationLag;
  beforeEach(async () => {
    lag = await readMigrationLag(mirror.work);
  });

  /** One point a minute; what arrives and is copied is not known, so nothing says that it will end. */
  function alarms(levels: ReadonlyArray<number | null>, standing: readonly string[] = []) {
    const points = levels.map(
      (behind, at): LagPoint => ({ at: at * minute, behind, arriving: null, copying: null }),
    );
    const seen: Seen = { lag, points, disk: { at: 0, used: null, text: "" }, standing: new Set(standing) };
    return alarmsOf(seen, rules).map(({ key }) => key);
  }
  it.each([
    { what: "ten minutes", levels: rising(1_000, 200), expected: ["lag-rising"] },
    { what: "nine minutes", levels: rising(1_000, 200, 10), expected: ["lag-rising"] },
    { what: "eight minutes", levels: rising(1_000, 200, 9), expected: [] },
    { what: "by less than a thousand", levels: rising(1_000, 90), expected: [] },
    { what: "by less than a fifth", levels: rising(100_000, 1_500), expected: [] },
    {
      what: "and was unknown once",
      levels: [...rising(0, 500, 5), null, ...rising(3_000, 500, 5)],
      expected: [],
    },
    { what: "in one leap long ago", levels: [0, 0, ...Array.from({ length: 9 }, () => 9_000)], expected: [] },
    {
      what: "up and down",
      levels: [5_000, 1_000, 9_000, 2_000, 8_000, 900, 7_000, 1_000, 6_000, 800, 6_100],
      expected: [],
    },
    { what: "from nothing", levels: [], expected: [] },
  ])("$what: $expected", ({ levels, expected }) => {
    expect(alarms(levels)).toEqual(expected);
  });

  it("stands while it does not fall, once it was raised", () => {
    const flat = Array.from({ length: 11 }, () => 9_000);
    expect(alarms(flat)).toEqual([]);
    expect(alarms(flat, ["lag-rising"])).toEqual(["lag-rising"]);
    expect(alarms(rising(9_000, -300), ["lag-rising"])).toEqual([]);
  });
});

describe("the target's disks", () => {
  it("raise an alarm at the limit, which ends five points below it", async () => {
    let each = 28 * gib;
    const work = workWith(() => each);
    const at = async (percent: number) => {
      each = (percent / 300) * 100 * gib;
      await mirror.small.clock.advance(6 * minute);
      await watch(work);
      return shown();
    };
    expect(await at(84.5)).toEqual([]);
    expect(await at(86.4)).toEqual(["alarm: orders · MSK's disks fill up"]);
    expect(JSON.stringify(mirror.small.fake.posts[0]?.message)).toContain("holds 86 of 100 GiB: 86 %");
    expect(await at(81)).toEqual(["alarm: orders · MSK's disks fill up"]);
    expect(await at(79)).toEqual(["done: orders · cleared: MSK's disks fill up"]);
  });

  it("are as full as the brokers say in CloudWatch, where they do", async () => {
    const fake = createFakeMsk(mirror.small.clock);
    const cluster = fake.put({ name: mirror.work.migration.settings.target.cluster, brokers: 2 });
    const world: World = Object.create(workWith(() => 1).world, { msk: { value: fake.msk } });
    const work = { ...mirror.work, world };
    fake.fill(cluster.name, 1, 40);
    await watch(work);
    expect((await diskReading(work.store, "orders"))?.text).toContain("by log sizes broker");
    fake.fill(cluster.name, 2, 91.2);
    await mirror.small.clock.advance(6 * minute);
    await watch(work);
    expect(await diskReading(work.store, "orders")).toMatchObject({
      used: 0.912,
      text: "by CloudWatch, the volume of broker 2",
    });
    expect(shown()).toEqual(["alarm: orders · MSK's disks fill up"]);
  });

  it("are unknown, and why is said, without a size of a partition or a volume; no alarm is cleared by that", async () => {
    let each: number | undefined = 30 * gib;
    await watch(workWith(() => each));
    expect(shown()).toEqual(["alarm: orders · MSK's disks fill up"]);
    each = undefined;
    await mirror.small.clock.advance(6 * minute);
    await watch(workWith(() => each));
    expect(await diskReading(mirror.work.store, "orders")).toMatchObject({
      used: null,
      text: "the size of parcels-0 did not come",
    });
    await mirror.small.clock.advance(6 * minute);
    await watch(workWith(() => 1, "express"));
    expect((await diskReading(mirror.work.store, "orders"))?.text).toContain("no volume of a fixed size");
    expect(shown()).toEqual(["alarm: orders · MSK's disks fill up"]);
  });
});

it("MSK that does not answer is an alarm while everything else can be read, once, and clears itself", async () => {
  mirror.target.fail("offsets", new FerryError("E_TARGET_UNREACHABLE", "No broker of MSK answered."));
  await watch();
  await watch();
  expect(shown()).toEqual(["alarm: orders · MSK unreachable"]);
  expect(JSON.stringify(mirror.small.fake.posts[0]?.message)).toContain("Nothing can be copied to it");
  expect((await lagPoints(mirror.work)).at(-1)?.behind).toBe(0);
  mirror.target.heal();
  await watch();
  expect(shown()).toEqual(["done: orders · cleared: MSK unreachable"]);
});

it("trouble that the engine reports of a mirror that runs is an alarm, which ends with it", async () => {
  let trouble: string | undefined = "AWS reports ReplicatorFailure 1, though the Replicator is RUNNING";
  const status = async (name: string) => ({
    ...(await mirror.engine.status(name)),
    ...(name.includes("shipping") && trouble !== undefined && { trouble }),
  });
  const engine = { ...mirror.engine, status };
  const world: World = Object.create(mirror.work.world, { engine: { value: async () => engine } });
  await watch({ ...mirror.work, world });
  expect(shown()).toEqual(["alarm: orders · mirror of wave shipping has trouble"]);
  expect(JSON.stringify(mirror.small.fake.posts[0]?.message)).toContain("ReplicatorFailure 1");
  trouble = undefined;
  await watch({ ...mirror.work, world });
  expect(shown()).toEqual(["done: orders · cleared: mirror of wave shipping has trouble"]);
});

describe("a storm", () => {
  it("of 500 failed tasks is one message a wave", async () => {
    mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException");
    mirror.engine.failTask("ferry-orders-billing-forward", "BoomException");
    const many = async (name: string) => {
      const status = await mirror.engine.status(name);
      const [task] = status.tasks;
      const tasks = Array.from({ length: 500 }, (_, id) => ({ ...task, id, state: "FAILED", worker: "w" }));
      return { ...status, state: "failed", tasks };
    };
    const world: World = Object.create(mirror.work.world, {
      engine: { value: async () => ({ ...mirror.engine, status: many }) },
    });
    for (const _ of [1, 2, 3]) await watch({ ...mirror.work, world });
    expect(shown()).toEqual([
      "alarm: orders · mirror of wave billing failed",
      "alarm: orders · mirror of wave shipping failed",
    ]);
    expect(JSON.stringify(mirror.small.fake.posts[0]?.message)).toContain("500 of 500 tasks");
    expect(mirror.small.fake.posts.map(({ history }) => history.length)).toEqual([1, 1]);
  });

  it("of 40 waves that cannot be read is one message for what is away, and clears itself", async () => {
    const plan = (await mirror.work.store.read(planKey("orders")))?.value;
    const waves = Array.from({ length: 40 }, (_, wave) => ({
      name: `w${wave}`,
      topics: ["parcels"],
      groups: [],
      why: "test",
    }));
    await mirror.work.store.write(planKey("orders"), { ...Object(plan), waves });
    mirror.engine.fail(new FerryError("E_CONNECT_UNREACHABLE", "Connect did not answer."));
    await watch();
    await watch();
    expect(shown()).toEqual(["alarm: orders · Kafka Connect unreachable"]);
    mirror.engine.heal();
    await watch();
    expect(shown()).toEqual(["done: orders · cleared: Kafka Connect unreachable"]);
  });
});

it("two processes that watch at once post an alarm once", async () => {
  mirror.engine.failTask("ferry-orders-shipping-forward", "BoomException: one");
  await Promise.all([1, 2, 3].map((each) => watch({ ...mirror.work, jobId: `watch-${each}` })));
  expect(shown()).toEqual(["alarm: orders · mirror of wave shipping failed"]);
  await mirror.engine.restartFailed("ferry-orders-shipping-forward");
  await Promise.all([1, 2, 3].map((each) => watch({ ...mirror.work, jobId: `watch-${each}` })));
  expect(shown()).toEqual(["done: orders · cleared: mirror of wave shipping failed"]);
});
