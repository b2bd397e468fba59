import { type Proposal, type Request, type Tally, tally, voteOf } from "#domain/approval.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Person, Reaction } from "#domain/ports.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";

export type Approvables = Readonly<Partial<Record<Request["action"], Approvable>>>;

/** The votes that count, and what they were counted from. */
export type Votes = Tally & {
  /** Everybody's reactions as Slack showed them, every emoji. */
  readonly reactions: readonly Reaction[];
  readonly people: readonly Person[];
  readonly eligible: readonly string[];
  /** Milliseconds since the epoch. */
  readonly readAt: number;
};

/** Reads the reactions back from Slack and checks everybody anew; undefined when the message was deleted. */
export async function readVotes(request: Request, work: Work): Promise<Votes | undefined> {
  const { channel, ts } = request;
  const readAt = work.clock.now();
  if (ts === undefined) {
    return { approved: [], denied: [], refused: [], reactions: [], people: [], eligible: [], readAt };
  }
  const reactions = await work.chat.reactions({ channel, ts }).catch((thrown: unknown) => {
    const error = asFerryError(thrown);
    if (error.code !== "E_MESSAGE_GONE") throw error;
  });
  if (reactions === undefined) return undefined;
  const people = await peopleOf(reactions, work);
  const eligible = await eligiblePeople(work);
  return {
    ...tally(request, reactions, people, eligible),
    reactions,
    people: [...people.values()],
    eligible: [...eligible].sort(),
    readAt,
  };
}

/** Everybody on the list of this migration's settings at this moment. An empty list is nobody. */
export async function eligiblePeople(work: Work): Promise<ReadonlySet<string>> {
  const { users, usergroup } = work.migration.settings.approvers;
  const members = usergroup === undefined ? [] : await work.chat.members(usergroup);
  return new Set([...users, ...members]);
}

async function peopleOf(reactions: readonly Reaction[], work: Work): Promise<ReadonlyMap<string, Person>> {
  const voters = new Set(reactions.flatMap(({ name, users }) => (voteOf(name) === undefined ? [] : users)));
  const people = await Promise.all([...voters].map((user) => work.chat.person(user)));
  return new Map(people.map((person) => [person.id, person]));
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
    return { kind: "proposal", world: known(await approvable.propose(request.asked, work)) };
  } catch (thrown) {
    const error = asFerryError(thrown);
    const why = `${error.code}: ${error.message}`;
    work.log.warn({ request: request.id, code: error.code, error: error.message }, "gate could not be read");
    return error.retryable ? { kind: "proposal", world: unknown(why) } : { kind: "impossible", why };
  }
}
