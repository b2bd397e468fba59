import type { Wave } from "#domain/plan.ts";
import { returnedKey } from "#jobs/mirror/returned-watch.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { recallMskEnd } from "./before-start.ts";
import { recallMirrorEnd } from "./beside-mirror.ts";

/**
 * Keeps where both clusters ended at the stop of the reverse mirror, for the watch over MSK from now on. Nothing where no
 * producers came back.
 */
export async function noteReturned(wave: Wave, work: Work, run: Run): Promise<void> {
  const msk = await recallMskEnd(run);
  const source = await recallMirrorEnd(run);
  if (msk === undefined || source === undefined) return;
  const returned = { at: msk.at, msk: msk.ends, source };
  await work.store.write(returnedKey(work.migration.name, wave.name), returned, { lease: run.lease });
}
