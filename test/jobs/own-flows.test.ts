import { beforeEach, describe, expect, it } from "vitest";
import { Plan, planHistoryKey, planKey } from "#domain/plan.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import { ownFlows } from "#jobs/mirror/own-flows.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { restartFailed } from "#jobs/mirror/restart-failed.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const theirs = "ferry-orders-eu-all-forward";
const parcels = { kind: "forward", topics: ["x"], groups: [], tasks: 1 } as const;

describe("mirrors of a migration whose name begins like this one's", () => {
  let mirror: MirrorWork;
  const names = async () => (await ownFlows(mirror.engine, mirror.work)).map(({ name }) => name);

  /** A plan of `migration` with these waves, over the one of orders. */
  async function planned(migration: string, waves: readonly string[], key = planKey(migration)) {
    const plan = Plan.parse((await mirror.work.store.read(planKey("orders")))?.value);
    const [first] = plan.waves;
    const named = waves.map((name) => ({ ...first, name }));
    await mirror.work.store.write(key, { ...plan, migration, waves: named });
  }

  async function run(name: string) {
    await mirror.engine.define({ ...parcels, name }, "running");
  }

  const start = () =>
    replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, mirror.work);

  beforeEach(async () => {
    mirror = await createMirrorWork();
  });

  it("are neither started again nor told of here", async () => {
    await planned("orders-eu", ["all"]);
    await run(theirs);
    mirror.engine.failTask(theirs, "no");
    expect(await restartFailed(mirror.work)).toEqual([]);
    expect(mirror.engine.orders).not.toContain(`restart ${theirs}`);
  });

  it("are not this one's, whoever planned them", async () => {
    await run(theirs);
    await run("ferry-orders-billing-forward");
    expect(await names()).toEqual(["ferry-orders-billing-forward"]);
  });

  it("are this one's by an earlier plan, unless another migration has a wave of that mirror now", async () => {
    await run(theirs);
    await planned("orders", ["eu-all"], planHistoryKey("orders", "old"));
    expect(await names()).toEqual([theirs]);
    await planned("orders-eu", ["all"]);
    expect(await names()).toEqual([]);
  });

  it("keep a wave from being copied that would have the same mirror", async () => {
    await planned("orders-eu", ["all"]);
    await planned("orders", ["billing", "eu-all"]);
    await expect(start()).rejects.toMatchObject({
      code: "E_SETTINGS",
      message: `Wave eu-all of orders and wave all of orders-eu would both have the mirror ${theirs}. Name one of them otherwise below waves in ferry.yaml, then /ferry plan.`,
    });
    expect(mirror.engine.orders).toEqual([]);
  });

  it("keep nothing from being copied once they are cleaned up, nor under another name", async () => {
    await planned("orders-eu", ["billing", "rest"]);
    await planned("orders", ["billing", "rest"]);
    await start();
    await planned("orders-eu", ["all"]);
    await planned("orders", ["eu-all"]);
    const changedAt = new Date(0).toISOString();
    await mirror.work.store.write(waveKey("orders-eu", "all"), { phase: "cleaned", changedAt });
    await expect(start()).resolves.toEqual({ kind: "done" });
  });
});
