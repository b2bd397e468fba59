import { beforeEach, describe, expect, it } from "vitest";
import type { Proposal } from "#domain/approval/approval.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import { requestKey } from "#jobs/approval/request-store.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";
import { requestOf } from "#support/recorded-run.ts";

const id = "7K3Q";
const flow = (kind: "forward" | "checkpoint") => `ferry-orders-billing-${kind}`;

describe("a run that begins while mirrors are started", () => {
  let mirror: MirrorWork;

  beforeEach(async () => {
    mirror = await createMirrorWork();
    for (const topic of ["invoices", "payments", "parcels"]) mirror.source.appendMany(topic, 0, 10);
  });

  /** Starts the mirrors; `meanwhile` happens right after the engine has defined this flow. */
  async function startAnd(meanwhile: () => Promise<void>, after: string): Promise<void> {
    const { engine, work } = mirror;
    const define: typeof engine.define = async (defined, state) => {
      await engine.define(defined, state);
      if (defined.name === after) await meanwhile();
    };
    const begun = withWorld(work, { engine: async () => ({ ...engine, define }) });
    await replicate({ name: "replicate", migration: "orders", by: "UANA", action: "start" }, begun);
  }

  async function begin(): Promise<void> {
    const proposal: Proposal = {
      action: "rollback",
      wave: "billing",
      title: "roll back CONSUMERS of wave billing",
      plan: {},
      effects: [],
      facts: [],
      quorum: 2,
    };
    const request = { ...requestOf(proposal, id, mirror.work.clock.now()), state: "executing" };
    await mirror.work.store.write(requestKey("orders", id), request);
  }

  it("is not disturbed by what was still to be changed, and the start tries again when it is over", async () => {
    await expect(startAnd(begin, flow("forward"))).rejects.toMatchObject({ code: "E_LEASE" });
    expect(mirror.engine.orders).not.toContain(`define ${flow("checkpoint")} running`);
    await mirror.work.store.remove(requestKey("orders", id));
    await startAnd(async () => undefined, flow("forward"));
    expect(mirror.engine.orders).toContain(`define ${flow("checkpoint")} running`);
  });

  it("keeps what it has moved, though it is over before the next change", async () => {
    const moved = async () => {
      const state = { phase: "producers-moved", changedAt: new Date(0).toISOString() };
      await mirror.work.store.write(waveKey("orders", "billing"), state);
    };
    await startAnd(moved, flow("forward"));
    expect(mirror.engine.orders).not.toContain(`define ${flow("checkpoint")} running`);
    expect(mirror.said()).toContain("The producers of wave billing have moved meanwhile");
  });
});
