import type { JobOf } from "#domain/job.ts";
import { cleanup } from "#jobs/cleanup/cleanup.ts";
import type { Asked } from "#jobs/run/approvable.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import type { Outcome, Work } from "#jobs/work.ts";
import { ask } from "./request.ts";

/** Jobs that only ask: nothing is switched before people have approved. */

export async function askForCutover(job: JobOf<"cutover">, work: Work): Promise<Outcome> {
  const { side, dryRun, at, expires } = job;
  const asked = askedFor(job);
  const options = { dryRun, at, expires };
  return side === "consumers"
    ? await ask(cutoverConsumers, "cutover-consumers", asked, work, options)
    : await ask(cutoverProducers, "cutover-producers", asked, work, options);
}

export async function askForRollback(job: JobOf<"rollback">, work: Work): Promise<Outcome> {
  const { dryRun, at, expires } = job;
  return await ask(rollback, "rollback", askedFor(job), work, { dryRun, at, expires });
}

export async function askForCleanup(job: JobOf<"cleanup">, work: Work): Promise<Outcome> {
  return await ask(cleanup, "cleanup", askedFor(job), work, { dryRun: job.dryRun });
}

function askedFor(job: { readonly by: string; readonly wave?: string | undefined }): Asked {
  return { by: job.by, ...(job.wave === undefined ? {} : { wave: job.wave }) };
}
