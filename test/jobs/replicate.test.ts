import { beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { holdForward, readHeld } from "#jobs/switch/forward-held.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { eventually } from "#support/eventually.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

describe("replicate", () => {
  let mirror: MirrorWork;
  const run = (action: "start" | "pause" | "resume" | "stop") =>
    replicate({ name: "replicate", migration: "orders", by: "UANA", action }, mirror.work);
  const state = async (flow: string) => (await mirror.engine.status(`ferry-orders-${flow}`)).state;

  beforeEach(async () => {
    mirror = await createMirrorWork();
    for (const topic of ["invoices", "payments", "parcels"]) mirror.source.appendMany(topic, 0, 10);
  });

  it("creates the topics as planned, then starts a mirror for each wave", async () => {
    expect(await run("start")).toEqual({ kind: "done" });
    const created = await mirror.target.cluster.listTopics();
    expect(created.map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ["invoices", 2],
      ["parcels", 3],
      ["payments", 1],
    ]);
    expect(mirror.engine.orders.toSorted()).toEqual([
      "define ferry-orders-billing-checkpoint running",
      "define ferry-orders-billing-forward running",
      "define ferry-orders-shipping-forward running",
    ]);
    expect(await mirror.target.cluster.offsets(["parcels"], "end")).toEqual(
      new Map([["parcels", [10, 0, 0]]]),
    );
    expect(mirror.said()).toContain("3 topics in 2 waves mirrored; 3 topics created on MSK.");
    const trail = await mirror.work.store.auditTrail("orders");
    expect(trail.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["replicate.start", "topics.created", "mirror.running"]),
    );
  });

  it("gives a mirror as many tasks as are set for its wave, though no more than partitions", async () => {
    const { settings, name } = mirror.work.migration;
    const replication = { ...settings.replication, tasks: { billing: 2, shipping: 8 } };
    const migration = { name, settings: { ...settings, replication } };
    await replicate(
      { name: "replicate", migration: name, by: "UANA", action: "start" },
      { ...mirror.work, migration },
    );
    const tasks = async (wave: string) =>
      (await mirror.engine.status(`ferry-orders-${wave}-forward`)).tasks.length;
    expect([await tasks("billing"), await tasks("shipping")]).toEqual([2, 3]);
  });

  it("starts waves beside each other: one that waits holds up no other, and none is left behind a failure", async () => {
    const { engine, work, small } = mirror;
    const away = new FerryError("E_CONNECT_UNREACHABLE", "Connect did not answer.");
    const defined: string[] = [];
    const define: typeof engine.define = async (flow, wanted) => {
      if (flow.name.includes("billing")) {
        await small.clock.sleep(5_000);
        throw away;
      }
      await engine.define(flow, wanted);
      defined.push(flow.name);
    };
    const slow = withWorld(work, { engine: async () => ({ ...engine, define }) });
    const running = replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, slow);
    const ended = running.catch((error: unknown) => error);
    await eventually("the other wave runs", () => defined.length > 0 || undefined);
    await small.clock.advance(5_000);
    expect(await ended).toBe(away);
    expect(defined).toEqual(["ferry-orders-shipping-forward"]);
  });

  it("changes one wave's topics and lets the others be", async () => {
    await run("start");
    const { work, engine, source } = mirror;
    source.addTopic("refunds", { partitions: 2 });
    const plan = Plan.parse((await work.store.read(planKey("orders")))?.value);
    const refunds = { ...plan.topics[0], name: "refunds", partitions: 2 };
    const waves = plan.waves.map((wave) =>
      wave.name === "billing" ? { ...wave, topics: [...wave.topics, "refunds"] } : wave,
    );
    await work.store.write(planKey("orders"), { ...plan, topics: [...plan.topics, refunds], waves });
    engine.orders.length = 0;
    await run("start");
    expect(engine.orders.toSorted()).toEqual([
      "define ferry-orders-billing-checkpoint running",
      "define ferry-orders-billing-forward running",
    ]);
    expect((await engine.status("ferry-orders-billing-forward")).topics).toContain("refunds");
  });

  it("says which topics of another MirrorMaker older workers bring along", async () => {
    await run("start");
    expect(mirror.said()).not.toContain("heartbeats");
    mirror.source.addTopic("heartbeats");
    mirror.source.addTopic("device-heartbeats");
    await run("start");
    expect(mirror.said()).toContain(
      "The source has heartbeats of another MirrorMaker 2: workers of 3.9.2 copy such topics with every wave, here as ferry-source.heartbeats.",
    );
    const { work, engine } = mirror;
    const check: typeof engine.check = async () => ({ ...(await engine.check()), version: "4.1.2" });
    const newer = withWorld(work, { engine: async () => ({ ...engine, check }) });
    await replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, newer);
    expect(mirror.said()).not.toContain("heartbeats");
  });

  it("waits for no first offset of topics that hold only what was aborted", async () => {
    mirror = await createMirrorWork();
    const { source } = mirror;
    source.append("parcels", 0, { value: "aborted" }, "tx");
    source.endTransaction("tx", "abort");
    const before = mirror.small.clock.now();
    await run("start");
    expect(mirror.small.clock.now()).toBe(before);
    expect(mirror.said()).toContain('["shipping","1 of 1","3","1","nothing to copy"]');
  });

  it("changes nothing when started again", async () => {
    await run("start");
    const orders = [...mirror.engine.orders];
    mirror.source.appendMany("parcels", 1, 5);
    await run("start");
    expect(mirror.engine.orders).toEqual(orders);
    expect(mirror.said()).toContain("0 topics created on MSK");
    expect(await mirror.target.cluster.offsets(["parcels"], "end")).toEqual(
      new Map([["parcels", [10, 5, 0]]]),
    );
  });

  it("begins anew only with topics that are gone, where MSK lacks what a rollback left on the source", async () => {
    await run("start");
    const { work, engine, target } = mirror;
    const lease = await work.store.acquire("migration:orders", "R1", 60_000);
    const billing = { name: "billing", topics: ["invoices", "payments"], groups: [], why: "test" };
    const held = { id: "R1", lease, recall: async () => undefined, remember: async () => {} };
    await holdForward(billing, "3 records on the source only", work, held);
    expect([await state("billing-forward"), await state("billing-checkpoint")]).toEqual(["absent", "absent"]);

    await run("start");
    expect(await state("billing-forward")).toBe("absent");
    expect(mirror.said()).toContain("E_TARGET_NOT_EMPTY invoices holds 10 offsets on MSK");
    expect(mirror.said()).toContain("MSK lacks records of the source: 3 records on the source only.");
    await run("resume");
    expect(await state("billing-forward")).toBe("absent");

    await target.cluster.deleteTopics(["invoices", "payments"]);
    await run("start");
    expect(await state("billing-forward")).toBe("running");
    expect(await readHeld(work, "billing")).toBeUndefined();
    expect(await engine.copied("ferry-orders-billing-forward")).toEqual(
      new Map([
        ["invoices", [9, undefined]],
        ["payments", [9]],
      ]),
    );
  });

  it("leaves out a topic with records of somebody else and one with other partitions; the others go on", async () => {
    mirror.target.addTopic("invoices", { partitions: 6 });
    mirror.target.addTopic("parcels", { partitions: 3 });
    mirror.target.append("parcels", 0, { value: "not ours" });
    await run("start");
    expect(mirror.said()).toContain("E_TARGET_PARTITIONS invoices has 2 partitions on the source, 6 on MSK.");
    expect(mirror.said()).toContain("E_TARGET_NOT_EMPTY parcels");
    expect((await mirror.engine.status("ferry-orders-billing-forward")).topics).toEqual(["payments"]);
    expect(await state("shipping-forward")).toBe("absent");
    expect(await mirror.target.cluster.offsets(["parcels"], "end")).toEqual(
      new Map([["parcels", [1, 0, 0]]]),
    );
  });

  it("takes an empty topic of the same shape that is already there", async () => {
    mirror.target.addTopic("parcels", { partitions: 3 });
    await run("start");
    expect(await state("shipping-forward")).toBe("running");
  });

  it("refuses to start beside a reverse mirror on one of the topics", async () => {
    const reverse = { name: "ferry-orders-shipping-reverse", kind: "reverse" as const, groups: [], tasks: 1 };
    await mirror.engine.define({ ...reverse, topics: ["parcels"] }, "running");
    await run("start");
    expect(mirror.said()).toContain("E_LOOP");
    expect(await state("shipping-forward")).toBe("absent");
    expect(await state("billing-forward")).toBe("running");
  });

  it("pauses, resumes and stops, and keeps the offsets", async () => {
    await run("start");
    await run("pause");
    expect([await state("billing-forward"), await state("billing-checkpoint")]).toEqual(["paused", "paused"]);
    await run("resume");
    expect(await state("billing-forward")).toBe("running");
    await run("stop");
    expect([await state("shipping-forward"), await state("billing-checkpoint")]).toEqual([
      "stopped",
      "stopped",
    ]);
    await run("start");
    expect(await mirror.target.cluster.offsets(["parcels"], "end")).toEqual(
      new Map([["parcels", [10, 0, 0]]]),
    );
  });

  it("starts failed tasks again on resume; on start it shows the trace", async () => {
    await run("start");
    mirror.engine.failTask("ferry-orders-billing-forward", "org.x.BoomException: no\n\tat y");
    await run("start");
    expect(mirror.said()).toContain("E_TASK_FAILED");
    expect(mirror.said()).toContain("BoomException");
    expect(JSON.stringify(mirror.small.card.threads)).toContain("at y");
    await run("resume");
    expect(await state("billing-forward")).toBe("running");
  });

  it("leaves waves alone whose producers have moved", async () => {
    const moved = { phase: "producers-moved", changedAt: "2026-11-22T14:00:00.000Z" };
    await mirror.work.store.write(waveKey("orders", "billing"), moved);
    await run("start");
    expect(await state("billing-forward")).toBe("absent");
    await mirror.work.store.write(waveKey("orders", "shipping"), moved);
    await expect(run("start")).rejects.toMatchObject({ code: "E_PHASE" });
  });

  it("lets a mirror back go on that stood still, unless it would copy again", async () => {
    const reverse = { name: "ferry-orders-billing-reverse", kind: "reverse" as const, groups: [], tasks: 1 };
    const changedAt = "2026-11-22T14:00:00.000Z";
    const ends = { source: { invoices: [3, 0] }, target: { invoices: [3, 0] }, at: changedAt };
    await mirror.work.store.write(waveKey("orders", "billing"), {
      phase: "producers-moved",
      changedAt,
      boundary: ends,
    });
    mirror.target.addTopic("invoices", { partitions: 2 });
    mirror.target.appendMany("invoices", 0, 3);
    await mirror.engine.define({ ...reverse, topics: ["invoices"] }, "stopped");
    await expect(run("resume")).rejects.toMatchObject({
      code: "E_SEED_BOUNDS",
      message: expect.stringContaining("invoices-0 has none"),
    });
    await mirror.engine.seed(reverse.name, new Map([["invoices", [2, undefined]]]));
    await run("resume");
    expect(await state("billing-reverse")).toBe("running");
    mirror.engine.failTask(reverse.name, "BoomException");
    await run("resume");
    expect(await state("billing-reverse")).toBe("running");
    await run("pause");
    expect(await state("billing-reverse")).toBe("running");
  });

  it("says what the workers lack before it makes anything, and asks for a plan", async () => {
    for (const problem of [
      "Connect is 3.7.1; 3.9.2 or newer is needed.",
      "The Connect workers refuse settings: set connector.client.config.override.policy=All on them.",
    ]) {
      mirror.engine.problems.splice(0, 1, problem);
      await expect(run("start")).rejects.toMatchObject({ code: "E_CONNECT_PLUGIN", message: problem });
    }
    expect(await mirror.target.cluster.listTopics()).toEqual([]);
    await mirror.work.store.remove("plan:orders");
    await expect(run("start")).rejects.toMatchObject({ code: "E_NO_PLAN" });
  });
});
