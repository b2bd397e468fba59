import { describe, expect, it } from "vitest";
import type { Proposal } from "#domain/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Acl } from "#domain/topology.ts";
import { noteAcls, readAdded } from "#jobs/access/access-document.ts";
import { cleanup } from "#jobs/cleanup/cleanup.ts";
import { createRun } from "#jobs/run/run.ts";
import { runSteps, type StepsResult } from "#jobs/run/steps.ts";
import type { Card, Work } from "#jobs/work.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createMirrorWork, type MirrorWork } from "#support/mirror-work.ts";

const hour = 3_600_000;
const reverse = "ferry-orders-billing-reverse";
const topicsOf: Record<string, readonly string[]> = {
  billing: ["invoices", "payments"],
  shipping: ["parcels"],
};

type Scene = MirrorWork & { readonly files: Map<string, string> };

/** Waves whose producers have moved: forward stopped, reverse running, both ends recorded. */
async function moved(...waves: readonly string[]): Promise<Scene> {
  const scene = await createMirrorWork();
  const files = new Map<string, string>();
  const card: Card = {
    ...scene.small.card,
    file: async ({ name, content }) => {
      files.set(name, content.toString());
      return name;
    },
  };
  const { engine, target, work } = scene;
  target.addTopic("invoices", { partitions: 2 });
  target.addTopic("payments");
  target.addTopic("parcels", { partitions: 3 });
  for (const wave of waves) {
    const flow = { topics: topicsOf[wave] ?? [], groups: [], tasks: 1 };
    await engine.define({ ...flow, name: `ferry-orders-${wave}-forward`, kind: "forward" }, "stopped");
    await engine.define({ ...flow, name: `ferry-orders-${wave}-reverse`, kind: "reverse" }, "running");
    await phase(work, wave, "producers-moved");
  }
  const { settings } = work.migration;
  const migration = { ...work.migration, settings: { ...settings, cleanup: { watch: hour } } };
  return { ...scene, files, work: { ...work, card, migration } };
}

async function phase(work: Work, wave: string, name: string): Promise<void> {
  await work.store.write(`wave:orders:${wave}`, { phase: name, changedAt: "2026-11-22T14:00:00Z" });
}

function propose({ work }: Scene, wave?: string): Promise<Proposal> {
  return cleanup.propose({ by: "UANA", ...(wave === undefined ? {} : { wave }) }, work);
}

/** One attempt, as the queue makes it. */
async function attempt({ work }: Scene, proposal: Proposal): Promise<StepsResult> {
  const { store, clock, log } = work;
  const run = await createRun({ id: "R1", migration: "orders", store, clock, log });
  try {
    const steps = await cleanup.steps(proposal, work, run);
    const result = await runSteps({ steps, run, work, subject: "s" });
    if (result.kind === "done") await cleanup.summary(proposal, work, run);
    return result;
  } finally {
    await run.leave(0);
  }
}

/** Attempts until it no longer asks to be called again. */
async function carryOut(scene: Scene, proposal: Proposal): Promise<StepsResult> {
  for (let calls = 0; calls < 5_000; calls += 1) {
    const result = await attempt(scene, proposal);
    if (result.kind !== "again") return result;
    await scene.small.clock.advance(result.ms);
  }
  throw new Error("it never ended");
}

async function names(scene: Scene, role: "source" | "target"): Promise<readonly string[]> {
  return (await scene[role].cluster.listTopics()).map(({ name }) => name);
}

describe("asking for a cleanup", () => {
  it("needs every wave to have moved, and names those that have not", async () => {
    const scene = await moved("billing");
    await expect(propose(scene)).rejects.toMatchObject({
      code: "E_PHASE",
      message: expect.stringContaining('shipping ("before-cutover")'),
    });
  });

  it("says that there is no way back afterwards", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    expect(proposal.title).toContain("NO WAY BACK");
    expect(proposal.quorum).toBe(2);
    expect(proposal.facts.map(({ name, state }) => [name, state])).toEqual([
      ["source-groups", "pass"],
      ["target-groups", "warn"],
      ["compared", "warn"],
    ]);
  });

  it("does not pass while somebody reads on the source, or records differ", async () => {
    const scene = await moved("billing");
    scene.source.addMember("stranger", { assignment: [{ topic: "invoices", partition: 0 }] });
    await scene.work.store.write("verified:orders:billing", {
      at: "2026-11-22T13:00:00Z",
      phase: "producers-moved",
      partitions: 3,
      equal: 1,
      expired: 0,
      differences: [{ topic: "invoices", partition: 0, kind: "differs", what: "values differ" }],
    });
    const { facts } = await propose(scene, "billing");
    const failing = facts.filter(({ state }) => state === "fail").map(({ text }) => text);
    expect(failing).toEqual([expect.stringContaining("stranger"), "records differ in billing"]);
  });
});

