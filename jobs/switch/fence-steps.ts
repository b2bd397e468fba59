import type { Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { isFirstStartNoted, untilNoTransaction } from "./before-start.ts";
import { type FenceSite, isClearOfMirror, isFenced, liftOwn, releaseForMirror, setFence } from "./fence.ts";
import { clusterOf } from "./fence-document.ts";
import { flatEnds, lookEveryMs } from "./wave-mirror.ts";

const places = { source: "the source", target: "MSK" } as const;

/** Keeps writers off until the run ends or goes back; where the cluster has no such means it is found done. */
export function fenceStep(site: FenceSite, work: Work, run: Run): Step {
  return {
    name: "fence",
    title: `fence the wave's topics on ${places[site.side]}`,
    isDone: async () => await isFenced(site, work, run),
    act: async () => {
      // A marker is a record too: under the size limit an open transaction could not even end.
      if (work.migration.settings.cutover.fence.includes("max.message.bytes")) {
        await untilNoTransaction(await clusterOf(site.side, work), site.wave, work);
      }
      await setFence(site, work, run, () => lookForWriters(site, work, run));
      return done;
    },
    undo: { title: "lift the fence", run: () => liftOwn(site, work, run) },
  };
}

/**
 * Under a fence the ends are flat whoever writes: a producer that ignored its stop would be cut off unnamed, though the
 * approval never listed it. So who still writes is looked for first, named, and waited for; `E_ROGUE_PRODUCER`.
 */
async function lookForWriters({ side, wave }: FenceSite, work: Work, run: Run): Promise<void> {
  // Its producers may run on the other side, and the mirror writes here what they wrote.
  if (await isFirstStartNoted(run)) return;
  const { flatFor } = work.migration.settings.cutover;
  await flatEnds(await clusterOf(side, work), wave, work, Math.min(flatFor, lookEveryMs));
}

/** Between the proof and the mirror that writes here: what is left of the fence must let it pass. */
export function releaseStep(site: FenceSite, work: Work, run: Run): Step {
  return {
    name: "release-fence",
    title: "lift what would stop the reverse mirror",
    isDone: async () => await isClearOfMirror(site, work),
    act: async () => {
      await releaseForMirror(site, work, run);
      return done;
    },
  };
}
