import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { FlowStatus, ReplicationEngine } from "#domain/ports.ts";
import { clockTime, count, figure, took } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { Alarm } from "./alarm-message.ts";
import { ownFlows } from "./own-flows.ts";

/**
 * Connect never starts a failed task again by itself (KIP-415 moves tasks, it does not heal them). The watch does, a few
 * times with growing pauses: what passes by itself needs nobody, what does not is left to a person, with the trace.
 */

/** In a row; then somebody has to look. */
export const restartLimit = 5;
/** Before the second, third, … restart, ms: a broker that comes back needs no more than minutes. */
const pauses = [15_000, 30_000, 60_000, 120_000] as const;
/** Without a failure for so long, the next one counts as the first again, ms. */
const soundMs = 10 * 60_000;
/** The watch has more to do than to wait for tasks, ms. */
const waitMs = 10_000;
/** A trace is longer than a message may be. */
const traceShown = 2_500;

const Restarts = z.object({
  /** Since the flow last ran soundly. */
  count: z.int(),
  /** Of the first and of the newest of them, ms since the epoch. */
  since: z.number(),
  at: z.number(),
});
type Restarts = z.infer<typeof Restarts>;

function keyOf({ migration }: Pick<Work, "migration">, flow: string): string {
  return `restarts:${migration.name}:${flow}`;
}

/** Starts the failed tasks of this migration's flows again where that is due. An alarm for each flow that failed. Never throws. */
export async function restartFailed(work: Work): Promise<readonly Alarm[]> {
  try {
    const engine = await work.world.engine();
    const flows = await ownFlows(engine, work);
    for (const { name, state } of flows) if (state === "running") await forgetWhenSound(name, work);
    const failed = flows.filter(({ state }) => state === "failed");
    return await Promise.all(failed.map((flow) => attend(flow, engine, work)));
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "failed tasks could not be looked for");
    return [];
  }
}

/** A person has started it again: what failed before counts no more. */
export async function forgetRestarts(work: Pick<Work, "store" | "migration">, flow: string): Promise<void> {
  await work.store.remove(keyOf(work, flow));
}

async function attend(flow: FlowStatus, engine: ReplicationEngine, work: Work): Promise<Alarm> {
  const stored = await work.store.read(keyOf(work, flow.name));
  const before = Restarts.safeParse(stored?.value).data;
  if (before !== undefined && work.clock.now() < nextAt(before)) return alarmOf(flow, before, work);
  const now = work.clock.now();
  const restarts = { count: (before?.count ?? 0) + 1, since: before?.since ?? now, at: now };
  const revision = await work.store.write(keyOf(work, flow.name), restarts, {
    revision: stored?.revision ?? 0,
  });
  // Without a revision another watch was quicker: that one restarts it.
  if (revision !== undefined) await restart(flow, restarts, engine, work);
  return alarmOf(flow, restarts, work);
}

/** `Infinity` once the limit is reached. */
function nextAt({ count, at }: Restarts): number {
  return count >= restartLimit ? Number.POSITIVE_INFINITY : at + (pauses[count - 1] ?? 0);
}

/** Returns when its tasks run, when they do not, or after ten seconds; what became of it the next watch sees. */
async function restart(
  { name, tasks }: FlowStatus,
  { count }: Restarts,
  engine: ReplicationEngine,
  work: Work,
): Promise<void> {
  const over = new AbortController();
  const late = work.clock.sleep(waitMs, AbortSignal.any([work.signal, over.signal])).catch(() => undefined);
  const failed = tasks.filter(({ state }) => state === "FAILED");
  const detail = { flow: name, count, of: restartLimit, tasks: failed.map(({ id }) => id) };
  await work.audit({
    what: "mirror.restarted",
    subject: name,
    before: "failed",
    after: "restarting",
    reason: "task-failed",
    detail: { ...detail, trace: firstLine(failed[0]?.trace) },
  });
  try {
    await Promise.race([engine.restartFailed(name), late]);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ flow: name, count, code, error: message }, "a restart did not bring the tasks back");
  } finally {
    over.abort();
  }
}

async function forgetWhenSound(flow: string, work: Work): Promise<void> {
  const restarts = Restarts.safeParse((await work.store.read(keyOf(work, flow)))?.value).data;
  if (restarts === undefined || work.clock.now() - restarts.at < soundMs) return;
  await forgetRestarts(work, flow);
}

function alarmOf({ name, tasks }: FlowStatus, restarts: Restarts, work: Work): Alarm {
  const failed = tasks.filter(({ state }) => state === "FAILED");
  const trace = failed.find(({ trace }) => trace !== undefined)?.trace;
  const wave = name.slice(`ferry-${work.migration.name}-`.length).replace(/-[a-z]+$/, "");
  const what = `${figure(failed.length)} of ${count(tasks.length, "task")} of ${name} failed: ${firstLine(trace)}.`;
  return {
    key: `task-failed:${name}`,
    title: `mirror of wave ${wave} failed`,
    ...outlook(what, restarts),
    ...(trace === undefined ? {} : { trace: trace.slice(0, traceShown) }),
  };
}

/** What is to come is advice: it ends with the alarm. */
function outlook(what: string, restarts: Restarts): Pick<Alarm, "text" | "advice"> {
  const times = `${what}\nStarted again ${count(restarts.count, "time")} of ${restartLimit}`;
  if (restarts.count < restartLimit) {
    const next = `nothing yet; the bot starts it again at ${clockTime(nextAt(restarts))} UTC if it fails on.`;
    return { text: `${times}.`, advice: next };
  }
  const text = `${times} within ${took(restarts.at - restarts.since)}, and it failed each time.`;
  const advice =
    "remove the cause, then `/ferry replicate resume`. The bot does not start it any more, and lag grows.";
  return { text, advice };
}

function firstLine(trace: string | undefined): string {
  return trace?.split("\n", 1)[0] ?? "no trace was given";
}
