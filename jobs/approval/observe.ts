import type { ActionName } from "#domain/action.ts";
import type { Proposal, Request } from "#domain/approval/approval.ts";
import type { Votes } from "#domain/approval/decision.ts";
import { personOf, type Role, tally, voteOf } from "#domain/approval/votes.ts";
import { asFerryError } from "#domain/errors.ts";
import { mention } from "#domain/message.ts";
import type { MessageRef, Person, Reaction } from "#domain/ports.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { proposeWithRules, rolesFor } from "./rules.ts";

export type Approvables = Readonly<Partial<Record<Request["action"], Approvable>>>;

/** The votes that count, and what they were counted from. */
export type ReadVotes = Votes & {
  /** Everybody's reactions as Slack showed them, every emoji. */
  readonly reactions: readonly Reaction[];
  readonly people: readonly Person[];
  readonly eligible: readonly string[];
  /** Eligible people who have said nothing. */
  readonly silent: readonly string[];
  /** Milliseconds since the epoch. */
  readonly readAt: number;
};

export type VoteReading =
  | { readonly kind: "votes"; readonly votes: ReadVotes }
  /** Somebody deleted the message. */
  | { readonly kind: "gone" }
  /** Slack does not say who reacted, or who they are. */
  | { readonly kind: "unread"; readonly why: string };

/** Reads the reactions back from Slack and checks everybody anew. */
export async function readVotes(request: Request, work: Work): Promise<VoteReading> {
  try {
    return { kind: "votes", votes: await countVotes(request, work) };
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.code === "E_MESSAGE_GONE") return { kind: "gone" };
    if (error.code !== "E_SLACK") throw error;
    work.log.warn({ request: request.id, error: error.message }, "reactions could not be read back");
    return { kind: "unread", why: `Slack does not tell who reacted: ${error.message}` };
  }
}

async function countVotes(request: Request, work: Work): Promise<ReadVotes> {
  const { channel, ts } = request;
  const readAt = work.clock.now();
  const reactions = ts === undefined ? [] : await work.chat.reactions({ channel, ts });
  const { identities, breakGlass } = work.migration.settings.approvals;
  const roles = await membersOfRoles(request.action, request.proposal.wave, work);
  const eligible = await eligiblePeople(request.action, request.proposal.wave, work, roles);
  const people = await peopleOf(reactions, request, work);
  const rules = { ...request, identities, roles, glassBreakers: new Set(breakGlass?.users) };
  const counted = tally(rules, reactions, people, eligible);
  const hold = ts === undefined ? undefined : await whoHolds(counted.held, { channel, ts }, work);
  const heard = new Set(
    [request.requester, ...counted.approved, ...counted.denied].map((user) => personOf(user, identities)),
  );
  return {
    ...counted,
    hold,
    reactions,
    people: [...people.values()],
    eligible: [...eligible].sort(),
    silent: [...eligible].filter((user) => !heard.has(personOf(user, identities))).sort(),
    readAt,
  };
}

/**
 * Everybody on the list of this migration's settings at this moment, and in the roles of this action. Empty lists are
 * nobody.
 */
export async function eligiblePeople(
  action: ActionName,
  wave: string | undefined,
  work: Work,
  roles?: readonly Role[],
): Promise<ReadonlySet<string>> {
  const { users, usergroup } = work.migration.settings.approvers;
  const members = usergroup === undefined ? [] : await work.chat.members(usergroup);
  const inRoles = roles ?? (await membersOfRoles(action, wave, work));
  return new Set([...users, ...members, ...inRoles.flatMap((role) => [...role.users])]);
}

async function membersOfRoles(
  action: ActionName,
  wave: string | undefined,
  work: Work,
): Promise<readonly Role[]> {
  const asked = rolesFor(action, wave, work.migration.settings).map(async (role) => {
    const members = role.usergroup === undefined ? [] : await work.chat.members(role.usergroup);
    return { name: role.name, count: role.count, users: new Set([...role.users, ...members]) };
  });
  return await Promise.all(asked);
}

async function peopleOf(
  reactions: readonly Reaction[],
  { breakGlass }: Request,
  work: Work,
): Promise<ReadonlyMap<string, Person>> {
  const voters = new Set(reactions.flatMap(({ name, users }) => (voteOf(name) === undefined ? [] : users)));
  if (breakGlass !== undefined) voters.add(breakGlass.by);
  const people = await Promise.all([...voters].map((user) => work.chat.person(user)));
  return new Map(people.map((person) => [person.id, person]));
}

const reasonLength = 200;

/** Who holds and why: the last thing that they wrote in the request's thread. */
async function whoHolds(held: readonly string[], ref: MessageRef, work: Work): Promise<string | undefined> {
  if (held.length === 0) return undefined;
  const replies = await work.chat.replies(ref);
  const reasons = held.map((user) => {
    const said = replies.findLast((reply) => reply.user === user)?.text.replaceAll(/\s+/g, " ");
    const why =
      said === undefined ? "no reason given: reply in this thread" : `“${said.slice(0, reasonLength)}”`;
    return `${mention(user)} (${why})`;
  });
  return `on hold by ${reasons.join(" and ")}; it goes on when ✋ is taken away`;
}

export type Reading =
  | { readonly kind: "proposal"; readonly world: Known<Proposal> }
  /** The action does not make sense any more: the world says no, not that it cannot be asked. */
  | { readonly kind: "impossible"; readonly why: string };

/** Proposes the same action again from the world as it is now. */
export async function readWorld(request: Request, work: Work, approvables: Approvables): Promise<Reading> {
  const approvable = approvables[request.action];
  if (approvable === undefined)
    return { kind: "impossible", why: `${request.action} is not offered any more` };
  try {
    return { kind: "proposal", world: known(await proposeWithRules(approvable, request.asked, work)) };
  } catch (thrown) {
    const error = asFerryError(thrown);
    const why = `${error.code}: ${error.message}`;
    work.log.warn({ request: request.id, code: error.code, error: error.message }, "gate could not be read");
    return error.retryable ? { kind: "proposal", world: unknown(why) } : { kind: "impossible", why };
  }
}
