import { z } from "zod";
import { ActionName, isOfTarget } from "#domain/action.ts";
import { hashOf } from "#domain/canonical.ts";

/** Approval by people's reactions: what is asked. How votes count is in votes.ts, what follows in decision.ts. */

/** One observed condition. `pinned` and `tolerance` are hashed: when one differs at a later reading, the request is void. */
export const GateFact = z.object({
  name: z.string(),
  /** For people: "mirror caught up, lag 0 of 36 partitions". */
  text: z.string(),
  state: z.enum(["pass", "fail", "warn", "unknown"]),
  pinned: z.json(),
  /** Within what the observed values may move while `pinned` stays: `{ "maxLag": 10000 }`. */
  tolerance: z.json().exactOptional(),
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
  /** Names of the mirrors that the action works with; hashed. */
  connectors: z.array(z.string()).exactOptional(),
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

/** An entry of the audit that was decided with a change of the request and may not have been written yet. */
const UnauditedEntry = z.object({
  at: z.string(),
  actor: z.string(),
  subject: z.string(),
  wave: z.string().exactOptional(),
  what: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  reason: z.string().exactOptional(),
  /** `key` is in no other entry: what is in the trail with it is not written again. */
  detail: z.looseObject({ key: z.string() }),
});
export type UnauditedEntry = z.infer<typeof UnauditedEntry>;

/** Why enough approvals are not there, or do not start it, at the last review. */
export const Lacking = z.object({
  people: z.int().nonnegative(),
  /** Roles that nobody fills. */
  roles: z.array(z.string()),
  /** Eligible people who have not reacted. */
  silent: z.array(z.string()),
  blocked: z.string().exactOptional(),
});
export type Lacking = z.infer<typeof Lacking>;

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
  /** Not to be carried out before; absent: as soon as it is approved. */
  startAt: z.number().exactOptional(),
  /** Time zone in which people read its times. */
  timezone: z.string().exactOptional(),
  /** How long an approval that has not been used stays good, ms; of a scheduled one from its start on. */
  grantedMs: z.number(),
  grantedUntil: z.number().optional(),
  /** A named person's own approval, given with a reason in an emergency. */
  breakGlass: z.object({ by: z.string(), reason: z.string(), at: z.number() }).exactOptional(),
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
  lacking: Lacking.exactOptional(),
  unaudited: z.array(UnauditedEntry).exactOptional(),
  /** The message shows the final state: nothing is left to do. */
  settled: z.boolean(),
});
export type Request = z.infer<typeof Request>;

export function planHashOf(proposal: Proposal): string {
  return hashOf({ action: proposal.action, wave: proposal.wave, plan: proposal.plan });
}

/** Of all that people approve: plan, wave, mirrors, and the gate's facts with their tolerances. */
export function factHashOf(proposal: Proposal): string {
  const { action, wave, plan, connectors = [], facts } = proposal;
  const gate = facts.map(({ name, pinned, tolerance = null }) => ({ name, pinned, tolerance }));
  return hashOf({ action, wave, plan, connectors, gate });
}

/** Nothing but time may bring these back. */
export function isFinal(state: RequestState): boolean {
  return state !== "open" && state !== "approved" && state !== "executing";
}

/**
 * How many people must approve. Moving clients and deleting always take two; a team may ask for more, never for
 * fewer. An action whose proposal says one (a feature of MSK, its ACLs) takes one. Roles that are to be filled raise it.
 */
export function quorumOf(proposal: Proposal, configured: number, slots = 0): number {
  if (isOfTarget(proposal.action)) return Math.max(proposal.quorum, slots);
  return Math.max(2, configured, proposal.quorum, slots);
}
