import type { GateFact, Request } from "#domain/approval/approval.ts";
import type { Chat, Person, Reaction, Store } from "#domain/ports.ts";
import { type Migration, MigrationSettings } from "#domain/settings.ts";

/** What a model of Slack, people and the world knows, and whether a start was right: independent of the code under test. */

export const requester = "UANA";
/** UBEN and UBE2 are one person, UANA and UAN2 another. */
const identities = [
  ["UANA", "UAN2"],
  ["UBEN", "UBE2"],
];
export const glassBreakers = ["UANA", "UDAN"];
const expiresMs = 3_600_000;
const grantedMs = 900_000;

const kinds: ReadonlyArray<readonly [string, Person["kind"]]> = [
  ["UGUEST", "guest"],
  ["UBOT", "bot"],
  ["UFAR", "stranger"],
  ["UGONE", "deactivated"],
];

export type Rules = { readonly roles: boolean; readonly scheduled: boolean; readonly quorum: 2 | 3 };

const base = {
  channel: "C1",
  source: { bootstrap: ["kafka:9092"] },
  target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
  replication: { connect: { url: "http://connect:8083" } },
};

const parsed = new Map<string, Migration>();

/** The migration under these rules; parsed once. */
export function migrationUnder({ roles, quorum }: Rules): Migration {
  const key = `${roles} ${quorum}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const approvals = {
    quorum,
    identities,
    breakGlass: { users: glassBreakers },
    ...(roles ? { roles: { "cutover-consumers": [{ name: "platform", usergroup: "SROLE" }] } } : {}),
  };
  const settings = MigrationSettings.parse({ ...base, approvers: { usergroup: "SLIST" }, approvals });
  const migration = { name: "orders", settings };
  parsed.set(key, migration);
  return migration;
}

/** Everything outside the bot at one moment. Replaced, never changed. */
export type Outside = {
  readonly people: ReadonlyMap<string, Person["kind"]>;
  readonly list: ReadonlySet<string>;
  readonly role: ReadonlySet<string>;
  readonly facts: { readonly plan: number; readonly lag: number; readonly tolerance: number };
  readonly unreadable: boolean;
  /** By message: "emoji user". */
  readonly reactions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly gone: ReadonlySet<string>;
};

export function outsideAtFirst(): Outside {
  return {
    people: new Map(kinds),
    // Everybody who must never count is on the list too: being listed does not help them.
    list: new Set(["UANA", "UAN2", "UBEN", "UBE2", "UCAT", "UDAN", ...kinds.map(([user]) => user)]),
    role: new Set(["UDAN", "UBOT"]),
    facts: { plan: 1, lag: 0, tolerance: 10 },
    unreadable: false,
    reactions: new Map(),
    gone: new Set(),
  };
}

export function factsOf({ plan, lag, tolerance }: Outside["facts"]): readonly GateFact[] {
  return [
    {
      name: "mirror",
      text: `mirror behind by ${lag}`,
      state: lag === 0 ? "pass" : "fail",
      pinned: null,
      tolerance: { maxLag: tolerance },
    },
    { name: "partitions", text: `${plan} partitions`, state: "pass", pinned: plan },
  ];
}

export function reactionsOn(outside: Outside, ts: string): readonly Reaction[] {
  const byName = new Map<string, string[]>();
  for (const each of outside.reactions.get(ts) ?? []) {
    const [name = "", user = ""] = each.split(" ");
    byName.set(name, [...(byName.get(name) ?? []), user]);
  }
  return [...byName].map(([name, users]) => ({ name, users }));
}

/** One run of one job in one process, with everything that was outside at some time during it. */
export type Sight = {
  readonly beganAt: number;
  readonly outside: readonly Outside[];
  /** Messages whose reactions were read back in it. */
  readonly readBack: ReadonlySet<string>;
};

export type Known = {
  readonly rules: Rules;
  /** Facts at the time of the asking. */
  readonly asked: Outside["facts"];
  readonly createdAt: number;
  readonly startAt: number | undefined;
  readonly approvedAt: number | undefined;
  /** The message that carries it, by the key it was posted with. */
  readonly ts: string | undefined;
  /** Who gave the command for it. */
  readonly broken: ReadonlySet<string>;
};

function personOf(user: string): string {
  return identities.find((each) => each.includes(user))?.[0] ?? user;
}

function always(sight: Sight, user: string, rules: Rules): boolean {
  const member = ({ people }: Outside) => (people.get(user) ?? "member") === "member";
  return sight.outside.every((outside) => member(outside) && onList(outside, user, rules));
}

/** A role is a list, too, where there are any. */
function onList({ list, role }: Outside, user: string, { roles }: Rules): boolean {
  return list.has(user) || (roles && role.has(user));
}

function isMember(sight: Sight, user: string): boolean {
  return sight.outside.some(({ people }) => (people.get(user) ?? "member") === "member");
}

function isListed(sight: Sight, user: string, rules: Rules): boolean {
  return sight.outside.some((outside) => onList(outside, user, rules));
}

function baseOf(emoji: string): string {
  return emoji.split("::")[0] ?? emoji;
}

/** Why this start was wrong; `undefined`: two valid approvals of the live facts stood, and were read back. */
export function whyWrong(request: Request, known: Known, sight: Sight, now: number): string | undefined {
  const { ts, rules, asked, startAt, approvedAt } = known;
  if (ts === undefined || request.ts !== ts) return "it is bound to another message";
  if (!sight.readBack.has(ts)) return "reactions were not read back in this attempt";
  if (sight.outside.every(({ gone }) => gone.has(ts))) return "its message was deleted";
  if (startAt !== undefined && now < startAt) return "it started before its time";
  if (approvedAt === undefined || sight.beganAt >= (startAt ?? approvedAt) + grantedMs)
    return "the approval was not good any more";
  const gate = whyWrongGate(asked, sight);
  if (gate !== undefined) return gate;
  const right = sight.outside.some((outside) => stood(outside, ts, known, sight, rules));
  return right ? undefined : "the approvals did not stand";
}

function whyWrongGate(asked: Outside["facts"], sight: Sight): string | undefined {
  const facts = sight.outside.filter(({ unreadable }) => !unreadable).map((each) => each.facts);
  if (!facts.some(({ lag }) => lag === 0)) return "the gate did not hold";
  const live = facts.some(({ plan, tolerance }) => plan === asked.plan && tolerance === asked.tolerance);
  return live ? undefined : "facts had left what was approved";
}

function stood(outside: Outside, ts: string, known: Known, sight: Sight, rules: Rules): boolean {
  const cast = [...(outside.reactions.get(ts) ?? [])].map((each) => each.split(" "));
  const by = (emoji: string) =>
    cast.flatMap(([name = "", user = ""]) => (baseOf(name) === emoji ? [user] : []));
  const denied = by("x").filter((user) => personOf(user) !== requester && always(sight, user, rules));
  if (denied.length > 0) return false;
  const human = (user: string) =>
    sight.outside.every(({ people }) => ["member", "guest"].includes(people.get(user) ?? "member"));
  if (by("raised_hand").some(human)) return false;
  const valid = by("white_check_mark").filter(
    (user) => personOf(user) !== requester && isMember(sight, user) && isListed(sight, user, rules),
  );
  const broke = [...known.broken].filter((user) => glassBreakers.includes(user) && isMember(sight, user));
  const options = [undefined, ...broke].map((one) => [...valid, ...(one === undefined ? [] : [one])]);
  return options.some(
    (users) => new Set(users.map(personOf)).size >= rules.quorum && (!rules.roles || inRole(users, sight)),
  );
}

function inRole(users: readonly string[], sight: Sight): boolean {
  return users.some((user) => sight.outside.some(({ role }) => role.has(user)));
}

/** Who ended it must have been allowed to. */
export function whyWrongEnd(request: Request, sight: Sight, rules: Rules): string | undefined {
  const [by] = request.decidedBy;
  if (request.state !== "denied" && request.state !== "cancelled") return undefined;
  if (by === undefined || (request.state === "cancelled" && by === requester)) return undefined;
  if (request.state === "denied" && personOf(by) === requester) return `denied by ${by}, who asked`;
  const may = isMember(sight, by) && isListed(sight, by, rules);
  return may ? undefined : `${request.state} by ${by}, who may not`;
}

/** An approval comes in time, or not at all. */
export function whyLate({ createdAt, startAt }: Known, beganAt: number): string | undefined {
  const usual = createdAt + expiresMs;
  const last = startAt === undefined ? usual : Math.max(usual, startAt + grantedMs);
  return beganAt >= last ? "it was approved after it had expired" : undefined;
}

/** A fault in a port, planted by a test. */
export type PortFault = {
  readonly store?: (store: Store) => Partial<Store>;
  readonly chat?: (chat: Chat) => Partial<Chat>;
};
