import { isFinal, type Lacking, type Request } from "#domain/approval/approval.ts";
import { type Decision, decide, decideWithoutVotes } from "#domain/approval/decision.ts";
import { canonical } from "#domain/canonical.ts";
import type { JobOf } from "#domain/job.ts";
import { again, done, type Handler, type Outcome, type Work } from "#jobs/work.ts";
import { announceBreakGlass } from "./break-glass.ts";
import {
  type Approvables,
  type Reading,
  type ReadVotes,
  readVotes,
  readWorld,
  type VoteReading,
} from "./observe.ts";
import { remind } from "./remind.ts";
import { auditLeftovers, type Happened, writeAudited } from "./request-audit.ts";
import type { RequestView } from "./request-message.ts";
import { settle, show } from "./request-settle.ts";
import { readRequest, type StoredRequest } from "./request-store.ts";
import { tellRefused } from "./tell-refused.ts";

/** Slack did not tell who reacted: asked again after so long, ms. */
const unreadMs = 5000;

/** Reads a request's reactions and its gate anew and lets the request move, at most one step, if that follows. */
export function createReview(approvables: Approvables): Handler<JobOf<"review">> {
  return async (job, work): Promise<Outcome> => {
    const stored = await readRequest(work.store, work.migration.name, job.request);
    if (stored === undefined) return done;
    const found = await auditLeftovers(stored, work);
    if (isFinal(found.request.state)) {
      await settle(found.request, work);
      return done;
    }
    const reviewed = await reviewOnce(found, work, approvables);
    // Overtaken by another review: what was read may be older than what it read.
    if (reviewed === undefined) return again(100);
    return reviewed.readBack ? done : again(unreadMs);
  };
}

/** A request after its review, with the reactions and the gate's facts that decided it, for the audit. */
export type Reviewed = StoredRequest & {
  /** False: Slack did not tell who reacts, so that nothing may start. */
  readonly readBack: boolean;
  readonly evidence?: object;
};

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
  if (request.ts === undefined && work.clock.now() < request.expiresAt) return { ...found, readBack: true };
  const voting = await readVotes(request, work);
  const votes = voting.kind === "votes" ? voting.votes : undefined;
  const waiting = request.state !== "executing";
  const reading = votes !== undefined && waiting ? await readWorld(request, work, approvables) : undefined;
  const decision = decideOn(request, voting, reading, work.clock.now());
  const next = apply(request, decision, votes, work.clock.now());
  const evidence = evidenceOf(next, votes, reading);
  const same = canonical(next) === canonical(request);
  const code = decision.kind === "move" ? decision.code : undefined;
  const entries = whatHappened(request, next, { ...evidence, code }, work);
  const written = same ? found : await writeAudited(found, { next, entries }, work);
  if (written === undefined) return undefined;

  if (next.state === "approved") await queueExecution(next, work);
  if (waiting) await tellPeople(next, votes, viewOf(votes, reading, decision, work), work);
  return { ...written, evidence, readBack: voting.kind !== "unread" };
}

async function tellPeople(
  request: Request,
  votes: ReadVotes | undefined,
  view: RequestView,
  work: Work,
): Promise<void> {
  if (votes !== undefined) await tellRefused(request, votes, work);
  if (isFinal(request.state)) return settle(request, work);
  await show(request, work, view);
  await announceBreakGlass(request, work);
  await remind(request, work);
}

/** What the decision hangs on, raw: an auditor counts again. */
function evidenceOf({ channel, ts }: Request, votes: ReadVotes | undefined, reading: Reading | undefined) {
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
      readonly to: "cancelled" | "void";
      readonly by: readonly string[];
      readonly code: "message-deleted" | "impossible";
      readonly reason: string;
    };

function decideOn(request: Request, voting: VoteReading, reading: Reading | undefined, now: number): Move {
  if (request.state === "executing") return { kind: "keep", missing: 0 };
  if (voting.kind === "unread") return decideWithoutVotes(request, voting.why, now);
  if (voting.kind === "gone" || reading === undefined) {
    return {
      kind: "move",
      to: "cancelled",
      by: [],
      code: "message-deleted",
      reason: "its message was deleted",
    };
  }
  if (reading.kind === "proposal") return decide(request, voting.votes, reading.world, now);
  const otherwise = decide(request, voting.votes, { known: false, why: reading.why }, now);
  if (otherwise.kind === "move" && otherwise.to !== "open") return otherwise;
  return { kind: "move", to: "void", by: [], code: "impossible", reason: reading.why };
}

