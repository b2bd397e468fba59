import { type ChainCheck, verifyChain } from "#domain/audit/audit.ts";
import type { JobOf } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import { count } from "#domain/wording.ts";
import { attachEvidence } from "./audit/evidence.ts";
import { tellStory } from "./audit/story.ts";
import { done, type Outcome, type Work } from "./work.ts";

/** Who did what when: the story of a wave, or of all, in the thread; or all evidence as one signed file. */
export async function audit(job: JobOf<"audit">, work: Work): Promise<Outcome> {
  const { name } = work.migration;
  const trail = await work.store.auditTrail(name);
  const check = verifyChain(trail);
  const more = job.export
    ? await attachEvidence(trail, job.by, work)
    : await tellStory(trail, job.wave, work);
  const message: Message = {
    subject: `${name} · audit${job.wave === undefined ? "" : ` of ${job.wave}`}`,
    tone: check.intact ? "done" : "alarm",
    note: count(trail.length, "audit record"),
    parts: [{ kind: "text", text: verdict(check) }, ...more],
  };
  await work.card.finish(message);
  return done;
}

function verdict(check: ChainCheck): string {
  if (!check.intact) return `*The chain is broken* at entry ${check.sequence} (${check.what}): ${check.why}.`;
  if (check.entries === 0) return "Nothing was recorded yet.";
  const whole = `The chain of ${check.entries} entries is whole; it ends in \`${check.head.slice(0, 12)}\`.`;
  if (check.pruned === undefined) return whole;
  return `${whole} Entries up to ${check.pruned.sequence} were removed by \`audit.keep\`.`;
}
