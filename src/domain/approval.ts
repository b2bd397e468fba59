import { z } from "zod";
import { canonical, hashOf } from "./canonical.ts";
import type { Person, Reaction } from "./ports.ts";
import type { Known } from "./topology.ts";

/** Approval by two people's reactions: what is asked, and what was decided. Rules: docs/decisions and design §7. */

export const ActionName = z.enum([
  "cutover-consumers",
  "cutover-producers",
  "rollback",
  "cleanup",
  "feature",
]);
export type ActionName = z.infer<typeof ActionName>;

/** One observed condition. `pinned` is hashed: when it differs at a later reading, the request is void. */
export const GateFact = z.object({
  name: z.string(),
  /** For people: "mirror caught up, lag 0 of 36 partitions". */
  text: z.string(),
  state: z.enum(["pass", "fail", "warn", "unknown"]),
  pinned: z.json(),
});
export type GateFact = z.infer<typeof GateFact>;

/** What one approvable action would do, read from the world at this moment. */
export const Proposal = z.object({
  action: ActionName,
  wave: z.string().optional(),
  /** "cut over CONSUMERS of wave billing" */
  title: z.string(),
  /** Everything that execution will be guided by; hashed. */
  plan: z.json(),
  /** What happens, pause, read again, skipped, way back: label and sentence. */
  effects: z.array(z.object({ label: z.string(), value: z.string() })),
  /** What it means in detail, the worst first; shown shortened, whole in the thread. */
  table: z
    .object({
      columns: z.array(z.object({ title: z.string(), align: z.enum(["left", "right"]) })),
      rows: z.array(z.array(z.string())),
    })
    .exactOptional(),
  facts: z.array(GateFact),
  quorum: z.int().min(1),
});
export type Proposal = z.infer<typeof Proposal>;

export const RequestState = z.enum([
  "open",
  "approved",
  "executing",
  "done",
  "failed",
  "denied",
  "expired",
  "void",
  "cancelled",
]);
export type RequestState = z.infer<typeof RequestState>;

/** Letters and digits that nobody mistakes for one another when read aloud. */
export const requestAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

const RequestId = z.string().regex(/^[2-9A-HJKMNP-TV-Z]{4}$/, "expected four characters such as 7K3Q");

/** What a team wrote about who may approve. */
export const ApproverRules = z.object({ users: z.array(z.string()), usergroup: z.string().optional() });
export type ApproverRules = z.infer<typeof ApproverRules>;

/** One question to people: stored from the moment it is asked until long after it was answered. */
export const Request = z.object({
  id: RequestId,
  /** Of this one asking: a message or a reaction of an earlier one never counts for it. */
  nonce: z.string(),
  migration: z.string(),
  action: ActionName,
  asked: z.object({ wave: z.string().exactOptional(), choice: z.string().exactOptional(), by: z.string() }),
  proposal: Proposal,
  planHash: z.string(),
  factHash: z.string(),
  requester: z.string(),
  channel: z.string(),
  /** Of the message that carries the reactions; absent until it is posted. */
  ts: z.string().optional(),
  approvers: ApproverRules,
  quorum: z.int().min(1),
  /** All times in ms since the epoch. */
  createdAt: z.number(),
  expiresAt: z.number(),
  /** How long an approval that has not been used stays good, ms. */
  grantedMs: z.number(),
  grantedUntil: z.number().optional(),
  state: RequestState,
  /** Grows with each approval, so that a withdrawn one is never carried out by its late job. */
  round: z.int(),
  /** Who approved (or denied, cancelled) when the state was last decided. */
  decidedBy: z.array(z.string()),
  decidedAt: z.number().optional(),
  /** Why it is in its state, for people. */
  reason: z.string().optional(),
  /** Each reaction as last seen: "U1 approve" to "counted" or why not. */
  seen: z.record(z.string(), z.string()),
  /** The message shows the final state: nothing is left to do. */
  settled: z.boolean(),
});
export type Request = z.infer<typeof Request>;

export function planHashOf(proposal: Proposal): string {
  return hashOf({ action: proposal.action, wave: proposal.wave, plan: proposal.plan });
}

export function factHashOf(proposal: Proposal): string {
  return hashOf(proposal.facts.map(({ name, pinned }) => [name, pinned]));
}

/** Nothing but time may bring these back. */
export function isFinal(state: RequestState): boolean {
  return state !== "open" && state !== "approved" && state !== "executing";
}

/**
 * How many people must approve. Moving clients and deleting always take two; a team may ask for more, never for
 * fewer. An action whose proposal says one (a feature of MSK) takes one.
 */
export function quorumOf(proposal: Proposal, configured: number): number {
  return proposal.action === "feature" ? proposal.quorum : Math.max(2, configured, proposal.quorum);
}

export type RefusalCode = "requester" | "bot" | "guest" | "stranger" | "deactivated" | "not-listed";

export type Vote = "approve" | "deny";

export type Tally = {
  /** Different people, sorted. Whoever also denies is not among them. */
  readonly approved: readonly string[];
  readonly denied: readonly string[];
  readonly refused: ReadonlyArray<{ readonly user: string; readonly vote: Vote; readonly code: RefusalCode }>;
};

