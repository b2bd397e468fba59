import type { Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { untilNoTransaction } from "./before-start.ts";
import { type FenceSite, isClearOfMirror, isFenced, liftOwn, releaseForMirror, setFence } from "./fence.ts";
import { clusterOf } from "./fence-document.ts";

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
      await setFence(site, work, run);
      return done;
    },
    undo: { title: "lift the fence", run: () => liftOwn(site, work, run) },
  };
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
