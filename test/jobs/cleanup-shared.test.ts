import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { waveKey } from "#domain/switch/wave-state.ts";
import type { Acl } from "#domain/topology.ts";
import { noteAcls, readAdded } from "#jobs/access/access-document.ts";
import { mirroringKey } from "#jobs/mirror/replicate.ts";
import { carryOut, moved, names, propose, type Scene, summaryFile } from "#support/cleanup-bench.ts";
import { withWorld } from "#support/cutover-bench.ts";

/** What mirrors share on both clusters: rights, and MirrorMaker's own topics. */

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

const shared = "ferry-source.checkpoints.internal";

/** Another migration whose mirrors were started, on an engine that this one's does not show. */
async function another(
  { work: { store } }: Scene,
  phase: string,
  changes: Partial<Plan> = {},
): Promise<void> {
  const plan = Plan.parse((await store.read(planKey("orders")))?.value);
  await store.write(mirroringKey("parcels"), 1);
  await store.write(planKey("parcels"), { ...plan, migration: "parcels", ...changes });
  for (const { name } of plan.waves) {
    await store.write(waveKey("parcels", name), { phase, changedAt: "2026-11-22T14:00:00Z" });
  }
}

async function sharing(): Promise<Scene> {
  const scene = await withRights();
  scene.target.addTopic(shared);
  return scene;
}

describe("what mirrors of another migration live by", () => {
  it("stays while one of its waves is not cleaned up, and nobody is told that it went", async () => {
    const scene = await sharing();
    await another(scene, "producers-moved");
    const proposal = await propose(scene);
    const removed = proposal.effects.find(({ label }) => label === "Removed")?.value ?? "";
    expect(removed).not.toContain(shared);
    expect(removed).toContain("what mirrors share stays for migration parcels");
    expect(await carryOut(scene, proposal)).toEqual({ kind: "done" });
    expect(await names(scene, "target")).toContain(shared);
    expect(await rightsOf(scene)).toHaveLength(5);
    expect(scene.files.get(summaryFile)).toContain("what mirrors share stays for migration parcels");
  });

  it("goes when that one is cleaned up, or mirrors between other clusters", async () => {
    const cleaned = await sharing();
    await another(cleaned, "cleaned");
    const elsewhere = await sharing();
    const settings = { "target.cluster": "another", "target.region": "another" };
    const basis = { assessedAt: "2026-11-22T14:00:00Z", settings };
    await another(elsewhere, "producers-moved", { sourceClusterId: "elsewhere", basis });
    for (const scene of [cleaned, elsewhere]) {
      const proposal = await propose(scene);
      expect(JSON.stringify(proposal.effects)).toContain(shared);
      expect(await carryOut(scene, proposal)).toEqual({ kind: "done" });
      expect(await names(scene, "target")).not.toContain(shared);
      expect(await rightsOf(scene)).toHaveLength(3);
    }
  });
});
