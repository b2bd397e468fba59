import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyChain } from "#domain/audit/audit.ts";
import type { Lease, Store } from "#domain/ports.ts";

export type StoreUnderTest = {
  readonly store: Store;
  /** Lets a little of the time pass that leases are measured in. */
  tick(ms: number): Promise<void>;
  close(): Promise<void>;
};

/** What every store must do; run on the one in memory and on the one in Redis. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}: the store's contract`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    it("hands back what was written, with a revision that grows", async () => {
      expect(await store.read("doc:a")).toBeUndefined();
      expect(await store.write("doc:a", { n: 1, deep: [null, "é"] })).toBe(1);
      expect(await store.write("doc:a", { n: 2 })).toBe(2);
      expect(await store.read("doc:a")).toEqual({ value: { n: 2 }, revision: 2 });
    });

    it("writes on a condition: the revision must be the one that was read", async () => {
      expect(await store.write("doc:cas", 1, { revision: 0 })).toBe(1);
      expect(await store.write("doc:cas", 2, { revision: 0 })).toBeUndefined();
      expect(await store.write("doc:cas", 3, { revision: 1 })).toBe(2);
      expect(await store.read("doc:cas")).toEqual({ value: 3, revision: 2 });
    });

    it("lets exactly one of many win the same transition", async () => {
      const rivals = Array.from({ length: 20 }, (_, n) => store.write("doc:race", n, { revision: 0 }));
      const won = (await Promise.all(rivals)).filter((revision) => revision !== undefined);
      expect(won).toEqual([1]);
    });

    it("lists keys by prefix, sorted, and forgets removed ones", async () => {
      for (const key of ["list:b", "list:a", "list:é", "lisu", "list"]) await store.write(key, key);
      expect(await store.keys("list:")).toEqual(["list:a", "list:b", "list:é"]);
      await store.remove("list:a");
      expect(await store.keys("list:")).toEqual(["list:b", "list:é"]);
      expect(await store.read("list:a")).toBeUndefined();
    });

    it("gives a lease to one owner; the same owner's next attempt fences the earlier one", async () => {
      const first = await store.acquire("m:one", "run-1", 60_000);
      await expect(store.acquire("m:one", "run-2", 60_000)).rejects.toMatchObject({ code: "E_LEASE" });
      const second = await store.acquire("m:one", "run-1", 60_000);
      expect(second.token).toBeGreaterThan(first.token);
      await expect(store.write("doc:fenced", 1, { lease: first })).rejects.toMatchObject({
        code: "E_LEASE_LOST",
      });
      await expect(store.renew(first, 60_000)).rejects.toMatchObject({ code: "E_LEASE_LOST" });
      expect(await store.read("doc:fenced")).toBeUndefined();
      expect(await store.write("doc:fenced", 2, { lease: second })).toBe(1);
    });

    it("ignores a release by an attempt that no longer holds the lease", async () => {
      const first = await store.acquire("m:release", "run-1", 60_000);
      const second = await store.acquire("m:release", "run-1", 60_000);
      await store.release(first);
      await store.renew(second, 60_000);
      await store.release(second);
      const other = await store.acquire("m:release", "run-2", 60_000);
      expect(other.token).toBeGreaterThan(second.token);
    });

    it("lets a lease run out; its holder then writes nothing", async () => {
      const first = await store.acquire("m:ttl", "run-1", 300);
      const second = await acquireWhenFree("m:ttl", "run-2");
      expect(second.token).toBeGreaterThan(first.token);
      await expect(store.write("doc:late", 1, { lease: first })).rejects.toMatchObject({
        code: "E_LEASE_LOST",
      });
    });

    it("does not let a late holder write even when nobody else took the lease", async () => {
      const first = await store.acquire("m:alone", "run-1", 50);
      const deadline = Date.now() + 5000;
      let refused: unknown;
      while (refused === undefined && Date.now() < deadline) {
        await under.tick(25);
        refused = await store.write("doc:alone", 1, { lease: first }).then(
          () => undefined,
          (error: unknown) => error,
        );
      }
      expect(refused).toMatchObject({ code: "E_LEASE_LOST" });
    });

    it("chains audit entries, also when many append at once", async () => {
      const entries = Array.from({ length: 25 }, (_, n) =>
        store.audit({
          at: "2026-11-22T14:10:00.000Z",
          actor: "U1",
          migration: "chained",
          what: "x",
          detail: { n },
        }),
      );
      await Promise.all(entries);
      const trail = await store.auditTrail("chained");
      expect(trail.map((entry) => entry.sequence)).toEqual(Array.from({ length: 25 }, (_, n) => n + 1));
      expect(verifyChain(trail)).toMatchObject({ intact: true, entries: 25 });
      expect(new Set(trail.map((entry) => JSON.stringify(entry.detail))).size).toBe(25);
      expect(await store.auditTrail("another")).toEqual([]);
    });

    it("appends what has a key once, whoever appends it and however often", async () => {
      const at = "2026-11-22T14:10:00.000Z";
      const append = (key: string, n: number) =>
        store.audit({ at, actor: "U1", migration: "keyed", what: "x", key, detail: { n } });
      await Promise.all(Array.from({ length: 20 }, (_, n) => append(`key-${n % 2}`, n)));
      await append("key-0", 20);
      const trail = await store.auditTrail("keyed");
      expect(trail).toHaveLength(2);
      expect(new Set(trail.map(({ key }) => key))).toEqual(new Set(["key-0", "key-1"]));
      await store.audit({ at, actor: "U1", migration: "keyed", what: "without" });
      await store.audit({ at, actor: "U1", migration: "keyed", what: "without" });
      expect(verifyChain(await store.auditTrail("keyed"))).toMatchObject({ intact: true, entries: 4 });
      await store.audit({ at, actor: "U1", migration: "keyed-too", what: "x", key: "key-0" });
      expect(await store.auditTrail("keyed-too")).toHaveLength(1);
    });

    it("prunes old audit entries, and the rest vouches for them", async () => {
      for (const day of [1, 2, 3, 4]) {
        const at = `2026-11-0${day}T12:00:00.000Z`;
        await store.audit({ at, actor: "U1", migration: "pruned", what: "x", detail: { day } });
      }
      const whole = await store.auditTrail("pruned");
      const by = { at: "2026-11-05T12:00:00.000Z", actor: "bot" };
      expect(await store.pruneAudit("pruned", "2026-11-01T00:00:00.000Z", by)).toBe(0);
      const rivals = [1, 2].map(() => store.pruneAudit("pruned", "2026-11-03T00:00:00.000Z", by));
      expect((await Promise.all(rivals)).toSorted((a, b) => a - b)).toEqual([0, 2]);
      const rest = await store.auditTrail("pruned");
      expect(rest.map(({ sequence, what }) => [sequence, what])).toEqual([
        [3, "x"],
        [4, "x"],
        [5, "audit.pruned"],
      ]);
      expect(verifyChain(rest)).toMatchObject({
        intact: true,
        pruned: { sequence: 2, hash: whole[1]?.hash },
      });
      expect(verifyChain(rest.slice(1))).toMatchObject({ intact: false, sequence: 3, link: "sequence" });
      await store.audit({ ...by, migration: "pruned", what: "y" });
      expect(verifyChain(await store.auditTrail("pruned"))).toMatchObject({ intact: true, entries: 4 });
      expect(await store.pruneAudit("pruned", "2027-01-01T00:00:00.000Z", by)).toBe(4);
      expect(verifyChain(await store.auditTrail("pruned"))).toMatchObject({ intact: true, entries: 1 });
    });

    it("keeps only the newest of a list", async () => {
      for (const n of [1, 2, 3, 4]) await store.append("points", { n }, 3);
      expect(await store.list("points")).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
      expect(await store.list("nothing")).toEqual([]);
    });

    async function acquireWhenFree(scope: string, owner: string): Promise<Lease> {
      const deadline = Date.now() + 5000;
      for (;;) {
        const lease = await store.acquire(scope, owner, 60_000).catch((error: unknown) => {
          if (Date.now() > deadline) throw error;
        });
        if (lease !== undefined) return lease;
        await under.tick(50);
      }
    }
  });
}
