import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { createRedisStore } from "#adapters/redis/store.ts";
import { verifyChain } from "#domain/audit/audit.ts";
import { startRedis } from "#lab/redis.ts";
import { eventually } from "#support/eventually.ts";
import { createDoor } from "#support/outage.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { unique } from "#support/unique.ts";
import { storeContract } from "../contract/store.ts";

function openStore(url: string, prefix = `{${unique("store")}}:`) {
  return createRedisStore({ url, prefix, clock: realClock, log: createQuietLog() });
}

storeContract("in Redis", async () => {
  const store = openStore(inject("clusters").redis.url);
  return { store, tick: (ms) => sleep(ms), close: () => store.close() };
});

describe("a store whose Redis goes away", () => {
  it("fails with E_STORE in about 3 s, carries nothing out later, and goes on when Redis is back", async () => {
    const door = await createDoor(inject("clusters").redis.url);
    const store = openStore(door.url);
    try {
      await store.write("before", 1);
      await door.shut();
      const started = Date.now();
      await expect(store.write("during", 1)).rejects.toMatchObject({ code: "E_STORE" });
      expect(Date.now() - started).toBeLessThan(4500);
      await door.open();
      expect(await eventually("Redis is back", () => store.read("before"))).toMatchObject({ value: 1 });
      expect(await store.read("during")).toBeUndefined();
    } finally {
      await store.close();
      await door.close();
    }
  });

  it("fails with E_STORE when there has never been one", async () => {
    const door = await createDoor("redis://127.0.0.1:1");
    await door.shut();
    const store = openStore(door.url);
    await expect(store.acquire("scope", "owner", 1000)).rejects.toMatchObject({ code: "E_STORE" });
    await store.close();
  });
});

describe("a Redis that is killed and started again", { timeout: 60_000 }, () => {
  it("still has the audit chain, whole", async () => {
    const runFolder = await mkdtemp(join(tmpdir(), "ferry-redis-"));
    const routes = ["path", "wheel", "maven"] as const;
    const redis = await startRedis({ runFolder, log: () => undefined, persistence: true, routes });
    const store = openStore(redis.url);
    const entry = { at: "2026-11-22T14:10:00.000Z", actor: "U1", migration: "m", what: "x" };
    try {
      for (let n = 0; n < 10; n += 1) await store.audit({ ...entry, detail: { n } });
      const before = verifyChain(await store.auditTrail("m"));
      await redis.kill();
      await redis.restart();
      const trail = await eventually("Redis is back", () => store.auditTrail("m"));
      expect(verifyChain(trail)).toEqual(before);
      expect(before).toMatchObject({ intact: true, entries: 10 });
      await store.audit(entry);
      expect(verifyChain(await store.auditTrail("m"))).toMatchObject({ intact: true, entries: 11 });
    } finally {
      await store.close();
      await redis.stop();
      await rm(runFolder, { recursive: true, force: true });
    }
  });
});

describe("two processes on one Redis", () => {
  it("chain their audit entries without a gap", async () => {
    const prefix = `{${unique("shared")}}:`;
    const stores = [1, 2].map(() => openStore(inject("clusters").redis.url, prefix));
    await Promise.all(
      stores.flatMap((store, actor) =>
        Array.from({ length: 20 }, () =>
          store.audit({ at: "2026-11-22T14:10:00.000Z", actor: `U${actor}`, migration: "m", what: "x" }),
        ),
      ),
    );
    const trail = (await stores[0]?.auditTrail("m")) ?? [];
    expect(trail.map((entry) => entry.sequence)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    await Promise.all(stores.map((store) => store.close()));
  });
});