function apply(request: Request, decision: Move, votes: ReadVotes | undefined, now: number): Request {
  if (request.state === "executing") return { ...request, ...seenIn(votes) };
  const { lacking, ...rest } = request;
  if (decision.kind === "keep")
    return { ...request, ...seenIn(votes), lacking: lackingIn(decision, votes, lacking) };
  const { to, by, reason } = decision;
  const moved = { ...rest, ...seenIn(votes), state: to, decidedBy: [...by], decidedAt: now, reason };
  if (to === "open") return { ...moved, lacking: lackingIn({ blocked: reason }, votes, lacking) };
  return to === "approved" ? { ...moved, ...granted(request, now) } : moved;
}

/** A scheduled approval is good from its start on; until then it may wait, and wait again. */
function granted({ startAt, grantedMs, expiresAt, round }: Request, now: number) {
  const grantedUntil = (startAt ?? now) + grantedMs;
  const last = startAt === undefined ? expiresAt : Math.max(expiresAt, grantedUntil);
  return { grantedUntil, expiresAt: last, round: round + 1 };
}

function seenIn(votes: ReadVotes | undefined): Pick<Request, "seen"> | undefined {
  if (votes === undefined) return undefined;
  const seen = Object.fromEntries([
    ...votes.approved.map((user) => [`${user} approve`, "counted"]),
    ...votes.denied.map((user) => [`${user} deny`, "counted"]),
    ...votes.held.map((user) => [`${user} hold`, "held"]),
    ...votes.refused.map(({ user, vote, code }) => [`${user} ${vote}`, code]),
  ]);
  return { seen };
}

function lackingIn(
  decision: { readonly missing?: number; readonly blocked?: string | undefined },
  votes: ReadVotes | undefined,
  before: Lacking | undefined,
): Lacking {
  const { missing, blocked } = decision;
  const known = votes === undefined ? before : { roles: votes.vacant, silent: votes.silent };
  return {
    people: missing ?? before?.people ?? 0,
    roles: [...(known?.roles ?? [])],
    silent: [...(known?.silent ?? [])],
    ...(blocked === undefined ? {} : { blocked }),
  };
}

/** Exactly one execution per approval: the queue knows the id, and the execution itself moves the state. */
export async function queueExecution(request: Request, work: Work, revive = false): Promise<void> {
  const { migration, id, round, startAt = 0 } = request;
  const delayMs = Math.max(0, startAt - work.clock.now());
  await work.queue.add(
    { name: "execute", migration, by: request.requester, request: id },
    { id: `execute-${migration}-${id}-${round}`, revive, ...(delayMs > 0 ? { delayMs } : {}) },
  );
}

function whatHappened(
  before: Request,
  after: Request,
  { code, ...evidence }: { readonly code?: string | undefined },
  work: Work,
): readonly Happened[] {
  const reactions = reactionEntries(before, after);
  if (after.state === before.state) return reactions;
  const message = after.reason === undefined ? {} : { message: after.reason };
  const moved = {
    what: `request.${after.state}`,
    actor: work.by,
    before: before.state,
    after: after.state,
    ...(code === undefined ? {} : { reason: code }),
    detail: {
      ...message,
      by: after.decidedBy,
      planHash: after.planHash,
      factHash: after.factHash,
      ...evidence,
    },
  };
  return [...reactions, moved];
}

const verdicts = new Map([
  ["counted", "reaction.counted"],
  ["held", "reaction.held"],
]);

function reactionEntries(before: Request, after: Request): readonly Happened[] {
  const entries: Happened[] = [];
  for (const [reaction, verdict] of Object.entries(after.seen)) {
    if (before.seen[reaction] === verdict) continue;
    const [actor = "", vote] = reaction.split(" ");
    const what = verdicts.get(verdict) ?? "reaction.not-counted";
    const change = { before: before.seen[reaction] ?? "none", after: verdict };
    entries.push({ what, actor, ...change, reason: verdict, detail: { vote } });
  }
  const late = before.state === "executing";
  const reason = late ? "after-start" : "before-start";
  const message = late ? "after the start: nothing changes by it" : undefined;
  for (const [reaction, verdict] of Object.entries(before.seen).filter(([key]) => !(key in after.seen))) {
    const [actor = "", vote] = reaction.split(" ");
    const change = { before: verdict, after: "none", reason };
    entries.push({ what: "reaction.withdrawn", actor, ...change, detail: { vote, message } });
  }
  return entries;
}

function viewOf(
  votes: ReadVotes | undefined,
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
