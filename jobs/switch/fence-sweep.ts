import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Lease } from "#domain/ports.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { type JournalDocument, readJournal } from "#jobs/run/journal.ts";
import type { Work } from "#jobs/work.ts";
import { placeOfProducer } from "./clients.ts";
import { liftFence } from "./fence.ts";
import { type FenceDocument, fenceSize, fencesKnown, fencesLeft, readFence } from "./fence-document.ts";
import { hasReturned } from "./fence-returned.ts";
import { loadPlan, producersOf, waveNamed, withClientsOfRun } from "./wave.ts";

/** A fence belongs to its run's lease. Nobody may be kept from writing by a run that is no longer there. */

const owner = "fence-sweep";
/** Long enough for three calls to a cluster; a run that comes back waits no longer than this. */
const leaseMs = 30_000;

/**
 * Lifts fences whose run no longer holds the migration's lease and has not passed its point of no return, and what came
 * back of one that was lifted. For every start, and every few seconds. The run, when it comes back, finds its fence gone, sets it and proves silence again.
 * Never throws: what did not work is tried at the next watch.
 */
export async function liftExpiredFences(work: Work): Promise<void> {
  try {
    await sweep(work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "fences could not be looked after; the next watch does it");
  }
}

/**
 * The same for a run that has the lease, as each of its attempts begins: while it holds the migration nobody else can
 * take away what an older run has left. Never throws.
 */
export async function liftFencesOfOthers(work: Work, run: Run): Promise<void> {
  try {
    for (const fence of await expired(work)) {
      if (fence.run !== run.id) await liftOne(fence, work, run.lease);
    }
    await sayPending(work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "fences of other runs could not be looked after");
  }
}

async function sweep(work: Work): Promise<void> {
  await sayPending(work);
  const left = await expired(work);
  if (left.length === 0) return;
  const lease = await leaseOf(work);
  if (lease === undefined) return;
  try {
    for (const fence of left) {
      await liftOne(fence, work, lease, leaseMs);
    }
  } finally {
    await work.store.release(lease).catch((thrown: unknown) => {
      work.log.warn({ error: asFerryError(thrown).message }, "the sweep's lease ends by its time to live");
    });
  }
  await sayPending(work);
}

async function expired(work: Work): Promise<readonly FenceDocument[]> {
  const known = await fencesKnown(work);
  const judged = await Promise.all(known.map(async (fence) => await isToGo(fence, work)));
  return known.filter((_, index) => judged[index]);
}

/** A cluster that does not answer keeps no other fence standing. */
async function isToGo(fence: FenceDocument, work: Work): Promise<boolean> {
  try {
    return (await mayLift(fence, work)) || (await hasReturned(fence, work));
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ wave: fence.wave, code, error: message }, "a fence could not be looked at");
    return false;
  }
}

/** A run that has passed its point of no return goes on until it ends, and says itself what becomes of its fence. */
async function mayLift(fence: FenceDocument, work: Work): Promise<boolean> {
  if (fence.state === "standing" || fence.state === "lifted") return false;
  const journal = await readJournal(work.store, fence.run);
  if (journal === undefined) return true;
  if (journal.passed || journal.state === "done") return false;
  if (!isBegun(journal, fence.noReturn)) return true;
  // It may have happened: the world knows it, for producers by their drivers.
  return fence.side === "source" && (await nobodyOnTarget(fence, work));
}

function isBegun({ state, entries }: JournalDocument, step: string): boolean {
  return state === "forward" && entries.some((entry) => entry.step === step && entry.outcome !== "undone");
}

async function nobodyOnTarget(fence: FenceDocument, work: Work): Promise<boolean> {
  try {
    const wave = waveNamed(await loadPlan(work), fence.wave);
    const clients = producersOf(await withClientsOfRun(work, fence.run), wave);
    const places = await Promise.all(clients.map(async (client) => await placeOfProducer(client, work)));
    return places.length > 0 && places.every((place) => place === "stopped" || place === "source");
  } catch (thrown) {
    work.log.warn({ error: asFerryError(thrown).message }, "where producers run is not known; fence left");
    return false;
  }
}

/** `undefined`: a run holds the migration. A fence of its own is its affair, those of others it lifts as it begins. */
async function leaseOf(work: Work): Promise<Lease | undefined> {
  try {
    return await work.store.acquire(`migration:${work.migration.name}`, owner, leaseMs);
  } catch (thrown) {
    if (asFerryError(thrown).code === "E_LEASE") return undefined;
    throw thrown;
  }
}

/** What fails for one fence keeps no other standing. */
async function liftOne(fence: FenceDocument, work: Work, lease: Lease, ms?: number): Promise<void> {
  try {
    if (ms !== undefined) await work.store.renew(lease, ms);
    await liftExpired(fence, work, lease);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    const { run, wave, side } = fence;
    work.log.warn(
      { run, wave, side, code, error: message },
      "a fence was not lifted; the next watch does it",
    );
  }
}

