import { z } from "zod";
import type { JobOf } from "#domain/job.ts";
import type { MskCluster } from "#domain/msk.ts";
import { type Drift, driftFingerprint } from "#domain/plan/drift.ts";
import type { Work } from "#jobs/work.ts";

/** A cluster that others made and that is not as planned: used as it is only after somebody has said so. */

const Adoption = z.object({
  arn: z.string(),
  fingerprint: z.string(),
  by: z.string(),
  /** ISO 8601. */
  at: z.string(),
  drift: z.array(z.object({ what: z.string(), planned: z.string(), found: z.string() })),
});
export type Adoption = z.infer<typeof Adoption>;

function adoptionKey(work: Work): string {
  return `adopted:${work.migration.name}`;
}

/** Who said that this cluster is to be used although it differs, if anybody had to. */
export async function adoptionOf(work: Work): Promise<Adoption | undefined> {
  return Adoption.safeParse((await work.store.read(adoptionKey(work)))?.value).data;
}

/**
 * The fingerprint that `provision adopt` must name, or `undefined` where it was named: for exactly these differences.
 * What was answered to others does not count; a new difference asks anew.
 */
export async function askForAdoption(
  { arn }: MskCluster,
  differences: readonly Drift[],
  { adopt, by }: JobOf<"provision">,
  work: Work,
): Promise<string | undefined> {
  const fingerprint = driftFingerprint(arn, differences);
  const earlier = await adoptionOf(work);
  if (earlier?.arn === arn && earlier.fingerprint === fingerprint) return undefined;
  if (adopt !== fingerprint) return fingerprint;
  const at = new Date(work.clock.now()).toISOString();
  const drift = differences.map((each) => ({ ...each }));
  await work.audit({
    what: "target.adopted",
    key: `adopted:${arn}:${fingerprint}:${work.jobId}`,
    subject: arn,
    before: earlier?.fingerprint ?? "none",
    after: fingerprint,
    reason: "adopted",
    detail: { by, drift },
  });
  const adoption: Adoption = { arn, fingerprint, by, at, drift };
  await work.store.write(adoptionKey(work), adoption);
  return undefined;
}
