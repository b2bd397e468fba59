import type { Proposal } from "#domain/approval/approval.ts";
import { cleanup } from "#jobs/cleanup/cleanup.ts";
import { createRun } from "#jobs/run/run.ts";
import { runSteps, type StepsResult } from "#jobs/run/steps.ts";
import type { Card, Work } from "#jobs/work.ts";
import { createMirrorWork, type MirrorWork } from "./mirror-work.ts";

/** Waves that have moved, and their cleanup, with all of the world in memory. */

export const hour = 3_600_000;
/** Among a scene's files: what the channel is told at the end. */
export const summaryFile = "summary";
const topicsOf: Record<string, readonly string[]> = {
  billing: ["invoices", "payments"],
  shipping: ["parcels"],
};

export type Scene = MirrorWork & { readonly files: Map<string, string> };

/** Waves whose producers have moved: forward stopped, reverse running, both ends recorded. */
export async function moved(...waves: readonly string[]): Promise<Scene> {
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

/** What is asked of people. */
export function propose({ work }: Scene, wave?: string): Promise<Proposal> {
  return cleanup.propose({ by: "UANA", ...(wave === undefined ? {} : { wave }) }, work);
}

/** One attempt, as the queue makes it. */
export async function attempt({ work, files }: Scene, proposal: Proposal): Promise<StepsResult> {
  const { store, clock, log } = work;
  const run = await createRun({ id: "R1", migration: "orders", store, clock, log });
  try {
    const steps = await cleanup.steps(proposal, work, run);
    const result = await runSteps({ steps, run, work, subject: "s" });
    if (result.kind === "done") {
      files.set(summaryFile, JSON.stringify(await cleanup.summary(proposal, work, run)));
    }
    return result;
  } finally {
    await run.leave(0);
  }
}

/** Attempts until it no longer asks to be called again. */
export async function carryOut(scene: Scene, proposal: Proposal): Promise<StepsResult> {
  for (let calls = 0; calls < 5_000; calls += 1) {
    const result = await attempt(scene, proposal);
    if (result.kind !== "again") return result;
    await scene.small.clock.advance(result.ms);
  }
  throw new Error("it never ended");
}

/** Of the topics of a cluster. */
export async function names(scene: Scene, role: "source" | "target"): Promise<readonly string[]> {
  return (await scene[role].cluster.listTopics()).map(({ name }) => name);
}
