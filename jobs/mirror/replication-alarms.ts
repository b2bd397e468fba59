import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { eta } from "#domain/eta.ts";
import { sumLags } from "#domain/lag.ts";
import type { Message } from "#domain/message.ts";
import type { LagPoint, MessageRef } from "#domain/ports.ts";
import { about, figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";

/** Alarms of the mirror: each is one message, posted once, changed in place, and cleared by itself. */

export type Alarm = {
  /** Stable while the condition lasts: "task-failed:ferry-orders-billing-forward". */
  readonly key: string;
  readonly title: string;
  readonly text: string;
};

const Raised = z.object({
  key: z.string(),
  title: z.string(),
  text: z.string(),
  /** Milliseconds since the epoch; part of the message's key, so that a crash after the post does not post twice. */
  since: z.number(),
  ref: z.object({ channel: z.string(), ts: z.string() }).optional(),
});
type Raised = z.infer<typeof Raised>;

/** Alarms of others, who clear them themselves. */
const others = ["rogue:"];

/** Raises, changes and clears. What could not be read is neither raised nor cleared. */
export async function replicationAlarms(
  lag: MigrationLag,
  points: readonly LagPoint[],
  work: Work,
): Promise<void> {
  const alarms = alarmsOf(lag, points);
  for (const alarm of alarms) await raiseAlarm(alarm, work);
  for (const key of await work.store.keys(prefix(work))) {
    const raised = Raised.safeParse((await work.store.read(key))?.value);
    if (!raised.success || others.some((other) => raised.data.key.startsWith(other))) continue;
    const lasting = alarms.some((alarm) => alarm.key === raised.data.key);
    if (!lasting && isReadable(raised.data.key, lag)) await clear(raised.data, work);
  }
}

/** What is wrong now. Pure. */
function alarmsOf(lag: MigrationLag, points: readonly LagPoint[]): readonly Alarm[] {
  const unreachable = new Map(
    lag.waves.flatMap(({ failure }) =>
      failure === undefined ? [] : [[failure.code, failure.message] as const],
    ),
  );
  const away = [...unreachable].map(([code, text]) => ({ key: `unreadable:${code}`, title: code, text }));
  const rising = risingText(points);
  return [
    ...away,
    ...lag.waves.flatMap(waveAlarms),
    ...(rising === undefined ? [] : [{ key: "lag-rising", title: "lag is rising", text: rising }]),
  ];
}

function waveAlarms({ wave, flow, lags }: WaveLag): readonly Alarm[] {
  const alarms: Alarm[] = [];
  if (flow.state === "failed") {
    const failed = flow.tasks.filter(({ state }) => state === "FAILED");
    const trace = failed[0]?.trace?.split("\n", 1)[0] ?? "no trace was given";
    const text = `${failed.length} of ${flow.tasks.length} tasks of ${flow.name} failed: ${trace}. \`/ferry replicate resume\` starts them again.`;
    alarms.push({ key: `task-failed:${flow.name}`, title: `mirror of wave ${wave.name} failed`, text });
  }
  const broken = sumLags(lags).findings.filter(({ state }) => state === "truncated" || state === "ahead");
  const [first] = broken;
  if (first !== undefined) {
    const text = `${first.topic}-${first.partition}: ${first.why ?? first.state}; ${figure(broken.length)} partitions in all.`;
    alarms.push({ key: `broken:${flow.name}`, title: `wave ${wave.name} has a hole`, text });
  }
  return alarms;
}

const risingPoints = 10;
const risingRecords = 1_000;

/** Ten readings in a row, each known, that end a fifth and a thousand records higher, and no catching up in sight. */
function risingText(points: readonly LagPoint[]): string | undefined {
  const recent = points.slice(-risingPoints);
  const known = recent.filter(({ behind }) => behind !== null);
  const [first, last] = [known[0], known.at(-1)];
  if (known.length < risingPoints || first === undefined || last === undefined) return undefined;
  const [was, now] = [first.behind ?? 0, last.behind ?? 0];
  const prospect = eta(points).state;
  if (now < was + Math.max(risingRecords, was / 5) || prospect === "keeping-up" || prospect === "in")
    return undefined;
  return `Behind by ${figure(now)} records, ${figure(was)} ${about(last.at - first.at)} ago.`;
}

/** Nothing is cleared on a reading that could not be taken. */
function isReadable(key: string, lag: MigrationLag): boolean {
  if (key.startsWith("unreadable:")) return true;
  if (key === "lag-rising") return lag.point.behind !== null;
  return lag.waves.every(({ failure }) => failure === undefined);
}

/**
 * Posts it once, changes its text in place. Intent first, then the post, then where it is: a crash in between finds the
 * message by its key.
 */
export async function raiseAlarm(alarm: Alarm, work: Work): Promise<void> {
  const key = `${prefix(work)}${alarm.key}`;
  const stored = Raised.safeParse((await work.store.read(key))?.value);
  const raised: Raised = stored.success ? stored.data : { ...alarm, since: work.clock.now() };
  if (!stored.success) await work.store.write(key, raised);
  if (raised.ref === undefined) {
    const options = { key: `alarm:${work.migration.name}:${alarm.key}:${raised.since}` };
    const { channel } = work.migration.settings;
    const earlier = stored.success ? await work.chat.find(channel, options.key) : undefined;
    const ref = earlier ?? (await work.chat.post(channel, message(alarm, work), options));
    await work.store.write(key, { ...raised, ...alarm, ref });
    await work.audit({ what: "alarm.raised", reason: alarm.key, detail: alarm.text });
    return;
  }
  if (raised.text === alarm.text) return;
  await change(raised.ref, message(alarm, work), work);
  await work.store.write(key, { ...raised, ...alarm });
}

/** Clears the alarm of this key, if it was raised. */
export async function clearAlarm(key: string, work: Work): Promise<void> {
  const raised = Raised.safeParse((await work.store.read(`${prefix(work)}${key}`))?.value);
  if (raised.success) await clear(raised.data, work);
}

async function clear(raised: Raised, work: Work): Promise<void> {
  const lasted = about(work.clock.now() - raised.since);
  if (raised.ref !== undefined) {
    const text = `It lasted ${lasted}. ${raised.text}`;
    const cleared = `${work.migration.name} · cleared: ${raised.title}`;
    await change(raised.ref, { subject: cleared, tone: "done", parts: [{ kind: "text", text }] }, work);
  }
  await work.store.remove(`${prefix(work)}${raised.key}`);
  await work.audit({ what: "alarm.cleared", reason: raised.key, detail: lasted });
}

/** Somebody who deleted the alarm has seen it: it is not posted again. */
async function change(ref: MessageRef, message: Message, { chat }: Work): Promise<void> {
  try {
    await chat.update(ref, message);
  } catch (error) {
    if (asFerryError(error).code !== "E_MESSAGE_GONE") throw error;
  }
}

function message({ title, text }: Alarm, { migration }: Work): Message {
  return {
    subject: `${migration.name} · ${title}`,
    tone: "alarm",
    parts: [{ kind: "text", text }],
    next: ["lag", "status"],
  };
}

function prefix({ migration }: Pick<Work, "migration">): string {
  return `alarm:${migration.name}:`;
}
