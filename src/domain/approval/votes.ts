import type { Person, Reaction } from "#domain/ports.ts";
import type { Request } from "./approval.ts";

/** Whose reactions count, and for what. */

export type RefusalCode =
  | "requester"
  | "bot"
  | "guest"
  | "stranger"
  | "deactivated"
  | "not-listed"
  | "same-person";

/** `hold`: nothing starts while it stands. */
export type Vote = "approve" | "deny" | "hold";

/** Part of the quorum that certain people must fill. */
export type Role = { readonly name: string; readonly count: number; readonly users: ReadonlySet<string> };

export type VoteRules = Pick<Request, "requester" | "breakGlass"> & {
  /** Each list: accounts of one person. */
  readonly identities?: ReadonlyArray<readonly string[]>;
  readonly roles?: readonly Role[];
  /** Who may break the glass at this moment. */
  readonly glassBreakers?: ReadonlySet<string>;
};

export type Tally = {
  /** One account of each person, sorted. Whoever also denies is not among them. */
  readonly approved: readonly string[];
  readonly denied: readonly string[];
  /** Who holds it, sorted. */
  readonly held: readonly string[];
  /** Roles that those who approve do not fill, once for each person missing. */
  readonly vacant: readonly string[];
  readonly refused: ReadonlyArray<{
    readonly user: string;
    readonly vote: Exclude<Vote, "hold">;
    readonly code: RefusalCode;
  }>;
};

/** Slack knows the raised hand by two names. */
const votes = new Map<string, Vote>([
  ["white_check_mark", "approve"],
  ["x", "deny"],
  ["raised_hand", "hold"],
  ["hand", "hold"],
]);

/** Skin tones are the same emoji: "x::skin-tone-2". Everything but these is undefined: it says nothing. */
export function voteOf(emoji: string): Vote | undefined {
  return votes.get(emoji.split("::")[0] ?? emoji);
}

/** The one account that stands for a person: their own, or the first of the list that names it. */
export function personOf(user: string, identities: ReadonlyArray<readonly string[]> = []): string {
  return identities.find((accounts) => accounts.includes(user))?.[0] ?? user;
}

/**
 * Counts what Slack shows now, whatever was seen before and in whatever order. `eligible` is everybody on the list;
 * a person missing from `people` counts as a stranger. People count, not accounts.
 */
export function tally(
  rules: VoteRules,
  reactions: readonly Reaction[],
  people: ReadonlyMap<string, Person>,
  eligible: ReadonlySet<string>,
): Tally {
  const cast = { approve: new Set<string>(), deny: new Set<string>(), hold: new Set<string>() };
  const refused = new Map<string, Tally["refused"][number]>();
  for (const { name, users } of reactions) {
    const vote = voteOf(name);
    if (vote === undefined) continue;
    for (const user of users) {
      const code = vote === "hold" ? noHold(people.get(user)) : refusal(rules, user, people, eligible);
      if (code === undefined) cast[vote].add(user);
      else if (vote !== "hold") refused.set(`${user} ${vote}`, { user, vote, code });
    }
  }
  const approved = distinct([...cast.approve].sort(), [...cast.deny], rules);
  for (const user of approved.again) {
    refused.set(`${user} approve`, { user, vote: "approve", code: "same-person" });
  }
  const all = withBreakGlass(approved.users, [...cast.deny], rules, people);
  return {
    approved: all,
    denied: [...cast.deny].sort(),
    held: [...cast.hold].sort(),
    vacant: vacantRoles(rules.roles ?? [], all),
    refused: [...refused.values()],
  };
}

function refusal(
  { requester, identities }: VoteRules,
  user: string,
  people: ReadonlyMap<string, Person>,
  eligible: ReadonlySet<string>,
): RefusalCode | undefined {
  const person = people.get(user);
  if (person === undefined) return "stranger";
  if (person.kind !== "member") return person.kind;
  if (personOf(user, identities) === personOf(requester, identities)) return "requester";
  return eligible.has(user) ? undefined : "not-listed";
}

/** Everybody human in the channel may hold: it only ever makes things wait. */
function noHold(person: Person | undefined): RefusalCode | undefined {
  if (person === undefined) return "stranger";
  return person.kind === "member" || person.kind === "guest" ? undefined : person.kind;
}

/** The first account of each person who does not deny, by any account; further ones are `again`. */
function distinct(users: readonly string[], deniers: readonly string[], { identities }: VoteRules) {
  const denying = new Set(deniers.map((user) => personOf(user, identities)));
  const first = new Map<string, string>();
  const again: string[] = [];
  for (const user of users) {
    const person = personOf(user, identities);
    if (denying.has(person)) continue;
    if (first.has(person)) again.push(user);
    else first.set(person, user);
  }
  return { users: [...first.values()], again };
}

/** One approval, as long as the named person is still named, still here, and does not deny. */
function withBreakGlass(
  approved: readonly string[],
  deniers: readonly string[],
  { breakGlass, glassBreakers, identities }: VoteRules,
  people: ReadonlyMap<string, Person>,
): readonly string[] {
  const by = breakGlass?.by;
  if (by === undefined || glassBreakers?.has(by) !== true || people.get(by)?.kind !== "member")
    return approved;
  const same = (user: string) => personOf(user, identities) === personOf(by, identities);
  return approved.some(same) || deniers.some(same) ? approved : [...approved, by].sort();
}

/** Fills as many places of roles as possible, each with a different person, and names those that stay empty. */
export function vacantRoles(roles: readonly Role[], approved: readonly string[]): readonly string[] {
  const places = roles.flatMap(({ name, count, users }) =>
    Array.from({ length: count }, () => ({ name, users })),
  );
  /** Who sits where: user to index of a place. */
  const seated = new Map<string, number>();

  /** Kuhn's algorithm: a person moves when there is another place for them. */
  function seat(place: number, tried: Set<string>): boolean {
    for (const user of approved) {
      if (tried.has(user) || places[place]?.users.has(user) !== true) continue;
      tried.add(user);
      const taken = seated.get(user);
      if (taken !== undefined && !seat(taken, tried)) continue;
      seated.set(user, place);
      return true;
    }
    return false;
  }

  return places.flatMap(({ name }, place) => (seat(place, new Set()) ? [] : [name]));
}
