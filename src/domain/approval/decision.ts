import { canonical } from "#domain/canonical.ts";
import type { Known } from "#domain/topology.ts";
import { factHashOf, type GateFact, type Proposal, type Request } from "./approval.ts";
import type { Tally } from "./votes.ts";

/** The state machine of a request: at most one transition follows from votes, world and time. */

export type Decision =
  | { readonly kind: "keep"; readonly missing: number; readonly blocked?: string }
  | {
      readonly kind: "move";
      readonly to: "open" | "approved" | "denied" | "expired" | "void";
      readonly by: readonly string[];
      readonly code: MoveCode;
      /** For people; absent where the state says it all. */
      readonly reason?: string;
    };

/** Why a request moved, for machines. */
export type MoveCode =
  | "quorum"
  | "denied"
  | "no-quorum"
  | "not-started"
  | "fact-moved"
  | "withdrawn"
  | "blocked";

/** What people's reactions say, with the sentence that tells who holds and why. */
export type Votes = Tally & { readonly hold?: string | undefined };

/** How many people are still missing: for the quorum, or for the places of its roles. */
export function missingOf(request: Pick<Request, "quorum" | "breakGlass">, votes: Tally): number {
  // Nobody breaks the glass alone, whatever the action asks for.
  const needed = request.breakGlass === undefined ? request.quorum : Math.max(2, request.quorum);
  return Math.max(0, needed - votes.approved.length, votes.vacant.length);
}

/**
 * What follows from the reactions, the world as it is proposed now, and the time (ms since the epoch). Time first,
 * then denial, then a world that has moved, then whatever makes it wait, and only then approval.
 */
export function decide(request: Request, votes: Votes, world: Known<Proposal>, now: number): Decision {
  const missing = missingOf(request, votes);
  if (request.state !== "open" && request.state !== "approved") return { kind: "keep", missing };
  const end = ending(request, votes, world, now);
  if (end !== undefined) return end;
  const blocked = onHold(votes) ?? (world.known ? failingFact(world.value) : world.why);
  if (request.state === "approved") return keepOrReopen(votes, missing, blocked);
  if (missing > 0 || blocked !== undefined) {
    return { kind: "keep", missing, ...(blocked === undefined ? {} : { blocked }) };
  }
  return { kind: "move", to: "approved", by: votes.approved, code: "quorum" };
}

function ending(
  request: Request,
  votes: Votes,
  world: Known<Proposal>,
  now: number,
): Extract<Decision, { kind: "move" }> | undefined {
  const over = pastTime(request, now);
  if (over !== undefined) return { kind: "move", to: "expired", by: [], ...over };
  if (votes.denied.length > 0) return { kind: "move", to: "denied", by: votes.denied, code: "denied" };
  const moved = world.known ? whatMoved(request, world.value) : undefined;
  return moved === undefined
    ? undefined
    : { kind: "move", to: "void", by: [], code: "fact-moved", reason: moved };
}

/** Time alone: what follows when nobody can say who reacted. */
export function decideWithoutVotes(request: Request, why: string, now: number): Decision {
  const over = pastTime(request, now);
  if (over !== undefined) return { kind: "move", to: "expired", by: [], ...over };
  return { kind: "keep", missing: request.lacking?.people ?? request.quorum, blocked: why };
}

function onHold({ held, hold }: Votes): string | undefined {
  return held.length === 0 ? undefined : (hold ?? `on hold by ${held.join(", ")}`);
}

function keepOrReopen(votes: Tally, missing: number, blocked: string | undefined): Decision {
  if (missing > 0) {
    return {
      kind: "move",
      to: "open",
      by: votes.approved,
      code: "withdrawn",
      reason: "an approval was withdrawn before the start",
    };
  }
  if (blocked !== undefined) {
    return { kind: "move", to: "open", by: votes.approved, code: "blocked", reason: blocked };
  }
  return { kind: "keep", missing };
}

function pastTime(
  request: Request,
  now: number,
): { readonly code: MoveCode; readonly reason: string } | undefined {
  if (request.state === "approved") {
    const until = request.grantedUntil ?? request.expiresAt;
    const reason = "it was approved, but not started in time";
    return now >= until ? { code: "not-started", reason } : undefined;
  }
  const reason = "not enough approvals in time";
  return now >= request.expiresAt ? { code: "no-quorum", reason } : undefined;
}

function failingFact(proposal: Proposal): string | undefined {
  const failing = proposal.facts.find((fact) => fact.state === "fail" || fact.state === "unknown");
  return failing && `the gate does not hold: ${failing.text}`;
}

/** Names the first thing that is no longer what was approved, before and after. Equal hashes: nothing moved. */
function whatMoved(request: Request, after: Proposal): string | undefined {
  const before = request.proposal;
  if (factHashOf(after) === request.factHash) return undefined;
  const later = new Map(after.facts.map((fact) => [fact.name, fact]));
  for (const fact of before.facts) {
    const now = later.get(fact.name);
    if (now === undefined) return `"${fact.text}" can no longer be read`;
    const moved = movedFrom(fact, now);
    if (moved !== undefined) return moved;
  }
  const earlier = new Set(before.facts.map((fact) => fact.name));
  const added = after.facts.find((fact) => !earlier.has(fact.name));
  if (added !== undefined) return `new since it was asked: "${added.text}"`;
  const mirrors = [before, after].map(({ connectors = [] }) => connectors.join(", ") || "none");
  if (mirrors[0] !== mirrors[1]) return `its mirrors moved from ${mirrors[0]} to ${mirrors[1]}`;
  return "the plan is not the one that was shown";
}

function movedFrom(before: GateFact, after: GateFact): string | undefined {
  const tolerances = [before, after].map(({ tolerance = "none" }) => canonical(tolerance));
  if (tolerances[0] !== tolerances[1]) {
    return `the tolerance of ${before.name} moved from ${tolerances[0]} to ${tolerances[1]}`;
  }
  if (canonical(before.pinned) === canonical(after.pinned)) return undefined;
  if (before.text !== after.text) return `${before.name} moved from "${before.text}" to "${after.text}"`;
  return `${before.name} moved from ${canonical(before.pinned)} to ${canonical(after.pinned)}`;
}
