import { type Decision, decide, isFinal, type Request, type Tally } from "#domain/approval.ts";
import { canonical } from "#domain/canonical.ts";
import type { JobOf } from "#domain/job.ts";
import { again, done, type Handler, type Outcome, type Work } from "#jobs/work.ts";
import { type Approvables, type Reading, readVotes, readWorld, type Votes } from "./observe.ts";
import { type RequestView, refusalMessage } from "./request-message.ts";
import { settle, show } from "./request-settle.ts";
import { aboutRequest, readRequest, type StoredRequest, writeRequest } from "./request-store.ts";

/** Reads a request's reactions and its gate anew and lets the request move, at most one step, if that follows. */
export function createReview(approvables: Approvables): Handler<JobOf<"review">> {
  return async (job, work): Promise<Outcome> => {
    const found = await readRequest(work.store, work.migration.name, job.request);
    if (found === undefined) return done;
    if (isFinal(found.request.state)) {
      await settle(found.request, work);
      return done;
    }
    // Overtaken by another review: what was read may be older than what it read.
    return (await reviewOnce(found, work, approvables)) === undefined ? again(100) : done;
  };
}

/** A request after its review, with the reactions and the gate's facts that decided it, for the audit. */
export type Reviewed = StoredRequest & { readonly evidence?: object };

/**
 * One review. Returns the request as it is afterwards, or undefined when somebody else changed it meanwhile: then
 * nothing was done, and everything must be read again. A request that is approved afterwards is queued for execution.
 */
export async function reviewOnce(
  found: StoredRequest,
  work: Work,
  approvables: Approvables,
): Promise<Reviewed | undefined> {
  const { request } = found;
  if (request.ts === undefined && work.clock.now() < request.expiresAt) return found;
  const votes = await readVotes(request, work);
  const waiting = request.state !== "executing";
  const reading = votes !== undefined && waiting ? await readWorld(request, work, approvables) : undefined;
  const decision = decideOn(request, votes, reading, work.clock.now());
  const next = apply(request, decision, votes, work.clock.now());
  const same = canonical(next) === canonical(request);
  const written = same ? found : await writeRequest(work.store, next, { revision: found.revision });
  if (written === undefined) return undefined;

  if (next.state === "approved") await queueExecution(next, work);
  const evidence = evidenceOf(next, votes, reading);
  await report(request, next, evidence, work);
  if (votes !== undefined && waiting) await tellRefused(next, votes, work);
  if (isFinal(next.state)) await settle(next, work);
  else if (waiting) await show(next, work, viewOf(votes, reading, decision, work));
  return { ...written, evidence };
}

/** What the decision hangs on, raw: an auditor counts again. */
function evidenceOf({ channel, ts }: Request, votes: Votes | undefined, reading: Reading | undefined) {
  const facts = reading?.kind === "proposal" && reading.world.known ? reading.world.value.facts : undefined;
  if (votes === undefined) return { facts };
  const { reactions, people, eligible, readAt } = votes;
  const readBack = {
    at: new Date(readAt).toISOString(),
    message: { channel, ts },
    reactions,
    people,
    eligible,
  };
  return { facts, readBack };
}

type Move =
  | Decision
  | {
      readonly kind: "move";
      readonly to: "cancelled";
      readonly by: readonly string[];
      readonly reason: string;
    };

function decideOn(
  request: Request,
  votes: Tally | undefined,
  reading: Reading | undefined,
  now: number,
): Move {
  if (request.state === "executing") return { kind: "keep", missing: 0 };
  if (votes === undefined || reading === undefined) {
    return { kind: "move", to: "cancelled", by: [], reason: "its message was deleted" };
  }
  if (reading.kind === "proposal") return decide(request, votes, reading.world, now);
  const otherwise = decide(request, votes, { known: false, why: reading.why }, now);
  if (otherwise.kind === "move" && otherwise.to !== "open") return otherwise;
  return { kind: "move", to: "void", by: [], reason: reading.why };
}

function apply(request: Request, decision: Move, votes: Tally | undefined, now: number): Request {
  const seen = votes === undefined ? request.seen : seenIn(votes);
  if (decision.kind === "keep") return { ...request, seen };
  const { to, by, reason } = decision;
  const granted =
    to === "approved" ? { grantedUntil: now + request.grantedMs, round: request.round + 1 } : {};
  return { ...request, ...granted, seen, state: to, decidedBy: [...by], decidedAt: now, reason };
}

function seenIn(votes: Tally): Record<string, string> {
  return Object.fromEntries([
    ...votes.approved.map((user) => [`${user} approve`, "counted"]),
    ...votes.denied.map((user) => [`${user} deny`, "counted"]),
    ...votes.refused.map(({ user, vote, code }) => [`${user} ${vote}`, code]),
  ]);
}

/** Exactly one execution per approval: the queue knows the id, and the execution itself moves the state. */
export async function queueExecution(request: Request, work: Work, revive = false): Promise<void> {
  const { migration, id, round } = request;
  await work.queue.add(
    { name: "execute", migration, by: request.requester, request: id },
    { id: `execute-${migration}-${id}-${round}`, revive },
  );
}

async function report(before: Request, after: Request, evidence: object, work: Work): Promise<void> {
  await reportReactions(before, after, work);
  if (after.state === before.state) return;
  await work.audit({
    what: `request.${after.state}`,
    ...aboutRequest(after),
    before: before.state,
    after: after.state,
    ...(after.reason === undefined ? {} : { reason: after.reason }),
    detail: { request: after.id, by: after.decidedBy, planHash: after.planHash, ...evidence },
  });
}

async function reportReactions(before: Request, after: Request, work: Work): Promise<void> {
  const request = after.id;
  for (const [reaction, verdict] of Object.entries(after.seen)) {
    if (before.seen[reaction] === verdict) continue;
    const [actor = "", vote] = reaction.split(" ");
    const what = verdict === "counted" ? "reaction.counted" : "reaction.not-counted";
    await work.audit({ what, actor, ...aboutRequest(after), reason: verdict, detail: { request, vote } });
  }
  const late = before.state === "executing" ? "after the start: nothing changes by it" : "before the start";
  for (const reaction of Object.keys(before.seen).filter((key) => !(key in after.seen))) {
    const [actor = "", vote] = reaction.split(" ");
    const what = "reaction.withdrawn";
    await work.audit({ what, actor, ...aboutRequest(after), reason: late, detail: { request, vote } });
  }
}

/** Each person learns it alone and once. A whisper that could not be sent is tried at the next review. */
async function tellRefused(request: Request, votes: Tally, work: Work): Promise<void> {
  for (const { user, code } of votes.refused) {
    if (code === "bot") continue;
    const key = `told:${request.nonce}:${user}`;
    if ((await work.store.write(key, code, { revision: 0 })) === undefined) continue;
    try {
      await work.chat.whisper(request.channel, user, refusalMessage(request, code));
    } catch (thrown) {
      await work.store.remove(key);
      work.log.warn({ request: request.id, user, error: String(thrown) }, "refusal could not be told");
    }
  }
}

function viewOf(
  votes: Tally | undefined,
  reading: Reading | undefined,
  decision: Move,
  work: Work,
): RequestView {
  const world = reading?.kind === "proposal" ? reading.world : undefined;
  return {
    proposal: world?.known === true ? world.value : undefined,
    readAt: work.clock.now(),
    approved: votes?.approved ?? [],
    blocked: decision.kind === "keep" ? decision.blocked : undefined,
  };
}
