import type { JobOf } from "#domain/job.ts";
import type { Asked } from "./approvable.ts";
import { cleanup } from "./cleanup.ts";
import { cutoverConsumers } from "./consumers.ts";
import { cutoverProducers } from "./producers.ts";
import { ask } from "./request.ts";
import { rollback } from "./rollback.ts";
import type { Outcome, Work } from "./work.ts";

/** Jobs that only ask: nothing is switched before people have approved. */

export async function askForCutover(job: JobOf<"cutover">, work: Work): Promise<Outcome> {
  const { side, dryRun } = job;
  const asked = askedFor(job);
  return side === "consumers"
    ? await ask(cutoverConsumers, "cutover-consumers", asked, work, { dryRun })
    : await ask(cutoverProducers, "cutover-producers", asked, work, { dryRun });
}

export async function askForRollback(job: JobOf<"rollback">, work: Work): Promise<Outcome> {
  return await ask(rollback, "rollback", askedFor(job), work);
}

export async function askForCleanup(job: JobOf<"cleanup">, work: Work): Promise<Outcome> {
  return await ask(cleanup, "cleanup", askedFor(job), work);
}

function askedFor(job: { readonly by: string; readonly wave?: string | undefined }): Asked {
  return { by: job.by, ...(job.wave === undefined ? {} : { wave: job.wave }) };
}