const votes = new Map<string, Vote>([
  ["white_check_mark", "approve"],
  ["x", "deny"],
]);

/** Skin tones are the same emoji: "x::skin-tone-2". Everything but the two is undefined: it says nothing. */
export function voteOf(emoji: string): Vote | undefined {
  return votes.get(emoji.split("::")[0] ?? emoji);
}

/**
 * Counts what Slack shows now, whatever was seen before and in whatever order. `eligible` is everybody on the list;
 * a person missing from `people` counts as a stranger.
 */
export function tally(
  request: Pick<Request, "requester">,
  reactions: readonly Reaction[],
  people: ReadonlyMap<string, Person>,
  eligible: ReadonlySet<string>,
): Tally {
  const counted = { approve: new Set<string>(), deny: new Set<string>() };
  const refused = new Map<string, Tally["refused"][number]>();
  for (const { name, users } of reactions) {
    const vote = voteOf(name);
    if (vote === undefined) continue;
    for (const user of users) {
      const code = refusal(request.requester, user, people.get(user), eligible);
      if (code === undefined) counted[vote].add(user);
      else refused.set(`${user} ${vote}`, { user, vote, code });
    }
  }
  return {
    approved: [...counted.approve.difference(counted.deny)].sort(),
    denied: [...counted.deny].sort(),
    refused: [...refused.values()],
  };
}

function refusal(
  requester: string,
  user: string,
  person: Person | undefined,
  eligible: ReadonlySet<string>,
): RefusalCode | undefined {
  if (person === undefined) return "stranger";
  if (person.kind !== "member") return person.kind;
  if (user === requester) return "requester";
  return eligible.has(user) ? undefined : "not-listed";
}

/** At most one transition, or why it stays as it is. */
export type Decision =
  | { readonly kind: "keep"; readonly missing: number; readonly blocked?: string }
  | {
      readonly kind: "move";
      readonly to: "open" | "approved" | "denied" | "expired" | "void";
      readonly by: readonly string[];
      readonly reason?: string;
    };

/**
 * What follows from the reactions, the world as it is proposed now, and the time (ms since the epoch). Time first,
 * then denial, then a world that has moved, and only then approval.
 */
export function decide(request: Request, votes: Tally, world: Known<Proposal>, now: number): Decision {
  const missing = Math.max(0, request.quorum - votes.approved.length);
  if (request.state !== "open" && request.state !== "approved") return { kind: "keep", missing };
  const over = pastTime(request, now);
  if (over !== undefined) return { kind: "move", to: "expired", by: [], reason: over };
  if (votes.denied.length > 0) return { kind: "move", to: "denied", by: votes.denied };
  const moved = world.known ? whatMoved(request.proposal, world.value) : undefined;
  if (moved !== undefined) return { kind: "move", to: "void", by: [], reason: moved };
  const blocked = world.known ? failingFact(world.value) : world.why;
  if (request.state === "approved") return keepOrReopen(votes, missing, blocked);
  if (missing > 0 || blocked !== undefined) {
    return { kind: "keep", missing, ...(blocked === undefined ? {} : { blocked }) };
  }
  return { kind: "move", to: "approved", by: votes.approved };
}

function keepOrReopen(votes: Tally, missing: number, blocked: string | undefined): Decision {
  if (missing > 0) {
    return {
      kind: "move",
      to: "open",
      by: votes.approved,
      reason: "an approval was withdrawn before the start",
    };
  }
  if (blocked !== undefined) return { kind: "move", to: "open", by: votes.approved, reason: blocked };
  return { kind: "keep", missing };
}

function pastTime(request: Request, now: number): string | undefined {
  if (request.state === "approved") {
    const until = request.grantedUntil ?? request.expiresAt;
    return now >= until ? "it was approved, but not started in time" : undefined;
  }
  return now >= request.expiresAt ? "not enough approvals in time" : undefined;
}

function failingFact(proposal: Proposal): string | undefined {
  const failing = proposal.facts.find((fact) => fact.state === "fail" || fact.state === "unknown");
  return failing && `the gate does not hold: ${failing.text}`;
}

/** Names the first thing that is no longer what was approved, before and after. */
function whatMoved(before: Proposal, after: Proposal): string | undefined {
  const later = new Map(after.facts.map((fact) => [fact.name, fact]));
  const earlier = new Set(before.facts.map((fact) => fact.name));
  for (const fact of before.facts) {
    const now = later.get(fact.name);
    if (now === undefined) return `"${fact.text}" can no longer be read`;
    if (canonical(now.pinned) !== canonical(fact.pinned)) return movedFrom(fact, now);
  }
  const added = after.facts.find((fact) => !earlier.has(fact.name));
  if (added !== undefined) return `new since it was asked: "${added.text}"`;
  if (planHashOf(before) !== planHashOf(after)) return "the plan is not the one that was shown";
  return undefined;
}

function movedFrom(before: GateFact, after: GateFact): string {
  if (before.text !== after.text) return `${before.name} moved from "${before.text}" to "${after.text}"`;
  return `${before.name} moved from ${canonical(before.pinned)} to ${canonical(after.pinned)}`;
}
