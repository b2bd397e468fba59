import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { unthrottle } from "#jobs/mirror/throttle.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const id = "ferry-orders-mirror";

describe("throttling the mirrors", () => {
  let mirror: MirrorWork;
  const from = { name: "replicate", migration: "orders", by: "UANA" } as const;
  const throttle = (bytesPerSecond?: number) =>
    replicate({ ...from, action: "throttle", ...(bytesPerSecond && { bytesPerSecond }) }, mirror.work);
  const quota = async () => await mirror.target.cluster.produceQuota(id);

  beforeEach(async () => {
    mirror = await createMirrorWork();
    await replicate({ ...from, action: "start" }, mirror.work);
  });

  it("gives each broker of MSK its share, says what that means, and takes it away again", async () => {
    const brokers = (await mirror.target.cluster.describe()).brokers.length;
    expect(await throttle(20_000_000)).toEqual({ kind: "done" });
    const share = Math.ceil(20_000_000 / brokers);
    expect(await quota()).toEqual({ known: true, value: share });
    expect(mirror.said()).toContain("At most 20.0 MB/s copied");
    await replicate({ ...from, action: "start" }, mirror.work);
    expect(mirror.said()).toContain(`Throttled to ${(share / 1e6).toFixed(1)} MB/s a broker of MSK`);
    await throttle();
    expect(await quota()).toEqual({ known: true, value: undefined });
    expect(mirror.said()).toContain("No limit any more");
    const trail = await mirror.work.store.auditTrail("orders");
    expect(trail.filter(({ what }) => what === "mirror.throttled")).toMatchObject([
      { subject: id, before: null, after: share },
      { subject: id, before: share, after: null },
    ]);
  });

  it("is refused where a transaction of the tasks could not end in time", async () => {
    await expect(throttle(100_000)).rejects.toMatchObject({
      code: "E_PHASE",
      message: expect.stringMatching(/0\.1 MB\/s is too little for \d tasks?: .* At least \d\.\d MB\/s/),
    });
    expect(await quota()).toEqual({ known: true, value: undefined });
  });

  it("is refused for a Replicator, to which no quota of a client id holds, with what would limit it", async () => {
    const { settings } = mirror.work.migration;
    const replication = { ...settings.replication, engine: "replicator" as const };
    const migration = { ...mirror.work.migration, settings: { ...settings, replication } };
    const asked = { ...from, action: "throttle", bytesPerSecond: 20_000_000 } as const;
    await expect(replicate(asked, { ...mirror.work, migration })).rejects.toMatchObject({
      code: "E_REPLICATOR",
      message: expect.stringContaining("consumer_byte_rate"),
    });
    expect(await quota()).toEqual({ known: true, value: undefined });
  });

  it("ends with the migration, and a right that is missing then keeps nothing from ending", async () => {
    await throttle(20_000_000);
    mirror.target.fail("limitProduce", new FerryError("E_KAFKA_AUTH", "not allowed"));
    await unthrottle(mirror.work);
    mirror.target.heal();
    expect((await quota()).known).toBe(true);
    await unthrottle(mirror.work);
    expect(await quota()).toEqual({ known: true, value: undefined });
  });
});