describe("carrying out a cleanup", () => {
  it("watches for as long as configured, removes what the bot made and nothing else", async () => {
    const scene = await moved("billing", "shipping");
    const own = [
      "mm2-offset-syncs.ferry-target.internal",
      "ferry-orders-billing-forward-offsets-abc1",
      "ferry-orders-shipping-reverse-offsets-abc2",
      "ferry-source.checkpoints.internal",
      "ferry-source.heartbeats",
    ];
    const foreign = [
      "mm2-offset-syncs.backup.internal",
      "ferry-orders-billing-forward-offsets-of-somebody",
      "heartbeats",
    ];
    for (const name of [...own, ...foreign]) {
      scene.source.addTopic(name);
      scene.target.addTopic(name);
    }
    const began = scene.small.clock.now();
    expect(await carryOut(scene, await propose(scene))).toEqual({ kind: "done" });
    expect(scene.small.clock.now() - began).toBeGreaterThanOrEqual(hour);
    expect(await scene.engine.list("ferry-")).toEqual([]);
    for (const role of ["source", "target"] as const) {
      expect(await names(scene, role)).toEqual(
        [...foreign, "invoices", "parcels", "payments"].toSorted((a, b) => (a < b ? -1 : 1)),
      );
    }
    expect(await scene.work.store.read("wave:orders:billing")).toMatchObject({ value: { phase: "cleaned" } });
    const report = [...scene.files.values()].join("");
    expect(report).toContain("# Final report of orders");
    expect(report).toContain("no record, no reader");
  });

  it("removes what is left of a mirror whose removal was cut short: it is listed and absent", async () => {
    const scene = await moved("billing");
    const { engine } = scene;
    const name = "ferry-orders-billing-checkpoint";
    const left = new Set([name]);
    const half = { name, state: "absent", kind: undefined, topics: [], tasks: [] } as const;
    const halfRemoved = {
      ...engine,
      list: async (prefix: string) => [...(await engine.list(prefix)), ...(left.has(name) ? [half] : [])],
      remove: async (removed: string) => {
        left.delete(removed);
        await engine.remove(removed);
      },
    };
    const work = withWorld(scene.work, { engine: async () => halfRemoved });
    const proposal = await propose(scene, "billing");
    expect(await carryOut({ ...scene, work }, proposal)).toEqual({ kind: "done" });
    expect([...left]).toEqual([]);
  });

  it("keeps what other waves still need", async () => {
    const scene = await moved("billing", "shipping");
    scene.target.addTopic("ferry-source.checkpoints.internal");
    await carryOut(scene, await propose(scene, "billing"));
    expect((await scene.engine.list("ferry-")).map(({ name }) => name)).toEqual([
      "ferry-orders-shipping-forward",
      "ferry-orders-shipping-reverse",
    ]);
    expect(await names(scene, "target")).toContain("ferry-source.checkpoints.internal");
  });

  it("turns back when the source grows, naming topic and rate, and starts the mirror back again", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    expect(await attempt(scene, proposal)).toMatchObject({ kind: "again" });
    await scene.small.clock.advance(2 * hour);
    scene.source.appendMany("invoices", 1, 6);
    expect(await attempt(scene, proposal)).toMatchObject({
      kind: "undone",
      error: { code: "E_NOT_SILENT", message: expect.stringContaining("invoices by 6 (3.0 an hour)") },
    });
    expect(await scene.engine.status(reverse)).toMatchObject({ state: "running" });
    expect(await scene.work.store.read("wave:orders:billing")).toMatchObject({
      value: { phase: "producers-moved" },
    });
  });

  it("turns back when a group comes to life on the source", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    await attempt(scene, proposal);
    scene.source.addMember("billing-app");
    expect(await attempt(scene, proposal)).toMatchObject({
      kind: "undone",
      error: { message: expect.stringContaining("billing-app") },
    });
  });

  it("goes on watching when the source did not answer for a while", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    await attempt(scene, proposal);
    scene.source.fail("offsets", new FerryError("E_SOURCE_UNREACHABLE", "no broker answered"), 3);
    expect(await carryOut(scene, proposal)).toEqual({ kind: "done" });
  });

  it("counts what was written while nobody looked", async () => {
    const scene = await moved("billing");
    const proposal = await propose(scene, "billing");
    await attempt(scene, proposal);
    scene.source.appendMany("payments", 0, 1);
    await scene.small.clock.advance(49 * hour);
    expect(await attempt(scene, proposal)).toMatchObject({ kind: "undone" });
  });
});

