import { asFerryError } from "#domain/errors.ts";
import type { Work } from "#jobs/work.ts";

/** What is about to be made or changed in AWS. */
type Change = {
  /** "CreateClusterV2" */
  readonly action: string;
  readonly resource: string;
  /** How a person takes it back. */
  readonly undo: string;
};

/** One changing call to AWS between two audit entries: before it, and after it with what came back. */
export async function auditedCall<T>(
  work: Work,
  change: Change,
  call: () => Promise<T>,
  made: (result: T) => string | undefined = () => undefined,
): Promise<T> {
  const { action: reason, resource: subject } = change;
  const intended = "intended";
  await work.audit({ what: "aws.intent", subject, before: "none", after: intended, reason, detail: change });
  try {
    const result = await call();
    const id = made(result);
    const done = { subject, before: intended, after: id ?? "done", reason };
    await work.audit({ what: "aws.done", ...done, detail: { ...change, made: id } });
    return result;
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    const failed = { subject, before: intended, after: "failed", reason: code };
    await work.audit({ what: "aws.failed", ...failed, detail: { ...change, message } });
    throw thrown;
  }
}
