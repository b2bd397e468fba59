import type { Proposal, Request } from "#domain/approval/approval.ts";
import type { Votes } from "#domain/approval/decision.ts";
import type { Tally, VoteRules } from "#domain/approval/votes.ts";
import type { Person, Reaction } from "#domain/ports.ts";
import { type Known, known } from "#domain/topology.ts";
import type { PortFault } from "./approval-model.ts";

/** How a rule of approvals can be altered, so that tests can show that somebody would notice. */

type Counted = {
  readonly rules: VoteRules;
  readonly reactions: readonly Reaction[];
  readonly people: ReadonlyMap<string, Person>;
  readonly eligible: ReadonlySet<string>;
};
type Decided = {
  readonly request: Request;
  readonly votes: Votes;
  readonly world: Known<Proposal>;
  readonly now: number;
};

/** One altered rule: what goes into it, what comes out of it, or a port that lies. */
export type Fault = {
  readonly name: string;
  /** What the model says when it finds it; that approvals did not stand when absent. */
  readonly shows?: string;
  readonly reads?: (emoji: string) => string;
  readonly counts?: (given: Counted) => Partial<Counted>;
  readonly counted?: (tally: Tally, given: Counted) => Partial<Tally>;
  readonly decides?: (given: Decided) => Partial<Decided>;
  readonly review?: "not read back" | "unread is enough";
  readonly anybody?: "cancels" | "breaks the glass";
  readonly forgets?: "the audit";
  readonly ports?: () => PortFault;
};

export function asMembers(kind: Person["kind"]): NonNullable<Fault["counts"]> {
  return ({ people }) => ({
    people: new Map(
      [...people].map(([id, one]) => [id, one.kind === kind ? { ...one, kind: "member" } : one]),
    ),
  });
}

export function renamed(from: string, to: string): NonNullable<Fault["counts"]> {
  return ({ reactions }) => ({
    reactions: reactions.map((each) => ({ ...each, name: each.name === from ? to : each.name })),
  });
}

export function without(...names: readonly string[]): NonNullable<Fault["counts"]> {
  return ({ reactions }) => ({ reactions: reactions.filter(({ name }) => !names.includes(name)) });
}

export function withFacts(
  change: (now: Proposal, asked: Proposal) => Partial<Proposal>,
): NonNullable<Fault["decides"]> {
  return ({ world, request }) =>
    world.known ? { world: known({ ...world.value, ...change(world.value, request.proposal) }) } : {};
}

/** The first answer for each question stays the answer. */
export function once<A extends readonly unknown[], R>(
  ask: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  const answers = new Map<string, Promise<R>>();
  return (...args) => {
    const key = JSON.stringify(args);
    const answer = answers.get(key) ?? ask(...args);
    answers.set(key, answer);
    return answer;
  };
}
