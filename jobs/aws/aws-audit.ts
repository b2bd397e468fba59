import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { Work } from "#jobs/work.ts";

/** What is about to be made or changed in AWS. */
export type Change = {
  /** "CreateClusterV2" */
  readonly action: string;
  readonly resource: string;
  /** How a person takes it back. */
  readonly undo: string;
};

/** The newest call of this action on this resource. `open`: it was sent, and how it ended was never noted. */
const CallNote = z.object({
  number: z.int().positive(),
  state: z.enum(["open", "done", "failed"]),
  /** What AWS called it. */
  made: z.string().optional(),
});
type CallNote = z.infer<typeof CallNote>;

function noteKey(
  { action, resource }: Pick<Change, "action" | "resource">,
  work: Pick<Work, "migration">,
): string {
  return `aws:${work.migration.name}:${action}:${resource}`;
}

async function noteOf(
  change: Pick<Change, "action" | "resource">,
  work: Pick<Work, "store" | "migration">,
): Promise<CallNote | undefined> {
  return CallNote.safeParse((await work.store.read(noteKey(change, work)))?.value).data;
}

/** What this migration made by that call, as far as it was noted: AWS's own lists may lag behind it. */
export async function madeBy(action: string, resource: string, work: Work): Promise<string | undefined> {
  const note = await noteOf({ action, resource }, work);
  return note?.state === "done" ? note.made : undefined;
}

/** Resources of every call of this action that AWS may have carried out, for what carries no tag of its own. */
export async function calledFor(
  action: string,
  work: Pick<Work, "store" | "migration">,
): Promise<readonly string[]> {
  const prefix = `aws:${work.migration.name}:${action}:`;
  const resources: string[] = [];
  for (const key of await work.store.keys(prefix)) {
    const resource = key.slice(prefix.length);
    if ((await noteOf({ action, resource }, work))?.state !== "failed") resources.push(resource);
  }
  return resources;
}

/**
 * One changing call to AWS between two audit entries: before it, and after it with what came back. Where an earlier
 * attempt was cut off before it knew, the call is the same one: it is told once, and ends once.
 */
export async function auditedCall<T>(
  work: Work,
  change: Change,
  call: () => Promise<T>,
  made: (result: T) => string | undefined = () => undefined,
): Promise<T> {
  const earlier = await noteOf(change, work);
  const number = earlier?.state === "open" ? earlier.number : (earlier?.number ?? 0) + 1;
  await work.store.write(noteKey(change, work), { number, state: "open" });
  const { action: reason, resource: subject } = change;
  const begun = { subject, before: "none", after: "intended", reason };
  await work.audit({ what: "aws.intent", key: entryKey(change, number, "intent"), ...begun, detail: change });
  try {
    const result = await call();
    await close(change, number, made(result), work);
    return result;
  } catch (thrown) {
    const { code, message, retryable } = asFerryError(thrown);
    const failed = { subject, before: "intended", after: retryable ? "unknown" : "failed", reason: code };
    const key = entryKey(change, number, code);
    await work.audit({ what: "aws.failed", key, ...failed, detail: { ...change, message } });
    if (!retryable) await work.store.write(noteKey(change, work), { number, state: "failed" });
    throw thrown;
  }
}

/** AWS shows what a call of an earlier attempt was to make, and that attempt was cut off: its story gets its end. */
export async function seenMade(change: Change, made: string | undefined, work: Work): Promise<void> {
  const note = await noteOf(change, work);
  if (note?.state === "open") await close(change, note.number, made, work);
}

async function close(change: Change, number: number, made: string | undefined, work: Work): Promise<void> {
  const { action: reason, resource: subject } = change;
  const ended = { subject, before: "intended", after: made ?? "done", reason };
  const key = entryKey(change, number, "done");
  await work.audit({ what: "aws.done", key, ...ended, detail: { ...change, made } });
  const note: CallNote = { number, state: "done", ...(made === undefined ? {} : { made }) };
  await work.store.write(noteKey(change, work), note);
}

function entryKey({ action, resource }: Change, number: number, what: string): string {
  return `aws:${action}:${resource}:${number}:${what}`;
}

/**
 * Whether people were told of `what` by an earlier job. Within one job the answer stays the same, however often it is
 * cut off: a job that stopped for it stops again, and only the next one may go on.
 */
export async function toldEarlier(what: string, work: Work): Promise<boolean> {
  const key = `told:${work.migration.name}:${what}`;
  const told = z.string().safeParse((await work.store.read(key))?.value);
  if (told.success) return told.data !== work.jobId;
  await work.store.write(key, work.jobId);
  return false;
}