async function liftExpired(seen: FenceDocument, work: Work, lease: Lease): Promise<void> {
  const fence = await readFence(work, seen.wave, seen.side);
  if (fence === undefined || !(await isToGo(fence, work))) return;
  const isBack = fence.state === "lifted";
  const reason = isBack ? "came-back" : "lease-ran-out";
  await noteToSay(fence, work, lease);
  await liftFence(fence, work, lease, { reason, released: isBack && fence.released });
}

/** Written before the lift, removed behind the post: whatever fails in between, people are told. */
const ToSay = z.object({
  key: z.string(),
  run: z.string(),
  wave: z.string(),
  side: z.enum(["source", "target"]),
  generation: z.int(),
  size: z.string(),
  isBack: z.boolean(),
});
type ToSay = z.infer<typeof ToSay>;

function toSayPrefix({ migration }: Pick<Work, "migration">): string {
  return `fence-to-say:${migration.name}:`;
}

async function noteToSay(fence: FenceDocument, work: Work, lease: Lease): Promise<void> {
  const { run, wave, side, generation } = fence;
  const isBack = fence.state === "lifted";
  const key = `fence-lifted:${run}:${side}:${generation}${isBack ? ":again" : ""}`;
  const note: ToSay = { key, run, wave, side, generation, size: fenceSize(fence), isBack };
  await work.store.write(`${toSayPrefix(work)}${key}`, note, { lease });
}

async function sayPending(work: Work): Promise<void> {
  for (const at of await work.store.keys(toSayPrefix(work))) {
    try {
      const note = ToSay.parse((await work.store.read(at))?.value);
      if (!(await isSettled(note, work))) continue;
      await say(note, work);
      await work.store.remove(at);
    } catch (thrown) {
      const { code, message } = asFerryError(thrown);
      work.log.warn({ code, error: message }, "the lift of a fence was not said; the next watch does it");
    }
  }
}

/** It is gone, or its run has come back and set another. Until then there is nothing to say. */
async function isSettled({ run, wave, side, generation }: ToSay, work: Work): Promise<boolean> {
  const now = await readFence(work, wave, side);
  return now === undefined || now.run !== run || now.generation !== generation || now.state === "lifted";
}

async function say(note: ToSay, work: Work): Promise<void> {
  const { channel } = work.migration.settings;
  if ((await work.chat.find(channel, note.key)) !== undefined) return;
  const journal = await readJournal(work.store, note.run);
  await work.chat.post(channel, liftedMessage(note, journal, work), { key: note.key });
}

function liftedMessage(note: ToSay, journal: JournalDocument | undefined, work: Work): Message {
  const { run, wave, isBack, size } = note;
  const where = whereOf(note);
  const stuck = journal?.state === "stuck";
  const what = isBack
    ? `The fence of run ${run} on ${where} (${size}) was back after it had been lifted: the cluster carried out late what it had been asked for. It was taken away again.`
    : `Run ${run} does not hold its lease and is not past its point of no return. Its fence on ${where} (${size}) was taken away.`;
  const then = isBack && !stuck ? "" : ` ${afterwards(note, journal)}`;
  return {
    subject: `${work.migration.name} · fence of wave ${wave} lifted`,
    tone: stuck ? "alarm" : "info",
    parts: [{ kind: "text", text: `${what}${then}` }],
  };
}

function whereOf({ side }: ToSay): string {
  return side === "source" ? "the source" : "MSK";
}

/** What becomes of the run now that its fence is gone. */
function afterwards(note: ToSay, journal: JournalDocument | undefined): string {
  const where = whereOf(note);
  switch (journal?.state) {
    case "stuck":
      return `The run is stuck half-way back and does not come back by itself: ${where} is open for writes again, and no run sees to it that they are copied. *Do:* keep producers where they are, take back by hand what the run's message lists, the mirror first; then say so with \`/ferry cancel\` and the request's id.`;
    case "undoing":
      return `The run is going back: ${where} is open for writes, as it was before. When the run comes back it takes back the rest and sets no fence.`;
    case "undone":
    case "done":
      return `The run is over: ${where} is open for writes, as it was before.`;
    case "forward":
    case undefined:
      return "When the run comes back it sets the fence again and proves silence anew.";
  }
}

/** Where a fence is left standing, for the people who look for what the bot left behind. */
export async function standingFences(
  work: Work,
  waves: readonly string[],
): Promise<readonly FenceDocument[]> {
  return (await fencesLeft(work)).filter(({ wave }) => waves.includes(wave));
}

/** Takes away every fence of these waves; for a run that holds the migration's lease. */
export async function liftStanding(waves: readonly string[], work: Work, run: Run): Promise<void> {
  for (const fence of await standingFences(work, waves)) await liftFence(fence, work, run.lease);
}