function right(resourceType: string, resourceName: string, principal = "User:ferry", operation = "ALL"): Acl {
  const every = { patternType: "LITERAL", host: "*", permission: "ALLOW" };
  return { ...every, resourceType, resourceName, principal, operation };
}

/** As `/ferry access copy` left it: the mirror's own rights beside the applications'. */
async function withRights(): Promise<Scene> {
  const scene = await moved("billing", "shipping");
  const { migration } = scene.work;
  const target = {
    ...migration.settings.target,
    auth: "scram" as const,
    scram: { username: "ferry", passwordEnv: "P", secretArns: [] },
  };
  const work = { ...scene.work, migration: { ...migration, settings: { ...migration.settings, target } } };
  scene.target.setAuthorizer({ everyone: true });
  scene.target.actAs("User:ferry");
  scene.target.setAcls([...own, ...theirs]);
  await noteAcls([...own, ...theirs], work);
  return { ...scene, work };
}

const own = [right("CLUSTER", "kafka-cluster"), right("TOPIC", "*"), right("GROUP", "closed")];
const theirs = [
  right("CLUSTER", "kafka-cluster", "User:ops", "ALTER"),
  right("TOPIC", "*", "User:billing", "READ"),
];

async function rightsOf({ target }: Scene): Promise<readonly string[]> {
  target.actAs("User:ops");
  const held = await target.cluster.acls();
  if (!held.known) throw new Error(held.why);
  return held.value.map(({ principal, resourceType, resourceName }) =>
    [principal, resourceType, resourceName].join(" "),
  );
}

describe("the mirror's own rights on MSK", () => {
  it("are taken back last of all, as the request said; one that keeps a resource closed stays and is reported", async () => {
    const scene = await withRights();
    const proposal = await propose(scene);
    expect(JSON.stringify(proposal.effects)).toContain("last of all 2 ACLs of User:ferry on MSK");
    expect(JSON.stringify(proposal.effects)).toContain("1 ACL of the mirror stay");
    expect(await carryOut(scene, proposal)).toEqual({ kind: "done" });
    expect((await rightsOf(scene)).toSorted()).toEqual([
      "User:billing TOPIC *",
      "User:ferry GROUP closed",
      "User:ops CLUSTER kafka-cluster",
    ]);
    expect((await readAdded(scene.work)).acls).toEqual([own[2], ...theirs]);
    expect([...scene.files.values()].join("")).toContain(
      "The mirror's right on MSK, ALLOW ALL on group closed for User:ferry: without it nobody is named there",
    );
  });

  it("stay as long as a wave has not moved", async () => {
    const scene = await withRights();
    expect(await carryOut(scene, await propose(scene, "billing"))).toEqual({ kind: "done" });
    expect(await rightsOf(scene)).toHaveLength(5);
  });

  it("stay while a mirror of another migration may live by them", async () => {
    const scene = await withRights();
    const flow = { topics: ["parcels"], groups: [], tasks: 1, kind: "forward" } as const;
    await scene.engine.define({ ...flow, name: "ferry-orders-eu-all-forward" }, "running");
    expect(await carryOut(scene, await propose(scene))).toEqual({ kind: "done" });
    expect(await rightsOf(scene)).toHaveLength(5);
    expect([...scene.files.values()].join("")).toContain("a mirror of another migration may log in alike");
  });

  it("are forgotten where a process ended after they were gone, and the report is written all the same", async () => {
    const scene = await withRights();
    const proposal = await propose(scene);
    const { cluster } = scene.target;
    async function removeAcls(acls: readonly Acl[]): Promise<never> {
      await cluster.removeAcls(acls);
      throw new FerryError("E_TARGET_UNREACHABLE", "the answer was lost");
    }
    const broken = withWorld(scene.work, { target: async () => ({ ...cluster, removeAcls }) });
    await expect(carryOut({ ...scene, work: broken }, proposal)).rejects.toMatchObject({
      code: "E_TARGET_UNREACHABLE",
    });
    expect(await carryOut(scene, proposal)).toEqual({ kind: "done" });
    const report = [...scene.files.values()].join("");
    expect(report).toContain("# Final report");
    expect(report).toContain(
      "ALLOW ALL on cluster kafka-cluster for User:ferry: not known whether it is gone",
    );
  });

  it("are not called left where their removal was refused: an earlier call may have done it", async () => {
    const scene = await withRights();
    scene.target.fail("removeAcls", new FerryError("E_KAFKA_AUTH", "refused"));
    expect(await carryOut(scene, await propose(scene))).toEqual({ kind: "done" });
    expect([...scene.files.values()].join("")).toContain(
      "not known whether it is gone: E_KAFKA_AUTH refused",
    );
  });
});
