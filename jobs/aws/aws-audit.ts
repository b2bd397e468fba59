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
  await work.audit({ what: "aws.intent", detail: change });
  try {
    const result = await call();
    await work.audit({ what: "aws.done", detail: { ...change, made: made(result) } });
    return result;
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    await work.audit({ what: "aws.failed", reason: code, detail: { ...change, message } });
    throw thrown;
  }
}
