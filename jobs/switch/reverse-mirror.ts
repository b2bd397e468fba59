import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { reverseFlow } from "#domain/mirror/flow.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { refuseLoop, startGuarded } from "#jobs/mirror/loop-guard.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { ends, lastOffsets } from "./wave-mirror.ts";

/** The mirror back: created stopped, given its offsets, started; and the guard against two directions. */

const Boundary = z.object({
  source: z.record(z.string(), z.array(z.int())),
  target: z.record(z.string(), z.array(z.int())),
  at: z.string(),
});
export type Boundary = z.infer<typeof Boundary>;

/** Both ends as this run recorded them; `undefined` before it did. */
export async function recallBoundary(run: Run): Promise<Boundary | undefined> {
  return Boundary.optional().parse(await run.recall("boundary"));
}

/** Name of the wave's mirror back. */
export function reverseName(wave: Wave, work: Pick<Work, "migration">): string {
  return flowName(work.migration.name, wave.name, "reverse");
}

/** Creates it stopped: it copies nothing until it has its offsets. Offsets of an earlier one are deleted first. */
export async function armReverse(wave: Wave, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const ends = await (await work.world.target()).offsets(wave.topics, "end");
  const partitions = [...ends.values()].reduce((sum, row) => sum + row.length, 0);
  const { tasks } = work.migration.settings.replication;
  const flow = reverseFlow(work.migration.name, wave, partitions, tasks);
  await engine.remove(flow.name);
  await engine.define(flow, "stopped");
  const change = { subject: flow.name, before: "absent", after: "stopped", reason: "run" };
  await work.audit({ what: "mirror.armed", wave: wave.name, ...change, detail: { flow: flow.name } });
}

export async function disarmReverse(wave: Wave, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const { state: before } = await engine.status(reverseName(wave, work));
  await engine.remove(reverseName(wave, work));
  await work.audit({
    what: "mirror.removed",
    wave: wave.name,
    subject: reverseName(wave, work),
    before,
    after: "absent",
    reason: "turning-back",
    detail: { flow: reverseName(wave, work) },
  });
}

/**
 * Gives the reverse mirror the recorded ends of the target and starts it. Refused while forward is not stopped
 * (`E_LOOP`), and when an offset lies outside what the target holds: beyond the end it would copy all again
 * (`E_SEED_BOUNDS`).
 */
export async function runReverse(wave: Wave, work: Work, run: Run): Promise<void> {
  const engine = await work.world.engine();
  const target = await work.world.target();
  const boundary = await recallBoundary(run);
  if (boundary === undefined)
    throw new FerryError("E_PHASE", "The ends of both clusters are not recorded yet.");
  const name = reverseName(wave, work);
  await refuseLoop(name, wave, engine);
  const recorded: OffsetTable = new Map(Object.entries(boundary.target));
  const [starts, now] = await Promise.all([target.offsets(wave.topics, "start"), ends(target, wave)]);
  refuseOutside(recorded, starts, now);
  await engine.seed(name, lastOffsets(recorded));
  await run.remember("reverse-seeded", true);
  await startGuarded(name, wave, engine);
  await work.audit({
    what: "mirror.reversed",
    wave: wave.name,
    subject: name,
    before: "stopped",
    after: "running",
    reason: "run",
    detail: { flow: name, from: boundary.target },
  });
}

function refuseOutside(recorded: OffsetTable, starts: OffsetTable, now: OffsetTable): void {
  for (const [topic, row] of recorded) {
    for (const [partition, end] of row.entries()) {
      const start = starts.get(topic)?.[partition];
      const last = now.get(topic)?.[partition];
      const inside =
        end !== undefined && start !== undefined && last !== undefined && start <= end && end <= last;
      if (!inside) {
        throw new FerryError(
          "E_SEED_BOUNDS",
          `${topic}-${partition}: recorded end ${end}, but the target holds ${start} to ${last}.`,
        );
      }
    }
  }
}
