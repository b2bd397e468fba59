import { z } from "zod";
import { canonical } from "#domain/canonical.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Message, Part } from "#domain/message.ts";
import type { MessageRef, Store } from "#domain/ports.ts";
import { about } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { type RemedySaid, remedyParts } from "./remedy-parts.ts";

/** An alarm is one message: posted once, changed in place, cleared by itself. */

/** What keys begin with, for whoever counts alarms. */
export const alarmKinds = [
  "task-failed",
  "died",
  "broken",
  "unreadable",
  "lag-rising",
  "retention-race",
  "records-lost",
  "target-disk",
  "rogue",
] as const;

export type Alarm = {
  /** Stable while the condition lasts: "task-failed:ferry-orders-billing-forward". */
  readonly key: string;
  readonly title: string;
  readonly text: string;
  /** What to do, while it lasts. */
  readonly advice?: string;
  /** Of the first task that failed. */
  readonly trace?: string;
  /** What to do about it, each with the exact change and how to take it back. */
  readonly remedies?: readonly RemedySaid[];
};

const Raised = z.object({
  key: z.string(),
  title: z.string(),
  text: z.string(),
  /** Everything that the message shows, to see whether it changes. */
  shown: z.string().optional(),
  /** Milliseconds since the epoch; part of the message's key, so that a crash after the post does not post twice. */
  since: z.number(),
  ref: z.object({ channel: z.string(), ts: z.string() }).optional(),
});
type Raised = z.infer<typeof Raised>;

function prefixOf(migration: string): string {
  return `alarm:${migration}:`;
}

/** Keys of the alarms that stand. */
export async function standingAlarms(store: Store, migration: string): Promise<readonly string[]> {
  const prefix = prefixOf(migration);
  return (await store.keys(prefix)).map((key) => key.slice(prefix.length));
}

/** The alarms that stand, for whoever tells of them elsewhere. */
export async function standingTitles(
  store: Store,
  migration: string,
): Promise<ReadonlyArray<Pick<Alarm, "key" | "title">>> {
  const found: Array<Pick<Alarm, "key" | "title">> = [];
  for (const key of await standingAlarms(store, migration)) {
    const raised = Raised.safeParse((await store.read(`${prefixOf(migration)}${key}`))?.value).data;
    if (raised !== undefined) found.push({ key, title: raised.title });
  }
  return found;
}

/**
 * Posts it once, changes it in place. Intent first, then the post, then where it is: a crash in between finds the
 * message by its key. Of two that raise it at once the first one does.
 */
export async function raiseAlarm(alarm: Alarm, work: Work): Promise<void> {
  const key = `${prefixOf(work.migration.name)}${alarm.key}`;
  const stored = Raised.safeParse((await work.store.read(key))?.value);
  const raised: Raised = stored.success ? stored.data : { ...kept(alarm), since: work.clock.now() };
  if (!stored.success && (await work.store.write(key, raised, { revision: 0 })) === undefined) return;
  if (raised.ref === undefined) {
    const options = { key: `alarm:${work.migration.name}:${alarm.key}:${raised.since}` };
    const { channel } = work.migration.settings;
    const earlier = stored.success ? await work.chat.find(channel, options.key) : undefined;
    const ref = earlier ?? (await work.chat.post(channel, message(alarm, work), options));
    await work.store.write(key, { ...raised, ...kept(alarm), ref });
    await work.audit({
      what: "alarm.raised",
      subject: alarm.key,
      before: "clear",
      after: "raised",
      reason: alarm.key,
      detail: { message: alarm.text },
    });
    return;
  }
  if (raised.shown === shownOf(alarm)) return;
  await change(raised.ref, message(alarm, work), work);
  await work.store.write(key, { ...raised, ...kept(alarm) });
}

/** Clears the alarm of this key, if it was raised. */
export async function clearAlarm(key: string, work: Work): Promise<void> {
  const stored = `${prefixOf(work.migration.name)}${key}`;
  const raised = Raised.safeParse((await work.store.read(stored))?.value);
  if (!raised.success) return;
  const { since, ref, text, title } = raised.data;
  const lasted = about(work.clock.now() - since);
  if (ref !== undefined) {
    const cleared = `${work.migration.name} · cleared: ${title}`;
    const parts = [{ kind: "text", text: `It lasted ${lasted}: ${text}` } as const];
    await change(ref, { subject: cleared, tone: "done", parts }, work);
  }
  await work.store.remove(stored);
  await work.audit({
    what: "alarm.cleared",
    subject: key,
    before: "raised",
    after: "clear",
    reason: key,
    detail: { message: `It lasted ${lasted}.` },
  });
}

/** Somebody who deleted the alarm has seen it: it is not posted again. */
async function change(ref: MessageRef, message: Message, { chat }: Work): Promise<void> {
  try {
    await chat.update(ref, message);
  } catch (error) {
    if (asFerryError(error).code !== "E_MESSAGE_GONE") throw error;
  }
}

function kept(alarm: Alarm): Pick<Raised, "key" | "title" | "text" | "shown"> {
  const { key, title, text } = alarm;
  return { key, title, text, shown: shownOf(alarm) };
}

function shownOf({ title, text, advice, trace, remedies = [] }: Alarm): string {
  return canonical({ title, text, advice, trace, remedies });
}

function message({ title, text, advice, trace, remedies = [] }: Alarm, { migration }: Work): Message {
  const traced: readonly Part[] =
    trace === undefined
      ? []
      : [
          { kind: "text", text: "Trace of the first of them:" },
          { kind: "code", text: trace },
        ];
  return {
    subject: `${migration.name} · ${title}`,
    tone: "alarm",
    parts: [
      { kind: "text", text: advice === undefined ? text : `${text}\nDo: ${advice}` },
      ...traced,
      ...remedyParts(remedies),
    ],
    next: ["lag", "status"],
  };
}
