import { FerryError } from "#domain/errors.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import { startGuarded } from "#jobs/mirror/loop-guard.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { besideMirror, noteMirrorEnd, recallMirrorEnd, stretchOf } from "./beside-mirror.ts";
import { type FenceSite, releaseForMirror } from "./fence.ts";
import { recallBoundary, reverseName, runReverse } from "./reverse-mirror.ts";
import { ends, growth, resumeForward, startForward, untilDrained } from "./wave-mirror.ts";

/** Taking back a mirror that was turned around, for a cutover of producers that failed behind the turn. */

/** Undo of the turn: what was written on the target since comes back before the reverse mirror is stopped. */
export async function bringBackAndStop(site: FenceSite, work: Work, run: Run): Promise<void> {
  const { wave } = site;
  const engine = await work.world.engine();
  const reverse = reverseName(wave, work);
  const boundary = await recallBoundary(run);
  const isWritten = async () => {
    const grown = growth(boundary?.target ?? {}, await ends(await work.world.target(), wave));
    return boundary !== undefined && [...grown.values()].some((records) => records !== 0);
  };
  if (await isWritten()) {
    await run.remember("brought-back", true);
    await bringBack(site, work, run);
  }
  const { state } = await engine.status(reverse);
  if (state !== "stopped" && state !== "absent") await engine.stop(reverse);
  // Written between the look and the stop: some of it may be back already.
  if (await isWritten()) await run.remember("brought-back", true);
  await noteMirrorEnd(wave, work, run);
}

async function bringBack(site: FenceSite, work: Work, run: Run): Promise<void> {
  const { wave } = site;
  const engine = await work.world.engine();
  const reverse = reverseName(wave, work);
  const { state } = await engine.status(reverse);
  await releaseForMirror(site, work, run);
  const goesOn = ["failed", "running"].includes(state) || (await run.recall("reverse-seeded")) === true;
  if (goesOn) await startGuarded(reverse, wave, engine);
  // Never without its offsets: it would copy the whole wave back. This refuses where they cannot be right.
  else await runReverse(wave, work, run);
  await untilDrained(wave, reverse, await work.world.target(), work.world.source, work);
}

/**
 * Forward again: from where it was stopped, or, where the reverse mirror has brought something back, behind that. Then
 * nothing else may stand there: the consumers are on MSK and would never read it, so a person is called.
 */
export async function forwardAgain(wave: Wave, work: Work, run: Run): Promise<void> {
  if ((await run.recall("brought-back")) === true) await forwardBehindReturned(wave, work, run);
  else await resumeForward(wave, work);
}

async function forwardBehindReturned(wave: Wave, work: Work, run: Run): Promise<void> {
  const stretch = stretchOf(wave, await recallBoundary(run), await recallMirrorEnd(run));
  const beside = await besideMirror(stretch, work);
  if (beside === undefined) {
    await startForward(wave, stretch.until, work, () => run.remember("brought-back", "seeded"));
    return;
  }
  const subject = flowName(work.migration.name, wave.name, "forward");
  const { state } = await (await work.world.engine()).status(subject);
  await work.audit({
    what: "mirror.held",
    wave: wave.name,
    subject,
    before: state,
    after: state,
    reason: "E_ROGUE_PRODUCER",
    detail: { message: beside },
  });
  throw new FerryError(
    "E_ROGUE_PRODUCER",
    `Records written on MSK came back to the source of wave ${wave.name}, and beside them stands what MSK does not have: ${beside}. A forward mirror would leave these out or copy those twice, so it stays stopped, and so do the producers; the consumers are on MSK`,
  );
}
