import { z } from "zod";
import { flowName, type Wave } from "#domain/plan.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";

/**
 * A wave that came back to the source with records that MSK does not have, in between records that it has: no offset
 * exists from which a mirror would copy the ones and not the others. So its forward mirror is taken away, and a new one
 * begins with empty topics.
 */
const Held = z.object({
  /** ISO 8601. */
  at: z.string(),
  topics: z.array(z.string()),
  /** What MSK lacks, with topic-partitions, offsets and counts, or why it is not known. */
  lacks: z.string(),
});
export type Held = z.infer<typeof Held>;

function heldKey(migration: string, wave: string): string {
  return `forward-held:${migration}:${wave}`;
}

type Stored = Pick<Work, "store" | "migration">;

export async function readHeld({ store, migration }: Stored, wave: string): Promise<Held | undefined> {
  const found = await store.read(heldKey(migration.name, wave));
  return found && Held.parse(found.value);
}

/** Takes the forward mirror away, with its offsets: started again where it stopped it would copy records twice. Repeatable. */
export async function holdForward(wave: Wave, lacks: string, work: Work, run: Run): Promise<void> {
  const { store, migration } = work;
  const at = new Date(work.clock.now()).toISOString();
  const held: Held = { at, topics: [...wave.topics], lacks };
  await store.write(heldKey(migration.name, wave.name), held, { lease: run.lease });
  await run.remember("held", held);
  const engine = await work.world.engine();
  const subject = flowName(migration.name, wave.name, "forward");
  const { state: before } = await engine.status(subject);
  for (const kind of ["forward", "checkpoint"] as const) {
    await engine.remove(flowName(migration.name, wave.name, kind));
  }
  await work.audit({
    what: "mirror.held",
    wave: wave.name,
    subject,
    before,
    after: "absent",
    reason: "msk-lacks-records",
    detail: { ...held, message: lacks },
  });
}

/** What this run took the mirror away for. */
export async function recallHeld(run: Run): Promise<Held | undefined> {
  return Held.optional().parse(await run.recall("held"));
}

/** A new mirror carries every topic of the wave, from the beginning. */
export async function forgetHeld({ store, migration }: Stored, wave: string): Promise<void> {
  await store.remove(heldKey(migration.name, wave));
}

/** What to do about it. */
export function heldRemedy({ topics }: Held): string {
  return `delete ${topics.join(", ")} on MSK, then \`/ferry replicate start\`: it copies them anew, from the beginning`;
}
